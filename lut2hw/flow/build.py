"""Build: from an emitted folder to a bitstream, with yosys, nextpnr and the family's packer."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from lut2hw import tools
from lut2hw.artefact.emit import Manifest, load
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.files import remove_leftovers, replace_files
from lut2hw.flow import boards
from lut2hw.flow.chips import Design, board_design, device_design
from lut2hw.flow.doctor import version_of
from lut2hw.flow.nextpnr import free_chain_ends, implement, leave_empty, pack, packed
from lut2hw.flow.result import BUILD, Area, BuildResult
from lut2hw.flow.yosys import LOG, synthesize
from lut2hw.hdl.chip import TOP
from lut2hw.hdl.emitted import identity_of

__all__ = ["BUILD", "BuildOptions", "BuildResult", "build"]

DEFAULT_MHZ = 50.0

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class BuildOptions:
    """What is built.

    Attributes
    ----------
    device, package : str, optional
        As nextpnr spells them. None for the device the core was emitted for, or the family's default, and its usual
        package. Not with a board, which has its own.
    board : str, optional
        Name of a board: the chip gets a UART at its serial port and runs at its clock.
    baud : int, optional
        Of the board's UART; None for what the board manages.
    freq : float, optional
        Clock in MHz that place and route aims at; None for that of `emit --fmax`, or 50. Not with a board.
    seed : int
        Of the placer; the same seed gives the same bitstream.
    """

    device: str | None = None
    package: str | None = None
    board: str | None = None
    baud: int | None = None
    freq: float | None = None
    seed: int = 1

    def check(self) -> None:
        """Raise `UsageError` for options that do not go together."""
        if self.board is None:
            if self.baud is not None:
                raise UsageError("--baud is of the serial link of a board; give --board too")
        elif self.device or self.package:
            raise UsageError(f"the {self.board} has its own device and package; leave --device and --package out")
        elif self.freq is not None:
            raise UsageError(
                f"the {self.board}'s oscillator is its chip's clock; leave --freq out, or build without --board to "
                "see how fast the core is"
            )


def build(
    directory: str | Path,
    device: str | None = None,
    package: str | None = None,
    *,
    options: BuildOptions | None = None,
    timeout: float | None = None,
    progress: Progress | None = None,
    **changes: Any,
) -> BuildResult:
    """Synthesize, place, route and pack the core in an emitted folder, in a chip around it.

    The chip shifts its input in; with a board it has a UART at the board's serial port. Writes the bitstream, chip.v,
    the routed design, logs and `BUILD` into the folder, or for a board into the folder of its name in there, all of
    them or none. If a clock that was asked for, or the board's, is missed by little, the same placement is routed
    again with `Flow.timing`, and the faster one stays.

    Parameters
    ----------
    directory : str or Path
        An emitted folder.
    device, package : str, optional
        As in `BuildOptions`.
    options : BuildOptions, optional
        All options at once.
    timeout : float, optional
        Seconds for each tool.
    progress : callable, optional
        Called with what is done, how many steps are, and how many there are.
    **changes
        Fields of `BuildOptions`, which go before those of `options`.

    Returns
    -------
    BuildResult
        What is in `BUILD`.

    Raises
    ------
    UsageError
        For an unknown device or board, one of another family, or options that do not go together.
    Lut2hwError
        If the chip is too big, or too slow for the board.
    ToolError
        If a tool is missing or fails.
    """
    named: dict[str, Any] = {
        name: value for name, value in (("device", device), ("package", package)) if value is not None
    }
    options = replace(options or BuildOptions(), **named, **changes)
    options.check()
    manifest = load(directory)
    if options.board is not None:
        design = board_design(manifest, options.board, options.baud)
    else:
        design = device_design(manifest, options.device, options.package)
    for tool in ("yosys", design.flow.nextpnr, *(design.pack or ())[:1]):
        tools.require(tool)
    try:
        remove_leftovers(manifest.directory, ".build.")
        scratch = Path(tempfile.mkdtemp(prefix=f".build.{os.getpid()}.", suffix=".part", dir=manifest.directory))
        try:
            return _build(manifest, design, options, scratch, timeout, progress or (lambda what, done, total: None))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise Lut2hwError(
            f"cannot write into {manifest.directory}: {error.strerror or error}; check its "
            "permissions and the free space"
        ) from None


def _build(
    manifest: Manifest, design: Design, options: BuildOptions, scratch: Path, timeout: float | None, report: Progress
) -> BuildResult:
    flow, part = design.flow, design.part
    seconds: dict[str, float] = {}
    for source, text in manifest.verilog.items():
        (scratch / source).write_text(text)
    (scratch / "chip.il").write_text(design.rtlil)
    for name, text in design.files.items():
        (scratch / name).write_text(text)

    def progress(done: int) -> None:
        report(f"build for {design.board}" if design.board else "build", done, 5)

    def synthesis(top: str, read: str, command: str) -> dict[str, int]:
        command = command.format(top=top, device=part.synth)
        return synthesize(flow, top, read, command, cwd=scratch, timeout=timeout, seconds=seconds)

    def cells(netlist: str, top: str, *arguments: str) -> int:
        arguments = (*design.nextpnr, *arguments)
        return flow.logic_cells(packed(flow, arguments, netlist, top, cwd=scratch, timeout=timeout, seconds=seconds))

    progress(0)
    read = f"read_verilog {' '.join(manifest.sources)};"
    core = synthesis(manifest.top, read, flow.synth_core)
    progress(1)
    if flow.constraints or not flow.packs_cores:  # too many ports for pins: count its LUTs and carry cells
        core_cells = core["lut4"] + flow.carry_luts * core["carry"]
    else:
        core_cells = cells(free_chain_ends(scratch / f"{manifest.top}.json", manifest.top, flow), manifest.top)
    progress(2)
    # the core as it is mapped; the Verilog of the chip around it is for people
    read = (
        f"read_rtlil chip.il; proc; opt_clean; write_verilog -noattr chip.v; read_json {manifest.top}.json; "
        "delete =A:blackbox;"
    )
    chip = synthesis(TOP, read, flow.synth)
    netlist = free_chain_ends(scratch / f"{TOP}.json", TOP, flow)
    chip_cells = cells(netlist, TOP, *design.pins)
    _check_size(design, core_cells, chip_cells, chip["ram"])
    progress(3)
    empty = flow.spread(design.device, chip_cells, chip["carry"]) if flow.spread else []
    leave_empty(scratch / netlist, TOP, flow, empty)
    freq, asked = _clock(manifest, design, options)
    arguments = [*design.nextpnr, *design.pins, "--json", netlist, "--top", TOP, "--seed", str(options.seed)]
    routed = implement(flow, arguments, design.name, freq, retry=asked, cwd=scratch, timeout=timeout, seconds=seconds)
    if design.clock_mhz is not None and routed.fmax < design.clock_mhz:
        raise Lut2hwError(
            f"the chip reaches {routed.fmax:.1f} MHz, the {design.board}'s clock is {design.clock_mhz:g} MHz; emit "
            "the core again with more pipeline stages (--pipeline)"
        )
    (scratch / "nextpnr.log").write_text(routed.log)
    progress(4)
    if design.pack is not None:
        pack(design.pack, cwd=scratch, timeout=timeout, seconds=seconds, makes=[design.bitstream or ""])
    progress(5)

    used = dict(routed.used)
    used[flow.logic_cell] -= len(empty)
    out = manifest.directory / design.folder
    clock = routed.fmax if design.clock_mhz is None else design.clock_mhz
    identity = identity_of(manifest)
    result = BuildResult(
        device=design.device,
        package=design.package,
        target=design.target.name,
        board=design.board,
        link=design.link,
        baud=design.baud,
        clock_mhz=design.clock_mhz,
        core=Area(core_cells, **core),
        chip=Area(flow.logic_cells(used), **chip),
        chip_packed=chip_cells,
        fmax_mhz=round(routed.fmax, 2),
        latency_cycles=manifest.latency,
        # a core without registers answers within the clock in which the example appears
        latency_ns=round(max(manifest.latency, 1) * 1000 / clock, 2) if clock else None,
        classifications_per_second=round(clock * 1e6 / manifest.clocks),
        examples_per_second=round(
            min((design.baud or clock * 1e6) / design.frame_bits, clock * 1e6 / manifest.clocks)
        ),
        input_bits=len(manifest.bits_read[0]),
        fingerprint=f"{identity.fingerprint:08x}",
        built_of=manifest.digest,
        bitstream_sha256=sha256((scratch / design.bitstream).read_bytes()).hexdigest() if design.bitstream else None,
        seed=options.seed,
        freq_mhz=freq,
        bitstream=str(out / design.bitstream) if design.bitstream else None,
        seconds={tool: round(spent, 1) for tool, spent in seconds.items()},
        tools={tool: version_of(tool, scratch) or "unknown" for tool in seconds},
    )
    routed_design = [word.format(name=design.name) for word in flow.output if "{name}" in word]
    made = ["chip.v", "nextpnr.log", LOG, *routed_design, *([design.bitstream] if design.bitstream else [])]
    files = {file: (scratch / file).read_bytes() for file in made if (scratch / file).is_file()}
    _write(out, {**files, BUILD: result.to_bytes()})
    return result


def _clock(manifest: Manifest, design: Design, options: BuildOptions) -> tuple[float, bool]:
    """Clock in MHz to aim at, and whether anybody asked for it."""
    asked = manifest.options.fmax if options.freq is None else options.freq
    if design.clock_mhz is not None:
        asked = design.clock_mhz
    if isinstance(asked, int | float) and 0 < asked < 10_000:
        return float(asked), True
    return DEFAULT_MHZ, False


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Write the files of a build into a folder that need not be there yet, all of them or none."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise Lut2hwError(f"{folder} is not a folder; move it away and build again")
    folder.mkdir(exist_ok=True)
    try:
        replace_files(folder, files, BUILD)
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()  # which only an empty one lets happen


def _check_size(design: Design, core: int, chip: int, ram: int) -> None:
    """Raise `Lut2hwError` if the device does not hold the chip."""
    part, target = design.part, design.target
    if chip <= part.logic_cells and ram <= part.ram:
        return
    if design.board is not None:
        fits = boards.boards_that_hold(target.name, chip)
        hint = f"these would hold it: {', '.join(fits)}" if fits else "use fewer LUTs"
        rams = f" and {ram} block RAMs" if ram > part.ram else ""
        there = f" and {part.ram}" if ram > part.ram else ""
        raise Lut2hwError(
            f"the chip needs {chip:,} logic cells{rams}, the {design.board} has {part.logic_cells:,}{there}; {hint}"
        )
    fitting = sorted(
        (other.logic_cells, name)
        for name, other in target.devices.items()
        if chip <= other.logic_cells and ram <= other.ram
    )
    hint = (
        "these would fit: " + ", ".join(name for _, name in fitting)
        if fitting
        else f"no {target.name} device is large enough; emit with --encoded-inputs or train a smaller network"
    )
    raise Lut2hwError(
        f"too big for {design.device}: the chip takes {chip:,} logic cells ({core:,} of them the core) and "
        f"{ram} block RAMs, {design.device} has {part.logic_cells:,} and {part.ram}; {hint}"
    )
