"""Pictures a pixel at a time in hardware: where a pixel is, and running counts of one row of cells.

A pixel per clock. The counts of a cell wait in memory while the rest of its row goes by; at the last pixel of a cell
they are compared, and a bit keeps what the comparison said.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.memory import Memory

from lut2hw.hdl.frontends.base import FrontEndCore


class PictureCore(FrontEndCore):
    """A pixel per clock, and the answer five clocks after the last one. Rows of the front end are row and column of a
    cell, and what is counted there.
    """

    front_end: Any

    @abstractmethod
    def around(
        self, m: Module, counted: list[Any], across: Position, accept: Value, start: Value, stage: Stages
    ) -> Any:
        """Registers, from `stage`, with the pixel that is taken and what is around it.

        Parameters
        ----------
        m : Module
        counted : list
            What is counted, the rest of a row of the front end each.
        across : Position
            The column of the pixel.
        accept, start : Value
            The pixel is taken; it is the first of a picture.
        stage : Stages
            Makes registers.
        """

    @abstractmethod
    def added(self, counted: list[Any], around: Any, stage: Stages) -> list[Value]:
        """Registers, from `stage`, with what a pixel adds to each count.

        Parameters
        ----------
        counted : list
            As above.
        around : Any
            What `around` has made.
        stage : Stages
            Makes registers.
        """

    @abstractmethod
    def range_of(self, what: Any) -> tuple[int, int]:
        """Bounds of a count.

        Parameters
        ----------
        what : tuple
            One of what is counted.
        """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        front_end = self.front_end
        width, side = front_end.width, front_end.cell
        accept, done, go = Signal(), Signal(), Signal()
        m.d.comb += [
            go.eq(~done | self.o.ready),
            self.i.ready.eq(go),
            accept.eq(self.i.valid & go),
            self.o.valid.eq(done),
        ]
        start = self.starts(m, accept)
        rows = [(i, j, tuple(what)) for i, j, *what in front_end.rows[self.feature].tolist()]
        counted = sorted({what for _, _, what in rows})

        # Where the pixel is: column and row, and place in its cell.
        across, down = (
            Position(m, f"{name}_", size, side, size // side)
            for name, size in (("column", width), ("row", front_end.height))
        )
        m.d.comb += [across.start.eq(start & accept), down.start.eq(start & accept)]
        m.d.comb += [across.step.eq(accept), down.step.eq(accept & across.at_end)]

        # First stage: the pixel with what is around it.
        stage = Stages(m, go)
        around = self.around(m, counted, across, accept, start, stage)
        fits = across.whole & down.whole
        flags = Cat(
            accept & across.begins & down.begins & fits,
            accept & across.begins & ~down.begins & fits,
            accept & across.ends & fits,
            accept & across.ends & down.ends & fits,
            accept & start,
            accept & self.last,
            accept & fits,
        )
        flags1, cell1 = stage.next(flags), stage.next(Cat(across.cell, down.cell))

        # Second stage: what is added to each count.
        added = self.added(counted, around, stage)
        flags2, cell2 = stage.next(flags1), stage.next(cell1)
        first2, goes_on2, leaves2, *_ = flags2

        # Third stage: counts, of which those of the other cells of the row wait in memory.
        bounds = [self.range_of(what) for what in counted]
        shapes = [signed(max(abs(low), abs(high)).bit_length() + 1) for low, high in bounds]
        counts = [Signal(shape, name=f"count{n}", reset_less=True) for n, shape in enumerate(shapes)]
        new = [Signal(shape, name=f"new{n}") for n, shape in enumerate(shapes)]
        waited: list[Value] = list(counts)
        if width // side > 1 and counted:
            m.submodules.waiting = waiting = Memory(shape=sum(map(len, counts)), depth=width // side, init=[])
            put, get = waiting.write_port(), waiting.read_port()
            of_column = len(across.cell)
            m.d.comb += [
                get.en.eq(go),
                get.addr.eq(cell1[:of_column]),
                put.en.eq(go & leaves2),
                put.addr.eq(cell2[:of_column]),
                put.data.eq(Cat(new)),
            ]
            offset, waited = 0, []
            for count in counts:
                waited.append(get.data[offset : offset + len(count)].as_signed())
                offset += len(count)
        for count, made, old, more in zip(counts, new, waited, added, strict=True):
            m.d.comb += made.eq(Mux(first2, 0, Mux(goes_on2, old, count)) + more)
            with m.If(go & flags2[6]):
                m.d.sync += count.eq(made)
        keep, clear, ended = (stage.next(flags2[at]) for at in (3, 4, 5))
        cell3 = stage.next(cell2)

        # Last stage: comparisons.
        with m.If(go):
            m.d.sync += done.eq(ended)
        said: dict[tuple[Any, int], Signal] = {}
        here: dict[tuple[int, int], Signal] = {}
        bits: list[Signal] = []
        for (i, j, what), threshold in zip(rows, self.threshold.tolist(), strict=True):
            if (what, threshold) not in said:
                said[what, threshold] = Signal(name=f"said{len(said)}")
                m.d.comb += said[what, threshold].eq(counts[counted.index(what)] >= threshold)
            if (i, j) not in here:
                here[i, j] = Signal(name=f"here{len(here)}")
                m.d.comb += here[i, j].eq(keep & (cell3 == (j | i << len(across.cell))))
            bit = Signal(name=f"bit{len(bits)}", reset_less=True)
            bits.append(bit)
            with m.If(go):
                with m.If(here[i, j]):
                    m.d.sync += bit.eq(said[what, threshold])
                with m.Elif(clear):
                    m.d.sync += bit.eq(int(threshold <= 0))
        m.d.comb += self.o.payload.eq(Cat(bits))
        return m


class Position:
    """A coordinate of the pixel at the input, and where in which cell it is.

    Attributes
    ----------
    value, cell : Signal
        The coordinate and the number of the cell.
    begins, ends : Signal
        The first, or the last one, of the cell.
    at_end : Signal
        The last one of all.
    whole : Signal
        In a whole cell.
    """

    def __init__(self, m: Module, name: str, size: int, side: int, cells: int) -> None:
        self.start, self.step = Signal(name=f"{name}start"), Signal(name=f"{name}step")
        at, cell = Signal(range(size + 1), name=f"{name}at"), Signal(range(cells + 1), name=f"{name}at_cell")
        within = Signal(range(side), name=f"{name}at_within")
        self.value, self.cell = Signal.like(at, name=f"{name}value"), Signal.like(cell, name=f"{name}cell")
        place = Signal.like(within, name=f"{name}place")
        self.begins, self.ends, self.at_end, self.whole = (
            Signal(name=f"{name}{each}") for each in ("begins", "ends", "at_end", "whole")
        )
        wraps = name.startswith("column")
        m.d.comb += [
            self.value.eq(Mux(self.start, 0, at)),
            self.cell.eq(Mux(self.start, 0, cell)),
            place.eq(Mux(self.start, 0, within)),
            self.begins.eq(place == 0),
            self.ends.eq(place == side - 1),
            self.at_end.eq(self.value == size - 1),
            self.whole.eq(self.cell != cells),
        ]
        with m.If(self.step):
            m.d.sync += [
                at.eq(self.value + (self.value != size)),
                within.eq(Mux(self.ends, 0, place + 1)),
                cell.eq(self.cell + (self.ends & self.whole)),
            ]
            if wraps:
                with m.If(self.at_end):
                    m.d.sync += [at.eq(0), within.eq(0), cell.eq(0)]
        with m.Elif(self.start):
            m.d.sync += [at.eq(0), within.eq(0), cell.eq(0)]


class Stages:
    """Registers that all go on in the same clocks."""

    def __init__(self, m: Module, go: Value) -> None:
        self.m, self.go, self.count = m, go, 0

    def next(self, value: Value, shape: object = None) -> Signal:
        """A register with the value of the clock before."""
        register = Signal(value.shape() if shape is None else shape, name=f"stage{self.count}", reset_less=False)
        self.count += 1
        with self.m.If(self.go):
            self.m.d.sync += register.eq(value)
        return register
