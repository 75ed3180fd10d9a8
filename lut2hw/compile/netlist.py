"""Netlist: a flat graph of single-bit cells, able to evaluate itself on packed bits.

Nets are integers: 0 is constant 0, 1 is constant 1, then inputs and cell outputs in order of creation, so a cell
reads only nets with smaller numbers and the list of cells is in topological order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from lut2hw.bits import Packed

CONST0, CONST1 = 0, 1
_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)

PARTS = ("encoder", "lut", "popcount", "argmax")
"""What a cell is for; area is reported by part."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    kind: a key of `KINDS`. inputs, outputs: nets, in the order the kind defines.
    table: truth table as an integer, entry p in bit p, for kinds that have one. part: one of `PARTS`.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    table: int = 0
    part: str = "lut"


@dataclass(frozen=True)
class Kind:
    """What a kind of cell does: `evaluate(inputs, table)` maps packed inputs (each uint64 (n_words,)) to outputs.

    registered: cycles from input to output (1 for flip-flops and clocked memory).
    """

    evaluate: Callable[[Sequence[Packed], int], Sequence[Packed]]
    registered: int = 0


def evaluate_table(inputs: Sequence[Packed], table: int) -> Packed:
    """A truth table on packed inputs by Shannon expansion, input 0 the least significant bit of the index."""
    if not inputs:
        return np.asarray(_ONES if table & 1 else np.uint64(0))
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


def _majority(inputs: Sequence[Packed], table: int) -> Sequence[Packed]:
    a, b, c = inputs
    return (a & b | c & (a | b),)


def _mux(inputs: Sequence[Packed], table: int) -> Sequence[Packed]:
    a, b, s = inputs
    return (a ^ ((a ^ b) & s),)


KINDS: dict[str, Kind] = {
    # inputs: any number; the table says the rest
    "lut": Kind(lambda inputs, table: (evaluate_table(inputs, table),)),
    # inputs: d; clock and enable are the design's own
    "ff": Kind(lambda inputs, table: (inputs[0],), registered=1),
    # inputs: a, b, carry in; output: carry out (SB_CARRY)
    "carry": Kind(_majority),
    # inputs: a, b, s; output: b if s else a (PFUMX, L6MUX21, MUXF7, MUXF8, MUX2_LUT5)
    "mux": Kind(_mux),
}
"""Semantics by kind. A target family may add kinds of its own (adders, memories) from its file."""


@dataclass
class Netlist:
    """A combinational or pipelined circuit.

    inputs, outputs: nets by port name, least significant bit first.
    """

    inputs: dict[str, list[int]] = field(default_factory=dict)
    outputs: dict[str, list[int]] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)
    n_nets: int = 2

    def input(self, name: str, width: int) -> list[int]:
        """Add an input port of `width` bits and return its nets."""
        nets = list(range(self.n_nets, self.n_nets + width))
        self.n_nets += width
        self.inputs[name] = nets
        return nets

    def output(self, name: str, nets: Iterable[int]) -> None:
        """Add an output port that shows `nets`."""
        self.outputs[name] = list(nets)

    def cell(self, kind: str, inputs: Iterable[int], n_outputs: int = 1, *, table: int = 0,
             part: str = "lut") -> tuple[int, ...]:
        """Add a cell and return its output nets."""
        outputs = tuple(range(self.n_nets, self.n_nets + n_outputs))
        self.n_nets += n_outputs
        self.cells.append(Cell(kind, tuple(inputs), outputs, table, part))
        return outputs

    def lut(self, inputs: Iterable[int], table: int, *, part: str = "lut") -> int:
        """Add a LUT and return its output net; input 0 is the least significant bit of the table's index."""
        return self.cell("lut", inputs, table=table, part=part)[0]

    def evaluate(self, **inputs: Packed) -> dict[str, Packed]:
        """Evaluate all cells, registers transparent.

        inputs: by port name, uint64 (width, n_words). Returns the same for the output ports.
        """
        words = next(iter(inputs.values())).shape[1]
        values: list[Packed | None] = [None] * self.n_nets
        values[CONST0], values[CONST1] = np.zeros(words, np.uint64), np.full(words, _ONES)
        for name, nets in self.inputs.items():
            if inputs[name].shape != (len(nets), words):
                raise ValueError(f"port {name} takes {len(nets)} x {words} words, got {inputs[name].shape}")
            for net, value in zip(nets, inputs[name], strict=True):
                values[net] = value
        for cell in self.cells:
            operands = [values[net] for net in cell.inputs]
            for net, value in zip(cell.outputs, KINDS[cell.kind].evaluate(operands, cell.table),  # type: ignore
                                  strict=True):
                values[net] = value
        return {name: np.array([np.broadcast_to(values[net], (words,)) for net in nets],  # type: ignore
                               np.uint64).reshape(len(nets), words)
                for name, nets in self.outputs.items()}

    @property
    def latency(self) -> int:
        """Cycles from inputs to outputs; ValueError if two paths to one cell or output disagree (a lost register)."""
        anywhere = None  # constants are there at any time
        time: list[int | None] = [anywhere] * self.n_nets
        for nets in self.inputs.values():
            for net in nets:
                time[net] = 0
        for cell in self.cells:
            times = {time[net] for net in cell.inputs} - {anywhere}
            if len(times) > 1:
                raise ValueError(f"{cell.kind} cell of {cell.outputs} mixes pipeline stages {sorted(times)}")  # type: ignore
            at = times.pop() if times else anywhere
            for net in cell.outputs:
                time[net] = at if at is None else at + KINDS[cell.kind].registered
        ends = {time[net] for nets in self.outputs.values() for net in nets} - {anywhere}
        if len(ends) > 1:
            raise ValueError(f"outputs appear after different latencies {sorted(ends)}")  # type: ignore
        return ends.pop() or 0 if ends else 0

    def count(self) -> Counter[str]:
        """Cells by kind."""
        return Counter(cell.kind for cell in self.cells)

    def count_parts(self) -> dict[str, Counter[str]]:
        """Cells by part and kind."""
        out: dict[str, Counter[str]] = {}
        for cell in self.cells:
            out.setdefault(cell.part, Counter())[cell.kind] += 1
        return out
