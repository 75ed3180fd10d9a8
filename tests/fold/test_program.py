"""Programs of folded cores: equal to their networks on all examples, exact as files, refused where no engine can run
them."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.folded import HEADS, changed, folded
from helpers.networks import inputs_of, vote_network
from hypothesis import given, settings
from hypothesis import strategies as st

from lut2hw.compile.options import FOLDS, CompileOptions
from lut2hw.errors import UsageError
from lut2hw.fold.compile import fold_network, linear_forms
from lut2hw.fold.interpret import run
from lut2hw.fold.program import DISTANCE, Op, Program, ProgramError, Row, decode, encode
from lut2hw.model.parts import Head
from lut2hw.targets.registry import get


def answers(network, core, x):
    """Words of the program and of the network."""
    right = core.output_port.rows_of(network.head, network.scores_packed(network.encoder(x), len(x)))
    return run(core.program, core.input_port.bits_of(network, x), len(x)), right


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(HEADS), st.sampled_from(FOLDS))
def test_a_program_answers_as_its_network(seed, head, lanes):
    network, core = folded(seed, head, lanes)
    got, right = answers(network, core, inputs_of(network, 100, seed))
    assert (got == right).all()
    assert not core.program.faults()
    assert Program.from_bytes(core.program.to_bytes()) == core.program


@pytest.mark.parametrize("k", range(1, 9))
def test_tables_of_every_width(k):
    network = vote_network(30, k, 4, seed=k)
    core = fold_network(network, get("ice40"), fold=1)
    assert core.program.shape.k == max(4, k)
    got, right = answers(network, core, inputs_of(network, 200, k))
    assert (got == right).all()


def test_lanes_save_rows():
    network = vote_network(64, 4, 4)
    rows = [len(fold_network(network, get("ice40"), fold=lanes).program) for lanes in FOLDS]
    assert rows == [64 + 4, 32 + 4, 16 + 4, 8 + 4, 4 + 4]


def test_equal_and_constant_tables_cost_nothing():
    network = vote_network(40, 4, 4)
    layer = network.layers[0]
    tables = layer.tables.copy()
    tables[:20] = 0
    wiring = layer.wiring.copy()
    wiring[24:36], tables[24:36] = wiring[20], tables[20]
    same = replace(network, layers=(replace(layer, tables=tables, wiring=wiring),))
    rows = fold_network(same, get("ice40"), fold=1).program.rows
    assert sum(row.op == Op.VOTE for row in rows) < 20


@given(st.integers(0, 10_000), st.sampled_from(FOLDS))
@settings(max_examples=10, deadline=None)
def test_rows_come_back_from_their_numbers(seed, lanes):
    _, core = folded(seed, "argmax", lanes, outputs="class,scores")
    for row, read, look in zip(core.program.rows, core.program.read, core.program.look, strict=True):
        assert encode(core.program.shape, row) == (read, look)
        assert decode(core.program.shape, read, look) == row


def test_negative_weights_and_inverses_are_votes_of_positive_weight():
    head = Head("argmax", *(np.array(a, np.int32) for a in ([0, 0, 1], [0, 0, 1], [3, -5, -2])), np.array([4, 0]))
    [first, second] = linear_forms(head, [4, 4, 7], exact=True)
    assert (first.bias, dict(first.votes)) == (2, {5: 2})  # 4 - 2 x = 2 + 2 (1 - x)
    assert (second.bias, dict(second.votes)) == (-2, {6: 2})
    assert [form.bias for form in linear_forms(head, [4, 4, 7], exact=False)] == [4, 0]


def deep():
    """A program with rows that read what others write."""
    for seed in range(100):
        _, core = folded(3 * seed + 1, "argmax", 1, encoded_inputs=False, outputs="class")
        if sum(row.op == Op.WRITE for row in core.program.rows) > 3:
            return core.program
    raise AssertionError


def test_a_scan_finds_what_no_engine_can_run():
    program = deep()
    assert not program.faults()
    for number, row in enumerate(program.rows[:-1]):
        if row.op in (Op.WRITE, Op.VOTE):
            for late in range(max(0, number - DISTANCE + 1), min(number + 1, program.shape.first_input)):
                wrong = changed(program, number, addresses=((late, *row.addresses[0][1:]),))
                assert any("before it is written" in fault for fault in wrong.faults())
    last = len(program) - 1
    assert changed(program, last, last=False).faults()
    assert changed(program, 0, op=Op.END, last=True).faults()
    assert Program(replace(program.shape, rows=last), program.read, program.look).faults()
    more = Program.of(program.shape, [Row(Op.END)] * 20 + list(program.rows))
    assert any("scores" in fault for fault in more.faults())


def test_files_of_anybody_are_refused():
    data = deep().to_bytes()
    for wrong in (b"", data[:-1], data[:40], data.replace(b"program 1", b"program 2"), data + b"\n"):
        with pytest.raises(ProgramError):
            Program.from_bytes(wrong)
    at = data.index(b"\n", 60) + 1
    for flipped in range(at, len(data), 7):
        wrong = bytearray(data)
        wrong[flipped] ^= 1
        with pytest.raises(ProgramError):
            Program.from_bytes(bytes(wrong))


def test_a_rate_chooses_the_lanes():
    network = vote_network(64, 4, 4, n_bits=20)
    options = CompileOptions(fold="auto", fmax=10)

    def lanes(rate):
        return fold_network(network, get("ice40"), options, rate=rate).program.shape.lanes

    assert lanes(None) == 1
    clocks = {each: fold_network(network, get("ice40"), fold=each).program.clocks for each in FOLDS}
    for each in FOLDS:
        assert lanes(10e6 / clocks[each] - 1) == each
    with pytest.raises(UsageError, match="more than a folded core makes"):
        lanes(5e6)


def test_a_family_that_takes_fewer_lanes():
    network = vote_network(12, 4, 3)
    assert fold_network(network, get("ecp5"), fold="auto").program.shape.lanes == 1
    with pytest.raises(UsageError, match="give --fold 1"):
        fold_network(network, get("xilinx7"), fold=2)


@pytest.mark.parametrize(
    "options",
    [
        {"fold": 3},
        {"fold": "many"},
        {"fold": True},
        {"fold": 1, "rate": 3},
        {"rate": 3},
        {"fold": "auto", "rate": -1},
        {"fold": 1, "pipeline": 2},
        {"fold": 1, "ram": "auto"},
        {"fold": 1, "effort": "high"},
    ],
)
def test_options_that_make_no_sense(options):
    with pytest.raises(UsageError):
        CompileOptions(**options)


def test_options_as_json_say_fold_only_where_there_is_one():
    assert "fold" not in CompileOptions().as_json()
    options = CompileOptions(fold="4")
    assert options.fold == 4 and CompileOptions.from_json(options.as_json()) == options
    assert options.arguments() == ["--fold", "4"]
