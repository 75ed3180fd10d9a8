"""Which chip is built around a core: for a device alone, or for a board with its pins and its clock."""

from __future__ import annotations

import contextlib
import io
import shlex
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from amaranth.build.run import BuildPlan

from lut2hw import targets, tools
from lut2hw.artefact.folder import Manifest
from lut2hw.errors import Lut2hwError, UsageError, unknown_name
from lut2hw.flow import boards
from lut2hw.flow.result import NAME
from lut2hw.hdl.chip import TOP, BoardChip, ShiftChip
from lut2hw.hdl.emitted import identity_of
from lut2hw.hdl.links.shift import pieces
from lut2hw.hdl.links.uart import uart_divisor
from lut2hw.hdl.protocol import classify_request
from lut2hw.targets.base import Device, Flow, Target


@dataclass(frozen=True)
class Design:
    """A chip for the tools.

    Attributes
    ----------
    name : str
        Of the routed design and the bitstream.
    folder : str
        Where they go, in the emitted folder.
    target : Target
    flow : Flow
    device, package : str
        As nextpnr spells them.
    part : Device
        What the device holds.
    rtlil : str
        The chip around the core, module `TOP`.
    nextpnr : sequence of str
        Arguments that choose the part.
    pins : sequence of str
        Arguments that name the file with pins and clocks.
    files : mapping of str to str
        That file, and what else nextpnr reads.
    pack : sequence of str or None
        The packer and its arguments.
    bitstream : str or None
        The file that it makes.
    link : str
    board : str or None
    baud : int or None
    clock_mhz : float or None
        Of the board.
    frame_bits : int
        What an example takes on the link, in bits.
    """

    name: str
    folder: str
    target: Target
    flow: Flow
    device: str
    package: str
    part: Device
    rtlil: str
    nextpnr: Sequence[str]
    pins: Sequence[str]
    pack: Sequence[str] | None
    bitstream: str | None
    link: str
    frame_bits: int
    files: Mapping[str, str] = field(default_factory=dict)
    board: str | None = None
    baud: int | None = None
    clock_mhz: float | None = None


def device_design(manifest: Manifest, device: str | None, package: str | None) -> Design:
    """The chip for a device on no board, which shifts its input in.

    Parameters
    ----------
    device, package : str | None
        None for the device the core was emitted for, or the family's default, and its usual package.

    Raises
    ------
    UsageError
        For what the family does not have.
    """
    target = targets.get(manifest.target)
    flow = target.flow
    if flow is None:
        raise UsageError(
            f"there is no open place and route for {target.name}; emit for another family "
            f"(lut2hw targets), or take {manifest.sources[0]} to the vendor's tools"
        )
    device = device or manifest.options.device or target.default_device
    part = target.device(device)
    package = package or part.packages[0]
    if package not in part.packages:
        raise unknown_name(f"package of {device}", package, part.packages)
    name = manifest.directory.resolve().name
    words = {"device": device, "package": package, "name": name}
    pins: Sequence[str] = ()
    files = {}
    if flow.constraints:
        pins, files = flow.constraints[:-1], {"chip.pins": _pins(manifest, flow, part)}
    return Design(
        name=name,
        folder=".",
        target=target,
        flow=flow,
        device=device,
        package=package,
        part=part,
        rtlil=ShiftChip(manifest).to_rtlil(),
        nextpnr=[word.format(**words) for word in flow.arguments],
        pins=pins,
        files=files,
        pack=None if flow.pack is None else [word.format(**words) for word in flow.pack],
        bitstream=None if flow.pack is None else flow.bitstream.format(**words),
        link="shift",
        frame_bits=len(manifest.bits_read[0]),
    )


