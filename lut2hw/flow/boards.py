"""Boards: which file of amaranth-boards describes each, and how its serial link and its programmer are reached."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import warnings
from dataclasses import dataclass
from typing import Any

from lut2hw.errors import UsageError, unknown_name
from lut2hw.extras import need


@dataclass(frozen=True)
class Board:
    """A printed circuit board with an FPGA."""

    module: str
    """Class of amaranth-boards that knows pins and oscillator."""
    platform: str
    """Class of amaranth-boards that knows pins and oscillator."""
    description: str
    """Maker, name, device and clock."""
    target: str
    """Its family in `lut2hw.targets`."""
    logic_cells: int
    """LUT and flip-flop pairs of its device."""
    baud: int = 1_000_000
    """That its serial adapter manages."""
    serial: str = "USB"
    """Where the serial port is, in words."""
    uart_pins: tuple[str, str, str] | None = None
    """(connector, rx, tx) if its file names no UART."""
    programmers: tuple[tuple[str, ...], ...] = ()
    """Command lines that write a bitstream {file}, the preferred one first."""

    def make_platform(self) -> Any:
        """A new Amaranth platform with a resource `uart` 0.

        Raises
        ------
        UsageError
            Without amaranth-boards.
        """
        need("amaranth_boards", extra="boards")
        from amaranth.build import Attrs
        from amaranth_boards.resources import UARTResource

        platform = getattr(importlib.import_module(f"amaranth_boards.{self.module}"), self.platform)()
        if self.uart_pins:
            connector, rx, tx = self.uart_pins
            standard = {"IO_TYPE": "LVCMOS33"} if self.target == "ecp5" else {"IO_STANDARD": "SB_LVCMOS"}
            platform.add_resources([UARTResource(0, rx=rx, tx=tx, conn=(connector, 0), attrs=Attrs(**standard))])
        return platform

    def pins(self) -> dict[str, str]:
        """Pins of its package by what they are, as its file of amaranth-boards has them.

        `clk`, `rx` and `tx`, and what other pins its UART has: `rts`, for instance.

        Raises
        ------
        UsageError
            Without amaranth-boards.
        """
        from amaranth.hdl import Elaboratable, Module, Signal

        class Echo(Elaboratable):
            def elaborate(self, platform: Any) -> Module:
                m = Module()
                uart, level = platform.request("uart", 0), Signal()
                m.d.sync += level.eq(uart.rx.i)
                m.d.comb += uart.tx.o.eq(level)
                return m

        platform = self.make_platform()
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # of boards' files written for older versions of Amaranth
            platform.prepare(Echo(), "echo")
        return {pin_name(name): pin for name, pin, _ in platform.iter_port_constraints_bits()}


def pin_name(port: str) -> str:
    """What a port of a board's chip is: `rx`, `tx` or another pin of its UART, else `clk`.

    Parameters
    ----------
    port : str
        As Amaranth names it.
    """
    match = re.fullmatch(r"uart_0__(\w+?)(__io)?", port)
    return match[1] if match else "clk"


_ICEPROG = ("iceprog", "{file}")
_ICESPROG = ("icesprog", "{file}")
_ULX3S = (("openFPGALoader", "-b", "ulx3s", "{file}"),)
_ORANGECRAB = (("dfu-util", "-a", "0", "-D", "{file}"), ("openFPGALoader", "-b", "orangeCrab", "{file}"))
_ECPIX5 = (("openFPGALoader", "-b", "ecpix5", "{file}"),)
_FTDI_ICE40 = (("openFPGALoader", "-b", "ice40_generic", "-f", "{file}"), _ICEPROG)


def _ulx3s(size: str, cells: int) -> Board:
    return Board(
        "ulx3s", f"ULX3S_{size}F_Platform", f"ULX3S, ECP5 LFE5U-{size}F, 25 MHz", "ecp5", cells, programmers=_ULX3S
    )


def _orangecrab(size: str, cells: int) -> Board:
    return Board(
        "orangecrab_r0_2",
        f"OrangeCrabR0_2_{size}FPlatform",
        f"OrangeCrab r0.2, ECP5 LFE5U-{size}F, 48 MHz",
        "ecp5",
        cells,
        serial="a 3.3 V serial adapter at pins 0 (RX) and 1 (TX)",
        uart_pins=("io", "0", "1"),
        programmers=_ORANGECRAB,
    )


BOARDS: dict[str, Board] = {
    "icestick": Board(
        "icestick", "ICEStickPlatform", "Lattice iCEstick, iCE40 HX1K, 12 MHz", "ice40", 1280, programmers=_FTDI_ICE40
    ),
    "icebreaker": Board(
        "icebreaker",
        "ICEBreakerPlatform",
        "1BitSquared iCEBreaker, iCE40 UP5K, 12 MHz",
        "ice40",
        5280,
        programmers=_FTDI_ICE40,
    ),
    "icesugar": Board(
        "icesugar",
        "ICESugarPlatform",
        "MuseLab iCESugar, iCE40 UP5K, 12 MHz",
        "ice40",
        5280,
        baud=115_200,
        programmers=(_ICESPROG,),
    ),
    "icesugar-nano": Board(
        "icesugar_nano",
        "ICESugarNanoPlatform",
        "MuseLab iCESugar-nano, iCE40 LP1K, 12 MHz",
        "ice40",
        1280,
        baud=115_200,
        programmers=(_ICESPROG,),
    ),
    "nandland-go": Board(
        "nandland_go", "NandlandGoPlatform", "Nandland Go, iCE40 HX1K, 25 MHz", "ice40", 1280, programmers=_FTDI_ICE40
    ),
    "ice40-hx8k-b-evn": Board(
        "ice40_hx8k_b_evn",
        "ICE40HX8KBEVNPlatform",
        "Lattice iCE40-HX8K breakout board, iCE40 HX8K, 12 MHz",
        "ice40",
        7680,
        programmers=(("openFPGALoader", "-b", "ice40_generic", "{file}"), ("iceprog", "-S", "{file}")),
    ),
    "tinyfpga-bx": Board(
        "tinyfpga_bx",
        "TinyFPGABXPlatform",
        "TinyFPGA BX, iCE40 LP8K, 16 MHz",
        "ice40",
        7680,
        serial="a 3.3 V serial adapter at pins 1 (RX) and 2 (TX)",
        uart_pins=("gpio", "1", "2"),
        programmers=(("tinyprog", "-p", "{file}"),),
    ),
    "ulx3s-12f": _ulx3s("12", 24_288),
    "ulx3s-25f": _ulx3s("25", 24_288),
    "ulx3s-45f": _ulx3s("45", 43_848),
    "ulx3s-85f": _ulx3s("85", 83_640),
    "orangecrab-25f": _orangecrab("25", 24_288),
    "orangecrab-85f": _orangecrab("85", 83_640),
    "ecpix5-45f": Board(
        "ecpix5",
        "ECPIX545Platform",
        "LambdaConcept ECPIX-5, ECP5 LFE5UM5G-45F, 100 MHz",
        "ecp5",
        43_848,
        programmers=_ECPIX5,
    ),
    "ecpix5-85f": Board(
        "ecpix5",
        "ECPIX585Platform",
        "LambdaConcept ECPIX-5, ECP5 LFE5UM5G-85F, 100 MHz",
        "ecp5",
        83_640,
        programmers=_ECPIX5,
    ),
    "icesugar-pro": Board(
        "icesugar_pro",
        "ICESugarProPlatform",
        "MuseLab iCESugar-Pro, ECP5 LFE5U-25F, 25 MHz",
        "ecp5",
        24_288,
        baud=115_200,
        programmers=(_ICESPROG,),
    ),
    "icepi-zero": Board(
        "icepi_zero",
        "IcepiZero1_3Platform",
        "Icepi Zero 1.3, ECP5 LFE5U-25F, 50 MHz",
        "ecp5",
        24_288,
        programmers=(("openFPGALoader", "-b", "icepi-zero", "--write-flash", "{file}"),),
    ),
}
"""Boards by name."""


def board(name: str) -> Board:
    """A board by name.

    Parameters
    ----------
    name : str
        One of `BOARDS`.

    Raises
    ------
    UsageError
        With the nearest name.
    """
    try:
        return BOARDS[name]
    except KeyError:
        sizes = [each for each in BOARDS if each.startswith(f"{name}-")]
        if sizes:
            raise UsageError(f"{name} boards have FPGAs of several sizes; say which: {', '.join(sizes)}") from None
        raise unknown_name("board", name, BOARDS) from None


def boards_that_hold(target: str, logic_cells: int) -> list[str]:
    """Names of the boards of a family with at least so many logic cells."""
    return [name for name, b in BOARDS.items() if b.target == target and b.logic_cells >= logic_cells]


def check_target(name: str, target: str, folder: object) -> Board:
    """The board, if a core for `target` can be on it.

    Raises
    ------
    UsageError
    """
    found = board(name)
    if found.target != target:
        others = ", ".join(boards_that_hold(target, 0))
        raise UsageError(
            f"{folder} was emitted for {target}, the {name} has an {found.target}; emit it again with "
            f"--target {found.target}" + (f", or choose one of: {others}" if others else "")
        )
    return found
