"""Checks of the project's own checkers, each taken out in turn: what it was there for must be noticed by a case here.

A case gives a checker something wrong (or right, or something that it cannot judge) and returns what the checker
says. `helpers.mutants` finds the checks of a module; a mutant that changes what no case says is a check that nothing
tests, and fails.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import re
import shutil
import signal
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from helpers import fast, needs
from helpers.folded import changed
from helpers.mutants import mutants, visited
from helpers.networks import random_network, vote_network

from lut2hw import tools
from lut2hw.artefact import folder as folders
from lut2hw.artefact.emit import emit_model
from lut2hw.artefact.folder import first_difference, load
from lut2hw.artefact.vectors import Vectors, random_vectors
from lut2hw.compile.compiler import compile_network
from lut2hw.fold.program import Op, Program
from lut2hw.logic import equivalence
from lut2hw.logic.aig import Aig
from lut2hw.logic.cuts import equal_by_cuts
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.port import InputPort, OutputPort
from lut2hw.sim.bench import Bench
from lut2hw.targets.registry import get
from lut2hw.verify import bitstream, board, certificate, chip, engines, gates, readback
from lut2hw.verify.engines import verify
from lut2hw.verify.formal import circuit as circuits
from lut2hw.verify.formal import folded, induction, machine, memory, prove
from lut2hw.verify.formal.circuit import Circuit, Register
from lut2hw.verify.outcome import Outcome

pytestmark = needs.tool("yosys")

Case = Callable[[], Any]


LONGEST = 60.0
"""Seconds of a case; a mutant may go on for ever."""


def _too_long(number: int, frame: Any) -> None:
    raise TimeoutError("this goes on for ever")


def said(case: Case) -> str:
    """What a checker says of a case, in words that name no folder."""
    before = signal.signal(signal.SIGALRM, _too_long)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        found = case()
    except Exception as error:  # a mutant may fail in any way, which is noticed, too
        words = re.sub(r"[^ (]*/", "", str(error))
        return f"{type(error).__name__}: {words}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if isinstance(found, Outcome):
        note = found.note.split(" in ")[0]
        found = found.passed, found.mismatches, found.first, found.errors, note, found.details.get("passes")
    return repr(found)


class Once:
    """`tools.run`, which runs the same tool on the same files once."""

    def __init__(self) -> None:
        self.run, self.known = tools.run, dict[Any, Any]()

    def __call__(self, name: str, arguments: Any, *, cwd: Any = None, **options: Any) -> Any:
        before = (
            {} if cwd is None else {path.name: path.read_bytes() for path in Path(cwd).iterdir() if path.is_file()}
        )
        key = hashlib.sha256(repr((name, arguments, sorted(before.items()))).encode()).digest()
        if key not in self.known:
            try:
                run: Any = self.run(name, arguments, cwd=cwd, **options)
            except tools.ToolError as error:
                run = error
            made = (
                {}
                if cwd is None
                else {path.name: path.read_bytes() for path in Path(cwd).iterdir() if path.is_file()}
            )
            self.known[key] = run, {name: text for name, text in made.items() if before.get(name) != text}
        run, made = self.known[key]
        for file, text in made.items():
            (Path(cwd) / file).write_bytes(text)
        if isinstance(run, Exception):
            raise run
        return run


@pytest.fixture(scope="module")
def once():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tools, "run", Once())
        yield


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Right folders: one with registers, one whose answer has two fields, one without ready, one folded."""
    base = tmp_path_factory.mktemp("checkers")
    network = vote_network(9, 4, 3, n_bits=8)
    emit_model(network, base / "core", pipeline=2, encoded_inputs=True)
    emit_model(network, base / "margin", pipeline=1, outputs="class,margin")
    emit_model(network, base / "bare", pipeline=1, interface="bare")
    emit_model(network, base / "folded", fold=2)
    emit_model(random_network(7, head="threshold", luts=6), base / "number", fold=1, outputs="class,scores")
    return base


def edited(work: Path, name: str, file: str, change: Callable[[Any], Any]) -> Path:
    """A folder with one file changed: JSON values in place or anew, of other files the text."""
    to = work / "edited"
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(work / name, to)
    text = (to / file).read_text()
    if file.endswith(".json"):
        data = json.loads(text)
        text = json.dumps(change(data) or data)
    else:
        text = change(text)
    (to / file).write_text(text)
    return to


def put(*path: Any, to: Any) -> Callable[[Any], None]:
    """An edit of JSON values."""

    def change(data: Any) -> None:
        for name in path[:-1]:
            data = data[name]
        data[path[-1]] = to(data[path[-1]]) if callable(to) else to

    return change


def with_vectors(work: Path, name: str, change: Callable[[Vectors], Vectors]) -> Path:
    to = work / "edited"
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(work / name, to)
    (to / "vectors.npz").write_bytes(change(load(to).vectors).to_bytes())
    return to


def flip_table(data: Any) -> None:
    cell = [each for each in data["cells"] if each[0] == "lut"][-1]
    cell[4] = f"{int(cell[4], 16) ^ (1 << (1 << len(cell[2]))) - 1:x}"


# Engines, vectors and what a folder says of itself


def cases_of_engines(work: Path) -> dict[str, Case]:
    def run(engine: str, path: Path) -> Outcome:
        return verify(load(path), [engine], vectors=40)[0]

    def bench(**changes: Any) -> Outcome:
        result = {"vectors": 9, "mismatches": 0, "first": None, "errors": [], "classes": {}, "cycles": 1}
        return Outcome.of_bench("cocotb", 9, {**result, **changes})

    def classes(vectors: Vectors) -> Vectors:
        assert vectors.classes is not None
        return replace(vectors, classes=np.roll(vectors.classes, 1))

    def answers(vectors: Vectors) -> Vectors:
        assert vectors.outputs is not None
        return replace(vectors, outputs=vectors.outputs ^ 8)

    def program(at: int, **what: Any) -> Path:
        to = edited(work, "folded", "manifest.json", lambda data: data)
        (to / folders.PROGRAM).write_bytes(changed(load(to).program, at, **what).to_bytes())
        return to

    def wrong_program() -> Path:
        rows = load(work / "folded").program.rows
        at = next(at for at, row in enumerate(rows) if row.op == Op.VOTE)
        return program(at, tables=tuple(0 for _ in rows[at].tables))

    out: dict[str, Case] = {
        f"right, {engine}, {name}": lambda engine=engine, name=name: run(engine, work / name)
        for engine in ("golden", "formal")
        for name in ("core", "margin", "bare", "folded")
    }
    out |= {
        "a wrong table": lambda: run("golden", edited(work, "core", "netlist.json", flip_table)),
        "a wrong program": lambda: run("golden", wrong_program()),
        "wrong classes": lambda: run("golden", with_vectors(work, "core", classes)),
        "wrong classes beside right answers": lambda: run("golden", with_vectors(work, "margin", classes)),
        "wrong answers beside right classes": lambda: run("golden", with_vectors(work, "margin", answers)),
        "bench, right": bench,
        "bench, wrong": lambda: bench(mismatches=1),
        "bench, an error": lambda: bench(errors=["late"]),
        "bench, too few": lambda: bench(vectors=3),
        "no such engine": lambda: run("fromal", work / "core"),
        "no VHDL": lambda: run("vhdl", work / "core"),
        "one that cannot run among two": lambda: [
            outcome.passed for outcome in verify(load(work / "core"), ["vhdl", "golden"], vectors=5)
        ],
    }
    return out


