"""Whether two graphs, or two netlists, compute the same on all inputs, by the checker in ABC.

R. Brayton, A. Mishchenko, "ABC: An Academic Industrial-Strength Verification Tool", CAV 2010: structural hashing,
then simulation and SAT on what differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lut2hw import bits
from lut2hw.errors import ToolError
from lut2hw.files import scratch
from lut2hw.logic import abc
from lut2hw.logic.aig import FALSE, TRUE, Aig
from lut2hw.logic.cells import CONST0, CONST1, evaluate_table, tables_of
from lut2hw.logic.netlist import Netlist

LIMIT = 300.0
"""Seconds for a proof on the way through the compiler."""
WORDS = 32
"""Of random inputs, 64 in each, that are tried before a proof."""


class _Literal:
    """A literal of a graph that can be computed with as kinds of cells do."""

    def __init__(self, aig: Aig, value: int) -> None:
        self.aig, self.value = aig, value

    def __and__(self, other: _Literal) -> _Literal:
        return _Literal(self.aig, self.aig.and_(self.value, other.value))

    def __or__(self, other: _Literal) -> _Literal:
        return _Literal(self.aig, self.aig.or_(self.value, other.value))

    def __xor__(self, other: _Literal) -> _Literal:
        return _Literal(self.aig, self.aig.xor(self.value, other.value))

    def __invert__(self) -> _Literal:
        return _Literal(self.aig, self.value ^ 1)


def graph_of(netlist: Netlist) -> Aig:
    """A netlist as a graph, registers transparent: inputs and outputs in the order of its ports, bit 0 first.

    Parameters
    ----------
    netlist : Netlist
        Any.
    """
    aig = Aig(sum(map(len, netlist.inputs.values())))
    literals = {CONST0: FALSE, CONST1: TRUE}
    literals |= {net: aig.input(at) for at, net in enumerate(net for nets in netlist.inputs.values() for net in nets)}
    for cell in netlist.cells:
        given = [_Literal(aig, literals[net]) for net in cell.inputs]
        if cell.kind in ("lut", "ram"):
            made = [
                evaluate_table(given, table) if given else _Literal(aig, table & 1)  # type: ignore[arg-type]
                for table in tables_of(cell)
            ]
        else:
            made = list(netlist.kinds[cell.kind].evaluate(given, cell))  # type: ignore[arg-type]
        for net, literal in zip(cell.outputs, made, strict=True):
            literals[net] = literal.value  # type: ignore[union-attr]
    aig.outputs = [literals[net] for nets in netlist.outputs.values() for net in nets]
    return aig


def same(netlist: Netlist, other: Netlist, limit: float = LIMIT) -> bool | None:
    """Whether two netlists with the same ports put out the same for all inputs, registers transparent.

    Parameters
    ----------
    netlist, other : Netlist
        With ports of the same names and widths.
    limit : float
        Seconds.

    Returns
    -------
    bool or None
        None if it is not known after `limit` seconds.

    Raises
    ------
    ToolError
        Without yosys.
    """

    def ports(each: Netlist) -> list[dict[str, int]]:
        return [{name: len(nets) for name, nets in side.items()} for side in (each.inputs, each.outputs)]

    if ports(netlist) != ports(other) or list(netlist.outputs) != list(other.outputs):
        return False
    left, right = graph_of(netlist), graph_of(other)
    inputs: bits.Packed = np.random.default_rng(0).integers(0, 1 << 64, (left.inputs, WORDS), np.uint64)
    if (left.evaluate(inputs) != right.evaluate(inputs)).any():
        return False
    return equal([(left, right)], limit)[0]


def equal(pairs: Sequence[tuple[Aig, Aig]], limit: float) -> list[bool | None]:
    """For each pair of graphs with the same inputs whether they agree on all of them.

    Parameters
    ----------
    pairs : sequence of (Aig, Aig)
        With as many inputs and outputs each.
    limit : float
        Seconds for all together.

    Returns
    -------
    list of bool or None
        None for what is not known after `limit` seconds.

    Raises
    ------
    ToolError
        Without yosys.
    """
    same = [left.outputs == right.outputs and left.ands == right.ands for left, right in pairs]
    todo = [at for at, known in enumerate(same) if not known]
    out: list[bool | None] = [known or None for known in same]
    if not todo or limit < 1:
        return out
    files: dict[str, Aig] = {}
    commands = []
    for at in todo:
        files |= {f"left{at}.aig": pairs[at][0], f"right{at}.aig": pairs[at][1]}
        commands += [f"&read left{at}.aig", f"&cec -T {int(limit)} right{at}.aig", f"write_status {at}.txt"]
    said = _abc(files, commands, [f"{at}.txt" for at in todo], limit + 5)
    for at, status in zip(todo, said, strict=True):
        out[at] = {"snl_UNSAT": True, "snl_SAT": False}.get(status.split(" ")[0])
    return out


def distinguish(left: Aig, right: Aig, limit: float) -> bits.Packed | None:
    """One packed example (n_inputs, 1) on which two graphs differ; None if not found in `limit` seconds."""
    [text] = _abc(
        {"left.aig": left, "right.aig": right},
        ["miter left.aig right.aig", "iprove", "write_cex cex.txt"],
        ["cex.txt"],
        limit + 60,
    )
    text = text.strip().removesuffix("# DONE").strip()
    if len(text) != left.inputs or set(text) - {"0", "1"}:
        return None
    return np.array([[int(bit)] for bit in text], np.uint64)


def _abc(graphs: Mapping[str, Aig], commands: Sequence[str], results: Sequence[str], limit: float) -> list[str]:
    """Run ABC's `commands` on files with graphs for `limit` seconds; returns the files `results`, "" if not there."""
    with scratch() as work:
        for file, graph in graphs.items():
            (work / file).write_bytes(graph.to_bytes())
        # yosys has no command for ABC's checker, so the script of a module of no interest carries the call along;
        # that module is put back at the end for yosys to find.
        (work / "any.v").write_text("module any(input a, b, output y); assign y = a & b; endmodule\n")
        script = ["strash", "write_blif any.blif", *commands, "read_blif any.blif", "strash"]
        try:
            abc.run(work, "read_verilog any.v; synth", script, timeout=limit)
        except ToolError as error:
            if "did not finish" not in str(error):
                raise
        return [path.read_text() if (path := work / result).exists() else "" for result in results]
