"""SPI link: frames over an SPI peripheral."""

from __future__ import annotations

from typing import Self

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out, connect, flipped

from lut2hw.hdl.layout import connect_load
from lut2hw.hdl.links.base import Link, LinkOptions
from lut2hw.hdl.links.framing import Framing, lanes_of
from lut2hw.hdl.protocol import END, Identity


class Spi(Link):
    """SPI peripheral, mode 0 (CPOL 0, CPHA 0), most significant bit first.

    The lines are sampled with the clock, which must be at least ten times as fast as `sck`. While there is nothing
    to say `cipo` carries `END`.

    Parameters
    ----------
    identity : Identity
        Of the core behind the link.
    lanes, engine : int or None
        As of `Framing`.

    Members
    -------
    sck : In(1)
        Clock of the host.
    cs_n : In(1)
        Low while the chip is selected.
    copi : In(1)
        Data from the host.
    cipo : Out(1)
        Data to the host.
    cipo_oe : Out(1)
        High while the chip is selected and drives `cipo`.
    """

    bench = "link_spi"

    def __init__(self, identity: Identity, lanes: int | None = None, engine: int | None = None):
        super().__init__(
            identity,
            {"sck": In(1), "cs_n": In(1, init=1), "copi": In(1), "cipo": Out(1), "cipo_oe": Out(1)},
            lanes_of(lanes),
            engine,
        )

    @classmethod
    def of(cls, identity: Identity, options: LinkOptions) -> Self:
        return cls(identity, options.lanes, options.engine)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.framing = framing = Framing(self.identity, self.lanes, self.engine)
        sck, cs_n, copi = Signal(), Signal(init=1), Signal()
        m.submodules += [
            FFSynchronizer(self.sck, sck),
            FFSynchronizer(self.cs_n, cs_n, init=1),
            FFSynchronizer(self.copi, copi),
        ]
        before = Signal()
        shift_in, shift_out = Signal(7), Signal(8, init=END)
        at = Signal(3)
        m.d.sync += before.eq(sck)
        m.d.comb += [self.cipo.eq(shift_out[7]), self.cipo_oe.eq(~cs_n)]
        with m.If(framing.rx.ready):
            m.d.sync += framing.rx.valid.eq(0)

        begun = Signal()  # some of the byte in shift_out is out
        load = Signal()
        with m.If(cs_n):
            m.d.sync += at.eq(0)
        with m.Elif(sck & ~before):
            m.d.sync += [shift_in.eq(Cat(copi, shift_in)), at.eq(at + 1), begun.eq(1)]
            with m.If(at == 7):
                m.d.sync += [framing.rx.payload.eq(Cat(copi, shift_in)), framing.rx.valid.eq(1)]
        with m.Elif(~sck & before):
            m.d.sync += shift_out.eq(Cat(Const(0, 1), shift_out))
            with m.If(at == 0):
                m.d.comb += load.eq(1)
        with m.If(load):
            m.d.comb += framing.tx.ready.eq(1)
            m.d.sync += [shift_out.eq(Mux(framing.tx.valid, framing.tx.payload, END)), begun.eq(0)]
        with m.If(cs_n & begun):
            # Deselected inside a byte: that byte is gone, the frame's CRC tells the host.
            m.d.sync += [shift_out.eq(END), begun.eq(0)]

        connect(m, framing.features, flipped(self.features))
        connect(m, flipped(self.answer), framing.answer)
        if self.engine is not None:
            connect_load(m, framing, self)
        return m
