"""Netlist: a flat graph of single-bit cells, able to evaluate itself on packed bits.

Nets are integers: 0 is constant 0, 1 is constant 1, then inputs and cell outputs in order of creation, so a cell
reads only nets with smaller numbers and the list of cells is in topological order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from lut2hw.bits import Packed
from lut2hw.logic.cells import COMMON, CONST0, CONST1, ONES, PARTS, Cell, Kind, Library, as_lut, tables_of

__all__ = ["COMMON", "CONST0", "CONST1", "PARTS", "Cell", "Kind", "Library", "Netlist", "tables_of"]


@dataclass
class Netlist:
    """A combinational or pipelined circuit."""

    inputs: dict[str, list[int]] = field(default_factory=dict)
    """Nets by port name, least significant bit first."""
    outputs: dict[str, list[int]] = field(default_factory=dict)
    """Nets by port name, least significant bit first."""
    cells: list[Cell] = field(default_factory=list)
    """In topological order."""
    n_nets: int = 2
    """Nets in use, the two constants among them."""
    kinds: Library = field(default_factory=lambda: COMMON, repr=False)
    """What cells there may be, and what they do."""

    def input(self, name: str, width: int) -> list[int]:
        """Add an input port of `width` bits and return its nets.

        Parameters
        ----------
        name : str
            Of the port.
        width : int
            Its bits.
        """
        nets = list(range(self.n_nets, self.n_nets + width))
        self.n_nets += width
        self.inputs[name] = nets
        return nets

    def output(self, name: str, nets: Iterable[int]) -> None:
        """Add an output port that shows `nets`.

        Parameters
        ----------
        name : str
            Of the port.
        nets : Iterable[int]
            What it shows, least significant bit first.
        """
        self.outputs[name] = list(nets)

    def cell(
        self, kind: str, inputs: Iterable[int], n_outputs: int = 1, *, table: int = 0, part: str = "lut"
    ) -> tuple[int, ...]:
        """Add a cell and return its output nets.

        Parameters
        ----------
        kind : str
            A key of `kinds`.
        inputs : Iterable[int]
            Nets, in the order the kind defines.
        n_outputs : int, default=1
            How many nets it drives.
        table : int, default=0
            Truth table, entry p in bit p.
        part : str, default='lut'
            What it is for, one of `PARTS`.
        """
        outputs = tuple(range(self.n_nets, self.n_nets + n_outputs))
        self.n_nets += n_outputs
        self.cells.append(Cell(kind, tuple(inputs), outputs, table, part))
        return outputs

    def lut(self, inputs: Iterable[int], table: int, *, part: str = "lut") -> int:
        """Add a LUT and return its output net; input 0 is the least significant bit of the table's index.

        Parameters
        ----------
        inputs : Iterable[int]
            Nets; input 0 is the least significant bit of the table's index.
        table : int
            Truth table, entry p in bit p.
        part : str, default='lut'
            What it is for, one of `PARTS`.
        """
        return self.cell("lut", inputs, table=table, part=part)[0]

    def evaluate(self, **inputs: Packed) -> dict[str, Packed]:
        """Evaluate all cells, registers transparent.

        Parameters
        ----------
        inputs : Packed
            By port name, uint64 (width, n_words).

        Returns
        -------
        dict[str, Packed]
            The same for the output ports.
        """
        words = next(iter(inputs.values())).shape[1]
        values = np.zeros((self.n_nets, words), np.uint64)
        values[CONST1] = ONES
        for name, nets in self.inputs.items():
            if inputs[name].shape != (len(nets), words):
                raise ValueError(f"port {name} takes {len(nets)} x {words} words, got {inputs[name].shape}")
            values[nets] = inputs[name]
        for tables, cells in _runs(self.cells):
            if tables:
                _evaluate_tables(cells, tables, values)
                continue
            for cell in cells:
                results = self.kinds[cell.kind].evaluate([values[net] for net in cell.inputs], cell)
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
                time[net] = at if at is None else at + self.kinds[cell.kind].registered
        ends = {time[net] for nets in self.outputs.values() for net in nets} - {anywhere}
        if len(ends) > 1:
            raise ValueError(f"outputs appear after different latencies {sorted(ends)}")  # type: ignore
        return ends.pop() or 0 if ends else 0

    def empty(self) -> Netlist:
        """A netlist of the same library with nothing in it."""
        return Netlist(kinds=self.kinds)

    def count(self) -> Counter[str]:
        """Cells by kind."""
        return Counter(cell.kind for cell in self.cells)

    def count_parts(self) -> dict[str, Counter[str]]:
        """Cells by part and kind."""
        out: dict[str, Counter[str]] = {}
        for cell in self.cells:
            out.setdefault(cell.part, Counter())[cell.kind] += 1
        return out


def _runs(cells: Sequence[Cell]) -> Iterator[tuple[list[int], Sequence[Cell]]]:
    """Cells in order, cut into runs that are LUTs, with their tables, and runs that are not, with none."""
    start = 0
    tables: list[int] = []
    for at, cell in enumerate(cells):
        table = as_lut(cell)
        if at > start and (table is None) == bool(tables):
            yield tables, cells[start:at]
            start, tables = at, []
        if table is not None:
            tables.append(table)
    if cells:
        yield tables, cells[start:]


def _evaluate_tables(cells: Sequence[Cell], tables: Sequence[int], values: Packed) -> None:
    from lut2hw.kernels.evaluate import evaluate_in_order  # compiled code, which who only builds netlists needs not

    counts = np.fromiter((len(cell.inputs) for cell in cells), np.int64, len(cells))
    nets = np.fromiter((net for cell in cells for net in cell.inputs), np.int32, int(counts.sum()))
    entries = [
        table.to_bytes(max(1, (1 << len(cell.inputs)) // 8), "little")
        for cell, table in zip(cells, tables, strict=True)
    ]
    out = np.fromiter((cell.outputs[0] for cell in cells), np.int64, len(cells))
    evaluate_in_order(values, counts, nets, np.frombuffer(b"".join(entries), np.uint8), out)