def stream_folder(work: Path) -> folders.Manifest:
    """A core with a front end."""
    from helpers.streams import ragged

    from lut2hw.data import load_sequences
    from lut2hw.training.options import TrainOptions
    from lut2hw.training.streams import train_stream

    if not (work / "stream").exists():
        sequences = load_sequences(ragged(work / "tones.npz"))
        trained = train_stream(sequences, TrainOptions.of(luts=4), front_end="window,length=3")
        emit_model(trained.network, work / "stream")
    return load(work / "stream")


def cases_of_streams(work: Path) -> dict[str, Case]:
    """Vectors of a core with a front end."""
    from lut2hw.verify.stimulus import stimulus

    manifest = stream_folder(work)
    vectors = manifest.vectors

    def of(**changes: Any) -> int:
        made = dataclasses.replace(manifest)
        made.__dict__["vectors"] = replace(vectors, **changes)
        return len(stimulus(made, 4, 0))

    def beyond(inputs: Any) -> Any:
        """Bits above the port, which no sample sets."""
        out = inputs.copy()
        out[:, -1] |= 0x80
        return out

    return {
        "sequences": of,
        "wrong answers of sequences": lambda: of(classes=np.roll(vectors.classes, 1)),
        "wrong samples": lambda: of(inputs=beyond(vectors.inputs)),
    }


def cases_of_folders(work: Path) -> dict[str, Case]:
    def model(path: Path) -> str:
        return type(load(path).network).__name__

    def netlist(path: Path) -> int:
        return len(load(path).netlist.cells)

    def manifest(*path: Any, to: Any, name: str = "core") -> Path:
        return edited(work, name, "manifest.json", put(*path, to=to))

    def swapped(fields: Any) -> Any:
        fields[0]["name"], fields[1]["name"] = fields[1]["name"], fields[0]["name"]
        return fields

    def other_model(name: str, network: Any) -> Path:
        to = edited(work, name, "manifest.json", lambda data: data)
        network.save(to / "model.lut")
        return to

    def program(name: str, change: Callable[[Any], Any]) -> Any:
        made = load(work / name)
        shape = made.program.shape
        made.files[folders.PROGRAM] = Program.of(change(shape), made.program.rows).to_bytes()  # type: ignore[index]
        return made.program and "read"

    def told(name: str, **changes: Any) -> Any:
        made = replace(load(work / name), **changes)
        return made.program and "read"

    def without(file: str) -> str:
        to = edited(work, "core", "manifest.json", lambda data: data)
        (to / file).unlink()
        return model(to)

    def ranges(change: int) -> Any:
        """A network of the same layout with other ranges behind it."""
        network = vote_network(9, 4, 3, n_bits=8)
        features = replace(network.features, scale=network.features.scale * change)
        return replace(network, encoder=replace(network.encoder, features=features))

    network = vote_network(9, 4, 3, n_bits=8)
    own = load(work / "core")
    port = own.network_port

    def fits(it: folders.Manifest = own, **changes: Any) -> str:
        return type(replace(it, **changes).network).__name__

    stream = stream_folder(work)
    samples = stream.input_port.fields

    cells = load(work / "core").data["cells"]
    return {
        "right": lambda: model(work / "core"),
        "right netlist": lambda: netlist(work / "core"),
        "right program": lambda: program("folded", lambda shape: shape),
        "no model": lambda: without("model.lut"),
        "names swapped": lambda: model(manifest("input", "fields", to=swapped)),
        "a field of another index": lambda: model(manifest("input", "fields", 0, "index", to=1)),
        "another class": lambda: model(manifest("output", "classes", 0, to="dog")),
        "another scale": lambda: model(other_model("margin", ranges(2))),
        "another model": lambda: model(other_model("core", replace(network, class_names=("x", "y", "z")))),
        "another output": lambda: fits(output_port=load(work / "margin").output_port),
        "another input": lambda: fits(input_port=InputPort(port.fields[:-1], port.encoded)),
        "a stream": lambda: fits(code_port=port, data={**own.data, "stream": {}}),
        "right stream": lambda: fits(stream),
        "another sample": lambda: fits(
            stream, input_port=InputPort((replace(samples[0], name="z"), *samples[1:]), False)
        ),
        "answers by other names": lambda: fits(class_names=("x", "y", "z")),
        "cells": lambda: netlist(manifest("cells", to={**cells, "lut": cells["lut"] + 1})),
        "parts": lambda: netlist(manifest("parts", to={})),
        "a netlist of a folded core": lambda: netlist(work / "folded"),
        "inputs of the port": lambda: len(replace(own, input_port=InputPort(port.fields[:-1], True)).netlist.cells),
        "another width": lambda: len(replace(own, output_port=OutputPort.of_classes(9)).netlist.cells),
        "another latency": lambda: len(replace(own, latency=own.latency + 1).netlist.cells),
        "program: manifest": lambda: told_data(work, "folded"),
        "program: answer": lambda: told("folded", output_port=load(work / "margin").output_port),
        "program: beats": lambda: told(
            "folded", input_port=InputPort(load(work / "folded").input_port.fields[:-4], False)
        ),
        "program: latency": lambda: told("folded", latency=99),
        "differences": lambda: [
            first_difference(*pair)
            for pair in (
                ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}),
                ({"a": 1}, {"b": 1}),
                ([1], [1, 2]),
                (1, 1),
                ([], {}),
            )
        ],
    }


def told_data(work: Path, name: str) -> str:
    manifest = load(work / name)
    fold = {**manifest.data["fold"], "clocks": manifest.data["fold"]["clocks"] + 1}
    made = replace(manifest, data={**manifest.data, "fold": fold})
    return type(made.program).__name__


# The bench


