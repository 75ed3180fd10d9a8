"""What nextpnr gets and says, beyond its options."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
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


PLACED, ROUTED = "placed.json", "routed.json"

Watch = Callable[[str], str]


def place_and_route(flow: Flow, arguments: Sequence[str], *, cwd: Path, timeout: float | None = None,
                    watch: Watch | None = None, again: bool = False) -> tools.Run:
    """Run nextpnr: at once, or where the family binds wires in between, place first and then route.

    arguments: as for one run. again: a second route of what is placed in `cwd`. Where `watch` ends the router, it
    tries once more without looking at delays, which make it insist on short ways. Output and seconds are those of
    placing and the last route. Errors: `ToolError`.
    """
    watch = watch or stuck
    if flow.bind is None:
        return tools.run(flow.nextpnr, arguments, cwd=cwd, timeout=timeout, watch=watch)
    verdicts: list[str] = []

    def watching(log: str) -> str:
        verdicts.append(watch(log))
        return verdicts[-1]

    placed = None
    if not again:
        outputs = ("--report", *(word for word in flow.output if word.startswith("--")))
        placed = tools.run(flow.nextpnr, [*_without(arguments, *outputs), "--no-route", "--write", PLACED], cwd=cwd,
                           timeout=timeout, watch=watch)
        _bind(cwd / PLACED, flow)
    route = [*_without(arguments, "--json", "--pcf", "--top"), "--json", PLACED, "--no-pack", "--no-place", "--write",
             ROUTED]
    try:
        routed = tools.run(flow.nextpnr, route, cwd=cwd, timeout=timeout, watch=watching)
    except tools.ToolError:
        if again or not any(verdicts):
            raise
        _set(cwd / PLACED, flow, timing_driven="0" * 32)
        routed = tools.run(flow.nextpnr, route, cwd=cwd, timeout=timeout, watch=watch)
    _check_bound(cwd / ROUTED, flow)
    return routed if placed is None else tools.Run(placed.output + routed.output, placed.seconds + routed.seconds)


def _without(arguments: Sequence[str], *options: str) -> list[str]:
    """The arguments without these options and their values."""
    return [word for before, word in zip(("", *arguments), arguments, strict=False)
            if word not in options and before not in options]


def _bound(module: Any, flow: Flow) -> list[tuple[int, str, str]]:
    """What `flow.bind` names in a placed module."""
    assert flow.bind is not None
    return [each for cell in module["cells"].values() for each in flow.bind(cell)]


def _bind(placed: Path, flow: Flow) -> None:
    """Bind what `flow.bind` names in a placed design, and set `flow.router`."""
    data = read_json(placed, flow.nextpnr)
    [module] = data["modules"].values()
    routes: dict[int, list[str]] = {}
    for net, wire, switch in _bound(module, flow):
        routes.setdefault(net, []).append(f"{wire};{switch};1")  # 1: weakly
    for name in module["netnames"].values():
        if name["bits"][0] in routes:
            name["attributes"]["ROUTING"] = ";".join(routes[name["bits"][0]])
    module["settings"].update(flow.router)
    placed.write_text(json.dumps(data))


def _set(placed: Path, flow: Flow, **settings: str) -> None:
    """Change settings of nextpnr in a placed design."""
    data = read_json(placed, flow.nextpnr)
    [module] = data["modules"].values()
    module["settings"].update(settings)
    placed.write_text(json.dumps(data))


def _check_bound(routed: Path, flow: Flow) -> None:
    """Errors: `ToolError` if a wire that `flow.bind` names is driven by another switch than the one."""
    [module] = read_json(routed, flow.nextpnr)["modules"].values()
    driven: dict[str, str] = {}
    for name in module["netnames"].values():
        words = name["attributes"].get("ROUTING", "").strip().split(";")
        driven.update(zip(words[::3], words[1::3], strict=False))
    for _, wire, switch in _bound(module, flow):
        if driven.get(wire, switch) != switch:
            raise tools.ToolError(f"{flow.nextpnr} drives {wire} as the chip cannot; try another --seed")


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
