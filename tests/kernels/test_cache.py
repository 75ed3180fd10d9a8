"""Kernels compile where their cache is missing, damaged, full or not writable, and when two compile at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import needs

CODE = """
import numpy as np
from lut2hw.kernels import watch
compiled = []
watch.listeners.append(lambda: compiled.append(1))
from helpers.networks import random_network
network = random_network(3)
x = np.zeros((70, len(network.features)), np.int64) + network.features.low
network.predict_integers(x)
print(len(compiled))
"""


def start(folder: Path, *before: str, **env: str) -> subprocess.Popen:
    """A process that evaluates a network and prints how many kernels were compiled."""
    return subprocess.Popen(
        [*before, sys.executable, "-c", CODE],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[1]), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def compiled(process: subprocess.Popen) -> int:
    out, errors = process.communicate(timeout=500)
    assert (process.returncode, errors) == (0, "")
    return int(out)


@pytest.mark.slow
def test_the_cache_may_be_damaged_or_shared(tmp_path):
    both = [start(tmp_path), start(tmp_path)]  # compiled by two at once
    assert all(compiled(process) > 0 for process in both)
    assert compiled(start(tmp_path)) == 0
    files = sorted(path for path in tmp_path.rglob("*") if path.suffix in (".nbi", ".nbc"))
    assert len(files) >= 2
    for at, path in enumerate(files):
        path.write_bytes([b"", b"damaged", path.read_bytes()[:-20]][at % 3])
    assert compiled(start(tmp_path)) > 0
    assert compiled(start(tmp_path)) == 0, "what was damaged is written anew"


@pytest.mark.slow
def test_the_cache_may_be_unwritable(tmp_path):
    tmp_path.chmod(0o500)
    assert compiled(start(tmp_path, *needs.without_rights())) > 0
    assert not list(tmp_path.iterdir())


def test_a_cold_cache_is_told(capsys, monkeypatch):
    from lut2hw.cli.render import progress_bar
    from lut2hw.kernels import watch

    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TTY_INTERACTIVE", "1")
    with progress_bar() as progress:
        [listener] = watch.listeners
        progress("encoding", 0, 1)
        listener()
        progress("encoding", 1, 1)
    assert "compiling kernels (once)" in capsys.readouterr().err and not watch.listeners


INTERRUPTED = """
import os, signal, sys
from numba.core.codegen import CPUCodeLibrary
from lut2hw.ending import unwinding
hook, times = CPUCodeLibrary._object_compiled_hook.__func__, []
def compiled(cls, module, buffer):
    if not times:
        times.append(os.kill(os.getpid(), signal.Signals[sys.argv[1]]))
    return hook(cls, module, buffer)
CPUCodeLibrary._object_compiled_hook = classmethod(compiled)
from lut2hw.kernels.compiled import njit
@njit()
def double(x):
    return x + x
with unwinding():
    double(21)
    print("went on")
"""


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", -2)])
def test_a_signal_while_a_kernel_is_compiled_is_not_lost(tmp_path, name, code):
    """LLVM calls Python back, and what a handler raises there is printed and forgotten."""
    script = tmp_path / "kernel.py"
    script.write_text(INTERRUPTED)
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    ended = subprocess.run(
        [sys.executable, str(script), name], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.returncode, ended.stdout) == (code, "") and "ignored" not in ended.stderr
    assert len(list((tmp_path / "cache").rglob("*.nbc"))) == 1, "the kernel was whole, and is kept"


def test_files_of_the_cache_are_whole_and_of_these_sources(tmp_path):
    from lut2hw.kernels import compiled

    files = compiled._Files(str(tmp_path), "kernel")
    (tmp_path / "kernel.0123456789abcdef.0123456789abcdef.nbc").write_bytes(b"of other sources")
    assert files.load("a") is None
    files.save("a", [1, 2])
    files.save("b", [3])
    assert (files.load("a"), files.load("b")) == ([1, 2], [3])
    paths = sorted(tmp_path.iterdir())
    assert len(paths) == 2
    for path in paths:
        stored = bytearray(path.read_bytes())
        stored[-1] ^= 1
        path.write_bytes(stored)
    assert files.load("a") is None and files.load("b") is None
