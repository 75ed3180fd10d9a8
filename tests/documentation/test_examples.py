"""The examples run as they are, from an empty folder."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(command, folder, **variables):
    """Run `command` in `folder`; returns what it printed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, "MPLBACKEND": "agg", **variables},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_inside_amaranth(tmp_path):
    out = run([sys.executable, str(EXAMPLES / "inside_amaranth.py")], tmp_path)
    assert "as expected: ['setosa', 'versicolor', 'virginica']" in out
    assert "petal_length_cm" in out
    assert (tmp_path / "debounced.v").read_text().count("SB_LUT4") > 30


@pytest.mark.slow
def test_regression(tmp_path):
    out = run([sys.executable, str(EXAMPLES / "regression.py")], tmp_path)
    ours, forest = (float(found) for found in re.findall(r"0\.\d{3}", re.search(r"^R2 .*$", out, re.M)[0]))
    assert ours > forest - 0.05 and "golden PASS" in out and "amaranth PASS" in out


@pytest.mark.slow
def test_vibration(tmp_path):
    out = run([sys.executable, str(EXAMPLES / "vibration.py")], tmp_path)
    assert "cocotb PASS" in out or "amaranth PASS" in out
    assert float(re.search(r"accuracy on new sequences (\d\.\d+)", out)[1]) > 0.8


@pytest.mark.slow
def test_tabular(tmp_path):
    out = run([sys.executable, str(EXAMPLES / "tabular.py")], tmp_path)
    assert "cocotb PASS" in out or "amaranth PASS" in out
    assert float(re.search(r"cross-validation: (0\.\d+)", out)[1]) > 0.93


@pytest.mark.slow
def test_notebook(tmp_path):
    """The code cells in order, without Jupyter; and the outputs that are shown are there."""
    cells = [
        cell for cell in json.loads((EXAMPLES / "notebook.ipynb").read_text())["cells"] if cell["cell_type"] == "code"
    ]
    (tmp_path / "notebook.py").write_text("\n".join("".join(cell["source"]) for cell in cells))
    out = run([sys.executable, "notebook.py"], tmp_path)
    assert "golden PASS" in out
    assert all(cell["outputs"] for cell in cells)


@pytest.mark.slow
def test_digits_on_icestick(tmp_path):
    out = run(["sh", str(EXAMPLES / "digits_on_icestick.sh")], tmp_path, EXAMPLES="10")
    assert re.search(r"PASS 10/10: every answer", out)
    assert int(re.search(r"([\d,]+) logic cells, Fmax", out)[1].replace(",", "")) <= 1280


@pytest.mark.slow
def test_mnist_on_up5k(tmp_path):
    """The script as it is, with a smaller network."""
    folder = os.environ.get("LUT2HW_DATA")
    if not folder or not (Path(folder) / "mnist.npz").exists():
        pytest.skip("needs LUT2HW_DATA: the name of a folder with mnist.npz")
    out = run(["sh", str(EXAMPLES / "mnist_on_up5k.sh")], tmp_path, LUTS="150", VECTORS="200")
    assert re.search(r"PASS (\d+)/\1", out)
    assert (tmp_path / "mnist" / "mnist.bin").stat().st_size > 10_000
