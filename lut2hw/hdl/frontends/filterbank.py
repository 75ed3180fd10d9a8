"""`lut2hw.frontends.filterbank` in hardware: one adder multiplies for all filters, bit by bit.

For each sample the filters take their turns: a coefficient's bit a clock, with both products in one sum, then the
output's magnitude goes to the memory of frames. After the last sample the frames of each segment are added up, their
logarithm is taken by shifting, and what the network asks of two of them is answered one bit a clock.
"""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.memory import Memory

from lut2hw.frontends.filterbank import COEFFICIENT, FRACTION, PLACES, Filterbank, logarithm
from lut2hw.hdl.frontends.base import FrontEndCore, chosen


class FilterbankCore(FrontEndCore):
    """Many clocks a sample, `Filterbank.clocks_per_sample`, for few cells."""

    front_end: Filterbank

    def elaborate(self, platform: object) -> Module:
        m = Module()
        accept, done = Signal(), Signal()
        m.d.comb += [accept.eq(self.i.valid & self.i.ready), self.o.valid.eq(done)]
        start = self.starts(m, accept)
        if not len(self.feature):
            m.d.comb += self.i.ready.eq(~done | self.o.ready)
            with m.If(self.i.ready):
                m.d.sync += done.eq(accept & self.last)
            return m
        front_end = self.front_end.only(self.feature)
        filters, number = front_end.filters()
        n, frames, segments = len(filters), front_end.frames, front_end.segments

        # The sample that is worked on, and the two before it of each channel.
        fresh, ending = Signal(reset_less=True), Signal(reset_less=True)
        differences = [self._difference(m, start, accept, c) for c in sorted({c for c, _ in filters})]
        with m.If(accept):
            m.d.sync += [fresh.eq(start), ending.eq(self.last)]

        # Which frame it belongs to.
        place = Signal(range(front_end.frame << front_end.doublings))
        slot, doubled = Signal(range(frames + 1)), Signal(range(front_end.doublings + 1))
        ends = Signal()
        lengths = [front_end.frame << d for d in range(front_end.doublings + 1)]
        m.d.comb += ends.eq(place == chosen(doubled, [each - 1 for each in lengths]))
        with m.If(accept & start):
            m.d.sync += [place.eq(0), slot.eq(0), doubled.eq(0)]

        # Memories: frames, outputs of the filters, their coefficients.
        of_filter = max(1, (n - 1).bit_length())
        turn = Signal(of_filter)
        m.submodules.sums = sums = Memory(shape=front_end.of_frame, depth=frames << of_filter, init=[])
        sums_read, sums_write = sums.read_port(), sums.write_port()
        at, to = Signal(range(frames)), Signal(range(frames))
        m.d.comb += [sums_read.en.eq(1), sums_read.addr.eq(Cat(turn, at)), sums_write.addr.eq(Cat(turn, to))]
        width = front_end.width
        m.submodules.outputs = outputs = Memory(shape=2 * width, depth=max(2, n), init=[])
        outputs_read, outputs_write = outputs.read_port(), outputs.write_port()
        m.submodules.coefficients = coefficients = Memory(
            shape=2 * COEFFICIENT + 4, depth=max(2, n), init=[_word(front_end, band) for _, band in filters]
        )
        fetch = coefficients.read_port()
        m.d.comb += [
            port.eq(value)
            for port, value in (
                (outputs_read.en, 1),
                (outputs_read.addr, turn),
                (outputs_write.addr, turn),
                (fetch.en, 1),
                (fetch.addr, turn),
            )
        ]

        # A filter: y1 and y2 times their coefficients, the highest bit first, and the sample where its place is.
        y1, y2 = (Signal(signed(width), name=name, reset_less=True) for name in ("y1", "y2"))
        less = Signal(signed(width + 1), reset_less=True)
        forward, back = (Signal(COEFFICIENT, name=name, reset_less=True) for name in ("forward", "back"))
        scale = Signal(4, reset_less=True)
        total = Signal(signed(width + COEFFICIENT + 3), reset_less=True)
        step, highest = Signal(range(COEFFICIENT)), Signal()
        y = Signal(signed(width), reset_less=True)
        difference = Signal(signed(max(len(each) for each in differences)))
        channels = sorted({c for c, _ in filters})
        m.d.comb += difference.eq(_of(turn, [differences[channels.index(c)] for c, _ in filters]))
        was1, was2 = outputs_read.data[:width].as_signed(), outputs_read.data[width:].as_signed()
        now1, now2 = Signal(signed(width)), Signal(signed(width))
        m.d.comb += [now1.eq(Mux(fresh, 0, was1)), now2.eq(Mux(fresh, 0, was2))]
        product = Signal(signed(width + 1))
        with m.Switch(Cat(forward[-1], back[-1])):
            with m.Case(0):
                m.d.comb += product.eq(0)
            with m.Case(1):
                m.d.comb += product.eq(y1)
            with m.Case(2):
                m.d.comb += product.eq(-y2)
            with m.Default():
                m.d.comb += product.eq(less)
        shifted = (total >> FRACTION)[: len(total) - FRACTION].as_signed()
        limit = front_end.limit
        magnitude = Signal(width - 1)
        m.d.comb += [magnitude.eq(Mux(y < 0, -y, y)), outputs_write.data.eq(Cat(y, y1))]

        # Segments: sums of frames, their logarithms, and what is asked of them.
        count, error = Signal(range(frames + 1)), Signal(range(frames + segments + 1))
        index, segment = Signal(range(frames + 1)), Signal(range(segments + 1))
        value, top = Signal(front_end.of_sum), Signal(range(front_end.of_sum))
        sum_ = Signal(front_end.of_sum)
        of_log = max(1, int(logarithm(np.array([(1 << front_end.of_sum) - 1]))[0]).bit_length())
        of_segment = max(1, (segments - 1).bit_length())
        m.submodules.cells = cells = Memory(shape=of_log, depth=1 << of_filter + of_segment, init=[])
        cells_write, cell, against = cells.write_port(), cells.read_port(), cells.read_port()
        m.d.comb += [
            cells_write.addr.eq(Cat(turn, segment[:of_segment])),
            cells_write.data.eq(Cat(value[-1 - PLACES : -1], top)),
        ]
        of_cell = of_filter + of_segment
        greatest = (1 << of_log) - 1
        words = []
        for row, threshold, (first, second) in zip(
            front_end.rows.tolist(), self.threshold.tolist(), number.tolist(), strict=True
        ):
            alone = row[3] < 0
            word = first | row[0] << of_filter
            word |= (0 if alone else second | row[3] << of_filter) << of_cell
            word |= int(alone) << 2 * of_cell
            clipped = min(max(threshold, -greatest), greatest + 1)
            words.append(word | (clipped & (1 << of_log + 2) - 1) << 2 * of_cell + 1)
        m.submodules.asked = asked = Memory(shape=2 * of_cell + 3 + of_log, depth=max(2, len(words)), init=words)
        ask = asked.read_port()
        question = Signal(range(len(words) + 1))
        asking, asked1, asked2, alone2 = Signal(), Signal(), Signal(), Signal()
        threshold2 = Signal(signed(of_log + 2), reset_less=True)
        bits = Signal(len(words), reset_less=True)
        m.d.comb += [
            self.o.payload.eq(bits),
            ask.en.eq(1),
            ask.addr.eq(question),
            cell.en.eq(1),
            cell.addr.eq(ask.data[:of_cell]),
            against.en.eq(1),
            against.addr.eq(ask.data[of_cell : 2 * of_cell]),
        ]
        m.d.sync += [
            asked1.eq(asking),
            asked2.eq(asked1),
            alone2.eq(ask.data[2 * of_cell]),
            threshold2.eq(ask.data[2 * of_cell + 1 :].as_signed()),
        ]
        with m.If(asked2):
            m.d.sync += bits.eq(Cat(bits, cell.data >= threshold2 + Mux(alone2, 0, against.data))[1:])

        last_turn = Signal()
        m.d.comb += last_turn.eq(turn == n - 1)
        first_of_pair = Signal(front_end.of_frame, reset_less=True)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [turn.eq(0), index.eq(0)]
                with m.If(accept):
                    m.next = "FRAME"
            with m.State("FRAME"):
                m.next = "READ"
                with m.If(slot == frames):
                    if front_end.doublings:
                        m.next = "EVEN"
                        with m.If(doubled == front_end.doublings):
                            m.next = "IDLE"
                            with m.If(ending):
                                m.next = "COUNT"
                    else:
                        m.next = "IDLE"
                        with m.If(ending):
                            m.next = "COUNT"
            if front_end.doublings:
                half = index[: max(1, (frames // 2 - 1).bit_length())] if frames > 2 else None
                pair = [half] if half is not None else []
                with m.State("EVEN"):
                    m.d.comb += at.eq(Cat(Const(0, 1), *pair)[: len(at)])
                    m.next = "ODD"
                with m.State("ODD"):
                    m.d.comb += at.eq(Cat(Const(1, 1), *pair)[: len(at)])
                    m.d.sync += first_of_pair.eq(sums_read.data)
                    m.next = "JOIN"
                with m.State("JOIN"):
                    m.d.comb += [
                        to.eq(Cat(*pair) if pair else 0),
                        sums_write.data.eq(first_of_pair + sums_read.data),
                        sums_write.en.eq(1),
                    ]
                    m.d.sync += turn.eq(turn + 1)
                    m.next = "EVEN"
                    with m.If(last_turn):
                        m.d.sync += [turn.eq(0), index.eq(index + 1)]
                        with m.If(index == frames // 2 - 1):
                            m.d.sync += [slot.eq(frames // 2), doubled.eq(doubled + 1)]
                            m.next = "READ"
            with m.State("READ"):
                m.d.comb += at.eq(slot)
                m.next = "LOAD"
            with m.State("LOAD"):
                m.d.comb += at.eq(slot)
                m.d.sync += [
                    y1.eq(now1),
                    y2.eq(now2),
                    less.eq(now1 - now2),
                    # coefficients are stored with 2**11 added, which is taken away here
                    total.eq(now2 - now1),
                    Cat(forward, back, scale).eq(fetch.data),
                    step.eq(COEFFICIENT - 1),
                    highest.eq(1),
                ]
                m.next = "MULTIPLY"
            with m.State("MULTIPLY"):
                m.d.comb += at.eq(slot)
                m.d.sync += [
                    total.eq(Mux(highest, total, total << 1) + product),
                    forward.eq(forward << 1),
                    back.eq(back << 1),
                    highest.eq(0),
                    step.eq(step - 1),
                ]
                with m.If(step == scale):
                    m.next = "SAMPLE"
                with m.Elif(step == 0):
                    m.next = "SATURATE"
            with m.State("SAMPLE"):
                m.d.comb += at.eq(slot)
                m.d.sync += total.eq(total + difference)
                m.next = "MULTIPLY"
                with m.If(scale == 0):
                    m.next = "SATURATE"
            with m.State("SATURATE"):
                m.d.comb += at.eq(slot)
                m.d.sync += y.eq(Mux(shifted > limit, limit, Mux(shifted < -limit, -limit, shifted)))
                m.next = "WRITE"
            with m.State("WRITE"):
                m.d.comb += [
                    at.eq(slot),
                    to.eq(slot),
                    outputs_write.en.eq(1),
                    sums_write.en.eq(1),
                    sums_write.data.eq(Mux(place == 0, 0, sums_read.data) + magnitude),
                ]
                m.d.sync += turn.eq(turn + 1)
                m.next = "READ"
                with m.If(last_turn):
                    m.d.sync += [turn.eq(0), index.eq(0), place.eq(Mux(ends, 0, place + 1)), slot.eq(slot + ends)]
                    m.next = "IDLE"
                    with m.If(ending):
                        m.next = "COUNT"
            with m.State("COUNT"):
                m.d.sync += [count.eq(slot + (place != 0)), turn.eq(0), question.eq(0)]
                m.next = "FIRST"
            with m.State("FIRST"):
                m.d.sync += [index.eq(0), segment.eq(0), error.eq(0), sum_.eq(0)]
                m.next = "SUM"
            with m.State("SUM"):
                m.d.comb += at.eq(index)
                m.next = "ADD"
            with m.State("ADD"):
                m.d.sync += [sum_.eq(sum_ + sums_read.data), error.eq(error + segments), index.eq(index + 1)]
                m.next = "SEGMENT"
            with m.State("SEGMENT"):
                m.d.sync += [value.eq(sum_), top.eq(front_end.of_sum - 1)]
                with m.If(error >= count):
                    m.d.sync += [error.eq(error - count), sum_.eq(0)]
                    m.next = "SHIFT"
                with m.Elif(index != count):
                    m.next = "SUM"
                with m.Elif(~last_turn):
                    m.d.sync += turn.eq(turn + 1)
                    m.next = "FIRST"
                with m.Else():
                    m.next = "ASK"
            with m.State("SHIFT"):
                with m.If(value[-1] | (top == 0)):
                    m.d.comb += cells_write.en.eq(1)
                    m.d.sync += segment.eq(segment + 1)
                    m.next = "SEGMENT"
                with m.Else():
                    m.d.sync += [value.eq(value << 1), top.eq(top - 1)]
            with m.State("ASK"):
                m.d.comb += asking.eq(question != len(words))
                m.d.sync += question.eq(question + asking)
                with m.If(~asking & ~asked1 & ~asked2):
                    m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += done.eq(1)
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return m

    def _difference(self, m: Module, start: Value, accept: Value, channel: int) -> Signal:
        """Register with the sample last taken less the second one before it, which is 0 before the first one."""
        x = self.channel(channel)
        one, two = (Signal(x.shape(), name=f"channel{channel}_{name}", reset_less=True) for name in ("one", "two"))
        out = Signal(signed(len(x) + 2), name=f"channel{channel}_difference", reset_less=True)
        with m.If(accept):
            m.d.sync += [out.eq(x - Mux(start, 0, two)), two.eq(Mux(start, 0, one)), one.eq(x)]
        return out


def _of(by: Value, signals: list[Signal]) -> Value:
    """The signal at a position."""
    out: Value = signals[-1]
    for at, each in reversed(list(enumerate(signals[:-1]))):
        if each is not signals[-1] or out is not signals[-1]:
            out = Mux(by == at, each, out)
    return out


def _word(front_end: Filterbank, band: int) -> int:
    """Coefficients, not negative since 2**11 is added to them, and the place of the sample among their bits."""
    half = 1 << COEFFICIENT - 1
    forward, back = front_end.forward[band] + half, front_end.back[band] + half
    return forward | back << COEFFICIENT | FRACTION - front_end.shift[band] << 2 * COEFFICIENT


CORE = FilterbankCore
