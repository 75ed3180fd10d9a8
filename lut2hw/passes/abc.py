"""ABC's mapper beside our own: BLIF out to yosys, its `abc` pass aimed at area, BLIF back.

R. Brayton and A. Mishchenko, "ABC: an academic industrial-strength verification tool", CAV 2010; area recovery by
`if -a`, `mfs2` (A. Mishchenko et al., TRETS 4(4), 2011) and `lutpack`.
"""

from __future__ import annotations

from collections.abc import Sequence

from lut2hw.files import scratch
from lut2hw.logic import abc, blif
from lut2hw.logic.blif import Cover
from lut2hw.logic.equivalence import same
from lut2hw.logic.graph import Graph
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.walk import operands_first
from lut2hw.passes.base import Context

SCRIPT = "strash; ifraig; scorr; dc2; dch -f; if -a; mfs2 -a; lutpack -S 1; strash; dch -f; if -a; mfs2 -a"
_UNDRIVEN = {"$false": Cover([], []), "$true": Cover([], [""]), "$undef": Cover([], [])}
"""Names of constants that yosys may read without driving them."""


def to_blif(netlist: Netlist) -> str:
    """A netlist of LUTs: nets are n0, n1, ..., ports i0, ... and o0, ... in the order of the netlist's ports.

    A bit of block RAM is one more input, and its address outputs.
    """
    rams = [(number, cell) for number, cell in enumerate(netlist.cells) if cell.kind == "ram"]
    address = {f"a{number}_{j}": net for number, cell in rams for j, net in enumerate(cell.inputs)}
    shown = [f"n{cell.outputs[0]}" for _, cell in rams]
    inputs = [net for nets in netlist.inputs.values() for net in nets]
    outputs = [net for nets in netlist.outputs.values() for net in nets]
    covers = {"n0": Cover([], []), "n1": Cover([], [""])}
    covers |= {name: Cover([f"n{net}"], ["1"]) for name, net in address.items()}
    covers |= {f"n{net}": Cover([f"i{j}"], ["1"]) for j, net in enumerate(inputs)}
    for cell in netlist.cells:
        if cell.kind == "ram":
            continue
        # Every one of the table, not a cover of few products: ABC's result depends on what it is given.
        k = len(cell.inputs)
        ones = ["".join("01"[p >> j & 1] for j in range(k)) for p in range(1 << k) if cell.table >> p & 1]
        covers[f"n{cell.outputs[0]}"] = Cover([f"n{net}" for net in cell.inputs], ones)
    covers |= {f"o{j}": Cover([f"n{net}"], ["1"]) for j, net in enumerate(outputs)}
    model = blif.Model(
        [*(f"i{j}" for j in range(len(inputs))), *shown], [*(f"o{j}" for j in range(len(outputs))), *address], covers
    )
    return blif.write(model, "tables")


def from_blif(text: str, like: Netlist) -> Netlist:
    """The netlist of LUTs in a BLIF file made of `to_blif(like)`'s ports."""
    graph = Graph()
    literal: dict[str, int] = {}
    names = iter(f"i{j}" for j in range(sum(map(len, like.inputs.values()))))
    for name, nets in like.inputs.items():
        literal.update(zip(names, graph.input(name, len(nets)), strict=False))
    covers = _UNDRIVEN | blif.parse(text.encode(), "ABC's netlist").covers
    rams = {
        f"n{cell.outputs[0]}": ([f"a{number}_{j}" for j in range(len(cell.inputs))], cell)
        for number, cell in enumerate(like.cells)
        if cell.kind == "ram"
    }

    def inputs_of(name: str) -> Sequence[str]:
        return rams[name][0] if name in rams else covers[name].inputs

    def build(wanted: str) -> int:
        for name in operands_first([wanted], inputs_of, literal):
            operands = [literal[x] for x in inputs_of(name)]
            if name in rams:
                literal[name] = graph.ram(operands, rams[name][1].table, rams[name][1].part)
            else:
                literal[name] = graph.lut(operands, covers[name].table())
        return literal[wanted]

    numbers = iter(range(sum(map(len, like.outputs.values()))))
    graph.outputs = {name: [build(f"o{next(numbers)}") for _ in nets] for name, nets in like.outputs.items()}
    return graph.netlist()


def checked(netlist: Netlist, made: Netlist, by: str, context: Context) -> Netlist:
    """What another tool made of a netlist, if it is proved to compute the same; else the netlist, and a note.

    Parameters
    ----------
    netlist : Netlist
        What the tool was given.
    made : Netlist
        What came back, with the same ports.
    by : str
        Whose it is, for the note.
    context : Context
        Takes the note.
    """
    known = same(netlist, made)
    if known:
        return made
    why = "computes something else" if known is False else "was not proved equal in time"
    context.discarded.append(f"{by}, which {why}")
    return netlist


def remap(netlist: Netlist, lut_inputs: int, script: str = SCRIPT) -> Netlist:
    """The LUTs of a combinational netlist, mapped anew by ABC.

    Raises
    ------
    ToolError
        Without yosys.
    """
    if not any(netlist.outputs.values()):  # no BLIF file is without an output
        return netlist
    with scratch() as folder:
        (folder / "in.blif").write_text(to_blif(netlist))
        before = "read_blif in.blif; techmap; opt -full; simplemap"
        abc.run(folder, before, [script], "opt_clean; write_blif out.blif", options=f"-lut {lut_inputs}")
        return from_blif((folder / "out.blif").read_text(), netlist)
