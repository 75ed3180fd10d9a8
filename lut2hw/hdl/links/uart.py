"""UART link: frames over two lines, 8N1."""

from __future__ import annotations

from typing import Self

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out, connect, flipped

from lut2hw.errors import UsageError
from lut2hw.hdl.layout import connect_load
from lut2hw.hdl.links.base import Link, LinkOptions
from lut2hw.hdl.links.framing import Framing, lanes_of
from lut2hw.hdl.protocol import Identity


def uart_divisor(clock_hz: float, baud: int) -> int:
    """Clock cycles per bit.

    Parameters
    ----------
    clock_hz : float
        Frequency of the clock, in Hz.
    baud : int
        Bits per second on the line.

    Raises
    ------
    UsageError
        If no whole number of at least 6 is within 2 % of it.
    """
    if baud <= 0:
        raise UsageError(f"the baud rate must be positive, not {baud}")
    divisor = round(clock_hz / baud)
    if divisor < 6:
        raise UsageError(
            f"{baud} baud is too fast for a clock of {clock_hz / 1e6:g} MHz; use at most {clock_hz / 6:.0f}"
        )
    error = clock_hz / divisor / baud - 1
    if abs(error) > 0.02:
        raise UsageError(
            f"a clock of {clock_hz / 1e6:g} MHz makes {clock_hz / divisor:.0f} baud instead of {baud} "
            f"({error:+.1%}); choose a rate that divides it, such as {clock_hz / divisor:.0f}"
        )
    return divisor


class UartReceiver(wiring.Component):
    """8N1 bytes from the line `rx`. A byte nobody takes before the next one is complete is lost."""

    def __init__(self, divisor: int):
        self._divisor = divisor
        super().__init__({"rx": In(1, init=1), "bytes": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rx = Signal(init=1)
        m.submodules += FFSynchronizer(self.rx, rx, init=1)
        timer = Signal(range(self._divisor))
        shift = Signal(8)
        left = Signal(range(9))
        with m.If(self.bytes.ready):
            m.d.sync += self.bytes.valid.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                # Half a bit to the middle of the start bit; two cycles have gone in the synchronizer.
                m.d.sync += [timer.eq(max(self._divisor // 2 - 3, 0)), left.eq(8)]
                with m.If(~rx):
                    m.next = "START"
            with m.State("START"):
                m.d.sync += timer.eq(timer - 1)
                with m.If(timer == 0):
                    m.d.sync += timer.eq(self._divisor - 1)
                    m.next = "BITS"
                    with m.If(rx):
                        m.next = "IDLE"
            with m.State("BITS"):
                m.d.sync += timer.eq(timer - 1)
                with m.If(timer == 0):
                    m.d.sync += [timer.eq(self._divisor - 1), left.eq(left - 1)]
                    with m.If(left != 0):
                        m.d.sync += shift.eq(Cat(shift[1:], rx))
                    with m.Else():
                        with m.If(rx):  # a stop bit, else a break or noise
                            m.d.sync += [self.bytes.payload.eq(shift), self.bytes.valid.eq(1)]
                        m.next = "STOP"
            with m.State("STOP"), m.If(rx):
                m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """Bytes to the line `tx` as 8N1."""

    def __init__(self, divisor: int):
        self._divisor = divisor
        super().__init__({"tx": Out(1, init=1), "bytes": In(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        timer = Signal(range(self._divisor))
        shift = Signal(9, init=0x1FF)
        left = Signal(range(10))
        m.d.comb += [self.tx.eq(shift[0]), self.bytes.ready.eq((left == 0) & (timer == 0))]
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(left != 0):
            m.d.sync += [shift.eq(Cat(shift[1:], Const(1, 1))), left.eq(left - 1), timer.eq(self._divisor - 1)]
        with m.Elif(self.bytes.valid):
            m.d.sync += [shift.eq(Cat(Const(0, 1), self.bytes.payload)), left.eq(9), timer.eq(self._divisor - 1)]
        return m


class Uart(Link):
    """UART link, 8N1.

    Parameters
    ----------
    identity : Identity
        Of the core behind the link.
    divisor : int
        Clock cycles per bit, see `uart_divisor`.
    lanes, engine : int or None
        As of `Framing`.

    Members
    -------
    rx : In(1)
        Line from the host, idle high; it is synchronized here.
    tx : Out(1)
        Line to the host, idle high.
    """

    bench = "link_uart"

    def __init__(self, identity: Identity, divisor: int, lanes: int | None = None, engine: int | None = None):
        self.divisor = divisor
        super().__init__(identity, {"rx": In(1, init=1), "tx": Out(1, init=1)}, lanes_of(lanes), engine)

    @classmethod
    def of(cls, identity: Identity, options: LinkOptions) -> Self:
        return cls(identity, uart_divisor(options.clock_hz, options.baud), options.lanes, options.engine)

    def bench_options(self) -> dict[str, int]:
        return {"divisor": self.divisor}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.framing = framing = Framing(self.identity, self.lanes, self.engine)
        m.submodules.receiver = receiver = UartReceiver(self.divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(self.divisor)
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx)]
        connect(m, receiver.bytes, framing.rx)
        connect(m, framing.tx, transmitter.bytes)
        connect(m, framing.features, flipped(self.features))
        connect(m, flipped(self.answer), framing.answer)
        if self.engine is not None:
            connect_load(m, framing, self)
        return m
