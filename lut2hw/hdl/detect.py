"""`lut2hw.model.detect.Detector` in hardware: front ends that take turns, and what makes events of scores."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lut2hw.hdl.frontends.base import FrontEndCore
from lut2hw.hdl.layout import hand_on
from lut2hw.logic.port import OutputPort
from lut2hw.model.detect import Detector

IN_FLIGHT = 8
"""Answers that may be under way beside those in the network's registers and in the front ends."""


class Turns(wiring.Component):
    """Front ends that look at the windows of a stream in turn, each a window at a time.

    A single one that slides never starts anew, and is asked for an answer at the end of each window. Of several, each
    takes one window in so many. A sample that begins a recording waits until no answer is under way, so that whatever
    is behind may forget what was before it.

    Parameters
    ----------
    detector : Detector
        The definition.
    front_ends : list of FrontEndCore
        As many as `detector.copies`, all alike.
    latency : int
        Registers of what is behind.

    Members
    -------
    i : In(stream.Signature(unsigned(n)))
        Samples, laid out as `InputPort.of_samples` says.
    o : Out(stream.Signature(unsigned(n_bits)))
        What the front ends answer, in the order of windows.
    begins : Out(1)
        A sample that begins a recording is taken. No answer is under way.
    left : In(1)
        An answer has left what is behind.
    """

    def __init__(self, detector: Detector, front_ends: list[FrontEndCore], latency: int) -> None:
        self.detector, self.front_ends, self.latency = detector, front_ends, latency
        one = front_ends[0]
        for front_end in front_ends:
            front_end.slides = detector.slides
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(one.port.width))),
                "o": Out(stream.Signature(one.o.payload.shape())),
                "begins": Out(1),
                "left": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        every, window, n = self.detector.every, self.detector.window, len(self.front_ends)
        width = len(self.i.payload)
        for at, each in enumerate(self.front_ends):
            m.submodules[f"front_end{at}" if n > 1 else "front_end"] = each

        # A sample waits in a register, so that ready depends on no sample that may be none.
        sample, full, accept = Signal(width), Signal(), Signal()
        m.d.comb += self.i.ready.eq(~full | accept)
        with m.If(self.i.ready):
            m.d.sync += full.eq(self.i.valid)
            with m.If(self.i.valid):
                m.d.sync += sample.eq(self.i.payload)
        channels, first, last = sample[:-2], sample[-2], sample[-1]
        fresh, start = Signal(init=1), Signal()
        m.d.comb += start.eq(first | fresh)

        # Where windows end and begin: samples to go until the next end, and until the next beginning.
        to_end, left = Signal(range(window + 1)), Signal(range(window + 1))
        ends = Signal()
        m.d.comb += [left.eq(Mux(start, window, to_end)), ends.eq(left == 1)]
        with m.If(accept):
            m.d.sync += [to_end.eq(Mux(ends, every, left - 1)), fresh.eq(last)]

        # Answers under way. A recording begins when there is none.
        most = n + self.latency + IN_FLIGHT
        under_way = Signal(range(most + 1))
        may = Signal()
        m.d.comb += may.eq(Mux(start, under_way == 0, ~ends | (under_way != most)))
        m.d.sync += under_way.eq(under_way + (accept & ends) - self.left)
        m.d.comb += self.begins.eq(accept & start)

        if self.detector.slides:
            (one,) = self.front_ends
            m.d.comb += [
                one.i.payload.eq(Cat(channels, start, ends)),
                one.i.valid.eq(full & may),
                accept.eq(full & may & one.i.ready),
                self.o.payload.eq(one.o.payload),
                self.o.valid.eq(one.o.valid),
                one.o.ready.eq(self.o.ready),
            ]
            return m

        # Which of them begins a window with this sample, and which of them ends one: both go round.
        to_begin, before = Signal(range(every + 1)), Signal(range(every + 1))
        opens = Signal()
        m.d.comb += [before.eq(Mux(start, 1, to_begin)), opens.eq(before == 1)]
        ending, beginning, turn = (Signal(range(n), name=name) for name in ("ending", "beginning", "turn"))
        opening = Signal.like(beginning)
        m.d.comb += opening.eq(Mux(start, ending, beginning))
        with m.If(accept):
            m.d.sync += [
                to_begin.eq(Mux(opens, every, before - 1)),
                beginning.eq(Mux(opens, _next(opening, n), opening)),
            ]
            with m.If(ends):
                m.d.sync += ending.eq(_next(ending, n))

        # A sample goes to all that are in a window; those that have taken it wait for the others.
        every_one = []
        for at, each in enumerate(self.front_ends):
            inside, taken = Signal(name=f"inside{at}"), Signal(name=f"taken{at}")
            begins, stops, wanted, done = (
                Signal(name=f"{name}{at}") for name in ("begins", "stops", "wanted", "done")
            )
            m.d.comb += [
                begins.eq(opens & (opening == at)),
                stops.eq(ends & (ending == at)),
                wanted.eq(begins | (inside & ~start)),
                each.i.payload.eq(Cat(channels, begins, stops)),
                each.i.valid.eq(full & may & wanted & ~taken),
                done.eq(~wanted | taken | each.i.ready),
            ]
            m.d.sync += taken.eq(full & may & (taken | (wanted & each.i.ready)) & ~accept)
            with m.If(accept):
                m.d.sync += inside.eq(wanted & ~stops & ~last)
            every_one.append(done)
        m.d.comb += accept.eq(full & may & Cat(every_one).all())

        with m.Switch(turn):
            for at, each in enumerate(self.front_ends):
                with m.Default() if at == n - 1 else m.Case(at):
                    m.d.comb += [
                        self.o.payload.eq(each.o.payload),
                        self.o.valid.eq(each.o.valid),
                        each.o.ready.eq(self.o.ready),
                    ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += turn.eq(_next(turn, n))
        return m


class Events(wiring.Component):
    """Scores to events: evidence, its sum over the last answers, two levels and a rest.

    Parameters
    ----------
    detector : Detector
        The definition.

    Members
    -------
    i : In(stream.Signature(unsigned(n)))
        What the network puts out, `Detector.outputs`.
    o : Out(stream.Signature(unsigned(n)))
        As `OutputPort.of_detector` says.
    clear : In(1)
        Forget all that was. Nothing is valid then.
    """

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.port = OutputPort.of(detector.network, detector.outputs)
        self.answer = OutputPort.of_detector(detector)
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(self.port.width))),
                "o": Out(stream.Signature(unsigned(self.answer.width))),
                "clear": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        detector = self.detector
        evidence = Signal(_shape(*detector.evidence_range))
        m.d.comb += evidence.eq(self._evidence(m))
        go, going, on, begins = Signal(), Signal(), Signal(), Signal()
        total = Signal(_shape(*detector.sum_range))
        m.d.comb += [self.i.ready.eq(self.o.ready), self.o.valid.eq(self.i.valid), go.eq(self.i.valid & self.o.ready)]
        if detector.sum > 1:
            # the sum of the last ones without the oldest, and those
            rest = Signal(_shape(*detector.sum_range))
            past = [Signal(evidence.shape(), name=f"past{at}") for at in range(detector.sum - 1)]
            m.d.comb += total.eq(rest + evidence)
            with m.If(go):
                m.d.sync += rest.eq(total - past[-1])
                m.d.sync += [older.eq(newer) for older, newer in zip(past, [evidence, *past], strict=False)]
            with m.If(self.clear):
                m.d.sync += [each.eq(0) for each in (rest, *past)]
        else:
            m.d.comb += total.eq(evidence)
        resting = Signal(range(detector.refractory + 1))
        m.d.comb += [
            begins.eq(~going & (resting == 0) & (total >= detector.onset)),
            on.eq(begins | (going & (total >= detector.hold))),
            self.o.payload.eq(Cat(on, begins, total)),
        ]
        with m.If(go):
            m.d.sync += going.eq(on)
            if detector.refractory:
                with m.If(going & ~on):
                    m.d.sync += resting.eq(detector.refractory)
                with m.Elif(resting != 0):
                    m.d.sync += resting.eq(resting - 1)
        with m.If(self.clear):
            m.d.sync += [going.eq(0), resting.eq(0)]
        return m

    def _evidence(self, m: Module) -> Value:
        """As `Detector.evidence`."""
        head, of = self.detector.network.head, self.detector.of
        fields = [
            part.as_signed() if field.signed else part
            for field in self.port.fields
            for part in [self.i.payload[field.offset : field.offset + field.width]]
        ]
        if head.kind == "bit":
            return (fields[0] == of) - Const(1, 2)
        if head.kind == "threshold":
            return (fields[0] if of else ~fields[0] if fields[0].shape().signed else -1 - fields[0]) - head.reject
        if head.kind == "argmax":
            ties = self.detector.ties.tolist()
            others = [field + ties[c] for c, field in enumerate(fields) if c != of]
            best = others[0]
            for at, other in enumerate(others[1:]):
                larger = Signal(Shape.cast(Mux(0, best, other).shape()), name=f"best{at}")
                m.d.comb += larger.eq(Mux(other > best, other, best))
                best = larger
            return fields[of] - best - head.reject
        return fields[of]


def connect_detector(m: Module, detector: Detector, core: Any, front_ends: list[FrontEndCore], network: Any) -> None:
    """Put a detector between the streams of a core.

    Parameters
    ----------
    m : Module
        Of the core.
    detector : Detector
        The definition.
    core : wiring.Component
        Streams `i` of samples and `o` of answers.
    front_ends : list of FrontEndCore
        As many as the detector has copies.
    network : NetlistCore
        The network, a submodule already.
    """
    m.submodules.turns = turns = Turns(detector, front_ends, network.latency)
    m.submodules.events = events = Events(detector)
    hand_on(m, core.i, turns.i)
    hand_on(m, turns.o, network.i)
    hand_on(m, network.o, events.i)
    hand_on(m, events.o, core.o)
    m.d.comb += [turns.left.eq(events.o.valid & core.o.ready), events.clear.eq(turns.begins)]


def _next(turn: Value, n: int) -> Value:
    return Mux(turn == n - 1, 0, turn + 1)


def _shape(low: int, high: int) -> Shape:
    """Of integers from low to high."""
    if low >= 0:
        return unsigned(max(1, high.bit_length()))
    return signed(1 + max((-low - 1).bit_length(), max(high, 0).bit_length()))
