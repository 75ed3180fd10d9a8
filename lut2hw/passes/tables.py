"""Tables of any width as LUTs that the family has, or makes of its hard multiplexers."""

from __future__ import annotations

from collections.abc import Mapping

from lut2hw.logic.netlist import Netlist
from lut2hw.passes.abc import checked, remap
from lut2hw.passes.base import Context, Pass
from lut2hw.passes.decompose import lut_cost, shannon
from lut2hw.passes.merge import merge


def map_tables(
    tables: Netlist, lut_inputs: int, mux_levels: int = 0, *, decompose: bool = True, merged: bool = True
) -> Netlist:
    """The smallest of the mappings to LUTs of `lut_inputs` inputs and up to `mux_levels` more.

    Hard multiplexers are free but take LUTs for themselves alone; shared cofactors may be less.

    Parameters
    ----------
    decompose : bool, default=True
        As in `shannon`.
    merged : bool, default=True
        Put LUTs into the LUTs that read them.
    """
    widest = max((len(cell.inputs) for cell in tables.cells if cell.kind == "lut"), default=0)
    widths = range(lut_inputs, max(min(lut_inputs + mux_levels, widest), lut_inputs) + 1)
    made = (shannon(tables, width, decompose=decompose) for width in widths)
    return min(
        (merge(netlist, lut_inputs) if merged else netlist for netlist in made),
        key=lambda netlist: lut_cost(netlist, lut_inputs),
    )


def smallest(own: Netlist, made: Mapping[str, Netlist], lut_inputs: int, context: Context) -> Netlist:
    """The smallest mapping that is proved to compute what our own does; it is wary of `lutpack`.

    Parameters
    ----------
    own : Netlist
        Our own mapping.
    made : mapping of str to Netlist
        Others, by whose they are.
    lut_inputs : int
        Of a LUT.
    context : Context
        Takes a note of each that is wrong.
    """
    for by, other in sorted(made.items(), key=lambda item: lut_cost(item[1], lut_inputs)):
        smaller = lut_cost(other, lut_inputs) < lut_cost(own, lut_inputs)
        if smaller and checked(own, other, by, context) is other:
            return other
    return own


def _run(tables: Netlist, context: Context) -> Netlist:
    k = context.target.lut_inputs
    mapped = map_tables(tables, k, context.target.mux_levels)
    if context.options.effort == "high":
        # ABC starts from the tables and from our own mapping; whichever comes out smallest, and is right, stays.
        made = {"ABC's mapping of the tables": remap(tables, k), "ABC's mapping of lut2hw's": remap(mapped, k)}
        return smallest(mapped, made, k, context)
    return mapped


PASS = Pass("map", _run, of="tables")
