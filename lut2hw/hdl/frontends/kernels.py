"""`lut2hw.frontends.kernels` in hardware: one adder tree, which does every count of a sample in turn.

A sample is written to a memory of past samples. For each channel and dilation nine taps are read back, one a clock,
into registers; then each kernel and bias of that dilation takes a clock: three taps, a sum, a comparison, and a
counter in memory goes up. At the end of a segment the counters are compared with the network's thresholds, one a
clock, and the bits are shifted into a register.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.memory import Memory
from numpy.typing import NDArray

from lut2hw.frontends.kernels import KERNELS, TAPS, Kernels
from lut2hw.hdl.frontends.base import FrontEndCore, Place, chosen

DRAIN = 4
"""Clocks from a word of the program to its counter."""


class Group(NamedTuple):
    """Counts of one channel and dilation, of which the taps are read once."""

    channel: int
    dilation: int
    end: int
    """The count after the last one."""


class Plan:
    """What is counted, in which order, and what is asked of it.

    Parameters
    ----------
    front_end : Kernels
    feature, threshold : NDArray
        As of `FrontEndCore`.

    Attributes
    ----------
    counts : list of tuple
        (channel, dilation, kernel, bias) of each count.
    groups : list of Group
    reads : list of tuple
        (count, threshold) of each bit, in the order of segments.
    ends : list of int
        By segment, the read after its last one.
    place : list of int
        Position among `reads` of each bit asked for.
    """

    def __init__(self, front_end: Kernels, feature: NDArray[np.int64], threshold: NDArray[np.int64]) -> None:
        rows = front_end.rows[feature]
        self.counts = sorted({tuple(row[1:]) for row in rows.tolist()})
        number = {count: index for index, count in enumerate(self.counts)}
        self.groups: list[Group] = []
        for index, (channel, dilation, *_) in enumerate(self.counts):
            if self.groups and self.groups[-1][:2] == (channel, dilation):
                self.groups.pop()
            self.groups.append(Group(channel, dilation, index + 1))
        order = np.argsort(rows[:, 0], kind="stable")
        self.reads = [(number[tuple(rows[at, 1:].tolist())], int(threshold[at])) for at in order]
        segments = np.arange(front_end.segments.count)
        self.ends = np.searchsorted(rows[order, 0], segments, side="right").tolist()
        self.place = np.argsort(order).tolist()


class KernelsCore(FrontEndCore):
    """Many clocks a sample, `Kernels.clocks_per_sample`, for few cells."""

    front_end: Kernels

    def elaborate(self, platform: object) -> Module:
        m = Module()
        front_end = self.front_end
        plan = Plan(front_end, self.feature, self.threshold)
        bits = Signal(max(1, len(plan.reads)), reset_less=True)
        m.d.comb += self.o.payload.eq(Cat(bits[at] for at in plan.place))
        accept, done = Signal(), Signal()
        m.d.comb += [accept.eq(self.i.valid & self.i.ready), self.o.valid.eq(done)]
        start = self.starts(m, accept)
        at = Place(m, front_end.segments, start, accept)
        if not plan.counts:
            m.d.comb += self.i.ready.eq(~done | self.o.ready)
            with m.If(self.i.ready):
                m.d.sync += done.eq(accept & self.last)
            return m

        # What the sample that is worked on is.
        begins, ends, ending = (Signal(name=name, reset_less=True) for name in ("begins", "ends", "ending"))
        segment = Signal.like(at.segment, name="segment", reset_less=True)
        reach = (TAPS - 1) * max(group.dilation for group in plan.groups)
        age = Signal(range(reach + 1))  # samples before it
        here = Signal(range(1 << reach.bit_length()))
        with m.If(accept):
            m.d.sync += [
                begins.eq(at.begins),
                ends.eq((at.ends | self.last) & ~at.beyond),
                ending.eq(self.last),
                segment.eq(at.segment),
                age.eq(Mux(start, 0, age + (age != reach))),
                here.eq(here + 1),
            ]

        # Past samples, all channels of one in a word.
        widths = [int(width) for width in front_end.widths]
        m.submodules.history = history = Memory(shape=sum(widths), depth=1 << len(here), init=[])
        write, read = history.write_port(), history.read_port()
        if front_end.gain:
            written = self._shifted(m, start, accept, widths)
            later = Signal()
            m.d.sync += later.eq(accept)
            m.d.comb += [write.en.eq(later), write.addr.eq(here)]
        else:
            written = [self.channel(c) for c in range(len(widths))]
            m.d.comb += [write.en.eq(accept), write.addr.eq(here + 1)]
        m.d.comb += write.data.eq(
            Cat(
                value[:width] if len(value) >= width else _wide(value, width)
                for value, width in zip(written, widths, strict=True)
            )
        )

        # Taps: read one a clock, the newest first.
        wide = max(widths)
        group = Signal(range(max(2, len(plan.groups))))
        tap, ago, back = Signal(range(TAPS)), Signal(range(reach + 1)), Signal.like(here)
        loading = Signal()
        arrives, arrived, there, newest = Signal(), Signal(), Signal(reset_less=True), Signal(reset_less=True)
        dilation = chosen(group, [each.dilation for each in plan.groups])
        taps = [Signal(signed(wide), name=f"tap{j}", reset_less=True) for j in range(TAPS)]
        growing = Signal(signed(wide + 4), reset_less=True)
        whole = Signal.like(growing, reset_less=True)
        m.d.comb += [read.addr.eq(back), read.en.eq(1)]
        m.d.sync += [arrives.eq(loading), arrived.eq(arrives), there.eq(ago <= age), newest.eq(tap == 0)]
        offsets = np.cumsum([0, *widths]).tolist()
        parts = [read.data[a:b].as_signed() for a, b in itertools.pairwise(offsets)]
        value = Signal(signed(wide))
        which = chosen(group, [each.channel for each in plan.groups])
        came: Value = parts[0]
        for number, part in enumerate(parts[1:], 1):
            came = Mux(which == number, part, came)
        m.d.comb += value.eq(Mux(there, came, 0))
        with m.If(arrives):
            m.d.sync += [older.eq(newer) for older, newer in zip(taps, [*taps[1:], value], strict=True)]
            m.d.sync += growing.eq(Mux(newest, 0, growing) + value)
        with m.If(arrived):
            m.d.sync += whole.eq(growing)

        # The program: three taps and a bias for each count.
        of_output = wide + 5
        low, high = -(1 << of_output - 1), (1 << of_output - 1) - 1  # outputs beyond it there are none
        shape = signed(of_output)
        words = [
            sum(place << 4 * n for n, place in enumerate(KERNELS[kernel]))
            | (min(max(bias, low), high) & (1 << of_output) - 1) << 12
            for (_, _, kernel, bias) in plan.counts
        ]
        m.submodules.program = program = Memory(shape=12 + of_output, depth=len(words), init=words)
        fetch = program.read_port()
        counter = Signal(range(max(2, len(words) + 1)))
        running = Signal()
        m.d.comb += [fetch.addr.eq(counter), fetch.en.eq(1)]
        valid, index = [running], [counter]
        for stage in range(DRAIN):
            valid.append(Signal(name=f"valid{stage}"))
            index.append(Signal.like(counter, name=f"index{stage}", reset_less=True))
            m.d.sync += [valid[-1].eq(valid[-2]), index[-1].eq(index[-2])]
        reads = [Signal(signed(wide), name=f"read{n}", reset_less=True) for n in range(3)]
        table = Array([*taps, *[Const(0, signed(wide))] * (16 - TAPS)])
        bias1, bias2 = Signal(shape, reset_less=True), Signal(shape, reset_less=True)
        three = Signal(signed(wide + 2), reset_less=True)
        hit = Signal(reset_less=True)
        m.d.sync += [
            *(each.eq(table[fetch.data.word_select(n, 4)]) for n, each in enumerate(reads)),
            bias1.eq(fetch.data[12:].as_signed()),
            three.eq(reads[0] + reads[1] + reads[2]),
            bias2.eq(bias1),
            hit.eq((three << 1) + three - whole > bias2),
        ]

        # Counters, and the thresholds that they are compared with.
        of_count = front_end.segments.length.bit_length()
        m.submodules.counters = counters = Memory(shape=of_count, depth=len(words), init=[])
        put, get = counters.write_port(), counters.read_port()
        of_index = max(1, (len(words) - 1).bit_length())
        asked = [number | threshold << of_index for number, threshold in plan.reads]
        m.submodules.asked = thresholds = Memory(shape=of_index + of_count, depth=len(asked), init=asked)
        ask = thresholds.read_port()
        question = Signal(range(len(asked) + 1))
        asking, absent = Signal(), Signal()
        asked1, asked2 = Signal(), Signal()
        limit = Signal(of_count, reset_less=True)
        m.d.comb += [
            ask.addr.eq(question),
            ask.en.eq(1),
            get.en.eq(1),
            get.addr.eq(Mux(asked1, ask.data[:of_index], index[DRAIN - 1])),
            put.en.eq(valid[DRAIN]),
            put.addr.eq(index[DRAIN]),
            put.data.eq(Mux(begins, 0, get.data) + hit),
        ]
        m.d.sync += [asked1.eq(asking), asked2.eq(asked1), limit.eq(ask.data[of_index:])]
        with m.If(asked2):
            m.d.sync += bits.eq(Cat(bits, ~absent & (get.data >= limit))[1:])
        with m.If(accept & start):
            m.d.sync += question.eq(0)

        wait = Signal(range(DRAIN))
        stop = Mux(absent, len(asked), chosen(segment, plan.ends))
        group_end = chosen(group, [each.end for each in plan.groups])

        def load() -> None:
            m.d.sync += [back.eq(here), tap.eq(0), ago.eq(0)]
            m.next = "LOAD"

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [group.eq(0), counter.eq(0), absent.eq(0)]
                with m.If(accept):
                    m.d.sync += [back.eq(here + 1), tap.eq(0), ago.eq(0)]
                    m.next = "SHIFT" if front_end.gain else "LOAD"
                    with m.If(at.beyond):
                        m.next = "IDLE"
                        with m.If(self.last):
                            m.next = "DONE"
            if front_end.gain:
                with m.State("SHIFT"):
                    m.next = "LOAD"
            with m.State("LOAD"):
                m.d.comb += loading.eq(1)
                m.d.sync += [tap.eq(tap + 1), ago.eq(ago + dilation), back.eq(back - dilation)]
                with m.If(tap == TAPS - 1):
                    m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += running.eq(1)
                m.d.sync += [counter.eq(counter + 1), wait.eq(0)]
                with m.If(counter + 1 == group_end):
                    with m.If(counter + 1 == len(words)):
                        m.next = "DRAIN"
                    with m.Else():
                        m.d.sync += group.eq(group + 1)
                        load()
            with m.State("DRAIN"):
                m.d.sync += wait.eq(wait + 1)
                with m.If(wait == DRAIN - 1):
                    m.next = "IDLE"
                    with m.If(ends):
                        m.next = "ASK"
            with m.State("ASK"):
                m.d.comb += asking.eq(question != stop)
                m.d.sync += [question.eq(question + asking), wait.eq(0)]
                with m.If((question + asking) == stop):
                    m.next = "TOLD"
            with m.State("TOLD"):
                m.d.sync += wait.eq(wait + 1)
                with m.If(wait == 1):
                    m.d.sync += absent.eq(1)
                    with m.If(~ending):
                        m.next = "IDLE"
                    with m.Elif(question == len(asked)):
                        m.next = "DONE"
                    with m.Else():
                        m.next = "ASK"
            with m.State("DONE"):
                m.d.comb += done.eq(1)
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return m

    def _shifted(self, m: Module, start: Value, accept: Value, widths: list[int]) -> list[Value]:
        """Channels of the sample last taken, shifted by the greatest absolute value so far."""
        gain, out = self.front_end.gain, []
        for channel, width in enumerate(widths):
            x = self.channel(channel)
            size = len(x)
            taken = Signal(signed(size + 1), name=f"taken{channel}", reset_less=True)
            greatest = Signal(size, name=f"greatest{channel}", reset_less=True)
            absolute = Mux(x < 0, -x, x)[:size]
            before = Mux(start, 0, greatest)
            with m.If(accept):
                m.d.sync += [taken.eq(x), greatest.eq(Mux(absolute > before, absolute, before))]
            shifted = Signal(signed(width), name=f"shifted{channel}")
            m.d.comb += shifted.eq(taken)
            for n in range(1, size - (gain - 1) + 1):
                with m.If(greatest[gain - 2 + n]):
                    m.d.comb += shifted.eq(taken >> n)
            out.append(shifted)
        return out


def _wide(value: Value, width: int) -> Value:
    """The value in more bits, of the same number."""
    out = value.as_signed() if value.shape().signed else Cat(value, Const(0, 1)).as_signed()
    return Cat(out, *[out[-1]] * (width - len(out)))


CORE = KernelsCore