def _pins(manifest: Manifest, flow: Flow, part: Device) -> str:
    """Constraints that give each port of the chip a pin."""
    width, _ = pieces(manifest.output_port.width, len(manifest.bits_read[0]))
    # a port of one bit has no index
    result = ["result"] if width == 1 else [f"result[{bit}]" for bit in range(width)]
    ports = ["clk", "reset", "shift", "data", "done", *result, *["ready"] * (manifest.folded or manifest.stream)]
    if len(ports) > len(part.pins):
        raise Lut2hwError(
            f"the chip has {len(ports)} pins, only {len(part.pins)} are known of this package; build "
            "for another family"
        )
    return "".join(
        flow.constraints[-1].format(port=port, pin=pin) + "\n" for port, pin in zip(ports, part.pins, strict=False)
    )


def board_design(manifest: Manifest, name: str, baud: int | None = None) -> Design:
    """The chip for a board of amaranth-boards, with a UART link.

    Parameters
    ----------
    baud : int, optional
        Of the link, default what the board manages.

    Raises
    ------
    UsageError
        For a board of another family or a baud rate that its clock cannot make.
    """
    if manifest.stream:
        raise UsageError(
            "the serial link of a board asks for whole examples, not samples; build a core with a front end without "
            "--board, or give it its samples in a design of your own"
        )
    board = boards.check_target(name, manifest.target, manifest.directory)
    target = targets.get(board.target)
    flow = target.flow
    assert flow is not None  # of every family that has a board
    platform = board.make_platform()
    clock_hz = float(platform.default_clk_frequency)
    baud = baud or board.baud
    plan = plan_of(platform, BoardChip(manifest, uart_divisor(clock_hz, baud)))
    nextpnr, pack = (command_of(plan, tool) for tool in (flow.nextpnr, flow.pack[0] if flow.pack else ""))
    part, pins = part_and_pins(nextpnr)
    device = next(word[2:] for word in part if word.startswith("--"))
    chosen = max(at for at, word in enumerate(flow.arguments) if "{" in word)
    return Design(
        name=NAME,
        folder=name,
        target=target,
        flow=flow,
        device=device,
        package=part[part.index("--package") + 1],
        part=target.devices[device.removeprefix("um5g-").removeprefix("um-")],
        rtlil=_text(plan.files[f"{NAME}.il"]),
        nextpnr=[*part, *flow.arguments[chosen + 1 :]],  # the family's own, but for those that choose the part
        pins=pins,
        files={pins[1]: _text(plan.files[pins[1]])},
        pack=pack,
        bitstream=flow.bitstream.format(name=NAME),
        link="uart",
        frame_bits=10 * len(classify_request(1, 0, identity_of(manifest))),  # ten bits a byte on the wire
        board=name,
        baud=baud,
        clock_mhz=round(clock_hz / 1e6, 6),
    )


def _text(content: str | bytes) -> str:
    return content if isinstance(content, str) else content.decode()


def plan_of(platform: Any, chip: BoardChip) -> BuildPlan:
    """What Amaranth prepares of a chip for a board: RTLIL, pins and clocks, and how it would call the tools."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # of boards' files written for older versions of Amaranth
        return platform.prepare(chip, TOP, emit_src=False)


def command_of(plan: BuildPlan, tool: str) -> list[str]:
    """A tool that the plan's script calls, with its arguments.

    Raises
    ------
    Lut2hwError
        If it does not.
    """
    for line in _text(plan.files[f"{plan.script}.sh"]).splitlines():
        words = shlex.split(line)
        if words and words[0] == f"${tools.variable(tool)}":
            return [tool, *words[1:]]
    raise Lut2hwError(f"Amaranth does not build for this board with {tool}; is it of another version?")


def part_and_pins(nextpnr: Sequence[str]) -> tuple[list[str], list[str]]:
    """Of the arguments of nextpnr those that choose the part, and those that name the file of pins and clocks."""
    part: list[str] = []
    pins: list[str] = []
    words = iter(nextpnr[1:])
    for word in words:
        if word in ("--log", "--json", "--asc", "--textcfg"):
            next(words)
        elif word in ("--pcf", "--lpf"):
            pins = [word, next(words)]
        elif word != "--quiet":
            part.append(word)
    return part, pins
