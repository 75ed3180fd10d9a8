"""Netlist: a flat graph of single-bit cells, able to evaluate itself on packed bits.

Nets are integers: 0 is constant 0, 1 is constant 1, then inputs and cell outputs in order of creation, so a cell
reads only nets with smaller numbers and the list of cells is in topological order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numba import njit

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
    chained: positions of outputs on dedicated wires, so that their readers must be in the same pipeline stage.
    beside: positions of inputs on dedicated wires, so that their drivers must be.
    """

    evaluate: Callable[[Sequence[Packed], int], Sequence[Packed]]
    registered: int = 0
    chained: tuple[int, ...] = ()
    beside: tuple[int, ...] = ()


def evaluate_table(inputs: Sequence[Packed], table: int) -> Packed:
    """A truth table on packed inputs by Shannon expansion, input 0 the least significant bit of the index.

    With inputs the answer is made of them alone, so that they may be Amaranth's values as well.
    """
    if not inputs:
        return np.asarray(_ONES if table & 1 else np.uint64(0))
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


def _majority(inputs: Sequence[Packed], table: int) -> Sequence[Packed]:
    a, b, c = inputs
    if table & 1:
        a = ~a
    if table & 2:
        b = ~b
    return (a & b | c & (a | b),)


def _no_function(inputs: Sequence[Packed], table: int) -> Sequence[Packed]:
    raise TypeError("a ram's table does not say how many outputs it has; use evaluate_cell")


def evaluate_cell(cell: Cell, inputs: Sequence[Packed]) -> Sequence[Packed]:
    """The outputs of a cell, its register transparent if it has one."""
    if cell.kind == "ram":
        return [evaluate_table(inputs, table) for table in tables_of(cell)]
    return KINDS[cell.kind].evaluate(inputs, cell.table)


def _mux(inputs: Sequence[Packed], table: int) -> Sequence[Packed]:
    a, b, s = inputs
    return (a ^ ((a ^ b) & s),)


KINDS: dict[str, Kind] = {
    # inputs: any number; the table says the rest
    "lut": Kind(lambda inputs, table: (evaluate_table(inputs, table),)),
    # inputs: d; clock and enable are the design's own
    "ff": Kind(lambda inputs, table: (inputs[0],), registered=1),
    # inputs: a, b, carry in; output: carry out (SB_CARRY); bits 0 and 1 of the table say that a and b are inverted
    "carry": Kind(_majority, chained=(0,)),
    # inputs: a, b, s; output: b if s else a (PFUMX, L6MUX21, MUXF7, MUXF8, MUX2_LUT5); the table is its level
    "mux": Kind(_mux, beside=(0, 1)),
    # inputs: the address, least significant bit first; outputs: any number; the table: that of output 0 in the lowest
    # 2**len(inputs) bits, then that of output 1, and so on. Block RAM that is never written, read on the clock.
    "ram": Kind(_no_function, registered=1),
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

    def cell(
        self, kind: str, inputs: Iterable[int], n_outputs: int = 1, *, table: int = 0, part: str = "lut"
    ) -> tuple[int, ...]:
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
        values = np.zeros((self.n_nets, words), np.uint64)
        values[CONST1] = _ONES
        for name, nets in self.inputs.items():
            if inputs[name].shape != (len(nets), words):
                raise ValueError(f"port {name} takes {len(nets)} x {words} words, got {inputs[name].shape}")
            values[nets] = inputs[name]
        for cells in _runs(self.cells):
            if cells[0].kind in _COMPILED:
                _evaluate_run(cells, values)
                continue
            for cell in cells:
                results = evaluate_cell(cell, [values[net] for net in cell.inputs])
                for net, value in zip(cell.outputs, results, strict=True):
                    values[net] = value
        return {name: values[nets] for name, nets in self.outputs.items()}

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


# --- evaluation of the common kinds in one kernel ---------------------------------------------------------------

_COMPILED = frozenset(("lut", "ff", "carry", "mux"))
_MAJORITY = (0b11101000, 0b11010100, 0b10110010, 0b01110001)  # by the inputs that are inverted
_WIDEST = 10  # wider tables are evaluated by `evaluate_table`


def _runs(cells: Sequence[Cell]) -> Iterable[Sequence[Cell]]:
    """Cells in order, cut into runs that the kernel does and runs that it does not."""
    start = 0
    simple = [cell.kind in _COMPILED and len(cell.inputs) <= _WIDEST for cell in cells]
    for at in range(1, len(cells) + 1):
        if at == len(cells) or simple[at] != simple[start]:
            yield cells[start:at]
            start = at


def _as_lut(cell: Cell) -> int:
    if cell.kind == "lut":
        return cell.table
    return 0b10 if cell.kind == "ff" else 0b11001010 if cell.kind == "mux" else _MAJORITY[cell.table]


def _evaluate_run(cells: Sequence[Cell], values: Packed) -> None:
    if len(cells[0].inputs) > _WIDEST:
        for cell in cells:
            values[cell.outputs[0]] = evaluate_table([values[net] for net in cell.inputs], cell.table)
        return
    counts = np.fromiter((len(cell.inputs) for cell in cells), np.int64, len(cells))
    first = np.concatenate(([0], np.cumsum(counts)))
    nets = np.fromiter((net for cell in cells for net in cell.inputs), np.int64, int(first[-1]))
    table_bytes = [_as_lut(cell).to_bytes(max(1, (1 << len(cell.inputs)) // 8), "little") for cell in cells]
    table_first = np.concatenate(([0], np.cumsum([len(b) for b in table_bytes])))
    out = np.fromiter((cell.outputs[0] for cell in cells), np.int64, len(cells))
    _evaluate_luts(values, nets, first, np.frombuffer(b"".join(table_bytes), np.uint8), table_first, out)


@njit(cache=True)
def _evaluate_luts(values, nets, first, tables, table_first, out):
    """values uint64 (n_nets, n_words); LUT i reads nets[first[i]:first[i + 1]] and writes row out[i]."""
    row = np.empty(1 << 9, np.uint64)
    for i in range(len(out)):
        at = table_first[i]
        k = first[i + 1] - first[i]
        for word in range(values.shape[1]):
            if k == 0:
                values[out[i], word] = _ONES if tables[at] & 1 else np.uint64(0)
                continue
            x = values[nets[first[i]], word]
            half = 1 << (k - 1)
            for p in range(half):
                pair = (tables[at + (p >> 2)] >> ((p & 3) * 2)) & 3
                row[p] = np.uint64(0) if pair == 0 else ~x if pair == 1 else x if pair == 2 else _ONES
            for j in range(1, k):
                x = values[nets[first[i] + j], word]
                half >>= 1
                for p in range(half):
                    low = row[2 * p]
                    row[p] = low ^ ((low ^ row[2 * p + 1]) & x)
            values[out[i], word] = row[0]
