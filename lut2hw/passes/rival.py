"""What another synthesis makes of the whole core, where that is smaller."""

from __future__ import annotations

from lut2hw.logic.netlist import Netlist
from lut2hw.passes.abc import checked
from lut2hw.passes.area import estimate_netlist
from lut2hw.passes.base import Context, Pass


def _run(netlist: Netlist, context: Context) -> Netlist:
    rival = context.rival
    if rival is None:
        return netlist
    ours, theirs = estimate_netlist(netlist, context.target), estimate_netlist(rival, context.target)
    if theirs < ours and checked(netlist, rival, "yosys's synthesis of the whole core", context) is not rival:
        return netlist
    context.compared.update(lut2hw=ours, yosys=theirs)
    return rival if theirs < ours else netlist


PASS = Pass("baseline", _run)
