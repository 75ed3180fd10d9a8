"""`lut2hw.frontends.window` in hardware: comparators for one sample, and their bits delayed."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal

from lut2hw.frontends.window import Window
from lut2hw.hdl.frontends.base import FrontEndCore


class WindowCore(FrontEndCore):
    """A sample per clock."""

    front_end: Window

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rows = self.front_end.rows[self.feature]
        bits = list(zip(rows[:, 0].tolist(), self.threshold.tolist(), rows[:, 1].tolist(), strict=True))
        accept, done = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~done | self.o.ready),
            accept.eq(self.i.valid & self.i.ready),
            self.o.valid.eq(done),
        ]
        start = self.starts(m, accept)
        with m.If(self.i.ready):
            m.d.sync += done.eq(accept & self.last)
        delayed: dict[tuple[int, int], Signal] = {}
        for channel, threshold in sorted({bit[:2] for bit in bits}):
            oldest = max(age for *of, age in bits if of == [channel, threshold])
            before = int(int(self.front_end.before[channel]) >= threshold)
            chain = delayed[channel, threshold] = Signal(oldest + 1, name=f"delayed{len(delayed)}", reset_less=True)
            now = self.channel(channel) >= threshold
            with m.If(accept):
                older = Mux(start, Const(-before, oldest + 1), chain)
                m.d.sync += chain.eq(Cat(now, older))
        m.d.comb += self.o.payload.eq(Cat(delayed[channel, threshold][age] for channel, threshold, age in bits))
        return m


CORE = WindowCore
