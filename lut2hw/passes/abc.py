"""ABC's mapper beside our own: BLIF out to yosys, its `abc` pass aimed at area, BLIF back.

R. Brayton and A. Mishchenko, "ABC: an academic industrial-strength verification tool", CAV 2010; area recovery by
`if -a`, `mfs2` (A. Mishchenko et al., TRETS 4(4), 2011) and `lutpack`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from lut2hw import tools
from lut2hw.logic.graph import Graph
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.walk import operands_first

SCRIPT = "strash; ifraig; scorr; dc2; dch -f; if -a; mfs2 -a; lutpack -S 1; strash; dch -f; if -a; mfs2 -a"


def to_blif(netlist: Netlist) -> str:
    """A netlist of LUTs: nets are n0, n1, ..., ports i0, ... and o0, ... in the order of the netlist's ports.

    A bit of block RAM is one more input, and its address outputs.
    """
    rams = [(number, cell) for number, cell in enumerate(netlist.cells) if cell.kind == "ram"]
    address = {f"a{number}_{j}": net for number, cell in rams for j, net in enumerate(cell.inputs)}
    shown = [f"n{cell.outputs[0]}" for _, cell in rams]
    inputs = [net for nets in netlist.inputs.values() for net in nets]
    outputs = [net for nets in netlist.outputs.values() for net in nets]
    lines = [
        ".model tables",
        " ".join([".inputs", *(f"i{j}" for j in range(len(inputs))), *shown]),
        " ".join([".outputs", *(f"o{j}" for j in range(len(outputs))), *address]),
        ".names n0",
        ".names n1",
        "1",
    ]
    lines += [f".names n{net} {name}\n1 1" for name, net in address.items()]
    lines += [f".names i{j} n{net}\n1 1" for j, net in enumerate(inputs)]
    for cell in netlist.cells:
        if cell.kind == "ram":
            continue
        k = len(cell.inputs)
        lines.append(".names " + " ".join(f"n{net}" for net in (*cell.inputs, *cell.outputs)))
        lines += [
            "".join("01"[p >> j & 1] for j in range(k)) + " 1" if k else "1"
            for p in range(1 << k)
            if cell.table >> p & 1
        ]
    lines += [f".names n{net} o{j}\n1 1" for j, net in enumerate(outputs)]
    return "\n".join([*lines, ".end", ""])


def from_blif(text: str, like: Netlist) -> Netlist:
    """The netlist of LUTs in a BLIF file made of `to_blif(like)`'s ports."""
    graph = Graph()
    literal: dict[str, int] = {"$false": 0, "$true": 1, "$undef": 0}
    names = iter(f"i{j}" for j in range(sum(map(len, like.inputs.values()))))
    for name, nets in like.inputs.items():
        literal.update(zip(names, graph.input(name, len(nets)), strict=False))
    covers: dict[str, tuple[list[str], int]] = {}
    current: tuple[list[str], str] | None = None
    for line in text.replace("\\\n", " ").splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == ".names":
            current = words[1:-1], words[-1]
            covers[words[-1]] = (words[1:-1], 0)
        elif words[0].startswith("."):
            current = None
        elif current is not None:
            inputs, output = current
            pattern = words[0] if inputs else ""
            table = covers[output][1]
            for p in range(1 << len(inputs)):
                if all(c == "-" or int(c) == p >> j & 1 for j, c in enumerate(pattern)):
                    table |= 1 << p
            covers[output] = inputs, table

    rams = {
        f"n{cell.outputs[0]}": ([f"a{number}_{j}" for j in range(len(cell.inputs))], cell)
        for number, cell in enumerate(like.cells)
        if cell.kind == "ram"
    }

    def inputs_of(name: str) -> list[str]:
        return rams[name][0] if name in rams else covers[name][0]

    def build(wanted: str) -> int:
        for name in operands_first([wanted], inputs_of, literal):
            operands = [literal[x] for x in inputs_of(name)]
            if name in rams:
                literal[name] = graph.ram(operands, rams[name][1].table, rams[name][1].part)
            else:
                literal[name] = graph.lut(operands, covers[name][1])
        return literal[wanted]

    numbers = iter(range(sum(map(len, like.outputs.values()))))
    graph.outputs = {name: [build(f"o{next(numbers)}") for _ in nets] for name, nets in like.outputs.items()}
    return graph.netlist()


def remap(netlist: Netlist, lut_inputs: int, script: str = SCRIPT) -> Netlist:
    """The LUTs of a combinational netlist, mapped anew by ABC. Errors: `ToolError` without yosys."""
    with tempfile.TemporaryDirectory(prefix="lut2hw-") as name:
        folder = Path(name)
        (folder / "in.blif").write_text(to_blif(netlist))
        (folder / "abc.script").write_text(f"{script}\n")
        passes = f"techmap; opt -full; simplemap; abc -lut {lut_inputs} -script abc.script; opt_clean"
        tools.run("yosys", ["-q", "-p", f"read_blif in.blif; {passes}; write_blif out.blif"], cwd=folder)
        return from_blif((folder / "out.blif").read_text(), netlist)
