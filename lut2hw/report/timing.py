"""The critical path that nextpnr reports, in words."""

from __future__ import annotations

import re
from collections import Counter

from lut2hw.logic.netlist import Netlist

PART_NAMES = {"encoder": "encoder", "lut": "LUT layers", "popcount": "popcount", "argmax": "argmax"}


CORE = r"(?:chip\.)?core\."
"""What the names of the core's nets begin with."""


def critical_path(log: str, netlist: Netlist | None = None) -> str | None:
    """A sentence or two on the slowest clocked path of a nextpnr log; None if there is none.

    Parameters
    ----------
    netlist : Netlist, optional
        Of the core, to say which parts of it the path crosses.
    """
    # The last report is that of the routed design.
    sections = re.split(r"^Info: Critical path report for ", log, flags=re.MULTILINE)[1:]
    inside = [text for text in sections if text.startswith("clock ")]
    if not inside:
        return None
    logic = routing = 0.0
    luts = carries = 0
    places: list[str] = []
    for line in inside[-1].splitlines()[1:]:
        match = re.match(r"Info:\s+(clk-to-q|source|logic|routing|setup)\s+(-?[\d.]+)\s+-?[\d.]+ (\w+) (\S+)", line)
        if not match:
            if not line.startswith("Info:  "):
                break
            continue
        kind, delay, _, name = match.groups()
        if kind == "routing":
            routing += float(delay)
        else:
            logic += float(delay)
            places.append(name)
        if kind == "logic":
            if re.search(r"\.(COUT|CO|FCO\d?|C?OUT\d)$", name):
                carries += 1
            else:
                luts += 1
    total = logic + routing
    if not total:
        return None
    steps = (
        " and ".join(
            [f"{luts} LUT{'s' * (luts != 1)}"] * bool(luts)
            + [f"{carries} carry step{'s' * (carries != 1)}"] * bool(carries)
        )
        or "no logic at all"
    )
    text = (
        f"The slowest path from register to register takes {total:.1f} ns: {logic:.1f} ns in {steps}, "
        f"{routing:.1f} ns ({routing / total:.0%}) in wires."
    )
    parts = _parts(places, netlist) if netlist is not None else Counter()
    if parts:
        most = [f"the {PART_NAMES.get(part, part)}" for part, _ in parts.most_common()]
        text += f" It runs through {', '.join(most[:-1])}{' and ' if len(most) > 1 else ''}{most[-1]} of the core."
    elif places and not any(re.match(CORE, place) for place in places):
        text += " It lies in the wrapper that feeds the core, not in the core."
    return text


def _parts(places: list[str], netlist: Netlist) -> Counter[str]:
    part = {net: cell.part for cell in netlist.cells for net in cell.outputs}
    found = (re.match(CORE + r"\w*?(\d+)", place) for place in places)
    return Counter(part[int(match[1])] for match in found if match and int(match[1]) in part)
