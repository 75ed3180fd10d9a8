"""Place and route: the one place of the flow that calls nextpnr and the family's packer."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lut2hw import tools
from lut2hw.errors import StoppedError
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
    read.update(
        bit
        for cell in cells
        for port, bits in cell["connections"].items()
        if cell["port_directions"][port] != "output"
        for bit in bits
    )
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
    with _editing(netlist, "yosys") as modules:
        modules[top]["cells"].update(
            {
                f"empty {place}": {
                    "hide_name": 1,
                    "type": kind,
                    "parameters": {},
                    "attributes": {"BEL": place},
                    "port_directions": {out: "output"},
                    "connections": {out: []},
                }
                for place in places
            }
        )


def packed(
    flow: Flow,
    arguments: Sequence[str],
    netlist: str,
    top: str,
    *,
    cwd: Path,
    timeout: float | None,
    seconds: dict[str, float],
) -> Mapping[str, int]:
    """Cells of a netlist after packing and before placing, by nextpnr's names of them.

    Parameters
    ----------
    arguments : Sequence[str]
        Those that choose the part.
    seconds : dict[str, float]
        Gets the time that it took added, by tool.

    Raises
    ------
    ToolError
    """
    run = tools.run(
        flow.nextpnr, [*arguments, "--json", netlist, "--top", top, "--pack-only"], cwd=cwd, timeout=timeout
    )
    seconds[flow.nextpnr] = seconds.get(flow.nextpnr, 0) + run.seconds
    used = {kind: int(count) for kind, count in re.findall(r"([A-Z]\w+):\s+(\d+)/\s*\d+", run.output)}
    if flow.logic_cell not in used:
        raise tools.ToolError(
            f"{flow.nextpnr} did not say how many cells it packed; it last said: {tools.last_words(run.output)}"
        )
    return used


NEAR = 1.25
"""Times the clock that was reached: one asked for up to there is worth another route."""


@dataclass(frozen=True)
class Routed:
    """A routed design: the slowest clock in MHz, the cells in use by nextpnr's names, and what nextpnr said."""

    fmax: float
    used: dict[str, int]
    log: str


def implement(
    flow: Flow,
    arguments: Sequence[str],
    name: str,
    freq: float,
    *,
    retry: bool,
    cwd: Path,
    timeout: float | None,
    seconds: dict[str, float],
) -> Routed:
    """Place and route a design, which leaves it in the files that `flow.output` names after `name`.

    Parameters
    ----------
    arguments : Sequence[str]
        Of nextpnr, without those for output.
    freq : float
        Clock in MHz to aim at.
    retry : bool
        If the clock is missed by little, the same placement is routed again with `Flow.timing`, and the faster route
        stays.
    seconds : dict[str, float]
        Gets the time that it took added, by tool.

    Raises
    ------
    ToolError
    """

    def route(name: str, *more: str) -> Routed:
        output = ["--report", "report.json", *(word.format(name=name) for word in flow.output)]
        run = place_and_route(
            flow,
            [*arguments, *more, "--freq", f"{freq:g}", "--timing-allow-fail", *output],
            cwd=cwd,
            timeout=timeout,
            again=bool(more),
            makes=["report.json", *flow.files(name)],
        )
        seconds[flow.nextpnr] = seconds.get(flow.nextpnr, 0) + run.seconds
        report = read_json(cwd / "report.json", flow.nextpnr)
        fmax = min((clock["achieved"] for clock in report["fmax"].values()), default=0.0)
        return Routed(fmax, {kind: each["used"] for kind, each in report["utilization"].items()}, run.output)

    first = route(name)
    if not (retry and flow.timing and first.fmax < freq <= NEAR * first.fmax):
        return first
    with contextlib.suppress(tools.ToolError):  # the first route will do
        second = route(f"{name}-again", *flow.timing)
        if second.fmax > first.fmax:
            for made, wanted in zip(flow.files(f"{name}-again"), flow.files(name), strict=True):
                (cwd / made).replace(cwd / wanted)
            return second
    return first


