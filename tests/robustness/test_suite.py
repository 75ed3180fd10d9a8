"""What the suite promises of itself: nothing is skipped where all is required, and a failure can be repeated."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import fast

SKIPS = """
import pytest
from helpers import needs

@needs.tool("no-such-tool")
def test_a(): pass

def test_b():
    needs.skip_without("no-such-tool")

def test_c():
    pytest.importorskip("no_such_module", reason="needs it: `pip install it`")

def test_d():
    assert not needs.have("no-such-tool")
"""
RANDOM = """
from hypothesis import given, strategies as st

@given(st.integers(0, 1 << 60))
def test_odd(n):
    with open("drawn", "a") as file:
        print(n, file=file)
    assert n < 1000
"""


def run(folder: Path, text: str, *options: str, **env: str) -> tuple[int, str]:
    """A file of tests under the suite's conftest, in a process of its own."""
    tests = Path(__file__).parents[1]
    shutil.copy(tests / "conftest.py", folder)
    (folder / "test_it.py").write_text(text)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LUT2HW_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, *options, str(folder)],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(tests), **env},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout


def test_a_skip_is_a_failure_where_all_is_required(tmp_path):
    code, said = run(tmp_path, SKIPS)
    assert code == 0 and "1 passed, 3 skipped" in said
    code, said = run(tmp_path, SKIPS, LUT2HW_REQUIRE="all")
    assert code == 1 and "3 failed, 1 error" in said  # a mark skips in the set-up
    assert "install no-such-tool and put it on the PATH" in said and "`pip install it`" in said


@pytest.mark.parametrize("how", fast.first(["variable"], ["profile", "variable"]))
def test_failures_at_random_can_be_repeated(tmp_path, how):
    options = ["--hypothesis-profile", "random"] if how == "profile" else []
    code, said = run(tmp_path, RANDOM, *options, **({} if options else {"LUT2HW_HYPOTHESIS": "random"}))
    [again] = [line for line in said.splitlines() if "the same again" in line]
    drawn = (tmp_path / "drawn").read_text()
    (tmp_path / "drawn").unlink()
    shutil.rmtree(tmp_path / ".hypothesis", ignore_errors=True)
    run(tmp_path, RANDOM, *again.split("pytest ", 1)[1].split()[:3])
    assert code == 1 and (tmp_path / "drawn").read_text() == drawn


def test_the_usual_run_is_the_same_for_everybody(tmp_path):
    drawn = []
    for _ in range(2):
        code, said = run(tmp_path, RANDOM)
        assert code == 1 and "the same again" not in said
        drawn.append((tmp_path / "drawn").read_text())
        (tmp_path / "drawn").unlink()
    assert drawn[0] == drawn[1]
