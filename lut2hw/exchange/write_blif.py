"""BLIF, the Berkeley Logic Interchange Format: `.names` with a cover for every LUT.

Source: "Berkeley Logic Interchange Format (BLIF)", University of California, Berkeley, 1992. Read by ABC, SIS, VTR
and yosys (`read_blif -wideports`).
"""

from __future__ import annotations

from lut2hw.exchange.circuit import Circuit, by_net
from lut2hw.logic import sop, truth
from lut2hw.logic.netlist import CONST0, CONST1


def to_blif(circuit: Circuit, model: str = "lut2hw_core") -> str:
    """The text of a BLIF file."""
    names = by_net(circuit)
    lines = [f".model {model}", _list(".inputs", circuit.input_names), _list(".outputs", circuit.output_names)]
    read = {net for _, inputs, _ in circuit.luts() for net in inputs}
    lines += [f".names {names[net]}{value}" for net, value in ((CONST0, ""), (CONST1, "\n1")) if net in read]
    for net, inputs, table in circuit.luts():
        lines.append(_names([names[each] for each in inputs], names[net], table))
    for net, name in zip(circuit.outputs, circuit.output_names, strict=True):
        lines.append(
            f".names {name}" + ("\n1" if net == CONST1 else "")
            if net in (CONST0, CONST1)
            else f".names {names[net]} {name}\n1 1"
        )
    return "\n".join([*lines, ".end", ""])


def _list(keyword: str, names: tuple[str, ...]) -> str:
    """Names, broken with backslashes into lines that every reader takes."""
    lines, line = [], keyword
    for name in names:
        if len(line) + len(name) > 100:
            lines.append(line + " \\")
            line = ""
        line += f" {name}"
    return "\n".join([*lines, line])


def _names(inputs: list[str], output: str, table: int) -> str:
    k = len(inputs)
    head = _list(".names", (*inputs, output))
    # A cover lists the ones or the zeros, whichever is shorter.
    on, off = sop.cover(table, k), sop.cover(table ^ truth.full(k), k)
    cubes, value = (off, "0") if len(off) < len(on) and table else (on, "1")
    return "\n".join([head, *(f"{sop.literals(cube, k)} {value}".lstrip() for cube in cubes)])
