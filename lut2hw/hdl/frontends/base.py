"""What all front ends have in hardware: samples in, with their marks, and bits out at the end of a sequence."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from lut2hw.frontends.base import FrontEnd
from lut2hw.frontends.segments import Segments
from lut2hw.logic.port import InputPort


class FrontEndCore(wiring.Component):
    """A front end in hardware, `FrontEnd.transform` and the encoder in one.

    Parameters
    ----------
    front_end : FrontEnd
        The definition.
    feature, threshold : NDArray
        int64 (n_bits,): bit b of the answer is feature[b] >= threshold[b].

    Attributes
    ----------
    slides : bool
        A sample that is marked as the last one is answered, but ends nothing: only a marked first one begins anew.
        Of a front end that looks back from each sample.

    Members
    -------
    i : In(stream.Signature(unsigned(n)))
        Samples, laid out as `InputPort.of_samples` says. A sample is the first of a sequence if it is marked so, and
        after a last one and after reset.
    o : Out(stream.Signature(unsigned(n_bits)))
        After the last sample of each sequence, the bits. Of no bits one is there, which is unused.
    """

    def __init__(self, front_end: FrontEnd, feature: NDArray[np.int64], threshold: NDArray[np.int64]) -> None:
        self.front_end, self.feature, self.threshold = front_end, feature, threshold
        self.port = InputPort.of_samples(front_end.samples)
        self.slides = False
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(self.port.width))),
                "o": Out(stream.Signature(unsigned(max(1, len(feature))))),
            }
        )

    def channel(self, number: int) -> Value:
        """A channel of the sample at the input, signed if its range goes below zero."""
        field = self.port.fields[number]
        bits = self.i.payload[field.offset : field.offset + field.width]
        return bits.as_signed() if field.signed else bits

    @property
    def first(self) -> Value:
        """The sample at the input begins a sequence by its mark."""
        return self.i.payload[self.port.width - 2]

    @property
    def last(self) -> Value:
        """The sample at the input ends a sequence."""
        return self.i.payload[self.port.width - 1]

    def starts(self, m: Module, accept: Value) -> Value:
        """Whether the sample at the input is the first of a sequence.

        Parameters
        ----------
        m : Module
        accept : Value
            It is taken.
        """
        fresh, start = Signal(init=1), Signal()
        m.d.comb += start.eq(self.first | fresh)
        with m.If(accept):
            m.d.sync += fresh.eq(0 if self.slides else self.last)
        return start


class Place:
    """Where in which segment the sample at the input is.

    Parameters
    ----------
    m : Module
    segments : Segments
    start, accept : Value
        The sample is the first of a sequence; it is taken.

    Attributes
    ----------
    place : Signal
        Position in the segment.
    segment : Signal
        Number of the segment; `Segments.count` after the last one.
    begins, ends : Signal
        The sample is the first, or the last one possible, of its segment.
    beyond : Signal
        It is after the last segment.
    """

    def __init__(self, m: Module, segments: Segments, start: Value, accept: Value) -> None:
        place, segment = Signal(range(segments.length)), Signal(range(segments.count + 1))
        self.place, self.segment = Signal.like(place), Signal.like(segment)
        self.begins, self.ends, self.beyond = Signal(), Signal(), Signal()
        m.d.comb += [
            self.place.eq(Mux(start, 0, place)),
            self.segment.eq(Mux(start, 0, segment)),
            self.begins.eq(self.place == 0),
            self.ends.eq(self.place == segments.length - 1),
            self.beyond.eq(self.segment == segments.count),
        ]
        with m.If(accept):
            m.d.sync += [
                place.eq(Mux(self.ends, 0, self.place + 1)),
                segment.eq(self.segment + (self.ends & ~self.beyond)),
            ]


def chosen(by: Value, values: list[int]) -> Value:
    """The value at a position, of constants.

    Parameters
    ----------
    by : Value
        Position; beyond the last one it is any of them.
    values : list of int
        Not negative.
    """
    width = max(values).bit_length() or 1
    out: Value = Const(values[-1], width)
    for at, value in reversed(list(enumerate(values[:-1]))):
        if value != values[at + 1] or at + 2 < len(values):
            out = Mux(by == at, Const(value, width), out)
    return out
