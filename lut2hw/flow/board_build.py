"""From an emitted folder to a bitstream for a board: UART link and core, pins and clock from amaranth-boards."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from amaranth.build.run import BuildPlan
from amaranth.hdl import Elaboratable, Module

from lut2hw import targets, tools
from lut2hw.artefact.folder import Manifest
from lut2hw.errors import Lut2hwError, ToolError, UsageError
from lut2hw.files import replace_files
from lut2hw.flow import boards as catalogue
from lut2hw.flow.nextpnr import leave_empty, place_and_route, read_json
from lut2hw.hdl.emitted import EmittedCore, identity_of
from lut2hw.hdl.linked import LinkedCore
from lut2hw.hdl.links.uart import Uart, uart_divisor
from lut2hw.hdl.protocol import classify_request
from lut2hw.targets.base import Flow

NAME = "chip"
BITSTREAM = {"ice40": f"{NAME}.bin", "ecp5": f"{NAME}.bit"}


class BoardChip(Elaboratable):
    """The whole chip: the board's UART resource, link and core, in the clock of the board's oscillator."""

    def __init__(self, manifest: Manifest, divisor: int):
        self.manifest, self.divisor = manifest, divisor

    def elaborate(self, platform):
        m = Module()
        link = Uart(identity_of(self.manifest), self.divisor)
        m.submodules.chip = linked = LinkedCore(link, EmittedCore(self.manifest))
        uart = platform.request("uart", 0)
        m.d.comb += [linked.rx.eq(uart.rx.i), uart.tx.o.eq(linked.tx)]
        return m


def build(
    manifest: Manifest,
    board_name: str,
    *,
    baud: int | None = None,
    seed: int = 1,
    timeout: float | None = None,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> dict[str, Any]:
    """Build the chip and return what came out, the JSON values of `build.json`.

    Writes bitstream, Verilog of the link, logs and `build.json` into the folder `board_name` of the emitted folder.
    baud: of the serial link, default what the board manages. seed: of the placer. timeout: seconds for each tool.
    Errors: `UsageError` for a board of another family or
    a baud rate its clock cannot make, `Lut2hwError` if the chip does not fit or does not meet the clock, `ToolError`.
    """
    board = catalogue.check_target(board_name, manifest.target, manifest.directory)
    platform = board.make_platform()
    clock_hz = float(platform.default_clk_frequency)
    baud = baud or board.baud
    plan = _plan(platform, BoardChip(manifest, uart_divisor(clock_hz, baud)), seed)
    steps, flow = _steps(plan), _flow(board)
    for tool, _ in steps:
        tools.require(tool)
    with tempfile.TemporaryDirectory(prefix="lut2hw-") as work_name:
        work = Path(work_name)
        for name, content in plan.files.items():
            (work / name).write_bytes(content.encode() if isinstance(content, str) else content)
        failed: ToolError | None = None
        empty: list[str] = []
        counts: dict[str, int] = {}
        for done, (tool, arguments) in enumerate(steps):
            progress(f"building for {board_name}", done, len(steps))
            try:
                if tool == flow.nextpnr:
                    counts = flow.primitives(
                        read_json(work / f"{NAME}.stat.json", "yosys")["design"]["num_cells_by_type"]
                    )
                    empty = _leave_empty(work, flow, platform.device, counts)
                    place_and_route(flow, arguments, cwd=work, timeout=timeout, log=f"{NAME}.tim")
                else:
                    tools.run(tool, arguments, cwd=work, timeout=timeout)
            except ToolError as error:
                failed = error
                break
        progress(f"building for {board_name}", len(steps), len(steps))
        if failed:
            raise _explain(failed, work, board_name, board, clock_hz) from None
        report = read_json(work / f"{NAME}.report.json", flow.nextpnr)
        report["utilization"][flow.logic_cell]["used"] -= len(empty)
        result = _result(manifest, board_name, board, baud, clock_hz, report, counts)
        out = manifest.directory / board_name
        try:
            out.mkdir(exist_ok=True)
        except OSError as error:
            raise Lut2hwError(f"cannot make {out}: {error.strerror}; check the folder and its permissions") from None
        made = (BITSTREAM[board.target], f"{NAME}.tim", f"{NAME}.rpt")
        replace_files(
            out,
            {
                **{name: (work / name).read_bytes() for name in made},
                "build.json": (json.dumps(result, indent=1) + "\n").encode(),
            },
            "build.json",
        )
    return result


def _leave_empty(work: Path, flow: Flow, device: str, counts: dict[str, int]) -> list[str]:
    """Leave places of the device empty where the family wants that, in the netlist for nextpnr; those places."""
    if not flow.spread:
        return []
    # before packing: at most this many cells
    empty = flow.spread(device.lower().removeprefix("ice40"), counts["lut4"] + counts["ff"], counts["carry"])
    leave_empty(work / f"{NAME}.json", NAME, flow, empty)
    return empty


def _plan(platform: Any, design: Elaboratable, seed: int = 1) -> BuildPlan:
    # router1 can swap the two inputs of a carry for ever when they are one net
    options = {
        "nextpnr_opts": f"--report {NAME}.report.json --seed {seed} --router router2",
        "script_after_synth": f"tee -o {NAME}.stat.json stat -json",
    }
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # of boards' files written for older versions of Amaranth
        return platform.prepare(design, NAME, **options)


def _steps(plan: BuildPlan) -> list[tuple[str, list[str]]]:
    """The tools that the plan's script calls, in order, with their arguments.

    `lut2hw.tools` runs them, which also finds tools that are no programs of their own. What only dresses the
    bitstream for one programmer is left out.
    """
    known = ("yosys", "nextpnr-ice40", "icepack", "nextpnr-ecp5", "ecppack")
    variables = {tools.variable(name): name for name in known}
    steps = []
    for line in plan.files[f"{plan.script}.sh"].splitlines():
        words = shlex.split(line)
        if words and words[0].startswith("$") and words[0][1:] in variables:
            steps.append((variables[words[0][1:]], words[1:]))
    return steps


def _result(
    manifest: Manifest,
    name: str,
    board: catalogue.Board,
    baud: int,
    clock_hz: float,
    report: dict[str, Any],
    counts: dict[str, int],
) -> dict[str, Any]:
    flow = _flow(board)
    emitted = Counter({str(kind): int(count) for kind, count in manifest.data["cells"].items()})
    fmax = min((clock["achieved"] for clock in report["fmax"].values()), default=None)
    identity = identity_of(manifest)
    used = {kind: each["used"] for kind, each in report["utilization"].items()}
    return {
        "board": name,
        "link": "uart",
        "baud": baud,
        "clock_mhz": round(clock_hz / 1e6, 6),
        "device": getattr(board.make_platform(), "device", ""),
        "bitstream": str(manifest.directory / name / BITSTREAM[board.target]),
        "core": {
            "lut4": emitted["lut"],
            "carry": sum(emitted[kind] for kind in ("carry", "ccu2", "alu")),
            "ff": emitted["ff"],
            "ram": sum(count for kind, count in emitted.items() if kind.startswith("ram")),
        },
        "chip": {"logic_cells": flow.logic_cells(used), **counts},
        "fmax_mhz": None if fmax is None else round(fmax, 2),
        "latency_cycles": manifest.latency,
        "latency_ns": round(manifest.latency * 1e9 / clock_hz, 1),
        # One example takes its frame on the wire: ten bits a byte.
        "examples_per_second": round(baud / 10 / len(classify_request(1, 0, identity))),
        "fingerprint": f"{identity.fingerprint:08x}",
    }


def _flow(board: catalogue.Board) -> Flow:
    flow = targets.get(board.target).flow
    assert flow is not None  # of every family that has a board
    return flow


def _explain(error: ToolError, work: Path, name: str, board: catalogue.Board, clock_hz: float) -> Lut2hwError:
    """The same failure in words that help, if the log tells more."""
    log = work / f"{NAME}.tim"
    text = log.read_text(errors="replace") if log.exists() else ""
    found = re.findall(rf"{_flow(board).logic_cell}:\s*(\d+)/\s*(\d+)", text)
    if found and int(found[-1][0]) > int(found[-1][1]):
        used, there = (int(number) for number in found[-1])
        fits = catalogue.boards_that_hold(board.target, used)
        hint = f"these would hold it: {', '.join(fits)}" if fits else "use fewer LUTs"
        return Lut2hwError(f"the chip needs {used:,} logic cells, the {name} has {there:,}; {hint}")
    found = re.findall(r"Max frequency for clock\s+'[^']*':\s*([0-9.]+) MHz \(FAIL", text)
    if found:
        return Lut2hwError(
            f"the chip reaches {float(found[-1]):.1f} MHz, the {name}'s clock is "
            f"{clock_hz / 1e6:g} MHz; emit the core again with more pipeline stages (--pipeline)"
        )
    return error


def read_build(manifest: Manifest, board_name: str | None = None) -> dict[str, Any]:
    """`build.json` of a board, or of the only one that was built. Errors: `UsageError`."""
    folder = manifest.directory
    built = sorted(path.parent.name for path in folder.glob("*/build.json") if path.parent.name in catalogue.BOARDS)
    if board_name is not None:
        catalogue.board(board_name)
        if board_name not in built:
            raise UsageError(
                f"{folder} is not built for {board_name}; run `lut2hw build {folder} --board {board_name}`"
            )
    elif len(built) != 1:
        what = (
            f"is built for {', '.join(built)}; say which with --board"
            if built
            else f"is not built for a board; run `lut2hw build {folder} --board NAME`"
        )
        raise UsageError(f"{folder} {what}")
    path = folder / (board_name or built[0]) / "build.json"
    try:
        result = json.loads(path.read_text())
        if not isinstance(result, dict) or not isinstance(result["baud"], int):
            raise ValueError
        # Which file goes to the board is where it lies, not what the file says.
        name = board_name or built[0]
        return {**result, "board": name, "bitstream": str(path.parent / BITSTREAM[catalogue.board(name).target])}
    except (OSError, ValueError, KeyError, RecursionError):
        raise Lut2hwError(
            f"{path} is damaged; build it again with `lut2hw build {folder} --board {board_name or built[0]}`"
        ) from None


def flash(result: dict[str, Any]) -> str:
    """Write the bitstream of a `build.json` to its board; returns the tool that did it.

    Errors: `ToolError` if no programmer of the board is installed, or if it fails.
    """
    programmers = catalogue.board(result["board"]).programmers
    bitstream = Path(result["bitstream"])
    if not bitstream.is_file():
        raise UsageError(f"the bitstream {bitstream} is gone; build it again")
    for tool, *arguments in programmers:
        if tools.find(tool):
            try:
                tools.run(tool, [str(bitstream.resolve()) if word == "{file}" else word for word in arguments])
            except ToolError as error:
                raise ToolError(f"{error}; is the board plugged in, and may you use it?") from None
            return tool
    tools.require(programmers[0][0])  # which says what to install
    raise AssertionError
