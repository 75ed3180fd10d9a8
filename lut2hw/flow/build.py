"""Build: from an emitted folder to a bitstream, with yosys, nextpnr and the family's packer."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from lut2hw import targets, tools
from lut2hw.artefact.emit import Manifest, load
from lut2hw.errors import Lut2hwError, UsageError, unknown_name
from lut2hw.files import remove_leftovers, replace_files
from lut2hw.flow.nextpnr import free_chain_ends, leave_empty, place_and_route, read_json
from lut2hw.targets.base import Device, Flow, Target

__all__ = ["BUILD", "build"]

BUILD = "build.json"

NEAR = 1.25
"""Times the clock that was reached: one asked for up to there is worth another route."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class _Counts:
    """What a module takes up."""

    logic_cells: int
    lut4: int
    carry: int
    ff: int
    ram: int


def build(
    directory: str | Path,
    device: str | None = None,
    package: str | None = None,
    *,
    freq: float | None = None,
    seed: int = 1,
    timeout: float | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Synthesize, place, route and pack the core in an emitted folder, in a chip that shifts its input in.

    device, package: as nextpnr spells them; None for the device it was emitted for, or the family's default. freq:
    clock in MHz that place and route aims at; None for that of `emit --fmax`, or 50. If a clock asked for is missed
    by little, the same placement is routed again with `Flow.timing`, and the faster one stays. seed: of the placer;
    the same seed gives the same bitstream. timeout: seconds for each tool.

    Writes NAME.bin (or what the family calls it), chip.v, the routed design, logs and `BUILD` into the folder, all of
    them or none, and returns what is in `BUILD`: `device`, `package`, `core` and `chip` (each with `logic_cells`,
    `lut4`, `carry`, `ff`, `ram`; the chip's as routed), `chip_packed` (its logic cells after packing), `fmax_mhz`,
    `latency_cycles`, `latency_ns`, `classifications_per_second`, `bitstream` (None where no open packer exists),
    `seconds` by tool, `tools`.
    Errors: `UsageError` for an unknown device, `Lut2hwError` for one that is too small, `ToolError`.
    """
    manifest = load(directory)
    target = targets.get(manifest.target)
    flow = target.flow
    if flow is None:
        raise UsageError(
            f"there is no open place and route for {target.name}; emit for another family "
            f"(lut2hw targets), or take {manifest.sources[0]} to the vendor's tools"
        )
    device = device or manifest.options.device or target.default_device
    asked = manifest.options.fmax if freq is None else freq
    again, freq = False, 50.0
    if isinstance(asked, int | float) and 0 < asked < 10_000:
        again, freq = True, float(asked)
    part, package = _part(target, device, package)
    name = manifest.directory.resolve().name
    try:
        remove_leftovers(manifest.directory, ".build.")
        scratch = Path(tempfile.mkdtemp(prefix=f".build.{os.getpid()}.", suffix=".part", dir=manifest.directory))
    except OSError as error:
        raise Lut2hwError(
            f"cannot write into {manifest.directory}: {error.strerror or error}; check its "
            "permissions and the free space"
        ) from None
    try:
        return _build(
            manifest,
            target,
            flow,
            part,
            device,
            package,
            name,
            scratch,
            freq,
            again,
            seed,
            timeout,
            progress or (lambda what, done, total: None),
        )
    except OSError as error:
        raise Lut2hwError(
            f"cannot write into {manifest.directory}: {error.strerror or error}; check its "
            "permissions and the free space"
        ) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _part(target: Target, device: str, package: str | None) -> tuple[Device, str]:
    part = target.device(device)
    package = package or part.packages[0]
    if package not in part.packages:
        raise unknown_name(f"package of {device}", package, part.packages)
    return part, package


def _build(
    manifest: Manifest,
    target: Target,
    flow: Flow,
    part: Device,
    device: str,
    package: str,
    name: str,
    scratch: Path,
    freq: float,
    again: bool,
    seed: int,
    timeout: float | None,
    progress: Progress,
) -> dict[str, Any]:
    words = {"device": device, "package": package, "name": name}
    arguments = [word.format(**words) for word in flow.arguments]
    seconds: dict[str, float] = {}
    for source in manifest.source_paths:
        try:
            shutil.copyfile(source, scratch / source.name)
        except OSError as error:
            raise Lut2hwError(f"cannot read {source}: {error.strerror or error}; emit the core again") from None
    (scratch / "chip.v").write_text(_chip(manifest))

    steps = 5
    progress("build", 0, steps)
    sources = " ".join(path.name for path in manifest.source_paths)
    core = _synthesize(flow, part, manifest.top, f"read_verilog {sources};", scratch, timeout, seconds)
    progress("build", 1, steps)
    if flow.constraints:  # a core has too many ports for pins: count its LUTs and carry cells
        core_counts = _Counts(core["lut4"] + flow.carry_luts * core["carry"], **core)
        arguments += flow.constraints[:-1]
        (scratch / "chip.pins").write_text(_pins(manifest, flow, part))
    else:
        netlist = free_chain_ends(scratch / f"{manifest.top}.json", manifest.top, flow)
        core_cells = _packed(flow, arguments, netlist, manifest.top, scratch, timeout, seconds)
        core_counts = _Counts(flow.logic_cells(core_cells), **core)
    progress("build", 2, steps)
    mapped = f"read_json {manifest.top}.json; delete =A:blackbox; read_verilog chip.v;"
    chip = _synthesize(flow, part, "chip", mapped, scratch, timeout, seconds)
    netlist = free_chain_ends(scratch / "chip.json", "chip", flow)
    chip_cells = _packed(flow, arguments, netlist, "chip", scratch, timeout, seconds)
    _check_size(target, device, core_counts.logic_cells, flow.logic_cells(chip_cells), chip["ram"])
    progress("build", 3, steps)
    empty = flow.spread(device, flow.logic_cells(chip_cells), chip["carry"]) if flow.spread else []
    leave_empty(scratch / netlist, "chip", flow, empty)
    arguments += ["--json", netlist, "--top", "chip", "--seed", str(seed), "--freq", f"{freq:g}"]
    fmax, routed, log = _route(flow, arguments, name, scratch, timeout, seconds)
    if again and flow.timing and fmax < freq <= NEAR * fmax:
        second = f"{name}-again"
        with contextlib.suppress(tools.ToolError):  # the first route will do
            other = _route(flow, [*arguments, *flow.timing], second, scratch, timeout, seconds, again=True)
            if other[0] > fmax:
                fmax, routed, log = other
                for word in flow.output:
                    if "{name}" in word:
                        (scratch / word.format(name=second)).replace(scratch / word.format(name=name))
    (scratch / "nextpnr.log").write_text(log)
    used = {kind: each["used"] for kind, each in routed["utilization"].items()}
    used[flow.logic_cell] -= len(empty)
    progress("build", 4, steps)
    bitstream = None
    if flow.pack is not None:
        seconds[flow.pack[0]] = tools.run(
            flow.pack[0], [word.format(**words) for word in flow.pack[1:]], cwd=scratch, timeout=timeout
        ).seconds
        bitstream = flow.bitstream.format(**words)
    progress("build", 5, steps)

    result = {
        "device": device,
        "package": package,
        "target": target.name,
        "core": vars(core_counts),
        "chip": vars(_Counts(flow.logic_cells(used), **chip)),
        "chip_packed": flow.logic_cells(chip_cells),
        "fmax_mhz": round(fmax, 2),
        "latency_cycles": manifest.latency,
        # a core without registers answers within the clock in which the example appears
        "latency_ns": round(max(manifest.latency, 1) * 1000 / fmax, 2) if fmax else None,
        "classifications_per_second": round(fmax * 1e6),
        "input_bits": len(manifest.bits_read[0]),
        "seed": seed,
        "freq_mhz": freq,
        "bitstream": str(manifest.directory / bitstream) if bitstream else None,
        "seconds": {tool: round(spent, 1) for tool, spent in seconds.items()},
    }
    routed_design = [word.format(**words) for word in flow.output if "{name}" in word]
    made = ["chip.v", "nextpnr.log", "yosys.log", *routed_design, *([bitstream] if bitstream else [])]
    replace_files(
        manifest.directory,
        {
            **{file: (scratch / file).read_bytes() for file in made},
            BUILD: (json.dumps(result, indent=1) + "\n").encode(),
        },
        BUILD,
    )
    return result


def _route(
    flow: Flow,
    arguments: list[str],
    name: str,
    scratch: Path,
    timeout: float | None,
    seconds: dict[str, float],
    again: bool = False,
) -> tuple[float, Any, str]:
    """Place and route; the clock reached in MHz, nextpnr's report and its log. Leaves the routed design.

    again: another route of the same placement.
    """
    run = place_and_route(
        flow,
        [
            *arguments,
            "--report",
            "report.json",
            "--timing-allow-fail",
            *(word.format(name=name) for word in flow.output),
        ],
        cwd=scratch,
        timeout=timeout,
        again=again,
    )
    seconds[flow.nextpnr] = seconds.get(flow.nextpnr, 0) + run.seconds
    report = read_json(scratch / "report.json", flow.nextpnr)
    return min((clock["achieved"] for clock in report["fmax"].values()), default=0.0), report, run.output


def _pins(manifest: Manifest, flow: Flow, part: Device) -> str:
    """Constraints that give each port of the chip a pin."""
    width = manifest.data["output"]["width"]
    ports = ["clk", "reset", "shift", "data", "done", *(f"class[{bit}]" for bit in range(width))]
    if len(ports) > len(part.pins):
        raise Lut2hwError(
            f"the chip has {len(ports)} pins, only {len(part.pins)} are known of this package; build "
            "for another family"
        )
    return "".join(
        flow.constraints[-1].format(port=port, pin=pin) + "\n" for port, pin in zip(ports, part.pins, strict=False)
    )


def _chip(manifest: Manifest) -> str:
    """Verilog of the chip around the core."""
    used, unread = manifest.bits_read
    data = manifest.data
    template = jinja2.Template(
        (resources.files("lut2hw.hdl_templates") / "chip.v.j2").read_text(),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    return template.render(
        top=manifest.top,
        bits=used,
        unread=unread,
        input_width=max(1, data["input"]["width"]),
        output_width=data["output"]["width"],
        counter_width=len(used).bit_length(),
        clock=manifest.clock,
        reset=manifest.reset,
        latency=manifest.latency + 1,
        input=data["input"],
        output=data["output"],
    )


def _synthesize(
    flow: Flow, part: Device, top: str, read: str, scratch: Path, timeout: float | None, seconds: dict[str, float]
) -> dict[str, int]:
    """Run yosys; leaves TOP.json and returns the counts of primitives."""
    synth = flow.synth if top == "chip" else flow.synth_core
    script = (
        f"{read} {synth.format(top=top, device=part.synth)}; write_json {top}.json; tee -q -o stat.json stat -json"
    )
    stat = scratch / "stat.json"
    stat.unlink(missing_ok=True)
    # YoWASP's yosys is silent after its first call of ABC; the log file is not.
    try:
        run = tools.run("yosys", ["-q", "-l", "yosys.log", "-p", script], cwd=scratch, timeout=timeout)
    except Lut2hwError as error:
        raise type(error)(_with_log(str(error), scratch / "yosys.log")) from None
    seconds["yosys"] = round(seconds.get("yosys", 0) + run.seconds, 1)
    if not (scratch / f"{top}.json").is_file():
        raise tools.ToolError(_with_log("yosys made no netlist", scratch / "yosys.log"))
    return flow.primitives(read_json(stat, "yosys")["design"]["num_cells_by_type"])


def _with_log(message: str, log: Path) -> str:
    if "it last said" in message or not log.is_file():
        return message
    return f"{message}; it last said: {tools.last_words(log.read_text(errors='replace'))}"


def _packed(
    flow: Flow,
    arguments: list[str],
    netlist: str,
    top: str,
    scratch: Path,
    timeout: float | None,
    seconds: dict[str, float],
) -> Mapping[str, int]:
    """Cells after packing and before placing, by kind."""
    run = tools.run(
        flow.nextpnr, [*arguments, "--json", netlist, "--top", top, "--pack-only"], cwd=scratch, timeout=timeout
    )
    seconds[flow.nextpnr] = round(seconds.get(flow.nextpnr, 0) + run.seconds, 1)
    used = {kind: int(count) for kind, count in re.findall(r"([A-Z]\w+):\s+(\d+)/\s*\d+", run.output)}
    if flow.logic_cell not in used:
        raise tools.ToolError(
            f"{flow.nextpnr} did not say how many cells it packed; it last said: {tools.last_words(run.output)}"
        )
    return used


def _check_size(target: Target, device: str, core: int, chip: int, ram: int) -> None:
    part = target.devices[device]
    if chip <= part.logic_cells and ram <= part.ram:
        return
    fits = sorted(
        (other.logic_cells, name)
        for name, other in target.devices.items()
        if chip <= other.logic_cells and ram <= other.ram
    )
    hint = (
        "these would fit: " + ", ".join(name for _, name in fits)
        if fits
        else f"no {target.name} device is large enough; emit with --encoded-inputs or train a smaller network"
    )
    raise Lut2hwError(
        f"too big for {device}: the chip takes {chip:,} logic cells ({core:,} of them the core) and "
        f"{ram} block RAMs, {device} has {part.logic_cells:,} and {part.ram}; {hint}"
    )
