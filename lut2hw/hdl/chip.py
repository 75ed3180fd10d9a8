"""Whole chips: a core behind a link, and the pads around both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from lut2hw.artefact.folder import Manifest
from lut2hw.hdl.convert import VerilogPlatform
from lut2hw.hdl.emitted import identity_of
from lut2hw.hdl.linked import LinkedCore
from lut2hw.hdl.links.shift import Shift
from lut2hw.hdl.links.uart import Uart

TOP = "chip"


class ShiftChip(wiring.Component):
    """The chip for a device on no board: few pins, so that it fits wherever the core does.

    Parameters
    ----------
    manifest : Manifest
        The emitted folder whose core is inside.

    Members
    -------
    clk, reset : In(1)
        Clock (rising edge) and synchronous reset.
    shift, data, done, result, ready
        As of `lut2hw.hdl.links.shift.Shift`, which takes the bits that the core reads.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.linked = LinkedCore.of(
            manifest,
            lambda lanes, engine: Shift(identity_of(manifest), manifest.bits_read[0], lanes, waits=manifest.stream),
        )
        super().__init__({"clk": In(1), "reset": In(1), **dict(self.linked.signature.members.items())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = ClockDomain()
        m.submodules.chip = self.linked
        m.d.comb += [ClockSignal().eq(self.clk), ResetSignal().eq(self.reset)]
        for name, member in self.linked.signature.members.items():
            outer, inner = getattr(self, name), getattr(self.linked, name)
            m.d.comb += inner.eq(outer) if member.flow is In else outer.eq(inner)
        return m

    def to_rtlil(self) -> str:
        """RTLIL of the chip, module `TOP`; the core's own Verilog is not in it."""
        return str(rtlil.convert(self, name=TOP, platform=VerilogPlatform(), emit_src=False))


class BoardChip(Elaboratable):
    """The chip for a board: a UART link at the board's resource `uart` 0, in the clock of the board's oscillator.

    Parameters
    ----------
    manifest : Manifest
        The emitted folder whose core is inside.
    divisor : int
        Clock cycles of a bit on the serial line (`lut2hw.hdl.links.uart.uart_divisor`).
    """

    def __init__(self, manifest: Manifest, divisor: int) -> None:
        identity = replace(identity_of(manifest), patchable=manifest.options.patchable)
        self.linked = LinkedCore.of(manifest, lambda **kind: Uart(identity, divisor, **kind))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.chip = self.linked
        uart = platform.request("uart", 0)
        m.d.comb += [self.linked.rx.eq(uart.rx.i), uart.tx.o.eq(self.linked.tx)]
        return m
