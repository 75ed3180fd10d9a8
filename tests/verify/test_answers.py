"""Cores that put out more than the class, or other things, through every engine, and over a link."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import batch, fast, needs
from helpers.networks import inputs_of, random_network, vote_network

from lut2hw import bits, targets
from lut2hw.artefact.emit import emit, emit_model, load
from lut2hw.artefact.vectors import packed_port, random_vectors
from lut2hw.compile.compiler import compile_network
from lut2hw.hdl.core import Core, to_verilog
from lut2hw.logic.aig import reference
from lut2hw.logic.port import OUTPUT
from lut2hw.model.parts import Head
from lut2hw.verify import simulate
from lut2hw.verify.engines import describe, verify
from lut2hw.verify.formal import circuit, prove

NUMBER, LABELS = ("number", "answer"), ("labels", "labels,scores")
needs_icarus, needs_yosys = needs.tool("iverilog"), needs.tool("yosys")
COMBINATIONS = ["margin", "scores", "class,margin", "class,scores", "margin,scores", "class,margin,scores"]
HEADS = ["argmax", "threshold", "number", "labels", "argmax reject", "threshold reject"]


def outputs_of(head: str, at: int) -> str:
    """One after the other all that a core with such a head can put out, beside what other tests have."""
    if head == "number":
        return "answer"
    if head == "labels":
        return ["labels", "scores", "labels,scores"][at % 3]
    return ["class", *COMBINATIONS][at % 7] if "reject" in head else COMBINATIONS[at % 6]


@pytest.mark.parametrize("head", HEADS)
def test_the_proofs_model_is_the_golden_model(head):
    for seed in range(28):
        network = random_network(seed, head=head)
        outputs = outputs_of(head, seed)
        compiled = compile_network(network, targets.get("generic"), pipeline="none", outputs=outputs)
        port, output = compiled.input_port, compiled.output_port
        vectors = random_vectors(network, port, 200, seed, output)
        rows = bits.unpack(reference(network, port, output).evaluate(packed_port(port, vectors.inputs)), 200)
        assert np.array_equal(np.packbits(rows, axis=0, bitorder="little").T, vectors.answer_rows(output.width)), seed


@pytest.mark.parametrize("kind", ["threshold", "labels"])
def test_the_proofs_model_of_scores_that_are_always_negative(kind):
    """All bits of a margin and of a score are there, however few of them the votes can change."""
    for votes, bias in ((0, -14), (3, -16), (3, -9), (3, 5)):
        network = vote_network(3, 3, 2)
        arrays = network.head.signal[:votes], np.zeros(votes, np.int32), np.ones(votes, np.int32), np.array([bias])
        names = {"class_names": ("no", "yes")} if kind == "threshold" else {"class_names": (), "target_names": ("y",)}
        head = Head("threshold", *arrays) if kind == "threshold" else Head.labels(*arrays)
        network = replace(network, head=head, **names)
        for outputs in ("class,margin,scores", "margin") if kind == "threshold" else ("labels,scores", "labels"):
            compiled = compile_network(network, targets.get("generic"), pipeline="none", outputs=outputs)
            port, output = compiled.input_port, compiled.output_port
            vectors = random_vectors(network, port, 100, 0, output)
            rows = bits.unpack(reference(network, port, output).evaluate(packed_port(port, vectors.inputs)), 100)
            right = vectors.answer_rows(output.width)
            assert np.array_equal(np.packbits(rows, axis=0, bitorder="little").T, right), (votes, bias, outputs)


def differential(family: str, seeds: range, tmp_path: Path, heads: list[str]) -> None:
    """Random networks through Amaranth's simulator, Icarus and the proof."""
    target, cores, streams, questions = targets.get(family), {}, {}, []
    for at, seed in enumerate(seeds):
        head = heads[at % len(heads)]
        network = random_network(seed, head=head, luts=8)
        pipeline = ["auto", "none", 2][at // len(heads) % 3]
        compiled = compile_network(network, target, pipeline=pipeline, outputs=outputs_of(head, at // len(heads)))
        streams[f"core{seed}"] = random_vectors(network, compiled.input_port, 80, seed, compiled.output_port)
        cores[f"core{seed}"] = compiled
        text = to_verilog(compiled.netlist, latency=compiled.latency, target=target)
        questions.append(
            prove.Question(
                network,
                compiled.input_port,
                circuit.read([text], "lut2hw_core"),
                compiled.latency,
                streams[f"core{seed}"],
                compiled.output_port,
            )
        )
    for (name, compiled), outcome in zip(cores.items(), prove.prove_all("formal", questions), strict=True):
        assert outcome.passed, (name, compiled.options.outputs, outcome)
    (tmp_path / "cores.v").write_text(
        batch.to_verilog({name: (one.netlist, one.latency) for name, one in cores.items()}, target)
    )
    under_icarus = batch.cocotb(
        tmp_path / "cores.v",
        [
            (name, one.latency, max(1, one.input_port.width), len(one.netlist.outputs[OUTPUT]), streams[name])
            for name, one in cores.items()
        ],
        target,
        tmp_path,
    )
    for name, compiled in cores.items():
        for result in (simulate.amaranth(Core(compiled), streams[name]), under_icarus[name]):
            assert (result["errors"], result["mismatches"], result["vectors"]) == ([], 0, 80), (name, result)


@needs_icarus
@needs_yosys
def test_differential_sample(tmp_path):
    differential("ice40", range(12), tmp_path, HEADS)


@pytest.mark.slow
@needs_icarus
@needs_yosys
@pytest.mark.parametrize("family", sorted(targets.TARGETS))
def test_differential(family, tmp_path):
    first = 9000 + 100 * sorted(targets.TARGETS).index(family)
    differential(family, range(first, first + 14), tmp_path, ["argmax", "threshold"])


@pytest.mark.slow
@needs_icarus
@needs_yosys
@pytest.mark.parametrize("head", HEADS[2:])
@pytest.mark.parametrize("family", sorted(targets.TARGETS))
def test_differential_of_other_answers(family, head, tmp_path):
    first = 20_000 + 1000 * sorted(targets.TARGETS).index(family) + 100 * HEADS.index(head)
    differential(family, range(first, first + 9), tmp_path, [head])


@needs_yosys
@pytest.mark.parametrize("engine", ["golden", "amaranth", "formal"])
def test_a_wrong_bit_of_any_field_is_found(engine, tmp_path):
    compiled = compile_network(vote_network(20, 4, 3), targets.get("ice40"), outputs="class,margin,scores")
    manifest = emit(compiled, tmp_path / "core")
    [right] = verify(manifest, [engine], vectors=100)
    assert right.passed
    netlist = compiled.netlist
    for field in manifest.output_port.fields:
        nets = list(netlist.outputs[OUTPUT])
        nets[field.offset] = nets[field.offset + 1] if nets[field.offset] != nets[field.offset + 1] else 1
        wrong = replace(netlist, outputs={OUTPUT: nets})
        if engine == "formal":
            text = to_verilog(wrong, latency=compiled.latency, target=compiled.target)
            outcome = prove.prove(
                "formal",
                manifest.network,
                manifest.input_port,
                circuit.read([text], manifest.top),
                manifest.latency,
                manifest.vectors,
                output=manifest.output_port,
            )
        else:
            mutant = replace(manifest)
            mutant.__dict__["netlist"] = wrong
            [outcome] = verify(mutant, [engine], vectors=100)
        assert outcome.passed is False, field
        assert f"{field.name}=" in describe(manifest, outcome)


@needs_icarus
@needs_yosys
def test_an_emitted_core_passes_what_simulates_it(tmp_path):
    manifest = emit_model(vote_network(30, 4, 5), tmp_path / "core", outputs="class,margin,scores")
    for outcome in verify(manifest, ["golden", "cocotb", "gates"], vectors=100):
        assert outcome.passed, describe(manifest, outcome)


@needs_icarus
@needs_yosys
@pytest.mark.parametrize(
    ("head", "outputs"),
    fast.first(
        [("number", "answer")], [("number", "answer"), ("labels", "labels,scores"), ("argmax reject", "class")]
    ),
)
def test_other_answers_pass_every_engine(head, outputs, tmp_path):
    manifest = emit_model(random_network(11, head=head), tmp_path / "core", outputs=outputs)
    found = verify(manifest, ["golden", "amaranth", "cocotb", "gates", "formal"], vectors=100)
    for outcome in found:
        assert outcome.passed, describe(manifest, outcome)
    assert ("class_coverage" in found[2].details) == (head == "argmax reject")
    assert ("label_coverage" in found[2].details) == (head == "labels")


@needs_yosys
@pytest.mark.parametrize(
    ("head", "outputs"),
    fast.first([("labels", "labels,scores")], [("number", "answer"), ("labels", "labels,scores")]),
)
def test_a_wrong_bit_of_a_number_or_label_is_found(head, outputs, tmp_path):
    compiled = compile_network(random_network(11, head=head), targets.get("ice40"), outputs=outputs, pipeline=1)
    manifest = emit(compiled, tmp_path / "core")
    for field in manifest.output_port.fields:
        nets = list(compiled.netlist.outputs[OUTPUT])
        nets[field.offset] = 0 if nets[field.offset] > 1 else 1 - nets[field.offset]
        mutant = replace(manifest)
        mutant.__dict__["netlist"] = replace(compiled.netlist, outputs={OUTPUT: nets})
        [outcome] = verify(mutant, ["golden"], vectors=100)
        assert outcome.passed is False and f"{field.name}=" in describe(manifest, outcome)
        text = to_verilog(mutant.netlist, latency=1, target=compiled.target)
        outcome = prove.prove(
            "formal",
            manifest.network,
            manifest.input_port,
            circuit.read([text], manifest.top),
            1,
            manifest.vectors,
            output=manifest.output_port,
        )
        assert outcome.passed is False


def test_rejected_answers_are_a_member_and_labels_are_fields():
    from amaranth.hdl import Module
    from amaranth.sim import Simulator

    for head, outputs in (("argmax reject", "answer"), ("labels", "labels,scores"), ("number", "answer")):
        network = random_network(4, head=head)
        core, x, seen = network.create(outputs=outputs, pipeline="none"), inputs_of(network, 30), []
        assert (core.classes is None) == (head != "argmax reject")
        m = Module()
        m.submodules.core = core

        async def bench(ctx, network=network, core=core, x=x, seen=seen):
            for payload in core.payloads(network.features.offset + x / network.features.scale):
                ctx.set(core.i.payload, payload)
                await ctx.delay(1e-9)
                seen.append(ctx.get(core.o.payload))

        simulator = Simulator(m)
        simulator.add_testbench(bench)
        simulator.run()
        scores, names = network.scores_packed(network.encoder(x), len(x)), network.target_names
        if head == "labels":
            assert [[one[name] for name in names] for one in seen] == network.predict(x).tolist()
            assert [[one[f"score_{name}"] for name in names] for one in seen] == scores.tolist()
        elif head == "number":
            assert [[one[name] for name in names] for one in seen] == scores.tolist()
        else:
            assert seen == [core.classes(number) for number in network.predict(x).tolist()]
            assert core.classes.none.value == network.n_classes and core.classes.none in seen


def test_the_payload_is_a_structure():
    from amaranth.hdl import Module
    from amaranth.sim import Simulator

    network = random_network(3)
    core = network.create(outputs="class,margin,scores", pipeline="none")
    x, seen = inputs_of(network, 20), []
    m = Module()
    m.submodules.core = core

    async def bench(ctx):
        for payload in core.payloads(network.features.offset + x / network.features.scale):
            ctx.set(core.i.payload, payload)
            await ctx.delay(1e-9)
            answer = ctx.get(core.o.payload)
            seen.append((answer.class_, answer.margin, [answer[f"score_{name}"] for name in network.class_names]))

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    scores = network.scores_packed(network.encoder(x), len(x))
    head = network.head
    assert [one[0] for one in seen] == [core.classes(number) for number in head.answer(scores).tolist()]
    assert [one[1] for one in seen] == head.margin(scores).tolist()
    assert [one[2] for one in seen] == scores.tolist()


@needs_icarus
@pytest.mark.parametrize("head", fast.first(["labels"], ["labels", "number"]))
def test_a_simulated_board_sends_labels_and_numbers(head, tmp_path):
    from lut2hw.hdl.emitted import identity_of
    from lut2hw.host import serial, simulation

    manifest = emit_model(random_network(11, head=head), tmp_path / "core", pipeline=1)
    vectors, output, network = manifest.vectors.first(12), manifest.output_port, manifest.network
    labels = [output.answer_of(word, network.head) for word in vectors.answers()]
    with simulation.simulated_chip(manifest) as name:
        chip = serial.Chip(serial.open_port(name, 115_200), silence=60)
        result = serial.run(
            chip,
            identity_of(manifest),
            vectors.words(),
            vectors.answers(),
            labels,
            answer_of=lambda word: output.answer_of(word, network.head),
        )
    assert (result["examples"], result["mismatches"]) == (12, 0)
    assert result["accuracy"] == (None if head == "number" else 1.0)


@needs_icarus
@pytest.mark.parametrize("outputs", ["class,margin,scores", "margin"])
def test_a_simulated_board_sends_the_whole_word(outputs, tmp_path):
    from lut2hw.hdl.emitted import identity_of
    from lut2hw.host import serial, simulation

    manifest = emit_model(vote_network(20, 4, 4), tmp_path / "core", outputs=outputs, pipeline=1)
    vectors, output = manifest.vectors.first(12), manifest.output_port
    labels = vectors.classes.tolist()
    with simulation.simulated_chip(manifest) as name:
        chip = serial.Chip(serial.open_port(name, 115_200), silence=60)
        result = serial.run(
            chip,
            identity_of(manifest),
            vectors.words(),
            vectors.answers(),
            labels,
            answer_of=lambda word: output.answer_of(word, manifest.network.head),
        )
    assert (result["examples"], result["mismatches"]) == (12, 0)
    assert result["accuracy"] == (None if outputs == "margin" else 1.0)


@pytest.mark.slow
@needs_icarus
@needs.tool("icebox_vlog")
@pytest.mark.parametrize("outputs", ["class,margin", "class,margin,scores"])
def test_the_chip_is_read_back(outputs, tmp_path):
    from lut2hw.flow.build import build

    manifest = emit_model(vote_network(30, 4, 5), tmp_path / "core", outputs=outputs)
    assert (manifest.output_port.width > 16) == (outputs == "class,margin,scores")
    build(tmp_path / "core")
    [outcome] = verify(load(tmp_path / "core"), ["bitstream"], vectors=60)
    assert outcome.passed and outcome.vectors == 60, outcome


@pytest.mark.slow
@needs_icarus
@needs.tool("icebox_vlog")
@pytest.mark.parametrize(
    ("head", "outputs"),
    [("number", "answer"), ("labels", "labels"), ("labels", "labels,scores"), ("argmax reject", "class")],
)
def test_the_chip_with_other_answers_is_read_back(head, outputs, tmp_path):
    from lut2hw.flow.build import build

    emit_model(random_network(11, head=head), tmp_path / "core", outputs=outputs)
    build(tmp_path / "core")
    [outcome] = verify(load(tmp_path / "core"), ["bitstream"], vectors=60)
    assert outcome.passed and outcome.vectors == 60, outcome


@pytest.mark.slow
@needs_icarus
@needs.tool("icebox_vlog")
def test_a_board_with_wide_answers_is_read_back(tmp_path):
    from lut2hw.flow.build import BuildOptions, build

    emit_model(vote_network(30, 4, 8), tmp_path / "core", outputs="class,margin,scores")
    build(tmp_path / "core", options=BuildOptions(board="icebreaker"))
    [outcome] = verify(load(tmp_path / "core"), ["bitstream"], vectors=20)
    assert outcome.passed and outcome.vectors == 20, outcome


@pytest.mark.slow
@needs_icarus
def test_wide_answers_through_spi(tmp_path):
    from lut2hw.hdl import links
    from lut2hw.hdl.emitted import EmittedCore, identity_of
    from lut2hw.hdl.linked import LinkedCore
    from lut2hw.host import simulation

    for head, outputs in (("argmax", "class,margin,scores"), ("number", "answer"), ("labels", "labels,scores")):
        manifest = emit_model(random_network(11, head=head), tmp_path / head, outputs=outputs, pipeline=1)
        link = links.make_link("spi", identity_of(manifest))
        vectors = manifest.vectors.first(8)
        seen = simulation.simulate(
            LinkedCore(link, EmittedCore(manifest, fields=False)), vectors.words(), timeout=300
        )
        assert not seen.failed and seen.answers == vectors.answers(), head


def test_make_check_of_the_folder(tmp_path):
    """The bench in plain Verilog compares whole words."""
    if not shutil.which("iverilog") or not shutil.which("make"):
        pytest.skip("needs make and iverilog")
    from lut2hw import tools

    for at, head in enumerate(("argmax", "number", "labels", "argmax reject")):
        emit_model(random_network(11, head=head), tmp_path / str(at), outputs="class,scores" if at == 0 else "answer")
        said = tools.run_command(["make", "-s", "sim"], what="make", cwd=tmp_path / str(at)).output
        assert "PASS" in said, head