def cases_of_bench(work: Path) -> dict[str, Case]:
    def run(core: Callable[[Any], Any], latency: int | None = 0, n: int = 12, **options: Any) -> Any:
        bench, driven = Bench(list(range(n)), [7] * n, latency, **options), []
        for _ in range(900):
            if bench.done:
                break
            driven.append(bench.drive())
            bench.sample(*core(driven[-1]))
        gaps = sum(each.payload is None for each in driven)
        return bench.result(), gaps, [each.payload for each in driven if options.get("lanes")]

    class Delayed:
        """A core of some latency, which may do one thing wrong."""

        def __init__(self, latency: int, *, slow: int = 0, drop: bool = False, keep: bool = False) -> None:
            self.stages: list[int] = [0] * latency
            self.slow, self.drop, self.keep, self.clock = slow, drop, keep, 0
            self.shown = 7

        def __call__(self, now: Any) -> Any:
            self.clock += 1
            last = self.stages[-1]
            advance = now.ready or not last
            if self.slow and self.clock > self.slow:
                advance = advance and self.clock % 5 > 0
            out = int(advance), last, self.shown
            if self.keep and last and not now.ready:
                self.shown = 6
            if now.ready:
                self.shown = 7
            if now.reset and not self.drop:
                self.stages = [0] * len(self.stages)
            elif advance:
                self.stages = [int(now.valid), *self.stages[:-1]]
            return out

    out: dict[str, Case] = {
        "right": lambda: run(lambda now: (now.ready, now.valid, 7)),
        "right, with registers": lambda: run(Delayed(2), 2, 40, resets=True),
        "many gaps": lambda: run(lambda now: (now.ready, now.valid, 7), 0, 700),
        "any latency": lambda: run(Delayed(3), None, 40, resets=True),
        "late": lambda: run(Delayed(3), 2, 60, resets=True),
        "slow": lambda: run(Delayed(2, slow=60), 2, 60, resets=True),
        "not reset": lambda: run(Delayed(3, drop=True), 3, 60, resets=True),
        "changes": lambda: run(Delayed(2, keep=True), 2, 60),
        "wrong": lambda: run(lambda now: (now.ready, now.valid, 3)),
        "unknown": lambda: run(lambda now: (now.ready, now.valid, None)),
        "valid unknown": lambda: run(lambda now: (now.ready, None, 7)),
        "ready unknown": lambda: run(lambda now: (None, now.valid, 7)),
        "one too many": lambda: run(lambda now: (now.ready, 1, 7)),
        "held and withdrawn": lambda: withdrawn(),
        "nothing comes": lambda: stuck(),
        "in parts": lambda: run(lambda now: (1, 0, 7), None, 4, beats=2, lanes=4, clocks=9, resets=True),
        "no answer wanted": lambda: some_wanted(),
        "an answer to what wants none, at the end": lambda: none_wanted(),
    }

    def withdrawn() -> Any:
        bench = Bench([1, 2], [7, 7], 0, seed=3)
        for _ in range(40):
            now = bench.drive()
            bench.sample(int(now.ready), int(now.valid and bench.cycles % 2), 7)
        return bench.result()

    def stuck() -> Any:
        bench = Bench([1], [7], 1)
        for _ in range(10_100):
            if bench.done:
                break
            bench.drive()
            bench.sample(0, 0, 0)
        return bench.result(), bench.done

    def none_wanted() -> Any:
        """A core that answers the first example, as it should, and the last one."""
        bench = Bench(list(range(40)), [7, *[None] * 39], None)
        while not bench.done and bench.cycles < 400:
            now = bench.drive()
            bench.sample(int(now.ready), int(now.valid and now.payload in (0, 39)), 7)
        return bench.result()

    def some_wanted() -> Any:
        bench = Bench([0, 1, 2, 3], [None, 7, None, 7], None)
        core = Delayed(1)
        for _ in range(200):
            if bench.done:
                break
            now = bench.drive()
            word = now.payload
            ready, valid, answer = core(now._replace(valid=now.valid and word in (1, 3)))
            bench.sample(1 if word not in (1, 3) else ready, valid, answer)
        return bench.result(), bench.flying

    return out


# Proofs


