"""The link with the fewest pins: bits shifted in one by one, the answer out at once or in pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lut2hw.fold.program import RESTART
from lut2hw.hdl.links.base import Link, LinkOptions
from lut2hw.hdl.protocol import Identity

MOST_PINS = 16
"""Bits of an answer that go out at once."""


def pieces(answer_bits: int, bits: int) -> tuple[int, int]:
    """Pins for an answer, and clocks that it takes, where an example takes `bits` clocks to come in."""
    if answer_bits <= MOST_PINS:
        return answer_bits, 1
    pins = -(-answer_bits // max(1, bits))
    return pins, -(-answer_bits // pins)


class Shift(Link):
    """An example comes in through one pin, the answer goes out through a few.

    Parameters
    ----------
    identity : Identity
        Widths of the core's ports.
    bits : sequence of int, optional
        Bits of the features that are shifted in, the first one first; the others are zero. All of them by default.
    lanes : int, optional
        Bits of a beat of a folded core, which takes all bits in order; None for a core that takes whole examples.
    waits : bool
        The core does not take an example every clock, as one with a front end: `ready` says when.

    Members
    -------
    shift : In(1)
        While it is high, each rising edge of the clock takes one bit from `data`.
    data : In(1)
        `bits` follow each other. After the last one the example enters the core, and the next may follow at once.
    done : Out(1)
        High for one clock when an answer has come.
    result : Out(pins)
        The last answer. If it has more than `MOST_PINS` bits, it comes in `clocks` pieces: bits 0 to `pins` - 1 in
        the clock in which `done` is high, the next ones in each clock after it.
    ready : Out(1)
        With `lanes` or `waits` only: while it is low, no bit is taken.

    Attributes
    ----------
    pins, clocks : int
        Of an answer. As many bits go out in a clock as it takes to be through before the next one comes.

    Answers are taken at once, so `answer.ready` is always high. Without `lanes` nothing here can wait: a core that
    takes an example whenever its output is taken is always ready, and `features.ready` is not looked at.
    """

    bench = "link_shift"

    def __init__(
        self, identity: Identity, bits: Sequence[int] | None = None, lanes: int | None = None, *, waits: bool = False
    ) -> None:
        self.bits = tuple(range(identity.input_bits) if bits is None or lanes else bits)
        self.waits = waits or lanes is not None
        self.pins, self.clocks = pieces(identity.answer_bits, len(self.bits))
        outer: dict[str, wiring.Member] = {"shift": In(1), "data": In(1), "done": Out(1), "result": Out(self.pins)}
        super().__init__(identity, outer | ({"ready": Out(1)} if self.waits else {}), lanes)

    @classmethod
    def of(cls, identity: Identity, options: LinkOptions) -> Self:
        return cls(identity, lanes=options.lanes)

    def bench_options(self) -> dict[str, Any]:
        return {"bits": list(self.bits), "clocks": self.clocks}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self.lanes:
            self._beats(m, self.lanes)
            return m
        n = len(self.bits)
        example = Signal(n, reset_less=True)
        left = Signal(range(n + 1), init=n)
        full = Signal()
        at = {bit: index for index, bit in enumerate(self.bits)}
        m.d.comb += [
            self.features.valid.eq(full),
            self.features.payload.eq(
                Cat(example[at[bit]] if bit in at else 0 for bit in range(self.identity.input_bits))
            ),
        ]
        if self.waits:
            m.d.comb += self.ready.eq(~full)
            with m.If(full & self.features.ready):
                m.d.sync += full.eq(0)
            with m.If(self.shift & self.ready):
                m.d.sync += [example.eq(Cat(example, self.data)[1:]), left.eq(Mux(left == 1, n, left - 1))]
                with m.If(left == 1):
                    m.d.sync += full.eq(1)
            self._answer(m)
            return m
        m.d.sync += full.eq(0)
        with m.If(self.shift):
            m.d.sync += [
                example.eq(Cat(example, self.data)[1:]),
                left.eq(Mux(left == 1, n, left - 1)),
                full.eq(left == 1),
            ]
        self._answer(m)
        return m

    def _answer(self, m: Module) -> None:
        """Answers, all of which are taken at once."""
        done = Signal(reset_less=True)
        answer = Signal(self.pins * self.clocks, reset_less=True)
        m.d.comb += [
            self.answer.ready.eq(1),
            self.done.eq(done),
            self.result.eq(answer[: self.pins] if self.clocks > 1 else answer),
        ]
        m.d.sync += done.eq(self.answer.valid)
        if self.clocks > 1:
            m.d.sync += answer.eq(answer >> self.pins)
        with m.If(self.answer.valid):
            m.d.sync += answer.eq(self.answer.payload)

    def _beats(self, m: Module, lanes: int) -> None:
        """Bits to beats: each as it comes, or as many of them as a beat has."""
        self._answer(m)
        if lanes == 1:
            m.d.comb += [
                self.features.valid.eq(self.shift),
                self.features.payload.eq(Cat(Const(0, RESTART), self.data)),
                self.ready.eq(self.features.ready),
            ]
            return
        n = len(self.bits)
        beat, full = Signal(lanes, reset_less=True), Signal()
        at, left = Signal(range(lanes)), Signal(range(n + 1), init=n)
        m.d.comb += [
            self.features.valid.eq(full),
            self.features.payload.eq(Cat(Const(0, RESTART), beat)),
            self.ready.eq(~full | self.features.ready),
        ]
        with m.If(self.features.ready):
            m.d.sync += full.eq(0)
        with m.If(self.shift & self.ready):
            m.d.sync += [beat.bit_select(at, 1).eq(self.data), at.eq(at + 1), left.eq(left - 1)]
            with m.If((at == lanes - 1) | (left == 1)):
                m.d.sync += [full.eq(1), at.eq(0)]
            with m.If(left == 1):
                m.d.sync += left.eq(n)
