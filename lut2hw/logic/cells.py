"""Cells, and what each kind of them does: the library that every family has.

A family with cells of its own adds their kinds in its `Target.kinds`; a netlist knows the library its cells are from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lut2hw.bits import Packed

CONST0, CONST1 = 0, 1
ONES = np.uint64(0xFFFFFFFFFFFFFFFF)

PARTS = ("encoder", "lut", "popcount", "argmax")
"""What a cell is for; area is reported by part."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell."""

    kind: str
    """Its name in the library of the netlist."""
    inputs: tuple[int, ...]
    """Nets, in the order the kind defines."""
    outputs: tuple[int, ...]
    """Nets, in the order the kind defines."""
    table: int = 0
    """Truth table as an integer, entry p in bit p, for kinds that have one."""
    part: str = "lut"
    """One of `PARTS`."""


@dataclass(frozen=True)
class Kind:
    """What a kind of cell does."""

    evaluate: Callable[[Sequence[Packed], Cell], Sequence[Packed]]
    """Maps packed inputs (each uint64 (n_words,)) of a cell to its outputs, with & | ^ ~ alone, so that they may be
    an HDL's values as well; a register is transparent.
    """
    registered: int = 0
    """Cycles from input to output (1 for flip-flops and clocked memory)."""
    chained: tuple[int, ...] = ()
    """Positions of outputs on dedicated wires, so that their readers must be in the same pipeline stage."""
    beside: tuple[int, ...] = ()
    """Positions of inputs on dedicated wires, so that their drivers must be."""


Library = Mapping[str, Kind]
"""Kinds of cells by name."""


def evaluate_table(inputs: Sequence[Packed], table: int) -> Packed:
    """A truth table on packed inputs by Shannon expansion, input 0 the least significant bit of the index.

    With inputs the answer is made of them alone, so that they may be Amaranth's values as well.
    """
    if not inputs:
        return np.asarray(ONES if table & 1 else np.uint64(0))
    if table in (0, (1 << (1 << len(inputs))) - 1):
        zero = inputs[0] ^ inputs[0]
        return ~zero if table else zero
    half = 1 << (len(inputs) - 1)
    low, high = table & ((1 << half) - 1), table >> half
    if low == high:
        return evaluate_table(inputs[:-1], low)
    s, full = inputs[-1], (1 << half) - 1
    if low == 0:
        return s if high == full else s & evaluate_table(inputs[:-1], high)
    if high == 0:
        return ~s if low == full else ~s & evaluate_table(inputs[:-1], low)
    a, b = evaluate_table(inputs[:-1], low), evaluate_table(inputs[:-1], high)
    return a ^ ((a ^ b) & s)


def tables_of(cell: Cell) -> list[int]:
    """The truth tables of the outputs of a `lut` or `ram` cell."""
    entries = 1 << len(cell.inputs)
    ones = (1 << entries) - 1
    return [cell.table >> (number * entries) & ones for number in range(len(cell.outputs))]


def _tables(inputs: Sequence[Packed], cell: Cell) -> Sequence[Packed]:
    return [evaluate_table(inputs, table) for table in tables_of(cell)]


def _majority(inputs: Sequence[Packed], cell: Cell) -> Sequence[Packed]:
    a, b, c = inputs
    if cell.table & 1:
        a = ~a
    if cell.table & 2:
        b = ~b
    return (a & b | c & (a | b),)


def _step(inputs: Sequence[Packed], cell: Cell) -> Sequence[Packed]:
    select, data, carry = inputs
    return (data ^ ((data ^ carry) & select),)


def _mux(inputs: Sequence[Packed], cell: Cell) -> Sequence[Packed]:
    a, b, s = inputs
    return (a ^ ((a ^ b) & s),)


def _register(inputs: Sequence[Packed], cell: Cell) -> Sequence[Packed]:
    return (inputs[0],)


COMMON: Library = {
    # inputs: any number; the table says the rest
    "lut": Kind(_tables),
    # a LUT that stays as it is, whatever its table, until the family's own pass: its table may be changed on the chip
    "table": Kind(_tables),
    # inputs: d; clock and enable are the design's own
    "ff": Kind(_register, registered=1),
    # inputs: a, b, carry in; output: carry out (SB_CARRY); bits 0 and 1 of the table say that a and b are inverted
    "carry": Kind(_majority, chained=(0,)),
    # inputs: select, data, carry in; output: carry out, which is the carry in if select is one, else data
    "step": Kind(_step, chained=(0,)),
    # inputs: a, b, s; output: b if s else a (PFUMX, L6MUX21, MUXF7, MUXF8, MUX2_LUT5); the table is its level
    "mux": Kind(_mux, beside=(0, 1)),
    # inputs: the address, least significant bit first; outputs: any number; the table: that of output 0 in the lowest
    # 2**len(inputs) bits, then that of output 1, and so on. Block RAM that is never written, read on the clock.
    "ram": Kind(_tables, registered=1),
}
"""What netlists are made of before a family's own passes."""

_MAJORITY = (0b11101000, 0b11010100, 0b10110010, 0b01110001)  # by the inputs that are inverted


def as_lut(cell: Cell) -> int | None:
    """The truth table of a common cell of one output; None for others."""
    if cell.kind == "lut":
        return cell.table
    if cell.kind == "carry":
        return _MAJORITY[cell.table]
    return {"ff": 0b10, "mux": 0b11001010, "step": 0b11100100}.get(cell.kind)
