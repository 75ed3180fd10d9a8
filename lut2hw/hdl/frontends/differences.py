"""`lut2hw.frontends.differences` in hardware: running quantities, compared at the end of each segment."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed

from lut2hw.frontends.differences import CROSSINGS, MAX, MEAN, MIN, RANGE, SLOPE, Differences
from lut2hw.hdl.frontends.base import FrontEndCore, Place


class DifferencesCore(FrontEndCore):
    """A sample per clock. Comparators read the running quantities, and a bit keeps what they said at the end of its
    segment.
    """

    front_end: Differences

    def elaborate(self, platform: object) -> Module:
        m = Module()
        front_end = self.front_end
        accept, done = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~done | self.o.ready),
            accept.eq(self.i.valid & self.i.ready),
            self.o.valid.eq(done),
        ]
        start = self.starts(m, accept)
        at = Place(m, front_end.segments, start, accept)
        clear, keep, ended = Signal(), Signal(), Signal()
        segment = Signal.like(at.segment, reset_less=True)
        with m.If(self.i.ready):
            m.d.sync += [
                clear.eq(accept & start),
                keep.eq(accept & (at.ends | self.last) & ~at.beyond),
                ended.eq(accept & self.last),
                segment.eq(at.segment),
                done.eq(ended),
            ]
        rows = front_end.rows[self.feature]
        running = {
            (channel, quantity): self._quantity(m, at, start, accept, channel, quantity)
            for channel, quantity in sorted({(c, q) for _, c, q in rows.tolist()})
        }
        scale = {MEAN: front_end.segments.length, SLOPE: front_end.half}
        said: dict[tuple[int, int, int], Signal] = {}
        bits: list[Signal] = []
        for (of, channel, quantity), threshold in zip(rows.tolist(), self.threshold.tolist(), strict=True):
            key = (channel, quantity, threshold)
            if key not in said:
                said[key] = Signal(name=f"said{len(said)}")
                m.d.comb += said[key].eq(running[channel, quantity] >= threshold * scale.get(quantity, 1))
            bit = Signal(name=f"bit{len(bits)}", reset_less=True)
            bits.append(bit)
            with m.If(self.i.ready):
                with m.If(keep & (segment == of)):
                    m.d.sync += bit.eq(said[key])
                with m.Elif(clear):
                    m.d.sync += bit.eq(int(threshold <= 0))
        m.d.comb += self.o.payload.eq(Cat(bits))
        return m

    def _quantity(self, m: Module, at: Place, start: Value, accept: Value, channel: int, quantity: int) -> Value:
        """A register with a quantity of the segment up to the last sample taken."""
        segments, half = self.front_end.segments, self.front_end.segments.length // 2
        samples = self.front_end.samples
        x = self.channel(channel)
        long = segments.length.bit_length()
        name = f"channel{channel}_quantity{quantity}"
        if quantity == RANGE:
            out = Signal(int(samples.widths[channel]) + 1, name=name)
            greatest = self._quantity(m, at, start, accept, channel, MAX)
            least = self._quantity(m, at, start, accept, channel, MIN)
            m.d.comb += out.eq(greatest - least)
            return out
        if quantity in (MIN, MAX):
            out = Signal(x.shape(), name=name, reset_less=True)
            new = Mux(at.begins | ((x < out) if quantity == MIN else (x > out)), x, out)
        elif quantity == CROSSINGS:
            out = Signal(long, name=name, reset_less=True)
            below, before = Signal(name=f"{name}_below"), Signal(name=f"{name}_before", reset_less=True)
            m.d.comb += below.eq(x < self.front_end.centre[channel])
            with m.If(accept):
                m.d.sync += before.eq(below)
            new = Mux(at.begins, 0, out) + (~start & (below ^ before))
        else:
            out = Signal(signed(int(samples.widths[channel]) + 2 + long), name=name, reset_less=True)
            term: Value = x
            if quantity == SLOPE:
                term = Mux(at.place < half, -x, Mux(at.place >= segments.length - half, x, 0))
            new = Mux(at.begins, 0, out) + term
        with m.If(accept):
            m.d.sync += out.eq(new)
        return out


CORE = DifferencesCore
