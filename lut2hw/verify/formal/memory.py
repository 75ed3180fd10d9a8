"""Block RAM that is never written, as tables with a register behind each: what each bit of the read port shows.

Written from the vendors' descriptions, apart from the compiler's targets; the tests compare it with the simulation
models and with the memory mapping of yosys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lut2hw.errors import Lut2hwError

Bit = int | str
Connections = Mapping[str, Sequence[Bit]]


class NotATable(Lut2hwError):
    """A block RAM that is written, or not read on a clock with an enable."""


@dataclass(frozen=True)
class Rom:
    """On a rising edge of `clock`, if `enable` (None: always), the port takes what the tables say."""

    address: list[Bit]
    """Nets, least significant first."""
    tables: dict[Bit, bytes]
    """By net of the read port, 2**len(address) bytes of 0 or 1."""
    clock: Bit
    enable: Bit | None


def _number(parameters: Mapping[str, Any], name: str, default: int = 0) -> int:
    value = parameters.get(name, default)
    if not isinstance(value, int):
        raise NotATable(f"a block RAM with {name} unknown")
    return value


def _pin(connections: Connections, name: str, default: str) -> Bit:
    return (connections.get(name) or [default])[0]


def _idle(connections: Connections, names: Sequence[str]) -> None:
    for name in names:
        if _pin(connections, name, "0") != "0":
            raise NotATable(f"a block RAM that uses {name}")


def _sb_ram40_4k(parameters: Mapping[str, Any], connections: Connections) -> Rom:
    """256 rows of 16 bits; READ_MODE m has the upper m address bits choose one of each 2**m bits."""
    if _pin(connections, "WCLKE", "1") != "0":
        _idle(connections, ["WE"])
    mode = _number(parameters, "READ_MODE")
    if mode > 3:
        raise NotATable("a block RAM of an unknown mode")
    rows = [_number(parameters, f"INIT_{row >> 4:X}") >> 16 * (row & 15) & 0xFFFF for row in range(256)]
    shown = {0: range(16), 1: range(0, 16, 2), 2: range(1, 16, 4), 3: (3, 11)}[mode]
    data = list(connections.get("RDATA", ()))
    tables = {}
    for place in shown:
        if place < len(data):
            lowest = place >> mode << mode
            tables[data[place]] = bytes(rows[a & 255] >> (lowest + (a >> 8)) & 1 for a in range(256 << mode))
    enables = {_pin(connections, "RE", "0"), _pin(connections, "RCLKE", "1")} - {"1"}
    if len(enables) > 1 or "0" in enables:
        raise NotATable("a block RAM with two enables")
    return Rom(
        list(connections["RADDR"])[: 8 + mode],
        tables,
        _pin(connections, "RCLK", "x"),
        enables.pop() if enables else None,
    )


def _dp16kd(parameters: Mapping[str, Any], connections: Connections) -> Rom:
    """Port A: 1024 rows of two bytes of nine bits; data of less than nine bits use eight of them."""
    _idle(connections, ["WEA", "RSTA", "CSA0", "CSA1", "CSA2", "WEB"])
    width = _number(parameters, "DATA_WIDTH_A", 18)
    expected = {"REGMODE_A": "NOREG", "CSDECODE_A": "0b000", "CLKAMUX": "CLKA"}
    if width not in (1, 2, 4, 9, 18) or any(parameters.get(name, text) != text for name, text in expected.items()):
        raise NotATable("a block RAM that is set up in another way")
    first = {18: 4, 9: 3, 4: 2, 2: 1, 1: 0}[width]

    def entry(address: int, bit: int) -> int:
        at = address << first
        row = _number(parameters, f"INITVAL_{at >> 8:02X}") >> 20 * (at >> 4 & 15) & 0x3FFFF
        if width == 18:
            return row >> bit & 1
        return row >> (9 * (at >> 3 & 1) + (at & 7) + bit) & 1

    tables = {}
    for bit in range(width):
        net = _pin(connections, f"DOA{bit}", "")
        if net != "":
            tables[net] = bytes(entry(address, bit) for address in range(1 << (14 - first)))
    enable = _pin(connections, "CEA", "1")
    return Rom(
        [_pin(connections, f"ADA{j}", "0") for j in range(first, 14)],
        tables,
        _pin(connections, "CLKA", "x"),
        None if enable == "1" else enable,
    )


MEMORIES: dict[str, Callable[[Mapping[str, Any], Connections], Rom]] = {
    "SB_RAM40_4K": _sb_ram40_4k,
    "DP16KD": _dp16kd,
}
"""Kinds of block RAM: parameters and nets by port to what the read port shows. Errors: `NotATable`."""
