"""AXI4-Stream link."""

from __future__ import annotations

from typing import Any, Self

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out, connect, flipped

from lut2hw.errors import UsageError
from lut2hw.hdl.links.base import Link, LinkOptions
from lut2hw.hdl.protocol import Identity

AHEAD = 4
"""Answers of a bare core that find room beyond those under way in it, so that none waits for the room of another."""


class Skid(wiring.Component):
    """Two registers that pass on a transfer a clock, with no path from one side's inputs to the other's outputs.

    Parameters
    ----------
    bits : int
        Of the payload.

    Members
    -------
    i : In(stream.Signature(bits))
        Transfers in; ready is the inverse of a register.
    o : Out(stream.Signature(bits))
        Transfers out, payload and valid from registers.
    """

    def __init__(self, bits: int) -> None:
        super().__init__({"i": In(stream.Signature(bits)), "o": Out(stream.Signature(bits))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spare, held = Signal.like(self.i.payload, reset_less=True), Signal()
        m.d.comb += self.i.ready.eq(~held)
        with m.If(self.o.ready | ~self.o.valid):
            m.d.sync += [
                self.o.payload.eq(Mux(held, spare, self.i.payload)),
                self.o.valid.eq(held | self.i.valid),
                held.eq(0),
            ]
        with m.Elif(self.i.valid & ~held):
            m.d.sync += [spare.eq(self.i.payload), held.eq(1)]
        return m


class _Room(wiring.Component):
    """A queue with the sides of a `Skid`."""

    def __init__(self, bits: int, depth: int) -> None:
        self._depth = depth
        super().__init__({"i": In(stream.Signature(bits)), "o": Out(stream.Signature(bits))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.fifo = fifo = SyncFIFOBuffered(width=len(self.i.payload), depth=self._depth)
        connect(m, flipped(self.i), fifo.w_stream)
        connect(m, fifo.r_stream, flipped(self.o))
        return m


class AxiStream(Link):
    """AXI4-Stream link: one packet of features in, one beat with the answer out, a beat a clock.

    A packet has `beats` beats, byte 0 of the vector in TDATA[7:0] of the first, TLAST on the last one. The next
    packet may follow at once, and answers come in order, so that an example takes `beats` clocks unless the core
    takes longer or an answer is not taken. A packet of another length, or one that lacks a byte by TKEEP, is answered
    in its turn by a beat with TUSER 1 whose TDATA means nothing; bytes after the last of the vector may be kept or
    not.

    No output depends on an input of the same clock, and an answer stays until it is taken.

    Parameters
    ----------
    identity : Identity
        Of the core behind the link.
    data_bytes : int
        Width of the input's TDATA, in bytes.

    Attributes
    ----------
    beats : int
        Beats of a packet of features.

    Members
    -------
    s_axis_tdata : In(8 * data_bytes)
        With `s_axis_tvalid`, `s_axis_tready`, `s_axis_tkeep` and `s_axis_tlast`: packets of features.
    m_axis_tdata : Out(8 * identity.answer_bytes)
        With `m_axis_tvalid`, `m_axis_tready`, `m_axis_tuser`, and `m_axis_tkeep` and `m_axis_tlast`, which are always
        ones: answers, padded to bytes.

    As a module of its own it has the clock `aclk` and the reset `aresetn`, low for at least one edge of the clock.
    """

    bench = "link_axi_stream"
    clock, reset = "aclk", "aresetn"

    def __init__(self, identity: Identity, data_bytes: int = 4):
        if data_bytes < 1:
            raise UsageError(f"AXI-Stream data must be at least one byte wide, not {data_bytes}")
        self.data_bytes = data_bytes
        self.beats = -(-identity.input_bytes // data_bytes)
        super().__init__(
            identity,
            {
                "s_axis_tdata": In(8 * data_bytes),
                "s_axis_tkeep": In(data_bytes),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "s_axis_tlast": In(1),
                "m_axis_tdata": Out(8 * identity.answer_bytes),
                "m_axis_tkeep": Out(identity.answer_bytes),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
                "m_axis_tuser": Out(1),
            },
        )

    @classmethod
    def of(cls, identity: Identity, options: LinkOptions) -> Self:
        return cls(identity, options.data_bytes)

    def bench_options(self) -> dict[str, Any]:
        return {"data_bytes": self.data_bytes, "every_clock": self.core_every_clock}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self.identity.answer_bits
        full, wrong = Signal(), Signal()  # a packet for the core is there; one to be refused is
        may, pushed = Signal(), Signal()
        queue = self._queue(m, bits + 1)
        # Examples in the core, and with a bare one all whose answers wait, too, so that there is room for each.
        most = self.core_holds + AHEAD if self.core_bare else (1 << (self.core_holds + 1).bit_length()) - 1
        under_way = Signal(range(most + 1))
        taken, entered, left = Signal(), Signal(), Signal()
        m.d.comb += [
            may.eq(under_way != most),
            taken.eq(full & may & self.features.ready),
            self.features.valid.eq(full & may),
            self.m_axis_tvalid.eq(queue.o.valid),
            queue.o.ready.eq(self.m_axis_tready),
            self.m_axis_tdata.eq(queue.o.payload[:bits]),
            self.m_axis_tuser.eq(queue.o.payload[bits]),
            self.m_axis_tkeep.eq(~0),
            self.m_axis_tlast.eq(1),
            pushed.eq(wrong & (under_way == 0) & queue.i.ready),
            queue.i.valid.eq(self.answer.valid | pushed),
            queue.i.payload.eq(Cat(self.answer.payload, pushed)),
            self.answer.ready.eq(queue.i.ready),
        ]
        if self.core_bare:
            m.d.comb += [entered.eq(taken | pushed), left.eq(queue.o.valid & queue.o.ready)]
        else:
            m.d.comb += [entered.eq(taken), left.eq(self.answer.valid & queue.i.ready)]
        m.d.sync += under_way.eq(under_way + entered - left)
        with m.If(taken):
            m.d.sync += full.eq(0)
        with m.If(pushed):
            m.d.sync += wrong.eq(0)
        self._packets(m, full, wrong, taken)
        return m

    def _queue(self, m: Module, bits: int) -> wiring.Component:
        """Where answers wait: two registers, or for a core that cannot wait room for all that it may hold."""
        queue = _Room(bits, self.core_holds + AHEAD) if self.core_bare else Skid(bits)
        m.submodules.queue = queue
        return queue

    def _packets(self, m: Module, full: Signal, wrong: Signal, taken: Signal) -> None:
        """Beats to vectors; the first beat of a packet comes in while the core takes the packet before."""
        width = 8 * self.data_bytes
        vector = Signal(width * self.beats, reset_less=True)
        left = Signal(range(self.beats), init=self.beats - 1)
        bad, kept = Signal(), Signal()  # so far; in this beat
        rest = self.identity.input_bytes - (self.beats - 1) * self.data_bytes
        keep = self.s_axis_tkeep
        m.d.comb += [
            self.features.payload.eq(vector),
            self.s_axis_tready.eq(~wrong & (~full | taken)),
            kept.eq(keep[:rest].all() & ((left == 0) | keep[rest:].all())),
        ]
        with m.If(self.s_axis_tvalid & self.s_axis_tready):
            m.d.sync += [
                vector.eq(Cat(vector, self.s_axis_tdata)[width:]),
                left.eq(Mux(left == 0, 0, left - 1)),
                bad.eq(bad | ~kept | (left == 0)),
            ]
            with m.If(self.s_axis_tlast):
                right = (left == 0) & ~bad & kept
                m.d.sync += [left.eq(self.beats - 1), bad.eq(0), full.eq(right), wrong.eq(~right)]
