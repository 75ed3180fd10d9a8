"""Tables that were kept whole become LUTs, when nothing simplifies any more."""

from __future__ import annotations

from dataclasses import replace

from lut2hw.logic.netlist import Netlist
from lut2hw.passes.base import Context, Pass


def _run(netlist: Netlist, context: Context) -> Netlist:
    if not any(cell.kind == "table" for cell in netlist.cells):
        return netlist
    cells = [replace(cell, kind="lut") if cell.kind == "table" else cell for cell in netlist.cells]
    return replace(netlist, cells=cells)


PASS = Pass("settle", _run)
