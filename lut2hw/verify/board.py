"""A board's chip read back from its bitstream, at the pins that the board's file in amaranth-boards has.

Of what the build left, nothing but the bits is used: iCE40's `iceunpack` and `icebox_vlog` turn them into Verilog
whose ports are named after the pins of the board. Requests go in at its UART, as a host sends them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from lut2hw.artefact.folder import Manifest
from lut2hw.artefact.vectors import Vectors
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.flow.boards import board
from lut2hw.flow.result import read_build
from lut2hw.hdl.emitted import identity_of
from lut2hw.hdl.links.uart import uart_divisor
from lut2hw.hdl.protocol import classify_request, identify_request
from lut2hw.verify import simulate
from lut2hw.verify.chip import START
from lut2hw.verify.outcome import Outcome
from lut2hw.verify.readback import ReadBack, read_back, unpack

MAX_CLOCKS = 50_000
"""Of sending requests; one is sent however long it takes, up to `MOST_CLOCKS`."""
MOST_CLOCKS = 2_000_000

WANTED = {"clk": "input", "rx": "input", "tx": "output"}
"""Ports that a chip must have."""


def read(manifest: Manifest, name: str, timeout: float | None = None) -> tuple[ReadBack, dict[str, Any]] | Outcome:
    """The chip that `build --board` made, and its `build.json`; the outcome where its pins are not the board's.

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
    try:
        uart_divisor(float(platform.default_clk_frequency), built["baud"])
    except UsageError as error:
        raise Lut2hwError(f"{Path(built['bitstream']).parent / 'build.json'} is damaged: {error}") from None
    chip = read_back(unpack(Path(built["bitstream"]), timeout), pins, platform.package.lower(), timeout)
    # other pins of the UART, such as RTS, may be used or not
    if {**chip.ports, **WANTED} != {name: way for name, way in chip.ports.items() if name in pins}:
        return Outcome("bitstream", False, errors=(_pins_in_words(chip.ports, pins, name),))
    return chip, {**built, "clock_hz": float(platform.default_clk_frequency), "pins": pins}


def simulate_chip(
    manifest: Manifest, chip: ReadBack, built: Mapping[str, Any], vectors: Vectors, timeout: float | None = None
) -> Outcome:
    """Send vectors through the UART of a board's chip, as many as `MAX_CLOCKS` allow.

    Parameters
    ----------
    chip, built
        As `read` returns them.
    """
    divisor, identity = uart_divisor(built["clock_hz"], built["baud"]), identity_of(manifest)
    clocks = 10 * divisor * len(classify_request(1, 0, identity))
    start = round(START * built["clock_hz"])
    if start + clocks > MOST_CLOCKS:
        words = f"an example takes {clocks:,} clocks at {built['baud']:,} baud"
        return Outcome("bitstream", None, note=words)
    vectors = vectors.first(max(1, (MAX_CLOCKS - start - 20 * divisor * len(identify_request())) // clocks))
    options = {"identity": asdict(identity), "divisor": divisor, "start": start}
    bench = simulate.read_back(chip, "lut2hw.sim.chip_board", options)
    result = simulate.cocotb(bench, vectors, timeout=timeout)
    note = f"pins {', '.join(built['pins'][name] for name in WANTED)}"
    return replace(Outcome.of_bench("bitstream", len(vectors), result), note=note)


def _pins_in_words(ports: Mapping[str, str], pins: Mapping[str, str], name: str) -> str:
    """How the pins that a bitstream uses differ from those of the board."""
    missing = [f"{what} (pin {pins[what]})" for what, way in WANTED.items() if ports.get(what) != way]
    others = sorted(set(ports) - set(pins))
    words = [f"not as there: {', '.join(missing)}"] if missing else []
    words += [f"used besides: {', '.join(others)}"] if others else []
    return f"its pins are not those of the {name}; {'; '.join(words)}"
