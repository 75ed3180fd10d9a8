"""Vendors' tools: which families each takes, for which parts, and how Edalize calls it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lut2hw.errors import UsageError, unknown_name


def _same(part: str) -> dict[str, str]:
    return {"part": part}


INTEL = {
    "5C": "Cyclone V",
    "5A": "Arria V",
    "5S": "Stratix V",
    "10A": "Arria 10",
    "10C": "Cyclone 10 LP",
    "10CX": "Cyclone 10 GX",
    "10M": "MAX 10",
    "1S": "Stratix 10",
    "AG": "Agilex",
    "EP4CE": "Cyclone IV E",
    "EP4CGX": "Cyclone IV GX",
}
"""Quartus's families by the beginning of a part."""


def _intel(part: str) -> dict[str, str]:
    known = [start for start in INTEL if part.upper().startswith(start)]
    if not known:
        raise UsageError(
            f"Quartus's family of part {part!r} is not known; use one that begins with {', '.join(INTEL)}"
        )
    return {"device": part, "family": INTEL[max(known, key=len)]}


def _gowin(part: str) -> dict[str, str]:
    """GW1NR-LV9QN88PC6/I5 is device GW1NR-9, version C."""
    found = re.fullmatch(r"(GW\w+)-(?:LV|UV|EV|LX)(\d+)([A-Z]+\d+P?)(C?\d?/\w+)", part)
    if found is None:
        raise UsageError(f"{part!r} is no part of Gowin's; write it as GW1NR-LV9QN88PC6/I5")
    return {"part": part, "device": f"{found[1]}-{found[2]}{'C' if 'PC' in part else ''}"}


def _microchip(part: str) -> dict[str, str]:
    """MPF300T-FCG1152-1 is die, package and speed."""
    found = re.fullmatch(r"(MPFS?\d+\w*|M2[GS]L?\w+)-([A-Z]+\d+)(?:-(1|STD))?", part)
    if found is None:
        raise UsageError(f"{part!r} is no part of Microchip's; write it as die, package and speed: MPF300T-FCG1152-1")
    family = "PolarFireSoC" if part.startswith("MPFS") else "PolarFire" if part.startswith("MPF") else "SmartFusion2"
    speed = {"1": "-1", "STD": "STD", None: "STD"}[found[3]]
    return {"family": family, "die": found[1], "package": found[2], "speed": speed}


@dataclass(frozen=True)
class Vendor:
    """A vendor's tool."""

    title: str
    """What the vendor calls it."""
    parts: Mapping[str, str]
    """By family whose primitives it knows, the part that a project is for if none is named."""
    part: str
    """For other families, whose primitives it gets as Verilog or VHDL; "" if it takes none."""
    script: str
    """Name of the project's script."""
    constraints: str
    """Name of the file with the clock."""
    run: str
    """Command that builds the project in its folder."""
    options: Callable[[str], dict[str, str]] = _same
    """From a part to what script and Edalize want to know of it. UsageError for a part that it cannot be."""
    edalize: tuple[str, ...] = field(default=())
    """Those options that Edalize's back end has; empty if there is no back end."""

    def part_for(self, family: str) -> str:
        """The part that a project is for if none is named.

        Parameters
        ----------
        family : str
            Name of a family.
        """
        return self.parts.get(family, self.part)


VENDORS: Mapping[str, Vendor] = {
    "vivado": Vendor(
        "AMD Vivado",
        {"xilinx7": "xc7a35tcpg236-1", "xilinxu": "xcvu9p-flga2104-2-e", "generic": "xcvu9p-flga2104-2-e"},
        "xcvu9p-flga2104-2-e",
        "project.tcl",
        "clock.xdc",
        "vivado -mode batch -source project.tcl",
        edalize=("part",),
    ),
    "quartus": Vendor(
        "Intel Quartus Prime",
        {},
        "5CSEMA5F31C6",
        "project.tcl",
        "clock.sdc",
        "quartus_sh -t project.tcl",
        _intel,
        ("device", "family"),
    ),
    "radiant": Vendor(
        "Lattice Radiant",
        {"nexus": "LIFCL-40-7BG400C"},
        "LIFCL-40-7BG400C",
        "project.tcl",
        "clock.sdc",
        "radiantc project.tcl",
        edalize=("part",),
    ),
    "diamond": Vendor(
        "Lattice Diamond",
        {"ecp5": "LFE5U-25F-6BG256C", "machxo2": "LCMXO2-1200HC-4TG100C"},
        "LFE5U-25F-6BG256C",
        "project.tcl",
        "clock.sdc",
        "diamondc project.tcl",
        edalize=("part",),
    ),
    "gowin": Vendor(
        "Gowin EDA",
        {"gowin": "GW1NR-LV9QN88PC6/I5"},
        "GW1NR-LV9QN88PC6/I5",
        "project.tcl",
        "clock.sdc",
        "gw_sh project.tcl",
        _gowin,
        ("part",),
    ),
    "libero": Vendor(
        "Microchip Libero SoC",
        {},
        "MPF300T-FCG1152-1",
        "project.tcl",
        "clock.sdc",
        "libero SCRIPT:project.tcl",
        _microchip,
        ("family", "die", "package", "speed"),
    ),
}
"""Tools by name."""


def fusesoc_targets(family: str) -> list[dict[str, Any]]:
    """Targets of a FuseSoC core, one a tool: its name, Edalize's options, and whether it gets the primitives' models.

    Parameters
    ----------
    family : str
        Name of a family.
    """
    out = []
    for name, tool in VENDORS.items():
        options = tool.options(tool.part_for(family))
        chosen = {option: options[option] for option in tool.edalize}
        out.append({"name": name, "options": chosen, "models": family not in tool.parts})
    return out


def vendor(name: str) -> Vendor:
    """The tool of that name.

    Raises
    ------
    UsageError
        That suggests the nearest known one.
    """
    if name not in VENDORS:
        raise unknown_name("vendor's tool", name, VENDORS)
    return VENDORS[name]
