"""A board's chip read back from its bitstream, at the pins that the board's file in amaranth-boards has.

Of what the build left, nothing but the bits is used: iCE40's `iceunpack` and `icebox_vlog` turn them into Verilog
whose ports are named after the pins of the board. Requests go in at its UART, as a host sends them.
"""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path

from lut2hw import tools
from lut2hw.artefact.folder import Manifest
from lut2hw.artefact.vectors import Vectors
from lut2hw.errors import Lut2hwError, ToolError, UsageError
from lut2hw.files import read_bytes, scratch
from lut2hw.flow.boards import board
from lut2hw.flow.result import read_build
from lut2hw.hdl.emitted import identity_of
from lut2hw.hdl.links.uart import uart_divisor
from lut2hw.hdl.protocol import classify_request, identify_request
from lut2hw.targets.base import simulation_model
from lut2hw.verify import simulate
from lut2hw.verify.outcome import Outcome

MAX_BITSTREAM = 1 << 22
"""Bytes of an iCE40's bitstream, at most."""

MAX_CLOCKS = 50_000
"""Of sending requests; one is sent however long it takes, up to `MOST_CLOCKS`."""
MOST_CLOCKS = 2_000_000
START = 20e-6
"""Seconds that a chip gets before it is asked anything; it holds itself in reset for 15 us."""

WANTED = {"clk": "input", "rx": "input", "tx": "output"}
"""Ports that a chip must have."""


def check(manifest: Manifest, name: str, vectors: Vectors, timeout: float | None = None) -> Outcome:
    """Send vectors through the UART of the chip that `build --board` made, as many as `MAX_CLOCKS` allow.

    Raises
    ------
    ToolError
    Lut2hwError
        If the build is damaged.
    """
    built = read_build(manifest, name)
    try:
        pins, platform = board(name).pins(), board(name).make_platform()
    except UsageError as error:
        return Outcome("bitstream", None, note=str(error))
    clock_hz = float(platform.default_clk_frequency)
    try:
        divisor = uart_divisor(clock_hz, built["baud"])
    except UsageError as error:
        raise Lut2hwError(f"{Path(built['bitstream']).parent / 'build.json'} is damaged: {error}") from None
    identity = identity_of(manifest)
    clocks = 10 * divisor * len(classify_request(1, 0, identity))
    start = round(START * clock_hz)
    if start + clocks > MOST_CLOCKS:
        return Outcome("bitstream", None, note=f"an example takes {clocks:,} clocks at {built['baud']:,} baud")
    vectors = vectors.first(max(1, (MAX_CLOCKS - start - 20 * divisor * len(identify_request())) // clocks))
    with scratch() as work:
        unpack(Path(built["bitstream"]), work, timeout)
        verilog = read_back(work, pins, platform.package.lower(), timeout)
        ports = {name: way for way, name in re.findall(r"(input|output|inout) (\w+)", verilog[0])}
        # other pins of the UART, such as RTS, may be used or not
        if {**ports, **WANTED} != {name: way for name, way in ports.items() if name in pins}:
            return Outcome("bitstream", False, errors=(_pins_in_words(ports, pins, name),))
        models = [simulation_model("ice40/cells_sim.v")] if "SB_RAM40" in verilog[1] else []
        (work / "chip.v").write_text(verilog[1])
        design = simulate.Design(
            [work / "chip.v", *models],
            "chip",
            None,
            None,
            None,
            simulate.ICARUS_DEFINES,
            "lut2hw.sim.chip_board",
            {"identity": asdict(identity), "divisor": divisor, "start": start},
        )
        result = simulate.cocotb(design, vectors, timeout=timeout)
    return replace(
        Outcome.of_bench("bitstream", len(vectors), result), note=f"pins {', '.join(pins[name] for name in WANTED)}"
    )


def unpack(binary: Path, work: Path, timeout: float | None) -> None:
    """Make chip.asc of a bitstream in the folder `work`.

    Raises
    ------
    ToolError
    """
    try:
        (work / "chip.bin").write_bytes(read_bytes(binary, MAX_BITSTREAM))
    except FileNotFoundError:
        raise ToolError(f"the bitstream {binary} is gone; build it again") from None
    except OSError as error:
        raise ToolError(f"cannot read {binary}: {error.strerror or error}; build it again") from None
    tools.run("iceunpack", ["chip.bin", "chip.asc"], cwd=work, timeout=timeout, makes=["chip.asc"])
    # what a bitstream says of itself may be anything
    text = re.sub(r"^\.comment\b.*\n(?:(?!\.).*\n)*", "", (work / "chip.asc").read_text(errors="replace"), flags=re.M)
    (work / "chip.asc").write_text(text)


def read_back(work: Path, pins: dict[str, str], package: str, timeout: float | None) -> tuple[str, str]:
    """Head and whole text of the Verilog of chip.asc in `work`, its ports named as in `pins`.

    Raises
    ------
    ToolError
    """
    (work / "pins.pcf").write_text("".join(f"set_io {name} {pin}\n" for name, pin in pins.items()))
    said = tools.run("icebox_vlog", ["-s", "-p", "pins.pcf", "-d", package, "chip.asc"], cwd=work, timeout=timeout)
    found = re.search(r"^module chip \((.*?)\);$", said.output, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ToolError(f"icebox_vlog printed no module; it last said: {tools.last_words(said.output)}")
    return found[1], said.output[found.start() :]


def _pins_in_words(ports: dict[str, str], pins: dict[str, str], name: str) -> str:
    """How the pins that a bitstream uses differ from those of the board."""
    missing = [f"{what} (pin {pins[what]})" for what, way in WANTED.items() if ports.get(what) != way]
    others = sorted(set(ports) - set(pins))
    words = [f"not as there: {', '.join(missing)}"] if missing else []
    words += [f"used besides: {', '.join(others)}"] if others else []
    return f"its pins are not those of the {name}; {'; '.join(words)}"
