"""Area without tools: how many logic cells a netlist takes on a target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from lut2hw.logic.netlist import Netlist


class Cells(Protocol):
    """What a target says of its cells."""

    @property
    def carry(self) -> str: ...
    @property
    def cells(self) -> Mapping[str, int]: ...


def estimate_netlist(netlist: Netlist, target: Cells) -> int:
    """Logic cells of a mapped netlist, as place and route counts them: within a percent or two.

    Where a cell is a LUT, a carry and a register (iCE40), a carry that shares no LUT's cell and a register that
    follows no LUT of its own take one each. Elsewhere cells count as `target.cells` says, and registers do not.
    """
    if target.carry != "shared":
        return sum(target.cells.get(kind, 0) * count for kind, count in netlist.count().items()) + _through(netlist)
    # Place and route lets a carry into the cell of the LUT that reads its carry in and both other inputs; the first
    # carry of a chain has no carry in, and gets in where there is one such LUT.
    four = [cell.inputs for cell in netlist.cells if cell.kind == "lut" and len(cell.inputs) == 4]
    shared: set[tuple[int, ...]] = {inputs[1:] for inputs in four}
    pairs: Counter[tuple[int, ...]] = Counter(inputs[1:3] for inputs in four)
    carries = sum(
        cell.kind == "carry" and (pairs[cell.inputs[:2]] != 1 if cell.inputs[2] < 2 else cell.inputs not in shared)
        for cell in netlist.cells
    )
    uses = Counter(net for cell in netlist.cells for net in cell.inputs)
    uses.update(net for nets in netlist.outputs.values() for net in nets)
    luts = {cell.outputs[0] for cell in netlist.cells if cell.kind == "lut"}
    registers = sum(
        cell.kind == "ff" and not (cell.inputs[0] in luts and uses[cell.inputs[0]] == 1) for cell in netlist.cells
    )
    return len(luts) + carries + registers


def _through(netlist: Netlist) -> int:
    """LUTs that only pass a signal on to a cell of AMD's carry chains: each S comes from a LUT of its own."""
    cells = [cell for cell in netlist.cells if cell.kind in ("carry4", "carry8")]
    if not cells:
        return 0
    read = {net for cell in netlist.cells for net in cell.inputs}.union(*netlist.outputs.values())
    luts = {cell.outputs[0] for cell in netlist.cells if cell.kind in ("lut", "pair")}
    through = 0
    for cell in cells:
        width = len(cell.outputs) // 2
        used = max((j + 1 for j in range(width) if not read.isdisjoint(cell.outputs[j::width])), default=0)
        for select in cell.inputs[:used]:
            through += select not in luts
            luts.discard(select)
    return through
