"""`lut2hw.frontends.edges` in hardware: two rows in memory, and running counts of one row of cells."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.memory import Memory

from lut2hw.frontends.edges import DIRECTIONS, Edges
from lut2hw.hdl.frontends.pictures import PictureCore, Position, Stages


class EdgesCore(PictureCore):
    """A pixel per clock, and the answer five clocks after the last one."""

    front_end: Edges

    def around(
        self, m: Module, counted: list[Any], across: Position, accept: Value, start: Value, stage: Stages
    ) -> Any:
        of_plane = [int(max(abs(low), abs(high))).bit_length() + 1 for low, high in self.front_end.plane_ranges()]
        planes = self._planes()
        values = [stage.next(plane, signed(bits)) for plane, bits in zip(planes, of_plane, strict=True)]
        edges: tuple[Value, Value] | None = None
        if any(q < DIRECTIONS for q, _ in counted):
            edges = self._differences(m, planes[0], of_plane[0], across, accept, start, stage)
        return values, edges

    def added(self, counted: list[Any], around: Any, stage: Stages) -> list[Value]:
        values, edges = around
        added: list[Value] = []
        if edges is not None:
            one, two = edges
            larger_one, larger_two = abs(one), abs(two)
            direction = Cat(one < 0, two < 0, larger_one > larger_two)
            strong = Mux(larger_one > larger_two, larger_one, larger_two)
        for q, s in counted:
            if q < DIRECTIONS:
                added.append(stage.next((direction == q) & (strong >= self.front_end.strengths[s])))
            else:
                plane = values[q - DIRECTIONS]
                added.append(stage.next(plane, signed(len(plane))))
        return added

    def range_of(self, what: Any) -> tuple[int, int]:
        pixels = self.front_end.cell**2
        if what[0] < DIRECTIONS:
            return 0, pixels
        low, high = self.front_end.plane_ranges()[what[0] - DIRECTIONS]
        return low * pixels, high * pixels

    def _planes(self) -> list[Value]:
        channels = [self.channel(c) for c in range(len(self.front_end.samples))]
        if len(channels) == 1:
            return channels
        red, green, blue = channels
        return [(red + (green << 1) + blue) >> 2, red - green, blue - green]

    def _differences(
        self, m: Module, pixel: Value, bits: int, across: Position, accept: Value, start: Value, stage: Stages
    ) -> tuple[Value, Value]:
        """Registers with both differences around the pixel that is completed; 0 where there are none."""
        width = self.front_end.width
        m.submodules.lines = lines = Memory(shape=2 * bits, depth=max(2, width), init=[])
        write, read = lines.write_port(), lines.read_port()
        following = Signal.like(across.value)
        m.d.comb += following.eq(Mux(accept, Mux(across.at_end, 0, across.value + 1), across.value))
        above1, above2 = read.data[:bits].as_signed(), read.data[bits:].as_signed()
        value = Signal(signed(bits))
        m.d.comb += [
            value.eq(pixel),
            read.en.eq(1),
            read.addr.eq(following),
            write.en.eq(accept),
            write.addr.eq(across.value),
            write.data.eq(Cat(value, above1)),
        ]
        left, left_above, lefter_above, left_above2 = (
            Signal(signed(bits), name=name, reset_less=True)
            for name in ("left", "left_above", "lefter_above", "left_above2")
        )
        with m.If(accept):
            m.d.sync += [left.eq(value), left_above.eq(above1), lefter_above.eq(left_above), left_above2.eq(above2)]
        # rows and columns from the third on
        columns, lines_before = Signal(2), Signal(2)
        column, line = Signal(2), Signal(2)
        m.d.comb += [column.eq(Mux(start, 0, columns)), line.eq(Mux(start, 0, lines_before))]
        with m.If(accept):
            m.d.sync += [
                columns.eq(Mux(across.at_end, 0, column + (column != 2))),
                lines_before.eq(line + (across.at_end & (line != 2))),
            ]
        there = (column == 2) & (line == 2)
        shape = signed(bits + 1)
        return (
            stage.next(Mux(there, above1 - lefter_above, 0), shape),
            stage.next(Mux(there, left - left_above2, 0), shape),
        )


CORE = EdgesCore