def cases_of_proofs(work: Path) -> dict[str, Case]:
    made = {name: load(work / name) for name in ("core", "bare")}
    right = {name: circuits.read(list(manifest.verilog.values()), manifest.top) for name, manifest in made.items()}
    manifest = made["core"]
    vectors = manifest.vectors.first(64)

    def judged(
        name: str = "core", change: Callable[[Any], None] = lambda it: None, by: Any = None, **options: Any
    ) -> Any:
        it, manifest = copy.deepcopy(right[name]), made[name]
        change(it)
        latency = options.pop("latency", manifest.latency)
        question = prove.Question(
            options.pop("network", manifest.network),
            manifest.network_port,
            it,
            latency,
            vectors,
            manifest.output_port,
        )
        return prove.prove_by(question, by) if by else prove.prove_all("formal", [question], **options)[0]

    def registers(it: Any, valid: bool) -> list[Any]:
        chain = prove.pipeline(it, 2 if "o_ready" in it.ports else 1).stages
        return list(chain) if valid else [net for net in it.registers if net not in chain]

    def register(valid: bool, at: int = 0, **what: Any) -> Callable[[Any], None]:
        def change(it: Any) -> None:
            net = registers(it, valid)[at]
            it.registers[net] = replace(
                it.registers[net], **{k: v(it) if callable(v) else v for k, v in what.items()}
            )

        return change

    def port(name: str, nets: Callable[[Any], Any]) -> Callable[[Any], None]:
        return lambda it: it.ports.update({name: nets(it)})

    def with_gate(kind: str, *inputs: Callable[[Any], Any], to: str) -> Callable[[Any], None]:
        """A gate of nets, in place of the first bit of an output."""

        def change(it: Any) -> None:
            gate = {"type": kind, "connections": {name: [net(it)] for name, net in zip("AB", inputs, strict=False)}}
            gate["connections"]["Y"] = [99_999]
            gate |= {"values": {}, "needs": [nets[0] for name, nets in gate["connections"].items() if name != "Y"]}
            it.cells[99_999] = gate, "Y", 0
            it.ports[to] = [99_999, *it.ports[to][1:]]

        return change

    def early(it: Any) -> Any:
        return it.registers[it.ports["o_payload"][0]].d

    def feeds_itself(it: Any) -> None:
        net = it.ports["o_payload"][0]
        it.registers[net] = replace(it.registers[net], d=net, enable=it.registers[net].enable)

    def in_a_ring(it: Any) -> None:
        net = it.ports["o_payload"][0]
        it.registers[net] = replace(it.registers[net], d=99_999)
        gate = {"type": "$_NOT_", "connections": {"A": [net], "Y": [99_999]}, "values": {}, "needs": [net]}
        it.cells[99_999] = gate, "Y", 0

    def wrong_table(it: Any) -> None:
        cell, _, _ = it.cells[early(it)]
        cell["values"]["LUT_INIT"] ^= 1

    def wrong_layer(it: Any) -> None:
        """The first LUT of the network is another function on one pattern."""
        cell = next(
            cell
            for cell, _, _ in it.cells.values()
            if cell["type"] == "SB_LUT4" and set(cell["needs"]) & set(it.ports["i_payload"])
        )
        cell["values"]["LUT_INIT"] ^= 0x8000

    few = made["core"].vectors.first(1)

    def hidden(network: Any, verdict: Any = None, example: Any = "found") -> Any:
        """A difference that simulation does not find."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(prove, "counterexample", lambda *arguments: None)
            if verdict is not None:
                patch.setattr(prove, "equal", lambda pairs, limit: [verdict[0]] * len(pairs))
            if example is None:
                patch.setattr(prove, "distinguish", lambda *arguments: None)
            question = prove.Question(network, manifest.network_port, right["core"], 2, few, manifest.output_port)
            return prove.prove_all("formal", [question], limit=60)[0]

    other = vote_network(9, 4, 3, n_bits=8, seed=1)
    bit = random_network(3, head="bit", k_max=3)
    compiled = compile_network(bit, get("generic"), pipeline=1)

    def of_bit() -> Any:
        from lut2hw.hdl.core import to_verilog

        text = to_verilog(compiled.netlist, latency=1, target=compiled.target)
        it = circuits.read([text], "lut2hw_core")
        vectors = random_vectors(bit, compiled.input_port, 32, 0)
        outcome = prove.prove("formal", bit, compiled.input_port, it, 1, vectors)
        return outcome, sorted(outcome.details.get("parts", ()))

    def seen(*lists: Any) -> Any:
        graphs = [Aig(1) for _ in lists]
        for graph, outputs in zip(graphs, lists, strict=True):
            graph.outputs = outputs
        return prove.counterexample(graphs[0], graphs[1], np.array([[2]], np.uint64), 2)

    return {
        "right": lambda: judged(),
        "right, bare": lambda: judged("bare"),
        "right, by cuts": lambda: judged(by=equal_by_cuts),
        "right, by nothing": lambda: judged(by=lambda left, right: None),
        "right, by half": lambda: judged(by=iter_of([True, None, None])),
        "right, by the other half": lambda: judged(by=iter_of([None, None, True])),
        "two clocks": lambda: judged(change=register(False, clock=77_777)),
        "another latency": lambda: judged(latency=3),
        "valid without reset": lambda: judged(change=register(True, reset=None)),
        "valid that is set": lambda: judged(change=register(True, value=1)),
        "no enable": lambda: judged(change=register(False, enable=None)),
        "waits": lambda: judged("bare", change=register(False, enable=lambda it: it.ports["i_valid"][0])),
        "holds": lambda: judged("bare", change=feeds_itself),
        "a reset of its own": lambda: judged(change=register(False, reset=lambda it: it.ports["i_valid"][0])),
        "a reset of all": lambda: judged(change=register(False, reset=lambda it: it.ports["rst"][0])),
        "valid from a gate": lambda: judged(
            change=with_gate("$_NOT_", lambda it: it.ports["o_valid"][0], to="o_valid")
        ),
        "no chain": lambda: judged(
            change=register(True, 1, d=lambda it: it.ports["o_valid"][0], enable=lambda it: registers(it, True)[0])
        ),
        "valid too early": lambda: judged(change=register(True, at=1, d=lambda it: it.ports["i_valid"][0])),
        "an output too early": lambda: judged(
            change=port("o_payload", lambda it: [early(it), *it.ports["o_payload"][1:]])
        ),
        "a constant output": lambda: judged(change=port("o_payload", lambda it: ["0", *it.ports["o_payload"][1:]])),
        "examples mixed": lambda: judged(
            change=with_gate("$_AND_", early, lambda it: it.ports["o_payload"][0], to="o_payload")
        ),
        "feeds itself": lambda: judged(change=feeds_itself),
        "in a ring": lambda: judged(change=in_a_ring),
        "fewer outputs": lambda: judged(change=port("o_payload", lambda it: it.ports["o_payload"][:1])),
        "a wrong table": lambda: judged(change=wrong_table),
        "a wrong table inside": lambda: judged(change=wrong_layer),
        "wrong ready": lambda: judged(change=port("i_ready", lambda it: ["1"])),
        "another network": lambda: hidden(other),
        "not shown in time": lambda: hidden(manifest.network, [None]),
        "another, without an example": lambda: hidden(other, [False], None),
        "one bit": lambda: tuple(map(str, of_bit())),
        "same": lambda: seen([2], [2]),
        "not the same": lambda: seen([2], [3]),
    }


def iter_of(answers: list[bool | None]) -> Callable[..., bool | None]:
    """A checker that gives these answers."""
    left: list[Any] = []

    def checker(*graphs: Any) -> bool | None:
        if not left:
            left.extend(answers)
        return left.pop(0)

    return checker


def cases_of_machines(work: Path) -> dict[str, Case]:
    def of(text: str, pins: Any = None) -> machine.Machine:
        it = circuits.read_design("", [text], "top")
        return machine.machine(it, pins or it.ports)

    base = """module top(input clk, input a, output reg y = 0, output z); reg b = 0;
        always @(posedge clk) begin b <= a; y <= b; end assign z = y & b; endmodule"""
    more = base.replace("output z)", "output z, output w)").replace("assign z", "assign w = b; assign z")
    rare = base.replace("reg b = 0;", "reg b = 0; reg [9:0] n = 0;").replace("y <= b;", "n <= n + 1; y <= b ^ (&n);")

    def match(left: str, right: str, checker: Any = equivalence.equal, **options: Any) -> Any:
        found = induction.match(of(left), of(right), {}, limit=60, checker=checker, **options)
        return found.equal, found.reason, found.labels is None

    def patched(name: str, value: Any, *texts: str) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(induction, name, value)
            return match(*texts)

    two = base.replace("input a,", "input a, input d,").replace("posedge clk) begin b", "posedge d) begin b")
    return {
        "equal": lambda: match(base, base.replace("reg b = 0;", "reg b = 0, c = 0;")),
        "one more output": lambda: match(more, base),
        "wrong at once": lambda: match(base.replace("y <= b", "y <= !b"), base),
        "wrong after years": lambda: match(rare, base),
        "not shown": lambda: match(base, base, lambda pairs, limit: [None] * len(pairs)),
        "no example": lambda: patched("distinguish", lambda *arguments: None, rare, base),
        "two clocks": lambda: match(two, two),
    }


def cases_of_circuits(work: Path) -> dict[str, Case]:
    def of(kind: str, parameters: Any = None, ports: Any = None, **connections: Any) -> Any:
        cell = {"type": kind, "parameters": parameters or {}, "connections": {k: [v] for k, v in connections.items()}}
        it = Circuit({"ports": {name: {"bits": [net]} for name, net in (ports or {}).items()}, "cells": {"x": cell}})
        return it.registers, sorted(it.cells), it.ports

    def gate(kind: str, parameters: Any, **ports: Any) -> Any:
        aig = Aig(8)
        return circuits.GATES[kind](aig, parameters, {name: [value] * 8 for name, value in ports.items()})

    def carry8(**more: Any) -> Any:
        return gate("CARRY8", more.pop("parameters", {}), S=2, DI=4, CI=0, **more)

    def pad(kind: Any, **more: Any) -> Any:
        return of("SB_IO", {"PIN_TYPE": kind}, {"p": 5}, PACKAGE_PIN=5, D_IN_0=6, D_OUT_0=7, **more)

    def ram(mode: Any = 0, **nets: Any) -> Any:
        connections = {
            "RADDR": list(range(2, 13)),
            "RDATA": list(range(20, 36)),
            "RCLK": [50],
            "RE": ["1"],
            "RCLKE": ["1"],
        }
        connections |= {"WE": ["0"], "WCLKE": ["0"]} | {name: [net] for name, net in nets.items()}
        rom = memory.MEMORIES["SB_RAM40_4K"]({f"INIT_{n:X}": n for n in range(16)} | {"READ_MODE": mode}, connections)
        return len(rom.tables), rom.enable

    def dp(width: Any = 18, parameters: Any = None, **nets: Any) -> Any:
        connections = {"ADA0": ["0"], "DOA0": [9], "CLKA": [5], **{name: [net] for name, net in nets.items()}}
        return len(memory.MEMORIES["DP16KD"]({"DATA_WIDTH_A": width, **(parameters or {})}, connections).tables)

    srl = {"CLK": 2, "CE": "1", "D": 3, "Q": 4, "A0": "1", "A1": "0", "A2": "0", "A3": "0"}
    text = "module a(input x, output y); assign y = x; endmodule"
    return {
        "carry": carry8,
        "carry in two, by its pin": lambda: carry8(CI_TOP=2),
        "carry in two, by its type": lambda: carry8(parameters={"CARRY_TYPE": "DUAL_CY4"}),
        "adder": lambda: gate("ALU", {"ALU_MODE": 0}, I0=2, I1=4, I3=6, CIN=0),
        "adder of another kind": lambda: gate("ALU", {"ALU_MODE": 7}, I0=2, I1=4, I3=6, CIN=0),
        "slots": lambda: gate(
            "CCU2C", {"INIT0": 1, "INIT1": 2, "INJECT1_0": "NO", "INJECT1_1": "NO"}, A0=2, B0=2, C0=2, D0=2, CIN=4
        ),
        "slots that are fed": lambda: gate("CCU2C", {"INIT0": 1, "INIT1": 2, "INJECT1_0": "NO"}, A0=2),
        "flip-flop": lambda: of("CC_DFF", {}, D=2, Q=3, CLK=4, EN="1", SR="0"),
        "flip-flop with set": lambda: of("CC_DFF", {}, D=2, Q=3, CLK=4, EN="1", SR=5),
        "flip-flop of another kind": lambda: of("CC_DFF", {"CLK_INV": "1"}, D=2, Q=3, CLK=4, EN="1", SR="0"),
        "shift": lambda: of("SRL16E", {}, **srl),
        "shift of any length": lambda: of("SRL16E", {}, **{**srl, "A1": 7}),
        "shift on the other edge": lambda: of("SRL16E", {"IS_CLK_INVERTED": "1"}, **srl),
        "pad": lambda: pad("000001"),
        "output pad": lambda: pad("011001"),
        "pad by name": lambda: pad("simple"),
        "pad with a register": lambda: pad("000000"),
        "pad that can be off": lambda: pad("101001", OUTPUT_ENABLE=8),
        "pad of two rates": lambda: pad("011001", D_OUT_1=8),
        "a loop of buffers": lambda: of("BUFG", {}, {"p": 5}, I=5, O=5),
        "no module": lambda: len(circuits.read_all([text, text.replace("module a", "module b")], ["a", "c"])),
        "RAM": ram,
        "RAM, enabled": lambda: ram(RE=60),
        "RAM of a name": lambda: ram("wide"),
        "RAM of another mode": lambda: ram(4),
        "RAM that is written": lambda: ram(WE=60, WCLKE="1"),
        "RAM with two enables": lambda: ram(RE=60, RCLKE=61),
        "RAM that is off": lambda: ram(RE="0"),
        "block": dp,
        "block of another width": lambda: dp(36),
        "block of another kind": lambda: dp(18, {"REGMODE_A": "OUTREG"}),
        "block that is reset": lambda: dp(RSTA=7),
    }


def cases_of_programs(work: Path) -> dict[str, Case]:
    made = {name: load(work / name) for name in ("folded", "number")}

    def judged(name: str, change: Callable[[Program], Program], **what: Any) -> Outcome:
        manifest = made[name]
        program = change(manifest.program)
        stand_in = SimpleNamespace(
            program=program,
            network=what.get("network", manifest.network),
            input_port=what.get("input_port", manifest.input_port),
            output_port=what.get("output_port", manifest.output_port),
            verilog=what.get("verilog", True),
        )
        vectors = what.get("vectors", manifest.vectors.first(2))
        with pytest.MonkeyPatch.context() as patch:
            if what.get("unseen"):
                patch.setattr(folded, "_difference", lambda *arguments: None)
            if "verdict" in what:
                patch.setattr(folded, "equal", lambda pairs, limit: [what["verdict"]])
            if what.get("no_example"):
                patch.setattr(folded, "distinguish", lambda *arguments: None)
            return folded.check(stand_in, vectors)  # type: ignore[arg-type]

    def shape(**what: Any) -> Callable[[Program], Program]:
        return lambda program: Program.of(replace(program.shape, **what), program.rows)

    def row(op: Op, **what: Any) -> Callable[[Program], Program]:
        def change(program: Program) -> Program:
            at = next(at for at, row in enumerate(program.rows) if row.op == op)
            values = {name: value(program.rows[at]) if callable(value) else value for name, value in what.items()}
            return changed(program, at, **values)

        return change

    def same(program: Program) -> Program:
        return program

    def no_end(program: Program) -> Program:
        at = next(at for at, row in enumerate(program.rows) if row.op == Op.END)
        return Program.of(program.shape, program.rows[:at] + program.rows[at + 1 :])

    inverse = {"tables": lambda row: tuple(table ^ (1 << (1 << 4)) - 1 for table in row.tables)}
    return {
        **{f"right, {name}": lambda name=name: judged(name, same) for name in made},
        "no Verilog": lambda: judged("folded", same, verilog=False),
        "another answer": lambda: judged("folded", same, network=made["number"].network),
        "one score less": lambda: judged("folded", no_end),
        "another layout": lambda: judged("folded", same, output_port=load(work / "margin").output_port),
        "another example": lambda: judged(
            "folded", same, input_port=InputPort(made["folded"].input_port.fields[:-5], False)
        ),
        "too narrow": lambda: judged("folded", shape(score_bits=1)),
        "too low": lambda: (
            judged("number", row(Op.ADD, number=-(1 << 30))) if has_add(made["number"].program) else None
        ),
        "a wrong table": lambda: judged("folded", row(Op.VOTE, **inverse), vectors=made["folded"].vectors),
        "a wrong table unseen": lambda: judged("folded", row(Op.VOTE, **inverse), unseen=True),
        "another number": lambda: (
            judged("number", row(Op.ADD, number=lambda row: row.number + 1), unseen=True)
            if has_add(made["number"].program)
            else None
        ),
        "not shown": lambda: judged("folded", same, verdict=None),
        "votes alike": lambda: judged("folded", same, verdict=False, no_example=True),
        "sums": lambda: [
            folded._same_sums([(0, {1: 2})], [(number, votes)], exact=exact)
            for number in (0, 1)
            for votes in ({1: 2}, {1: 3})
            for exact in (True, False)
        ],
        "ranges": lambda: [fits(least, most) for least, most in ((0, 5), (-9, 5), (0, 900), (-9, 900))],
    }


def fits(low: int, high: int) -> bool:
    """Whether sums of these fit a register from -8 to 7, or from 0 to 15."""
    rows = [SimpleNamespace(op=Op.ADD, number=number) for number in (low, high - low)]
    shape = SimpleNamespace(score_bits=4, signed=True)
    return folded._fits(SimpleNamespace(shape=shape, rows=[*rows, SimpleNamespace(op=Op.END)]))  # type: ignore[arg-type]


def has_add(program: Program) -> bool:
    return any(row.op == Op.ADD for row in program.rows)


def cases_of_graphs(work: Path) -> dict[str, Case]:
    def graph(build: Callable[[Aig, list[int]], list[int]], n: int = 3) -> Aig:
        aig = Aig(n)
        aig.outputs = build(aig, [aig.input(at) for at in range(n)])
        return aig

    two = graph(lambda aig, x: [aig.and_(x[0], x[1])])
    twice = graph(lambda aig, x: [aig.and_(x[0], aig.and_(x[1], x[0]))])
    other = graph(lambda aig, x: [aig.and_(x[0], x[2])])
    same_nodes = graph(lambda aig, x: [aig.and_(x[0], x[1]) ^ 1])
    chain = graph(lambda aig, x: [_all(aig, x)], 70)
    back = graph(lambda aig, x: [_all(aig, x[::-1])], 70)

    def by_abc(left: Aig, right: Aig, limit: float = 60) -> Any:
        return equivalence.equal([(left, right)], limit)

    def told(text: str) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(equivalence, "_abc", lambda *arguments: [text])
            found = equivalence.distinguish(two, other, 9)
            return None if found is None else found.tolist()

    def fails(words: str) -> Any:
        def run(*arguments: Any, **options: Any) -> None:
            raise tools.ToolError(words)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(equivalence.abc, "run", run)
            return by_abc(two, other)

    def netlist(table: int, width: int = 2, names: tuple[str, ...] = ("y",), port: str = "x") -> Netlist:
        made = Netlist()
        nets = made.input(port, width)
        for name in names:
            made.output(name, [made.lut(nets[:2], table)])
        return made

    def unseen(left: Netlist, right: Netlist, verdict: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(equivalence, "equal", lambda pairs, limit: [verdict])
            return equivalence.same(left, right)

    return {
        "by ABC": lambda: [by_abc(two, two), by_abc(two, twice), by_abc(two, other), by_abc(two, same_nodes)],
        "other outputs of the same nodes": lambda: by_abc(two, same_nodes),
        "other nodes of the same outputs": lambda: by_abc(two, other),
        "no time": lambda: by_abc(two, twice, 0.5),
        "an example": lambda: [told(text) for text in ("101 # DONE", "10", "1x1", "")],
        "ABC did not finish": lambda: fails("it did not finish"),
        "ABC failed": lambda: fails("it failed"),
        "netlists": lambda: [equivalence.same(netlist(6), netlist(table)) for table in (6, 8)],
        "netlists with other ports": lambda: unseen(netlist(6), netlist(6, port="z"), True),
        "netlists with ports in another order": lambda: unseen(
            netlist(6, names=("a", "b")), netlist(6, names=("b", "a")), True
        ),
        "netlists that simulation tells apart": lambda: unseen(netlist(6), netlist(8), True),
        "by cuts": lambda: [
            equal_by_cuts(*pair) for pair in ((two, two), (two, twice), (two, other), (two, same_nodes))
        ],
        "by cuts, wide": lambda: equal_by_cuts(chain, back),
        "by cuts, rare": lambda: equal_by_cuts(*rare(graph)),
        "by cuts, long": lambda: equal_by_cuts(*long_way(graph)),
    }


def _all(aig: Aig, literals: list[int]) -> int:
    out = literals[0]
    for literal in literals[1:]:
        out = aig.xor(out, literal)
    return out


def rare(graph: Any) -> tuple[Aig, Aig]:
    """Functions that differ on one of 2**18 inputs, which random ones hardly hit."""

    def many(aig: Aig, x: list[int]) -> int:
        out = x[0]
        for literal in x[1:]:
            out = aig.and_(out, literal)
        return out

    return graph(lambda aig, x: [many(aig, x)], 19), graph(lambda aig, x: [many(aig, [*x[:-1], x[-1] ^ 1])], 19)


def long_way(graph: Any) -> tuple[Aig, Aig]:
    """The same function of few inputs, by more nodes than are looked at."""

    def way(aig: Aig, x: list[int], steps: int) -> list[int]:
        out = x[0]
        for at in range(steps):
            out = aig.xor(aig.and_(out, x[1 + at % 2]), aig.or_(out, x[1 + (at + 1) % 2]))
        return [out]

    return graph(lambda aig, x: way(aig, x, 2)), graph(lambda aig, x: [a ^ 0 for a in way(aig, x, 400)])


def cases_of_certificates(work: Path) -> dict[str, Case]:
    few = {name: engines.ENGINES[name] for name in ("golden", "formal")}

    def certified(which: dict[str, Any] = few, change: Callable[[Path], Any] = lambda path: None) -> Any:
        to = edited(work, "core", "manifest.json", lambda data: data)

        def then(*arguments: Any, **options: Any) -> Any:
            outcomes = verify(*arguments, **options)
            change(to)
            return outcomes

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(certificate, "ENGINES", which)
            patch.setattr(certificate, "verify", then)
            made = certificate.certify(to, vectors=9)
        made = {name: made[name] for name in ("proved", "simulated", "not_checked", "bitstreams", "model", "files")}
        return json.dumps(made, sort_keys=True)

    def wrong(path: Path) -> Any:
        data = json.loads((path / "netlist.json").read_text())
        flip_table(data)
        (path / "netlist.json").write_text(json.dumps(data))

    def wrong_before() -> Any:
        to = edited(work, "core", "netlist.json", flip_table)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(certificate, "ENGINES", few)
            return certificate.certify(to, vectors=9)["proved"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certificate, "ENGINES", few)
        right = certificate.certify(work / "core", vectors=9)

    def checked(folder: Path = work / "core", **changes: Any) -> Any:
        found = list(certificate.check_certificate({**right, **changes}, folder))
        words = [(each.what, each.passed, each.words.split(" in ")[0]) for each in found if each.what != "tools"]
        return words, certificate.conclusion(found)

    def read(change: Callable[[bytes], bytes] = bytes, content: Any = None) -> Any:
        path = work / "read.json"
        path.write_bytes(change(certificate.to_bytes(content or right)))
        return certificate.read_certificate(path)["core"]

    def claims(*outcomes: Outcome) -> Any:
        return certificate._claims(outcomes)

    def of_bitstream(**parts: str) -> Outcome:
        return Outcome("bitstream", True, 5, details={"parts": parts})

    def forged(folder: Path) -> Any:
        """A certificate with the hashes of a folder that it is not of."""
        return checked(folder, files=certificate.hashes(folder), core=load(folder).digest)

    def too_many() -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(certificate, "MOST_FILES", 3)
            return len(certificate.hashes(work / "core"))

    def in_verilog(text: str) -> str:
        return re.sub(
            r"LUT_INIT\(16'h(....)\)", lambda found: f"LUT_INIT(16'h{int(found[1], 16) ^ 0xFFFF:04x})", text
        )

    def again(name: str) -> Any:
        manifest = load(work / name) if name != "wrong" else load(edited(work, "core", "core.v", in_verilog))
        return [(each.what, each.passed) for each in certificate._core_again(manifest, 60)]

    finding = certificate.Finding
    return {
        "right": certified,
        "nothing is proved": lambda: certified({"golden": engines.ENGINES["golden"]}),
        "changed meanwhile": lambda: certified(change=wrong),
        "a wrong table": wrong_before,
        "checked": checked,
        "another model": lambda: checked(model={**right["model"], "dont_cares": "unseen"}),
        "another file": lambda: checked(edited(work, "core", "netlist.json", flip_table)),
        "forged": lambda: forged(edited(work, "core", "core.v", in_verilog)),
        "again": lambda: [again(name) for name in ("core", "folded", "wrong")],
        "read": read,
        "read, with a space": lambda: read(lambda text: text + b" "),
        "read, with another claim": lambda: read(content={**right, "core": "0" * 64}),
        "too many": too_many,
        "claims": lambda: claims(
            Outcome("golden", True, 9),
            Outcome("formal", True, note="proved for all inputs"),
            Outcome("gates", True, 9, note="simulated"),
            Outcome("cocotb", None, note="not there"),
            of_bitstream(core="proved", chip="not proved", link="simulated"),
        ),
        "conclusions": lambda: [
            certificate.conclusion([finding("core", core, ""), finding("chip", other, "")])
            for core in (True, False, None)
            for other in (True, False, None)
        ],
    }


def cases_of_chips(work: Path) -> dict[str, Case]:
    """Chips by hand: what is read back is made up."""
    manifest = load(work / "core")
    ports = {
        "clk": "input",
        "reset": "input",
        "shift": "input",
        "data": "input",
        "done": "output",
        "result[0]": "output",
    }
    ports |= {"result[1]": "output"}

    def chip_of(pins: Any = ports, verilog: str = "", asc: str = "") -> readback.ReadBack:
        return readback.ReadBack(asc, verilog, dict(pins), {name: name for name in pins})

    def built(**what: Any) -> Any:
        to = work / "chip"
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(work / "core", to)
        (to / "core.bin").write_bytes(b"bits")
        if what.pop("asc", True):
            (to / "core.asc").write_text("")
        counts = dict.fromkeys(("logic_cells", "lut4", "carry", "ff", "ram"), 1)
        data = {"device": "hx1k", "package": "vq100", "core": counts, "chip": counts, "fmax_mhz": 9.0}
        data |= {"latency_cycles": 2, "latency_ns": 1.0, "classifications_per_second": 1, "seed": 1}
        digest = hashlib.sha256(b"bits").hexdigest()
        data |= {"bitstream": "core.bin", "built_of": manifest.digest, "bitstream_sha256": digest, **what}
        (to / "build.json").write_text(json.dumps(data))
        return load(to)

    def strangers(**what: Any) -> Any:
        made = built(**what)
        return bitstream._strangers(made, {"built_of": manifest.digest, **what}, made.directory / "core.bin")

    def shown(pins: Any, **what: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bitstream, "unpack", lambda *arguments: "")
            patch.setattr(bitstream, "read_back_by_names", lambda *arguments: chip_of(pins))
            patch.setattr(bitstream, "device_design", lambda *arguments: "design")
            found = bitstream.own_chip(built(**what))
            return found and sorted(found[0].ports)

    def engine(made: Any, **stubs: Any) -> Outcome:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tools, "require", lambda name: [name])
            for name, value in stubs.items():
                patch.setattr(bitstream, name, value)
            return bitstream.check(made, made.vectors)

    def fails(*arguments: Any) -> Any:
        raise tools.ToolError("no icebox")

    def task(proof: chip.ChipProof, simulated: Any = True, **what: Any) -> Outcome:
        made = built(**what)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bitstream, "prove_chip", lambda *arguments, **options: proof)
            it = bitstream._Task(made, made.vectors, 0, None)
            it.__dict__["core"] = Outcome("formal", True)
            binary = made.directory / "core.bin"
            said = {"built_of": manifest.digest, **what}
            return it.prove(Outcome("bitstream", simulated, 3), chip_of(), "design", said, binary)  # type: ignore[arg-type]

    def joined(**outcomes: Any) -> Outcome:
        return bitstream._joined({name: Outcome("bitstream", passed, 1) for name, passed in outcomes.items()})

    def both(simulated: Any, core: Any, proof: Any) -> Outcome:
        return bitstream.joined(Outcome("bitstream", simulated, 2), Outcome("formal", core), chip.ChipProof(proof))

    text = """module chip(input clk, input reset, input shift, input data, output done, output \\result[0] );
        reg q = 0; always @(posedge clk) q <= data; assign done = q; assign \\result[0] = 1'b0; endmodule"""

    def proved(verilog: str, wanted: str = text, labels: bool = True) -> Any:
        flat = dict.fromkeys(("clk", "reset", "shift", "data"), "input") | {"done": "output"}
        top = wanted.replace("module chip", f"module {chip.TOP}").replace(", output \\result[0] ", "")
        top = top.replace("assign \\result[0] = 1'b0;", "")
        verilog = verilog.replace(", output \\result[0] ", "").replace("assign \\result[0] = 1'b0;", "")
        design = SimpleNamespace(rtlil="", board=None)
        own = SimpleNamespace(verilog={"core.v": top})
        with pytest.MonkeyPatch.context() as patch:
            stimulus = {"data": np.full((40, 1), 0x55, np.uint64)}
            patch.setattr(chip, "shift_stimulus", lambda *arguments: stimulus)
            found = chip.prove_chip(own, chip_of(flat, verilog), design, manifest.vectors)  # type: ignore[arg-type]
            return found.equal, found.words, sorted(found.twins) != []

    def constants(ways: dict[str, str], free: dict[str, Any], **wanted: Any) -> Any:
        def circuit(nets: dict[str, Any]) -> Any:
            return Circuit({"ports": {name: {"bits": [net]} for name, net in nets.items()}, "cells": {}})

        back = readback.ReadBack("", "", ways, {"done": "io_0"})
        return chip._constants(circuit(free), back, circuit(wanted), {name: [net] for name, net in wanted.items()})

    def register(value: int, first: int, reset: Any) -> int:
        it = Circuit({"ports": {}, "cells": {}})
        it.registers[7] = Register("1", 7, 2, None, reset, value=value)
        it.initial[7] = first
        return chip._constant(it, 7)

    def on_board(ways: dict[str, str]) -> Any:
        icestick = board.board("icestick")
        platform = icestick.make_platform()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(board, "read_build", lambda *arguments: {"baud": 115_200, "bitstream": "x/chip.bin"})
            patch.setattr(board, "unpack", lambda *arguments: "")
            patch.setattr(board, "read_back", lambda *arguments: chip_of(ways))
            patch.setattr(
                board, "board", lambda name: SimpleNamespace(pins=icestick.pins, make_platform=lambda: platform)
            )
            found = board.read(manifest, "icestick")
            return found if isinstance(found, Outcome) else sorted(found[1])

    def slow(baud: int) -> Outcome:
        answer = {"vectors": 1, "mismatches": 0, "first": None, "errors": [], "classes": {}, "cycles": 1}
        what = {"baud": baud, "clock_hz": 12e6, "pins": dict.fromkeys(board.WANTED, "1")}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                board.simulate, "cocotb", lambda bench, vectors, **options: {**answer, "vectors": len(vectors)}
            )
            return board.simulate_chip(manifest, chip_of(), what, manifest.vectors)

    def verilog_of(said: str) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tools, "run", lambda *arguments, **options: SimpleNamespace(output=said))
            return readback._verilog("", [], None)

    def after_yosys(simulated: bool, proof: Any, made: Any = manifest) -> Outcome:
        result = {"vectors": 9, "mismatches": not simulated, "first": None, "errors": [], "classes": {}, "cycles": 1}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tools, "run", lambda *arguments, **options: None)
            patch.setattr(gates.simulate, "cocotb", lambda *arguments, **options: result)
            patch.setattr(gates.circuit, "read", lambda *arguments, **options: "circuit")
            patch.setattr(
                gates.formal, "prove", lambda *arguments, **options: Outcome("gates", proof, note="of the proof")
            )
            return gates.check(made, made.vectors.first(9))

    ok = chip.ChipProof(True)
    board_ways = dict(board.WANTED)
    stream = stream_folder(work)
    other_target = replace(manifest, target="ecp5")
    return {
        "strangers: none": strangers,
        "strangers: another core": lambda: strangers(built_of="0" * 64),
        "strangers: other bits": lambda: strangers(bitstream_sha256="0" * 64),
        "strangers: no hash": lambda: strangers(bitstream_sha256=None),
        "pins": lambda: shown(ports),
        "a pin is missing": lambda: shown({name: way for name, way in ports.items() if name != "done"}),
        "no file of names": lambda: shown(ports, asc=False),
        "no bits": lambda: shown(ports, bitstream=None),
        "another family": lambda: engine(other_target),
        "nothing is built": lambda: engine(manifest),
        "a chip that cannot be checked": lambda: engine(built(), _shift=fails),
        "two that cannot be checked": lambda: engine(
            built(), _shift=fails, _board=fails, built_for=lambda manifest: ["icestick"]
        ),
        "one of two": lambda: engine(
            built(),
            _shift=fails,
            _board=lambda *arguments: Outcome("bitstream", True, 4),
            built_for=lambda manifest: ["icestick"],
        ),
        "proved": lambda: task(ok),
        "proved, of another core": lambda: task(ok, built_of="0" * 64),
        "wrong in simulation": lambda: task(ok, False),
        "other bits": lambda: task(chip.ChipProof(False, "a bit")),
        "limits": lambda: [bitstream._Task(manifest, manifest.vectors, 0, limit).limit for limit in (None, 3)],
        **{
            f"joined {one} {other}": lambda one=one, other=other: joined(a=one, b=other)
            for one in (True, False, None)
            for other in (True, False, None)
        },
        **{
            f"parts {at}": lambda at=at: both(*((None, True, False)[at // 3**place % 3] for place in range(3)))
            for at in range(27)
        },
        "the chip": lambda: proved(text),
        "another chip": lambda: proved(text.replace("q <= data", "q <= !data")),
        "reset at once": lambda: proved(text.replace("@(posedge clk)", "@(posedge clk, posedge reset)")),
        "constants": lambda: constants(
            {"io_0": "output", "io_1": "output", "io_2": "input", "io_3": "output"},
            {"io_0": 5, "io_1": "0", "io_2": "0", "io_3": "1"},
            done=5,
            a="1",
            b="0",
        ),
        "registers that stay": lambda: [
            register(value, first, reset) for value in (0, 1) for first in (0, 1) for reset in (None, 9)
        ],
        "fixed": lambda: [chip._fixed(Circuit({"ports": {}, "cells": {}}), net) for net in ("0", "1", 5)],
        "board": lambda: on_board(board_ways),
        "board with another pin": lambda: on_board({**board_ways, "rx": "output"}),
        "board with one more pin": lambda: on_board({**board_ways, "io_1_2_0": "input"}),
        "fast": lambda: slow(1_000_000),
        "slow": lambda: slow(1),
        "no module": lambda: verilog_of("nothing"),
        "a module": lambda: verilog_of("module chip (input a);"),
        **{
            f"after yosys {simulated} {proof}": lambda simulated=simulated, proof=proof: after_yosys(simulated, proof)
            for simulated in (True, False)
            for proof in (True, False, None)
        },
        "after yosys, folded": lambda: after_yosys(True, True, load(work / "folded")),
        "after yosys, a stream": lambda: after_yosys(True, True, stream),
        "no flip-flop's model": lambda: gates.module_of("ice40/cells_sim.v", "NOTHING"),
        "a flip-flop's model": lambda: len(gates.module_of("ice40/cells_sim.v", "SB_DFF")),
    }


GROUPS: dict[str, tuple[Callable[[Path], dict[str, Case]], tuple[str, ...]]] = {
    "engines": (cases_of_engines, ("verify.golden", "verify.outcome", "verify.engines", "verify.stimulus:stimulus")),
    "streams": (cases_of_streams, ("verify.stimulus:_of_stream",)),
    "folders": (
        cases_of_folders,
        ("artefact.folder:Manifest.network,Manifest.program,Manifest.netlist,Manifest.file,first_difference",),
    ),
    "bench": (cases_of_bench, ("sim.bench",)),
    "proofs": (cases_of_proofs, ("verify.formal.prove",)),
    "machines": (cases_of_machines, ("verify.formal.induction", "verify.formal.machine")),
    "circuits": (cases_of_circuits, ("verify.formal.circuit", "verify.formal.memory")),
    "programs": (cases_of_programs, ("verify.formal.folded",)),
    "graphs": (cases_of_graphs, ("logic.equivalence", "logic.cuts")),
    "certificates": (cases_of_certificates, ("verify.certificate",)),
    "chips": (cases_of_chips, ("verify.bitstream", "verify.board", "verify.chip", "verify.readback", "verify.gates")),
}
"""Cases, and the modules (or functions of one) whose checks they need."""

HARMLESS: dict[str, str] = {
    "sim.bench.Bench.answer: payload is None or payload != self.expected[index] -> payload != self.expected[index]": (
        "an unknown answer is none that is expected"
    ),
    "sim.bench.Bench.drive: self.offered and (not calm) and (self.random.random() < RESTARTS) -> "
    "self.offered and self.random.random() < RESTARTS": "restarts in the calm half are harder, not easier",
    "verify.formal.prove.Pair.__init__: network.head.kind != 'bit' and len(self.twins) == len(self.votes - {FALSE}) "
    "-> network.head.kind != 'bit'": "a hint how to cut the proof; where the parts do not meet, the whole is proved",
    "verify.formal.prove._arrive: len(stack) > len(circuit.cells) + len(circuit.registers) + len(age) + 1 -> False": (
        "not harmless, but tried by nobody: the case of a ring then goes on for ever"
    ),
    "verify.chip._fixed: literal in (FALSE, TRUE) -> True": "a graph without inputs has no other literals",
    "logic.cuts._Merged.same: len(inside) > MAX_NODES -> False": "a limit of effort: what is shown is so",
}
"""Checks that may be removed without anybody noticing, and why that is right."""


def survivors(cases: dict[str, Case], modules: Iterable[str]) -> list[str]:
    """Checks of the modules without which every case says what it says with them."""
    every = []
    for module in modules:
        name, _, functions = module.partition(":")
        every += mutants(
            f"lut2hw.{name}", lambda function, names=functions: not names or function in names.split(",")
        )
    files = {mutant.code.co_filename for mutant in every}
    right, visits = {}, {}
    for name, case in cases.items():
        with visited(files) as visits[name]:
            right[name] = said(case)
        assert said(case) == right[name], name  # the same twice, or it says nothing
    out = []
    for mutant in every:
        if mutant.name in HARMLESS:
            continue
        lines = {(mutant.code.co_filename, line) for line in mutant.lines}
        of = [name for name, seen in visits.items() if lines & seen]
        with mutant.in_place():
            if all(said(cases[name]) == right[name] for name in of):
                out.append(f"{mutant.name} ({len(of)} cases come here)")
    return out


@pytest.mark.parametrize("group", fast.first(["bench", "circuits", "chips"], GROUPS))
def test_every_check_is_needed(group, work, once):
    make, modules = GROUPS[group]
    found = survivors(make(work), modules)
    assert not found, "\n".join(["checks that nothing here needs:", *found])


def test_a_check_without_a_case_is_found(work):
    cases = cases_of_bench(work)
    less = {name: case for name, case in cases.items() if name not in ("wrong", "unknown", "changes")}
    found = survivors(less, ["sim.bench:Bench.answer"])
    check = "payload is None or payload != self.expected[index]"
    assert any(each.startswith(f"sim.bench.Bench.answer: {check} -> False") for each in found)