def pack(
    command: Sequence[str], *, cwd: Path, timeout: float | None, seconds: dict[str, float], makes: Sequence[str]
) -> None:
    """Make a bitstream: run a packer with its arguments.

    Parameters
    ----------
    seconds : dict[str, float]
        Gets its time, by tool.
    makes : Sequence[str]
        Files that it must have made.

    Raises
    ------
    ToolError
    """
    tool, *arguments = command
    seconds[tool] = tools.run(tool, arguments, cwd=cwd, timeout=timeout, makes=makes).seconds


PLACED, ROUTED = "placed.json", "routed.json"


def place_and_route(
    flow: Flow,
    arguments: Sequence[str],
    *,
    cwd: Path,
    timeout: float | None = None,
    again: bool = False,
    makes: Sequence[str] = (),
) -> tools.Run:
    """Run nextpnr: at once, or where the family binds wires in between, place first and then route.

    Parameters
    ----------
    arguments : Sequence[str]
        As for one run.
    again : bool, default=False
        A second route of what is placed in `cwd`. A router that is stuck tries once more without looking at delays,
        which make it insist on short ways. Output and seconds are those of placing and the last route.
    makes : Sequence[str], default=()
        Files that routing must have made.

    Raises
    ------
    ToolError
    """

    def run(*words: str, makes: Sequence[str]) -> tools.Run:
        return tools.run(flow.nextpnr, words, cwd=cwd, timeout=timeout, watch=stuck, makes=makes)

    if flow.bind is None:
        return run(*arguments, makes=makes)
    placed = None
    if not again:
        outputs = ("--report", *(word for word in flow.output if word.startswith("--")))
        placed = run(*_without(arguments, *outputs), "--no-route", "--write", PLACED, makes=[PLACED])
        _bind(cwd / PLACED, flow)
    route = (
        *_without(arguments, "--json", "--pcf", "--top"),
        "--json",
        PLACED,
        "--no-pack",
        "--no-place",
        "--write",
        ROUTED,
    )
    try:
        routed = run(*route, makes=[ROUTED, *makes])
    except StoppedError:
        if again:
            raise
        with _editing(cwd / PLACED, flow.nextpnr) as modules:
            [module] = modules.values()
            module["settings"]["timing_driven"] = "0" * 32
        routed = run(*route, makes=[ROUTED, *makes])
    _check_bound(cwd / ROUTED, flow)
    return routed if placed is None else tools.Run(placed.output + routed.output, placed.seconds + routed.seconds)


def _without(arguments: Sequence[str], *options: str) -> list[str]:
    """The arguments without these options and their values."""
    return [
        word
        for before, word in zip(("", *arguments), arguments, strict=False)
        if word not in options and before not in options
    ]


def _bound(module: Any, flow: Flow) -> list[tuple[int, str, str]]:
    """What `flow.bind` names in a placed module."""
    assert flow.bind is not None
    return [each for cell in module["cells"].values() for each in flow.bind(cell)]


def _bind(placed: Path, flow: Flow) -> None:
    """Bind what `flow.bind` names in a placed design, and set `flow.router`."""
    with _editing(placed, flow.nextpnr) as modules:
        [module] = modules.values()
        routes: dict[int, list[str]] = {}
        for net, wire, switch in _bound(module, flow):
            routes.setdefault(net, []).append(f"{wire};{switch};1")  # 1: weakly
        for name in module["netnames"].values():
            if name["bits"][0] in routes:
                name["attributes"]["ROUTING"] = ";".join(routes[name["bits"][0]])
        module["settings"].update(flow.router)


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
    return (
        f"finds no routes: at best {min(left)} wires are in use twice; networks need more wires the "
        "larger they are: train a smaller one (--luts, --utilization) or take a larger device"
    )


@contextlib.contextmanager
def _editing(netlist: Path, tool: str) -> Iterator[Any]:
    """The modules of a netlist of `tool` by name; it is written back as they are left."""
    data = read_json(netlist, tool)
    yield data["modules"]
    netlist.write_text(json.dumps(data))


def read_json(path: Path, tool: str) -> Any:
    """What is in a JSON file of `tool`.

    Raises
    ------
    ToolError
    """
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        raise tools.ToolError(f"{tool} did not write {path.name}; is its version too old?") from None
