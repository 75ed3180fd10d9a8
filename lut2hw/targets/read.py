"""Primitives read back: what a cell of yosys's netlist is in a `Netlist`; the inverse of a target's `primitive`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from lut2hw.logic import truth

Bit = int | str
"""A net as yosys numbers it, or a constant "0", "1", "x"."""


class Mapped(NamedTuple):
    """A cell over yosys's bits; an output of None is of no use to anybody."""

    kind: str
    inputs: tuple[Bit, ...]
    outputs: tuple[Bit | None, ...]
    table: int = 0


Reader = Callable[[Mapping[str, int | str], Mapping[str, Sequence[Bit]]], list[Mapped]]
"""From parameters and ports by name to cells. ValueError for a use of the primitive that no kind of cell has."""


def out(ports: Mapping[str, Sequence[Bit]], name: str) -> Bit | None:
    """The bit at a one-bit output."""
    return (ports.get(name) or [None])[0]  # type: ignore[list-item]


def number(value: int | str) -> int:
    """A parameter's value."""
    if isinstance(value, int):
        return value
    return int(value, 16) if value.startswith("0x") else int(value.replace("x", "0"), 2)


def lut(inputs: str, output: str, parameter: str = "INIT") -> Reader:
    """A LUT with the named inputs, the first of them the least significant bit of the table's index."""
    names = inputs.split()

    def read(parameters: Mapping[str, int | str], ports: Mapping[str, Sequence[Bit]]) -> list[Mapped]:
        return [
            Mapped(
                "lut",
                tuple((ports.get(name) or "0")[0] for name in names),
                (out(ports, output),),
                number(parameters[parameter]) & truth.full(len(names)),
            )
        ]

    return read


def mux(low: str, high: str, select: str, output: str, level: int) -> Reader:
    """A hard multiplexer of that level."""
    return lambda parameters, ports: [
        Mapped("mux", (ports[low][0], ports[high][0], ports[select][0]), (out(ports, output),), level)
    ]


def constant(value: int, output: str) -> Reader:
    """A source of a constant."""
    return lambda parameters, ports: [Mapped("lut", (), (out(ports, output),), value)]


def inverter(low: str, output: str) -> Reader:
    """An inverter."""
    return lambda parameters, ports: [Mapped("lut", (ports[low][0],), (out(ports, output),), 0b01)]


def ccu2(inject: Sequence[str], lower: int, *, gen_inverted: bool = False) -> Reader:
    """A carry cell of two slots whose inputs C and D are constants.

    Parameters
    ----------
    inject : Sequence[str]
        Parameters that must be "NO".
    lower : int
        Inputs of the table that makes the carry.
    gen_inverted : bool
        That table is the inverse of the last four entries, whatever C and D are.
    """

    def read(parameters: Mapping[str, int | str], ports: Mapping[str, Sequence[Bit]]) -> list[Mapped]:
        if any(parameters.get(name) != "NO" for name in inject):
            raise ValueError("a carry that is fed in")
        table, operands = 0, []
        for slot in (0, 1):
            pins = [(ports.get(f"{name}{slot}") or "0")[0] for name in "ABCD"]
            if any(pin not in ("0", "1", "x") for pin in pins[2:]):
                raise ValueError("a slot of more than two inputs")
            high = sum(4 << j for j, pin in enumerate(pins[2:]) if pin == "1")
            init = number(parameters[f"INIT{slot}"])
            gen = ~init >> 12 & 15 if gen_inverted else init >> (high & (1 << lower) - 1) & 15
            half = (init >> high & 15) | gen << 4
            table |= half << 8 * slot
            operands += pins[:2]
        return [
            Mapped(
                "ccu2",
                (*operands, (ports.get("CIN") or "0")[0]),
                tuple(out(ports, name) for name in ("S0", "S1", "COUT")),
                table,
            )
        ]

    return read
