"""Killed at any moment, and on disks that are full: no half-written file is ever taken for a whole one.

A server that has everything loaded forks a child for each kill, so that a hundred of them take seconds. Tools that
place and route are stood in for: what matters here are the files, each of which says which run it is of.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import fast
from helpers.networks import random_network
from helpers.stand_ins import STAND_INS

from lut2hw import cli
from lut2hw.artefact.emit import emit_model, load
from lut2hw.artefact.vectors import answers
from lut2hw.errors import Lut2hwError
from lut2hw.model.network import LutNetwork

SERVER = """
import os, sys
sys.path[:0] = {tests!r}
from test_unlucky import RUNS
run, folder = RUNS[sys.argv[1]], sys.argv[2]
run(folder, 0)
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if not child:
        for number in range(1_000_000):
            run(folder, int(line) + number)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""


def csv(folder: Path) -> Path:
    path = folder.with_name("data.csv")
    if not path.exists():
        rng = np.random.default_rng(0)
        rows = [f"{a},{b},{c},{int(a + b > c)}" for a, b, c in rng.integers(0, 20, (60, 3))]
        path.write_text("\n".join(["a,b,c,label", *rows]) + "\n")
    return path


def train(folder: str, number: int) -> None:
    done = cli.main(
        [
            "train",
            "--data",
            str(csv(Path(folder))),
            "--layers",
            "8",
            "-k",
            str(2 + number % 4),
            "--seed",
            str(number),
            "-o",
            f"{folder}/m.lut",
            "--json",
        ]
    )
    assert done == 0


def emit(folder: str, number: int) -> None:
    emit_model(random_network(number % 8), f"{folder}/core")


def core(folder: str) -> None:
    """A folder to build, written with the real yosys."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("YOSYS")
        emit_model(random_network(3), f"{folder}/core", pipeline=1)


def build(folder: str, number: int) -> None:
    if not Path(folder, "core").exists():
        core(folder)
    assert cli.main(["build", f"{folder}/core", "--seed", str(number), "--json"]) == 0


RUNS = {"train": train, "emit": emit, "build": build}


def check(what: str, folder: Path) -> None:
    """What is there is whole, and belongs together."""
    if what == "train" and (folder / "m.lut").exists():
        LutNetwork.load(folder / "m.lut")
    if what == "emit" and (folder / "core").exists():
        manifest = load(folder / "core")
        network, port = manifest.network, manifest.input_port
        assert np.array_equal(answers(network, port, manifest.vectors.inputs), manifest.vectors.classes)
        assert manifest.netlist.cells is not None
    if what == "build" and (folder / "core" / "build.json").exists():
        seed = json.loads((folder / "core" / "build.json").read_text())["seed"]
        assert (folder / "core" / "core.asc").read_text() == f"seed {seed}\n"
        assert (folder / "core" / "core.bin").read_text() == f"bitstream of seed {seed}\n"


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    for name, text in STAND_INS.items():
        path = tmp_path / name.lower()
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        monkeypatch.setenv(name, str(path))


def kill_at_random(what: str, folder: Path, times: int) -> int:
    """Returns how many kills came while something was being written."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    code = SERVER.format(tests=[str(Path(__file__).parent), str(Path(__file__).parent.parent)])
    server = subprocess.Popen(
        [sys.executable, "-c", code, what, str(folder)],
        stdin=subprocess.PIPE,
        text=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "NUMBA_NUM_THREADS": "1"},
    )
    assert server.stdin and server.stdout

    def said(expected) -> str:
        for line in server.stdout:
            if expected(line.strip()):
                return line.strip()
        raise AssertionError("the server ended")

    said("ready".__eq__)
    torn = 0
    for number in range(times):
        server.stdin.write(f"{1 + 1000 * number}\n")
        server.stdin.flush()
        child = int(said(str.isdigit))
        time.sleep(float(rng.uniform(0.0, 0.5)))
        os.kill(child, signal.SIGKILL)
        said("gone".__eq__)
        check(what, folder)
        torn += any(folder.rglob(".*"))
    server.stdin.close()
    assert server.wait(60) == 0
    RUNS[what](str(folder), 0)
    check(what, folder)
    assert not list(folder.rglob(".*.part")), "a rerun removes what killed runs left"
    return torn


@pytest.mark.parametrize("what", fast.first(["train"], RUNS))
def test_kill_leaves_what_is_whole_or_nothing(what, tmp_path, request):
    if what == "build":
        request.getfixturevalue("stand_ins")
    kill_at_random(what, tmp_path / "out", 3)


