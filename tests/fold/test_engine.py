"""The engine against its interpreter, with stalls, resets and restarts; folded cores in every consumer."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator
from helpers import needs
from helpers.fast import first
from helpers.folded import HEADS, changed, folded
from helpers.networks import inputs_of, random_network, vote_network

from lut2hw import tools
from lut2hw.artefact.emit import emit, load
from lut2hw.artefact.vectors import vectors_of
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.fold.compile import fold_network
from lut2hw.fold.program import Op, Program
from lut2hw.hdl import LinkedCore, make_link
from lut2hw.hdl.emitted import EmittedCore, identity_of
from lut2hw.hdl.folded import Engine, FoldedCore
from lut2hw.host import simulation
from lut2hw.model.network import LutNetwork
from lut2hw.targets.registry import get
from lut2hw.verify import simulate
from lut2hw.verify.engines import verify
from lut2hw.verify.formal import folded as formal


def streamed(network, core, program=None, n=12, seed=0):
    """The bench around an engine."""
    vectors = vectors_of(network, core.input_port, inputs_of(network, n, seed), core.output_port)
    shape = core.program.shape
    parts = {"beats": shape.beats, "lanes": shape.lanes, "clocks": core.program.clocks}
    return simulate.amaranth(Engine(program or core.program), vectors, seed=seed, parts=parts)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("head", HEADS)
def test_an_engine_answers_as_its_network(head, seed):
    number = HEADS.index(head) + 7 * seed
    network, core = folded(number, head, (1, 2, 4, 8)[number % 4])
    result = streamed(network, core, seed=seed)
    assert (result["vectors"], result["mismatches"], result["errors"]) == (12, 0, [])


@pytest.fixture(scope="module")
def small():
    network = random_network(4, k_max=3, luts=8)
    return network, fold_network(network, get("ice40"), fold=1)


def test_an_example_takes_as_long_as_it_says(small):
    network, core = small
    shape = core.program.shape
    for double in (False, True):
        program = replace(core.program, shape=replace(shape, double=double))
        n = 6
        words = core.input_port.words_of(network, inputs_of(network, n))
        engine = Engine(program)
        m = Module()
        m.submodules.engine = engine
        m.domains.sync = ClockDomain("sync")
        taken, answered = [], []

        async def send(ctx, engine=engine, taken=taken, words=words, n=n):
            ctx.set(engine.o.ready, 1)
            ctx.set(engine.i.valid, 1)
            clock = 0
            for at in range(n * shape.beats):
                ctx.set(engine.i.payload, (words[at // shape.beats] >> at % shape.beats & 1) << 1)
                while not ctx.get(engine.i.ready):
                    await ctx.tick()
                    clock += 1
                await ctx.tick()
                clock += 1
                taken.append(clock)

        async def watch(ctx, engine=engine, answered=answered):
            clock = 0
            async for _, _, valid in ctx.tick().sample(engine.o.valid):
                clock += 1
                if valid:
                    answered.append(clock)

        simulator = Simulator(m)
        simulator.add_clock(1e-6)
        simulator.add_testbench(send)
        simulator.add_testbench(watch, background=True)
        simulator.run()
        assert answered[0] - taken[shape.beats - 1] == program.latency
        apart = np.diff(answered)
        assert apart.max() <= program.clocks and apart.min() >= program.clocks - double


def test_wrong_rows_are_seen():
    """Mutants of votes, of numbers and of what is written, on scores."""
    network = random_network(3, luts=8)
    core = fold_network(network, get("ice40"), fold=1, outputs="class,scores")
    program, x = core.program, inputs_of(network, 200)
    vectors = vectors_of(network, core.input_port, x, core.output_port)
    assert not streamed_wrong(network, core, program, vectors)
    kinds = set()
    for number, row in enumerate(program.rows):
        kinds.add(row.op)
        if row.op == Op.VOTE:
            mutant = changed(program, number, tables=(row.tables[0] ^ 0xFFFF,))
        elif row.op == Op.ADD:
            mutant = changed(program, number, number=row.number + 1)
        elif row.op == Op.END and not row.last:
            assert changed(program, number, op=Op.VOTE, tables=(0,), weights=(0,)).faults()
            continue
        else:
            continue
        assert streamed_wrong(network, core, mutant, vectors), row
    assert kinds >= {Op.VOTE, Op.ADD, Op.END}


def streamed_wrong(network, core, program, vectors):
    return formal._difference(program, core.output_port, core.input_port, vectors) is not None


def test_the_component_takes_whole_examples_by_their_names(small):
    network, _ = small
    core = network.create(fold=2)
    assert isinstance(core, FoldedCore)
    x = inputs_of(network, 5)
    m = Module()
    m.submodules.core = core
    m.domains.sync = ClockDomain("sync")
    got = []

    async def go(ctx):
        ctx.set(core.o.ready, 1)
        for example in core.payloads(x):
            for name, value in example.items():
                ctx.set(getattr(core.i.payload, name), value)
            ctx.set(core.i.valid, 1)
            await ctx.tick().until(core.i.ready)
            ctx.set(core.i.valid, 0)
            [answer] = await ctx.tick().sample(core.o.payload).until(core.o.valid)
            got.append(answer.value)

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(go)
    simulator.run()
    assert got == network.predict(x).tolist()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, small):
    network, core = small
    return emit(core, tmp_path_factory.mktemp("fold") / "core", x=inputs_of(network, 40)).directory


def test_a_folder_is_checked_by_its_engines(folder):
    outcomes = verify(load(folder), ["golden", "amaranth", "formal"], vectors=30)
    assert [outcome.passed for outcome in outcomes] == [True] * 3
    assert "its engine is not" in outcomes[-1].note
    manifest = load(folder)
    assert manifest.folded and manifest.clocks == manifest.data["fold"]["clocks"]
    with pytest.raises(Lut2hwError, match="folded core"):
        _ = manifest.netlist
    text = (folder / "summary.txt").read_text()
    assert "an example every" in text and "1 table of 4 inputs a clock" in text


def test_the_same_program_gives_the_same_files(folder, tmp_path, small):
    network, core = small
    again = emit(core, tmp_path / "again", x=inputs_of(network, 40)).directory
    for path in folder.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def test_another_program_is_not_this_cores(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    program = load(copy).program
    number = next(at for at, row in enumerate(program.rows) if row.op == Op.VOTE)
    mutant = changed(program, number, tables=(program.rows[number].tables[0] ^ 0xFFFF,))
    (copy / "program.txt").write_bytes(mutant.to_bytes())
    with pytest.raises(Lut2hwError, match="not as `lut2hw emit` writes it"):
        _ = load(copy).verilog
    core_v = (copy / "core.v").read_text()
    (copy / "core.v").write_text(core_v.replace("endmodule", "initial $finish;\nendmodule"))
    (copy / "program.txt").write_bytes(program.to_bytes())
    with pytest.raises(Lut2hwError, match="not as `lut2hw emit` writes it"):
        _ = load(copy).verilog
    (copy / "program.txt").write_bytes(Program(program.shape, program.read[:-1], program.look[:-1]).to_bytes())
    with pytest.raises(Lut2hwError, match="nothing ends"):
        _ = load(copy).program


def test_a_wrong_program_is_found_by_golden_and_formal(tmp_path, small):
    network, core = small
    program = core.program
    votes = [at for at, row in enumerate(program.rows) if row.op == Op.VOTE and row.tables[0] not in (0, 0xFFFF)]
    wrong = replace(core, program=changed(program, votes[0], tables=(program.rows[votes[0]].tables[0] ^ 0xFFFF,)))
    folder = emit(wrong, tmp_path / "wrong", x=inputs_of(network, 40)).directory
    outcomes = verify(load(folder), ["golden", "formal"], vectors=200)
    assert [outcome.passed for outcome in outcomes] == [False, False]
    assert outcomes[0].first is not None and outcomes[1].first is not None


def test_proof_without_an_example_that_differs(tmp_path):
    """A vote that is wrong on one input of very many: no vector shows it, the proof does."""
    network = random_network(21, k_max=4, luts=12)
    core = fold_network(network, get("ice40"), fold=1)
    vectors = vectors_of(network, core.input_port, inputs_of(network, 1)[:0], core.output_port)
    number = next(at for at, row in enumerate(core.program.rows) if row.op == Op.VOTE)
    row = core.program.rows[number]
    mutant = changed(core.program, number, tables=(row.tables[0] ^ 0xFFFF,))
    manifest = emit(replace(core, program=mutant), tmp_path / "core").directory
    assert formal.check(load(manifest), vectors).passed is False


@pytest.mark.parametrize("link", ["uart", "shift", "axi-stream"])
@pytest.mark.slow
def test_links_carry_examples_to_a_folded_core(folder, link):
    manifest = load(folder)
    words, right = manifest.vectors.words()[:12], manifest.vectors.first(12).answers()

    def make(**kind):
        return make_link(link, identity_of(manifest), clock_hz=8e6, baud=1_000_000, **kind)

    seen = simulation.simulate(LinkedCore.of(manifest, make), words, timeout=300)
    assert not seen.failed and seen.answers == right


def test_a_shift_link_without_ready_is_refused(folder):
    manifest = load(folder)
    link, core = make_link("shift", identity_of(manifest)), EmittedCore(manifest, fields=False)
    with pytest.raises(UsageError, match="cannot wait"):
        LinkedCore(link, core)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["ice40", "ecp5", "gowin", "nexus", "xilinx7", "xilinxu", "generic"])
def test_every_family_simulates_and_synthesizes(tmp_path, target):
    network = random_network(4, k_max=3, luts=8)
    for lanes in (1, min(4, get(target).most_lanes)):
        core = fold_network(network, get(target), fold=lanes)
        manifest = load(emit(core, tmp_path / f"{target}{lanes}", x=inputs_of(network, 20)).directory)
        outcomes = verify(manifest, ["cocotb", "gates"], vectors=20)
        assert [outcome.passed for outcome in outcomes] == [True, True], outcomes


@needs.tool("yosys")
@pytest.mark.parametrize("lanes", first([4], [1, 2, 4]))
def test_memories_are_in_block_ram(lanes, tmp_path):
    """Left to synthesis, short ones and those of several tables a clock are made of flip-flops."""
    core = fold_network(vote_network(160, 4, 4), get("ice40"), fold=lanes)
    manifest = emit(core, tmp_path / "core")
    script = f"read_verilog core.v; synth_ice40 -top {manifest.top} -run begin:map_ffram"
    run = tools.run("yosys", ["-p", script], cwd=manifest.directory)
    assert run.output.count("mapping memory") == 3 and "FF mapping" not in run.output


def test_families_without_block_ram_are_refused():
    with pytest.raises(UsageError, match="which is not used of machxo2; emit for another family"):
        fold_network(random_network(4, k_max=3, luts=8), get("machxo2"), fold=1)
    with pytest.raises(UsageError, match="which is not used of gatemate; emit for another family"):
        fold_network(random_network(4, k_max=3, luts=8), get("gatemate"), fold=1)


def test_models_and_manifests_keep_their_bytes_without_fold(tmp_path, small):
    network, _ = small
    from lut2hw.artefact.emit import emit_model

    manifest = emit_model(network, tmp_path / "core")
    data = json.loads((manifest.directory / "manifest.json").read_text())
    assert "fold" not in data and "fold" not in data["options"] and "program" not in data
    assert LutNetwork.load(manifest.directory / "model.lut").n_luts == network.n_luts
