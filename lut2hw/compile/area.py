"""Area without tools: how many logic cells a network takes on a target."""

from __future__ import annotations

from lut2hw.compile.compiler import compile_network
from lut2hw.model.network import LutNetwork
from lut2hw.passes.area import estimate_netlist
from lut2hw.targets.base import Target

__all__ = ["estimate", "estimate_netlist"]


def estimate(network: LutNetwork, target: Target, *, encoded_inputs: bool = True) -> int:
    """Logic cells of a network's combinational core."""
    compiled = compile_network(network, target, encoded_inputs=encoded_inputs, pipeline="none")
    return estimate_netlist(compiled.netlist, target)
