"""`lut2hw.frontends.patches` in hardware: bits of a few rows in memory, and tables that read a patch of them."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory

from lut2hw.frontends.patches import Patches
from lut2hw.hdl.frontends.pictures import PictureCore, Position, Stages


class PatchesCore(PictureCore):
    """A pixel per clock, and the answer five clocks after the last one."""

    front_end: Patches

    def around(
        self, m: Module, counted: list[Any], across: Position, accept: Value, start: Value, stage: Stages
    ) -> Any:
        front_end = self.front_end
        size = front_end.size
        wanted = sorted({tap for (table,) in counted for tap in front_end.taps[table]})
        read = sorted({plane for *_, plane in wanted})
        now = Signal(max(1, len(read)), name="now")
        m.d.comb += now.eq(
            Cat(self.channel(channel) >= threshold for channel, threshold in (front_end.planes[b] for b in read))
        )
        rows: list[Value] = [now]
        if size > 1 and read:
            m.submodules.lines = lines = Memory(shape=len(now) * (size - 1), depth=max(2, front_end.width), init=[])
            write, get = lines.write_port(), lines.read_port()
            following = Signal.like(across.value)
            m.d.comb += [
                following.eq(Mux(accept, Mux(across.at_end, 0, across.value + 1), across.value)),
                get.en.eq(1),
                get.addr.eq(following),
                write.en.eq(accept),
                write.addr.eq(across.value),
                write.data.eq(Cat(now, get.data)[: len(write.data)]),
            ]
            rows += [get.data.word_select(row, len(now)) for row in range(size - 1)]
        # columns before this one, row by row
        columns = [[row] for row in rows]
        for down, row in enumerate(columns):
            for at in range(1, size):
                older = Signal(len(now), name=f"row{down}_column{at}", reset_less=True)
                with m.If(accept):
                    m.d.sync += older.eq(row[-1])
                row.append(older)
        counters = []
        for name, step in (("columns", 1), ("lines", across.at_end)):
            count, seen = Signal(range(size), name=name), Signal(range(size), name=f"{name}_seen")
            m.d.comb += count.eq(Mux(start, 0, seen))
            more = Mux(count != size - 1, count + step, count)
            with m.If(accept):
                m.d.sync += seen.eq(Mux(across.at_end, 0, more) if name == "columns" else more)
            counters.append(count)
        there = stage.next((counters[0] == size - 1) & (counters[1] == size - 1))
        return there, {tap: stage.next(columns[tap[0]][tap[1]][read.index(tap[2])]) for tap in wanted}

    def added(self, counted: list[Any], around: Any, stage: Stages) -> list[Value]:
        there, taps = around
        out: list[Value] = []
        for (table,) in counted:
            entries = Const(self.front_end.tables[table], 1 << len(self.front_end.taps[table]))
            at = Cat(taps[tap] for tap in self.front_end.taps[table])
            out.append(stage.next(there & entries.bit_select(at, 1)))
        return out

    def range_of(self, what: Any) -> tuple[int, int]:
        return 0, self.front_end.cell**2


CORE = PatchesCore
