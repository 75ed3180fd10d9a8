"""A folded core's program, proved equal to the golden model for all inputs.

The program is decoded from the bits that the engine's memories hold and run with literals of an and-inverter graph
in place of values. Of each score this leaves a number and votes with weights; so does the model, in the same graph.
ABC proves each vote equal to the one that it is taken for, and then both sides must be the same sums of the same
votes. What follows the sums (the largest, the first of equals, a margin, a sign) is the definition of `END` and of
the answer's fields on one side, and of the head on the other.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lut2hw import bits, tools
from lut2hw.artefact.folder import Manifest
from lut2hw.artefact.vectors import Vectors, packed_port
from lut2hw.fold import interpret
from lut2hw.fold.program import Op, Program, places_of
from lut2hw.logic import aig as model
from lut2hw.logic.aig import FALSE, Aig, Classes
from lut2hw.logic.port import InputPort, OutputPort
from lut2hw.model.network import LutNetwork
from lut2hw.verify.formal.prove import DEFAULT_LIMIT, MIN_PATTERNS, distinguish, equal
from lut2hw.verify.outcome import Outcome, wrong_answers

ROUNDS = 20
"""Examples that tell votes apart, found one after the other, until the proof is given up."""


@dataclass
class Sum:
    """A score: a number and votes."""

    number: int
    votes: list[tuple[int, int]]
    """Literals and weights."""


def program_sums(aig: Aig, program: Program) -> list[Sum]:
    """The scores of a program, its inputs those of a graph."""
    shape = program.shape
    signals = dict.fromkeys(range(shape.words << shape.lane_bits), FALSE)
    first = shape.first_input << shape.lane_bits
    signals |= {first + bit: aig.input(bit) for bit in range(aig.inputs)}
    out, under_way = [], Sum(0, [])
    for number, row in enumerate(program.rows):
        if row.op == Op.ADD:
            under_way.number += row.number
        elif row.op == Op.END:
            out.append(under_way)
            under_way = Sum(0, [])
        else:
            made = []
            for addresses, table in zip(row.addresses, row.tables, strict=True):
                entries = bytes(table >> p & 1 for p in range(1 << shape.k))
                made.append(aig.table([signals[address] for address in addresses], entries))
            if row.op == Op.WRITE:
                signals |= {(number << shape.lane_bits) + lane: literal for lane, literal in enumerate(made)}
            else:
                under_way.votes += zip(made, row.weights, strict=True)
    return out


def model_sums(aig: Aig, network: LutNetwork, port: InputPort) -> list[Sum]:
    """The scores of a network, the port's bits the inputs of a graph."""
    signals = model.layers(aig, network, model.encoder(aig, network, port))
    head = network.head
    out = [Sum(int(bias) - (head.kind == "bit"), []) for bias in head.bias.tolist()]
    for signal, c, weight in zip(head.signal.tolist(), head.class_of.tolist(), head.weight.tolist(), strict=True):
        out[c].votes.append((signals[signal], weight))
    return out


