"""Another model without another bitstream: what an engine takes, what it refuses, and that it loses nothing."""

import contextlib
from dataclasses import replace

import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator
from helpers.networks import inputs_of, random_network, vote_network

from lut2hw.artefact.emit import emit_model, load
from lut2hw.artefact.vectors import vectors_of
from lut2hw.errors import UsageError
from lut2hw.fold.compile import fold_network
from lut2hw.fold.program import Program
from lut2hw.hdl import protocol
from lut2hw.hdl.emitted import identity_of
from lut2hw.hdl.folded import Engine
from lut2hw.host import serial, simulation
from lut2hw.targets.registry import get
from lut2hw.verify.engines import verify

ICE40 = get("ice40")


def votes(k, n, seed):
    return vote_network(n, k, 3, n_bits=6, seed=seed)


@pytest.fixture(scope="module")
def pair():
    """Two models, and their programs for the engine that was made for the first."""
    networks = votes(4, 12, 1), votes(3, 20, 2)
    first = fold_network(networks[0], ICE40, fold=1, reloadable=True)
    second = fold_network(networks[1], ICE40, fold=1, reloadable=True, engine=first.program.shape)
    assert Program.from_bytes(second.program.to_bytes()) == second.program
    return networks, (first, second)


def test_an_engine_takes_whole_programs_only_between_two_examples(pair):
    networks, (first, second) = pair
    shape = first.program.shape
    engine = Engine(first.program)
    x = inputs_of(networks[0], 8)
    old, new = (network.predict(x).tolist() for network in networks)
    assert old != new
    words = first.input_port.words_of(networks[0], x)
    m = Module()
    m.submodules.engine = engine
    m.domains.sync = ClockDomain("sync")

    async def give(ctx, payload):
        ctx.set(engine.load.payload, payload)
        ctx.set(engine.load.valid, 1)
        await ctx.tick().until(engine.load.ready)
        ctx.set(engine.load.valid, 0)

    async def bring(ctx, rows):
        for payload in (1, *(byte << 2 for byte in rows)):
            await give(ctx, payload)
        await ctx.delay(1e-9)
        return ctx.get(engine.load_good)

    async def ask(ctx, word, commit=False):
        for bit in range(shape.beats):
            ctx.set(engine.i.payload, (word >> bit & 1) << 1)
            ctx.set(engine.i.valid, 1)
            await ctx.tick().until(engine.i.ready)
        ctx.set(engine.i.valid, 0)
        if commit:
            await ctx.tick().repeat(3)  # in the middle of the example
            await give(ctx, 2)
        while not ctx.get(engine.o.valid):
            await ctx.tick()
        answer = ctx.get(engine.o.payload)
        ctx.set(engine.o.ready, 1)
        await ctx.tick()
        ctx.set(engine.o.ready, 0)
        return answer

    async def go(ctx):
        rows = second.program.to_rows()
        assert [await ask(ctx, word) for word in words] == old
        for wrong in (b"", rows[:-1], rows + b"\0", rows * 30):
            assert not await bring(ctx, wrong)
            assert await ask(ctx, words[0]) == old[0]
        assert await bring(ctx, rows)
        assert [await ask(ctx, word) for word in words[:2]] == old[:2]  # not before it is told to
        assert await ask(ctx, words[2], commit=True) == old[2]
        assert [await ask(ctx, word) for word in words] == new
        assert await bring(ctx, b"\1" * shape.row_bytes)
        await give(ctx, 2)
        await ask(ctx, words[0])  # a program without an end ends
        full = (first.program.to_rows() + bytes(shape.row_bytes * shape.rows))[: shape.row_bytes * shape.rows]
        assert await bring(ctx, full)
        await give(ctx, 2)
        assert [await ask(ctx, word) for word in words] == old

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(go)
    simulator.run()


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("head", ["argmax", "labels", "threshold reject"])
def test_programs_for_an_engine_answer_as_their_networks(head, lanes):
    from lut2hw.fold.interpret import run

    network = random_network(12, head=head)
    core = fold_network(network, ICE40, fold=lanes, reloadable=True)
    # another one of the same data: other tables, wiring and number of votes
    tables = tuple(replace(layer, tables=~layer.tables) for layer in network.layers)
    signal = (network.head.signal + 1) % network.n_signals
    other = replace(network, layers=tables, head=replace(network.head, signal=signal.astype("int32")))
    made = fold_network(other, ICE40, fold=lanes, reloadable=True, engine=core.program.shape)
    assert made.program.shape == core.program.shape and not made.program.faults()
    x = inputs_of(other, 100)
    right = made.output_port.rows_of(other.head, other.scores_packed(other.encoder(x), len(x)))
    assert (run(made.program, made.input_port.bits_of(other, x), len(x)) == right).all()


