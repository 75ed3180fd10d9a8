"""AXI4-Stream link."""

from __future__ import annotations

from typing import Self

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from lut2hw.errors import UsageError
from lut2hw.hdl.links.base import Link, LinkOptions
from lut2hw.hdl.protocol import Identity


class AxiStream(Link):
    """AXI4-Stream link: one packet of features in, one beat with the answer out.

    A packet has `beats` beats, byte 0 of the vector in TDATA[7:0] of the first, TLAST on the last one. A packet of
    another length is answered by a beat with TUSER 1 whose TDATA means nothing.

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
        With `s_axis_tvalid`, `s_axis_tready` and `s_axis_tlast`: packets of features.
    m_axis_tdata : Out(8 * identity.answer_bytes)
        With `m_axis_tvalid`, `m_axis_tready`, `m_axis_tuser` and `m_axis_tlast`, which is always 1:
        answers, padded to bytes.
    """

    bench = "link_axi_stream"

    def __init__(self, identity: Identity, data_bytes: int = 4):
        if data_bytes < 1:
            raise UsageError(f"AXI-Stream data must be at least one byte wide, not {data_bytes}")
        self.data_bytes = data_bytes
        self.beats = -(-identity.input_bytes // data_bytes)
        super().__init__(
            identity,
            {
                "s_axis_tdata": In(8 * data_bytes),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "s_axis_tlast": In(1),
                "m_axis_tdata": Out(8 * identity.answer_bytes),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
                "m_axis_tuser": Out(1),
            },
        )

    @classmethod
    def of(cls, identity: Identity, options: LinkOptions) -> Self:
        return cls(identity, options.data_bytes)

    def bench_options(self) -> dict[str, int]:
        return {"data_bytes": self.data_bytes}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = 8 * self.data_bytes
        vector = Signal(width * self.beats)
        left = Signal(range(self.beats), init=self.beats - 1)
        long = Signal()
        answer = self._held_answer(m)
        m.d.comb += [self.features.payload.eq(vector), self.m_axis_tlast.eq(1), self.m_axis_tdata.eq(answer.payload)]
        with m.FSM():
            with m.State("BEATS"):
                m.d.comb += self.s_axis_tready.eq(1)
                with m.If(self.s_axis_tvalid):
                    m.d.sync += [vector.eq(Cat(vector, self.s_axis_tdata)[width:]), left.eq(left - 1)]
                    with m.If(left == 0):
                        m.d.sync += [left.eq(0), long.eq(1)]
                    with m.If(self.s_axis_tlast):
                        m.d.sync += [left.eq(self.beats - 1), long.eq(0)]
                        m.next = "WRONG"
                        with m.If((left == 0) & ~long):
                            m.next = "FEATURES"
            with m.State("FEATURES"):
                m.d.comb += self.features.valid.eq(1)
                with m.If(self.features.ready):
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += [self.m_axis_tvalid.eq(answer.valid), answer.ready.eq(self.m_axis_tready)]
                with m.If(answer.valid & self.m_axis_tready):
                    m.next = "BEATS"
            with m.State("WRONG"):
                m.d.comb += [self.m_axis_tvalid.eq(1), self.m_axis_tuser.eq(1)]
                with m.If(self.m_axis_tready):
                    m.next = "BEATS"
        return m