def structure(program: Program, network: LutNetwork, port: InputPort, output: OutputPort) -> list[str]:
    """What of the program does not fit the model beside its votes, in words."""
    shape, head = program.shape, network.head
    out = program.faults()
    if (shape.kind, shape.reject, shape.scores) != (head.kind, head.reject, len(head.bias)):
        out.append("the engine is made for another kind of answer")
    if sum(row.op == Op.END for row in program.rows) != len(head.bias):
        out.append("the program has another number of scores")
    if shape.answer != places_of(output):
        out.append("the answer is laid out in another way")
    if shape.beats != -(-max(1, port.width) // shape.lanes):
        out.append("an example is laid out in another way")
    if not _fits(program):
        out.append("a score does not fit its register")
    return out


def _fits(program: Program) -> bool:
    """Whether no sum on the way to a score leaves the range of the register, whatever the votes are."""
    shape = program.shape
    least, most = (
        (-(1 << shape.score_bits - 1), (1 << shape.score_bits - 1) - 1)
        if shape.signed
        else (0, (1 << shape.score_bits) - 1)
    )
    low = high = 0
    for row in program.rows:
        if row.op == Op.END:
            low = high = 0
        elif row.op == Op.ADD:
            low, high = low + row.number, high + row.number
        elif row.op == Op.VOTE:
            high += sum(weight for weight, table in zip(row.weights, row.tables, strict=True) if table)
        if low < least or high > most:
            return False
    return True


def check(manifest: Manifest, vectors: Vectors, seed: int = 0, limit: float | None = None) -> Outcome:
    """Prove the program of a folded core, whose Verilog is that of its engine and of nothing else."""
    began = time.monotonic()
    limit = min(DEFAULT_LIMIT if limit is None else limit, tools.default_timeout())
    program, network, port = manifest.program, manifest.network, manifest.input_port
    errors = structure(program, network, port, manifest.output_port)
    if errors or not manifest.verilog:
        return Outcome("formal", False, errors=tuple(errors))
    exact = any(place.part == "score" for place in program.shape.answer) or network.head.kind != "argmax"
    aig = Aig(port.width)
    mine, theirs = program_sums(aig, program), model_sums(aig, network, port)
    inputs = np.random.default_rng(seed).integers(0, 1 << 64, (port.width, bits.n_words(MIN_PATTERNS)), np.uint64)
    inputs = np.concatenate([packed_port(port, vectors.inputs), inputs], axis=1)
    wrong = _difference(program, manifest.output_port, port, vectors)
    if wrong is not None:
        return wrong
    literals = sorted({literal for each in (*mine, *theirs) for literal, _ in each.votes})
    left = Aig(aig.inputs)
    left.ands, left.outputs = aig.ands, literals
    details = {"and_gates": len(aig.ands)}
    for _ in range(ROUNDS):
        classes = Classes(aig, inputs)
        same = {literal: classes.like[literal >> 1] ^ literal & 1 for literal in literals}
        right = Aig(aig.inputs)
        right.ands, right.outputs = aig.ands, [same[literal] for literal in literals]
        seconds = limit - (time.monotonic() - began)
        [verdict] = equal([(left, right)], seconds)
        if verdict is None:
            return Outcome("formal", None, note=f"not proved in {limit:g} s", details=details)
        if verdict:
            if _same_sums([_form(each, same) for each in mine], [_form(each, same) for each in theirs], exact=exact):
                spent = time.monotonic() - began
                note = f"program proved equal to the model for all inputs in {spent:.1f} s; its engine is not"
                return Outcome("formal", True, note=note, details=details)
            return Outcome(
                "formal", False, errors=("the program adds other votes up than the model",), details=details
            )
        found = distinguish(left, right, seconds)
        if found is None:
            break
        inputs = np.concatenate([inputs, found], axis=1)
    return Outcome("formal", None, note="not proved: votes could not be told apart", details=details)


def _form(one: Sum, same: dict[int, int]) -> tuple[int, dict[int, int]]:
    """A number, and by node what it adds where it is one."""
    number, weights = one.number, dict[int, int]()
    for literal, weight in one.votes:
        literal = same[literal]
        if literal & 1:  # weight * (1 - x)
            number, weight = number + weight, -weight
        if literal > 1:
            weights[literal >> 1] = weights.get(literal >> 1, 0) + weight
    return number, {node: weight for node, weight in weights.items() if weight}


def _same_sums(
    mine: Sequence[tuple[int, dict[int, int]]], theirs: Sequence[tuple[int, dict[int, int]]], *, exact: bool
) -> bool:
    """Whether scores are the same, or, if not `exact`, all larger by one number."""
    offsets = {number - other for (number, _), (other, _) in zip(mine, theirs, strict=True)}
    votes = all(weights == others for (_, weights), (_, others) in zip(mine, theirs, strict=True))
    return votes and (offsets == {0} or (not exact and len(offsets) == 1))


def _difference(program: Program, output: OutputPort, port: InputPort, vectors: Vectors) -> Outcome | None:
    """The outcome for the first vector that the program answers wrongly."""
    got = interpret.run(program, packed_port(port, vectors.inputs), len(vectors))
    _, first = wrong_answers(got, vectors, output.width)
    if first is None:
        return None
    return Outcome("formal", False, 1, 1, {name: first[name] for name in ("input", "expected", "got")})
