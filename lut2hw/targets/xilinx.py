"""What AMD's families share: LUT6s with two outputs, hard multiplexers, carry chains of four or eight cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lut2hw.logic.cells import COMMON, CONST0, Cell, Library
from lut2hw.logic.netlist import Netlist
from lut2hw.passes import steps
from lut2hw.passes.hard_mux import hard_mux
from lut2hw.targets import read
from lut2hw.targets.base import Instance
from lut2hw.targets.generic import lut


def kinds(width: int) -> Library:
    """Cells of a family whose carry cells hold `width` steps."""
    return {**COMMON, **steps.PAIR, f"carry{width}": steps.carry_kind(width)}


def finish(width: int) -> Callable[[Netlist], Netlist]:
    """The last pass: hard multiplexers, carry cells, LUT6s of two outputs."""

    def run(netlist: Netlist) -> Netlist:
        wide = hard_mux(netlist, 6)
        wide.kinds = {**wide.kinds, **kinds(width)}
        return steps.pairs(steps.chains(wide, width), width)

    return run


def primitive(family: str) -> Callable[[Cell], Instance]:
    """From a cell to a primitive."""

    def of(cell: Cell) -> Instance:
        if cell.kind == "lut":
            return lut(cell)
        if cell.kind == "pair":
            ports = {f"I{j}": net for j, net in enumerate(cell.inputs)}
            return Instance(
                "LUT6_2", {"INIT": (cell.table, 64)}, ports, dict(zip(("O6", "O5"), cell.outputs, strict=True))
            )
        if cell.kind == "mux":
            a, b, s = cell.inputs
            return Instance(f"MUXF{6 + cell.table}", {}, {"I0": a, "I1": b, "S": s}, {"O": cell.outputs[0]})
        if cell.kind in ("carry4", "carry8"):
            width = int(cell.kind[-1])
            inputs: dict[str, int | tuple[int, ...]] = {
                "S": cell.inputs[:width],
                "DI": cell.inputs[width : 2 * width],
            }
            if width == 4:
                first, following = ("CYINIT", "CI") if cell.table else ("CI", "CYINIT")
            else:
                first, following = "CI", "CI_TOP"
            return Instance(
                f"CARRY{width}",
                {},
                {**inputs, first: cell.inputs[2 * width], following: CONST0},
                {"O": cell.outputs[:width], "CO": cell.outputs[width:]},
            )
        raise ValueError(f"{family} has no {cell.kind} cell")

    return of


def _read_carry4(parameters: Mapping[str, int | str], ports: Mapping[str, Sequence[read.Bit]]) -> list[read.Mapped]:
    first, following = ((ports.get(name) or "0")[0] for name in ("CYINIT", "CI"))
    if first != "0" and following != "0":
        raise ValueError("a CARRY4 with two carries in")
    carry = first if first != "0" else following
    return [_read_carry(4, ports, carry, int(first != "0"))]


def _read_carry8(parameters: Mapping[str, int | str], ports: Mapping[str, Sequence[read.Bit]]) -> list[read.Mapped]:
    if (ports.get("CI_TOP") or "0")[0] not in ("0", "x") or "DUAL" in str(parameters.get("CARRY_TYPE", "")):
        raise ValueError("a CARRY8 with two carries in")
    return [_read_carry(8, ports, (ports.get("CI") or "0")[0], 0)]


def _read_carry(width: int, ports: Mapping[str, Sequence[read.Bit]], carry: read.Bit, table: int) -> read.Mapped:
    outs = [tuple(ports.get(name) or [None] * width) for name in ("O", "CO")]  # type: ignore[list-item]
    return read.Mapped(f"carry{width}", (*ports["S"], *ports["DI"], carry), (*outs[0], *outs[1]), table)


READ: Mapping[str, read.Reader] = {
    **{f"LUT{k}": read.lut(" ".join(f"I{j}" for j in range(k)), "O") for k in range(1, 7)},
    **{f"MUXF{6 + level}": read.mux("I0", "I1", "S", "O", level) for level in (1, 2, 3)},
    "CARRY4": _read_carry4,
    "CARRY8": _read_carry8,
    "INV": read.inverter("I", "O"),
}
"""Primitives read back from yosys's netlist."""