def test_models_that_do_not_fit(pair):
    (network, _), (first, _) = pair
    shape = first.program.shape

    def refuse(other, what, engine=shape, **options):
        with pytest.raises(UsageError, match=what):
            fold_network(other, ICE40, fold=1, reloadable=True, engine=engine, **options)

    refuse(vote_network(300, 4, 3, n_bits=6), "rows")
    refuse(vote_network(12, 4, 4, n_bits=6), "answers")
    refuse(vote_network(12, 4, 3, n_bits=7), "features")
    refuse(network, "answers", outputs="class,scores")
    weights = network.head.weight * 200
    refuse(replace(network, head=replace(network.head, weight=weights)), "scores are larger")
    refuse(network, "no other program", engine=replace(shape, reloadable=False))


@pytest.fixture(scope="module")
def folders(tmp_path_factory, pair):
    networks, _ = pair
    root = tmp_path_factory.mktemp("reload")
    first = emit_model(networks[0], root / "first", fold=1, reloadable=True)
    return first, emit_model(networks[1], root / "second", like=first)


def test_a_folder_for_the_same_engine(folders):
    first, second = folders
    assert first.data["fold"]["engine"] == second.data["fold"]["engine"]
    assert identity_of(first).fingerprint == first.program.fingerprint != identity_of(second).fingerprint
    outcomes = verify(load(second.directory), ["golden", "amaranth", "formal"], vectors=10)
    assert [outcome.passed for outcome in outcomes] == [True] * 3


def test_no_folder_of_another_kind(folders, tmp_path):
    first, _ = folders
    plain = emit_model(first.network, tmp_path / "plain", fold=1)
    for like, network, what in (
        (plain, first.network, "takes no other program"),
        (first, vote_network(12, 4, 3, n_bits=7), "other features"),
    ):
        with pytest.raises(UsageError, match=what):
            emit_model(network, tmp_path / "other", like=like)
    with pytest.raises(UsageError, match="takes no other program"):
        serial.load(None, plain)


@pytest.mark.slow
def test_a_chip_takes_a_model_over_its_serial_port_and_nothing_else(folders):
    """Cuts, noise, and programs of other engines in between: the old model goes on."""
    first, second = folders
    x = inputs_of(first.network, 12)
    words = first.input_port.words_of(first.network, x)
    old, new = (vectors_of(each.network, each.input_port, x, each.output_port).answers() for each in (first, second))
    assert old != new
    program = second.program
    frame = protocol.load_request(program.shape.fingerprint, program.fingerprint, program.to_rows())
    with simulation.simulated_chip(first) as name, contextlib.closing(serial.open_port(name, 115_200)) as port:
        chip = serial.Chip(port, silence=60)

        def answers():
            got = dict(chip.classify(words, identity_of(first)))
            return [got[index] for index in range(len(words))]

        assert chip.identify() == identity_of(first) and answers() == old
        half = len(frame) // 2
        for broken in (
            frame[:half] + bytes([protocol.END]),  # cut
            frame[:half] + bytes([frame[half] ^ 1 if frame[half] ^ 1 < protocol.END else 5]) + frame[half + 1 :],
            protocol.load_request(program.shape.fingerprint, 1, program.to_rows()[:-1]),  # not whole
            protocol.load_request(program.shape.fingerprint, 1, b""),
        ):
            port.write(broken)
            assert chip.identify() == identity_of(first)
            assert answers() == old
        with pytest.raises(serial.LinkError, match="refuses"):
            chip.load(program.shape.fingerprint ^ 1, program.fingerprint, program.to_rows())
        assert answers() == old
        assert serial.load(port, second, silence=60) == identity_of(second) == chip.identify()
        assert answers() == new
        assert serial.load(port, first, silence=60) == identity_of(first)
        assert answers() == old