@pytest.mark.slow
@pytest.mark.parametrize("what", RUNS)
def test_kill_leaves_what_is_whole_or_nothing_often(what, tmp_path, request):
    if what == "build":
        request.getfixturevalue("stand_ins")
    assert kill_at_random(what, tmp_path / "out", 100), "no kill came while something was being written"


FAILURES = {
    "missing": ("", "is not a program that can be run; correct or unset it"),
    "fails": (
        "echo 'ERROR: no more memory'; echo bye; exit 3",
        "failed with exit code 3; it last said: ERROR: no more memory",
    ),
    "crashes": ("kill -SEGV $$", "was killed by SIGSEGV; it last said: it printed nothing"),
    "hangs": (
        "echo thinking; sleep 1000",
        "did not finish in 2 s (--timeout sets the limit); it last said: thinking",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("tool", STAND_INS)
def test_tools_of_build_that_fail_are_one_line(tool, failure, tmp_path, stand_ins, monkeypatch, capsys):
    text, words = FAILURES[failure]
    core(str(tmp_path))
    before = {path.name: path.read_bytes() for path in (tmp_path / "core").iterdir()}
    monkeypatch.setenv(tool, str(tmp_path / "nowhere"))
    if text:
        (tmp_path / "tool").write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "tool").chmod(0o755)
        monkeypatch.setenv(tool, str(tmp_path / "tool"))
    capsys.readouterr()
    assert cli.main(["build", str(tmp_path / "core"), "--timeout", "2"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and words in captured.err
    assert {path.name: path.read_bytes() for path in (tmp_path / "core").iterdir()} == before


@pytest.mark.parametrize("failure", FAILURES)
def test_icarus_that_fails_is_one_line(failure, tmp_path, monkeypatch, capsys):
    text, words = FAILURES[failure]
    emit_model(random_network(3), tmp_path / "core", pipeline=1)
    monkeypatch.setenv("IVERILOG", str(tmp_path / "bin" / "iverilog"))
    if text:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "iverilog").write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / "iverilog").chmod(0o755)
        words = words.split(";")[1] if failure in ("fails", "hangs") else "Icarus Verilog under cocotb"
    limit = "8" if failure == "hangs" else "60"  # seconds, of which a busy machine needs some to start the bench
    assert cli.main(["verify", str(tmp_path / "core"), "--engine", "cocotb", "--timeout", limit]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and words in captured.err, captured.err


@pytest.fixture
def disk_of(tmp_path):
    """Makes a small file system of its own, where the test may mount one."""
    disks = []

    def mount(kilobytes: int) -> Path:
        disk = tmp_path / f"disk{kilobytes}"
        disk.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)], capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"needs the right to mount a tmpfs: {done.stderr.strip()}")
        disks.append(disk)
        return disk

    yield mount
    for disk in disks:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
def test_full_disk_leaves_no_half_of_an_emitted_folder(disk_of):
    network = random_network(6, luts=60)
    whole = 0
    for size in range(4, 120, 14):
        disk = disk_of(size)
        try:
            emit_model(network, disk / "core")
        except Lut2hwError as error:
            assert "No space left" in str(error)
            assert list(disk.iterdir()) == []
        else:
            check("emit", disk)
            whole += 1
    assert 0 < whole < 8


def test_full_disk_leaves_no_half_of_a_model(disk_of, tmp_path, capsys):
    data = csv(tmp_path / "x")
    whole = 0
    for size in range(4, 40, 4):
        disk = disk_of(size)
        code = cli.main(["train", "--data", str(data), "--layers", "60,60,60", "-k", "9", "-o", str(disk / "m.lut")])
        if code:
            errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
            assert code in (1, 2) and len(errors) == 1 and "No space left" in errors[0]
            assert list(disk.iterdir()) == []
        else:
            check("train", disk)
            whole += 1
    assert 0 < whole < 9


@pytest.mark.slow
def test_full_disk_leaves_no_half_of_a_build(disk_of, stand_ins, capsys):
    codes = []
    for spare in range(0, 1000, 100):  # kilobytes; most go to the netlist with the places left empty
        disk = disk_of(2000 + spare)
        build(str(disk), 1)
        free = os.statvfs(disk)
        with (disk / "ballast").open("wb") as file:
            file.write(bytes(max(0, free.f_bavail * free.f_frsize - spare * 1024)))
        before = {path.name: path.read_bytes() for path in (disk / "core").iterdir()}
        codes.append(cli.main(["build", str(disk / "core"), "--seed", "2"]))
        after = {path.name: path.read_bytes() for path in (disk / "core").iterdir()}
        error = capsys.readouterr().err
        if codes[-1]:
            assert after == before and error.count("\n") == 1 and "Traceback" not in error
        check("build", disk)
        assert not list((disk / "core").glob(".*"))
    assert set(codes) == {0, 1}
