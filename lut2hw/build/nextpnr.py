"""What nextpnr gets and says, beyond its options."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from lut2hw import tools
from lut2hw.targets.base import Flow


def free_chain_ends(netlist: Path, top: str, flow: Flow) -> str:
    """Name of a netlist for nextpnr, beside yosys's of module `top`, whose carry chains end where they end.

    The carry in of a chain that does not use it, and the carry out of one that nobody reads, are left open: nextpnr
    would make carry cells to feed them in and out, or refuse them.
    """
    if not flow.slot_cell:
        return netlist.name
    data = read_json(netlist, "yosys")
    module = data["modules"][top]
    cells = module["cells"].values()
    low = ["0", "x", *(bit for cell in cells if cell["type"] == "VLO" for bit in cell["connections"]["Z"])]
    read = {bit for port in module["ports"].values() for bit in port["bits"]}
    read.update(bit for cell in cells for port, bits in cell["connections"].items()
                if cell["port_directions"][port] != "output" for bit in bits)
    for cell in cells:
        wires = cell["connections"]
        if cell["type"] != flow.slot_cell:
            continue
        if flow.slot_open and wires.get("COUT", ["x"])[0] not in read:
            wires["COUT"] = [flow.slot_open]
        init = cell["parameters"]["INIT0"]
        value = int(init, 16 if init.startswith("0x") else 2) if isinstance(init, str) else init
        # the first slot reads no carry
        if wires.get("CIN", [""])[0] in low and not value >> 8 and wires["D0"][0] not in low:
            if flow.slot_open:
                wires["CIN"] = [flow.slot_open]
            else:
                del wires["CIN"]
                cell["port_directions"].pop("CIN", None)
    freed = netlist.with_suffix(".nextpnr.json")
    freed.write_text(json.dumps(data))
    return freed.name


def leave_empty(netlist: Path, top: str, flow: Flow, places: list[str]) -> None:
    """Fill each of `places` with a primitive without inputs, which configures nothing; in module `top`."""
    if not places:
        return
    kind, out = flow.empty
    data = read_json(netlist, "yosys")
    data["modules"][top]["cells"].update({
        f"empty {place}": {"hide_name": 1, "type": kind, "parameters": {}, "attributes": {"BEL": place},
                           "port_directions": {out: "output"}, "connections": {out: []}} for place in places})
    netlist.write_text(json.dumps(data))


PATIENCE = 300
"""Rounds of routing without one that leaves fewer conflicts. Chips that route have needed up to 230 rounds in all."""


def stuck(log: str) -> str:
    """What to say of a router that gets no further; empty while it does."""
    left = [int(wires) for wires in re.findall(r"overused=(\d+)", log)]
    if not left or len(left) - left.index(min(left)) <= PATIENCE:
        return ""
    return (f"finds no routes: at best {min(left)} wires are in use twice; networks need more wires the "
            "larger they are: train a smaller one (--luts, --utilization) or take a larger device")


def read_json(path: Path, tool: str) -> Any:
    """What is in a JSON file of `tool`. Errors: `ToolError`."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        raise tools.ToolError(f"{tool} did not write {path.name}; is its version too old?") from None
