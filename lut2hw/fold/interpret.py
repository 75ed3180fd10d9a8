"""The golden interpreter: what an engine does with a program, row by row, on packed examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.fold.program import Op, Program, Shape
from lut2hw.logic.cells import evaluate_table


@dataclass
class State:
    """What an engine holds beside its signals, for n examples at once."""

    score: NDArray[np.int64]
    """int64 (n,), the sum under way."""
    scores: list[NDArray[np.int64]]
    """int64 (n,) for each END so far."""
    best: NDArray[np.int64]
    """int64 (n,), the largest score so far, the first one of equals."""
    second: NDArray[np.int64]
    """int64 (n,), the largest of the others."""
    winner: NDArray[np.int64]
    """int64 (n,), the number of the best one."""


def run(program: Program, inputs: bits.Packed, n: int) -> NDArray[np.uint8]:
    """The answers of a program.

    Parameters
    ----------
    program : Program
        What to run.
    inputs : bits.Packed
        Bits of the input port, uint64 (width, n_words).
    n : int
        Examples.

    Returns
    -------
    NDArray[np.uint8]
        Words of the output port, (n, ceil(width / 8)), as `lut2hw.logic.port.OutputPort.rows_of` gives them.
    """
    shape = program.shape
    signals = np.zeros((shape.words << shape.lane_bits, bits.n_words(n)), np.uint64)
    first = shape.first_input << shape.lane_bits
    signals[first : first + len(inputs)] = inputs
    zero = np.zeros(n, np.int64)
    state = State(zero, [], zero, zero, zero)
    for number, row in enumerate(program.rows):
        if row.op == Op.ADD:
            state.score = _wrapped(shape, state.score + row.number)
        elif row.op == Op.END:
            _end(state)
        else:
            made = [
                evaluate_table([signals[address] for address in addresses], table)
                for addresses, table in zip(row.addresses, row.tables, strict=True)
            ]
            if row.op == Op.WRITE:
                signals[number << shape.lane_bits : number + 1 << shape.lane_bits] = made
            else:
                votes = bits.unpack(np.array(made, np.uint64), n).astype(np.int64)
                state.score = _wrapped(shape, state.score + np.array(row.weights, np.int64) @ votes)
    return _answer(shape, state, n)


def _wrapped(shape: Shape, score: NDArray[np.int64]) -> NDArray[np.int64]:
    """A score in as many bits as the engine has for it."""
    mask = (1 << shape.score_bits) - 1
    if shape.signed:
        half = 1 << shape.score_bits - 1
        return (score + half & mask) - half
    return score & mask


def _end(state: State) -> None:
    """What an END does but for the end of the program."""
    score = state.score
    if not state.scores:
        state.best = score
    else:
        wins = score > state.best
        behind = np.where(wins, state.best, score)
        state.second = behind if len(state.scores) == 1 else np.maximum(state.second, behind)
        state.best = np.where(wins, score, state.best)
        state.winner = np.where(wins, len(state.scores), state.winner)
    state.scores.append(score)
    state.score = np.zeros_like(score)


def _answer(shape: Shape, state: State, n: int) -> NDArray[np.uint8]:
    """What the output shows at the end."""
    if shape.kind == "argmax":
        margin, number, none = state.best - state.second, state.winner, shape.scores
    else:
        margin = np.where(state.scores[0] >= 0, state.scores[0], -1 - state.scores[0])
        number, none = np.asarray(state.scores[0] >= 0, np.int64), 2
    if shape.reject:
        number = np.where(margin < shape.reject, none, number)
    columns = []
    for place in shape.answer:
        value = {"class": number, "margin": margin}.get(place.part)
        if value is None:
            score = state.scores[place.number]
            value = (score >= 0).astype(np.int64) if place.part == "label" else score
        columns += [value >> bit & 1 for bit in range(place.width)]
    rows = np.array(columns, np.uint8).reshape(shape.answer_bits, n)
    return np.packbits(rows, axis=0, bitorder="little").T.copy()
