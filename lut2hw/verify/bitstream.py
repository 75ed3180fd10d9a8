"""Engine `bitstream`: every chip of a folder read back from its bitstream, pin for pin.

iCE40: `iceunpack` and `icebox_vlog` (C. Wolf, M. Lasser, "Project IceStorm") turn the bits back into Verilog. Which
pin is which comes from the names that nextpnr left in its .asc file; nothing else of that file is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from lut2hw import tools
from lut2hw.artefact.folder import Manifest
from lut2hw.artefact.results import read_build
from lut2hw.artefact.vectors import Vectors
from lut2hw.errors import ToolError
from lut2hw.files import read_text, scratch
from lut2hw.flow.result import built_for
from lut2hw.hdl.links.shift import pieces
from lut2hw.targets.base import simulation_model
from lut2hw.verify import board, simulate
from lut2hw.verify.outcome import Outcome

MAX_ASC = 1 << 26
"""Bytes of what nextpnr writes for it, at most."""

MAX_CLOCKS = 20_000
"""Bits shifted in, one for each clock."""


PIN = r"(\w+(?:\[\d+\])?)\$SB_IO_(?:IN|OUT)(?:_\$glb_\w+)?"
"""What nextpnr calls the net of a pin, also where it made it a global one."""


ALONE = "no board"
"""What the chip without a board is called among others."""


def check(manifest: Manifest, vectors: Vectors, seed: int = 0, timeout: float | None = None) -> Outcome:
    """Read every bitstream that `build` left in the folder back and stream `vectors` through its pins.

    The chip without a board and that of each board are checked one after the other; the note says which.
    """
    if manifest.target != "ice40":
        return Outcome(
            "bitstream",
            None,
            note=f"no open tool turns bitstreams of {manifest.target} back into "
            "Verilog; gates is as far as the chain goes",
        )
    directory = manifest.directory
    binary = _binary(directory)
    chips: dict[str, Callable[[], Outcome]] = {}
    if binary is not None:
        chips[ALONE] = partial(_shift, manifest, binary, vectors, seed, timeout)
    for name in built_for(manifest):
        chips[name] = partial(board.check, manifest, name, vectors, timeout)
    if not chips:
        return Outcome("bitstream", None, note="no bitstream beside the core; `lut2hw build` on its folder makes one")
    tools.require("icebox_vlog")
    outcomes = {}
    for name, checked in chips.items():
        try:
            outcomes[name] = checked()
        except ToolError as error:
            if len(chips) == 1:
                raise
            outcomes[name] = Outcome("bitstream", None, note=str(error))
    return _joined(outcomes)


def _joined(outcomes: Mapping[str, Outcome]) -> Outcome:
    """One outcome of several chips: all that could be checked must be right; the note says which, the wrong first."""
    if list(outcomes) == [ALONE]:
        return outcomes[ALONE]
    verdicts = [outcome.passed for outcome in outcomes.values()]
    wrong = {name: outcome for name, outcome in outcomes.items() if outcome.passed is False}
    said = []
    for name, outcome in {**wrong, **outcomes}.items():
        words = {True: f"{outcome.vectors} vectors", False: "wrong", None: "not checked"}[outcome.passed]
        said.append(f"{name}: {words}" + (f", {outcome.note}" if outcome.note else ""))
    one = next(iter(wrong.values()), next(iter(outcomes.values())))
    return Outcome(
        "bitstream",
        False if wrong else True if True in verdicts else None,
        sum(outcome.vectors for outcome in outcomes.values()),
        sum(outcome.mismatches for outcome in outcomes.values()),
        one.first,
        tuple(error for outcome in wrong.values() for error in outcome.errors),
        "; ".join(said),
        details={
            **one.details,
            "chips": {
                name: {"passed": outcome.passed, "vectors": outcome.vectors, "mismatches": outcome.mismatches}
                for name, outcome in outcomes.items()
            },
        },
    )


def _shift(manifest: Manifest, binary: Path, vectors: Vectors, seed: int, timeout: float | None) -> Outcome:
    """The chip without a board."""
    bits = manifest.bits_read[0]
    vectors = vectors.first(max(10, MAX_CLOCKS // len(bits)))
    with scratch() as work:
        board.unpack(binary, work, timeout)
        try:
            symbols = read_text(binary.with_suffix(".asc"), MAX_ASC, errors="replace")
        except OSError as error:
            raise ToolError(f"cannot read {error.filename}: {error.strerror or error}; build again") from None
        names = [match[0] for match in re.finditer(rf"^\.sym \d{{1,9}} {PIN}$", symbols, re.MULTILINE | re.ASCII)]
        with (work / "chip.asc").open("a") as file:
            file.write("\n".join(["", *names, ""]))
        verilog = tools.run("icebox_vlog", ["-s", "-L", "chip.asc"], cwd=work, timeout=timeout).output
        start = re.search(r"^module chip\b", verilog, re.MULTILINE)
        if start is None:
            raise ToolError(f"icebox_vlog printed no module; it last said: {tools.last_words(verilog)}")
        (work / "chip.v").write_text(verilog[start.start() :])
        # icebox makes a name that several nets have unique by underscores; the net that is a pin counts
        pins = {match[1]: match[2] for match in re.finditer(rf"^wire \\_{PIN}_* = (io_\w+);", verilog, re.MULTILINE)}
        pins |= {f"{name}[0]": pins.pop(name) for name in ("result",) if name in pins}
        missing = {"clk", "reset", "shift", "data", "done", "result[0]"} - set(pins)
        if missing:
            raise ToolError(f"the bitstream shows no pin for {', '.join(sorted(missing))}; build again")
        # logic comes back as equations; block RAM comes back as what it is, with its contents
        models = [simulation_model("ice40/cells_sim.v")] if "SB_RAM40" in verilog else []
        design = simulate.Design(
            [work / "chip.v", *models],
            "chip",
            None,
            None,
            None,
            simulate.ICARUS_DEFINES,
            "lut2hw.sim.chip",
            {"pins": pins, "bits": bits, "clocks": pieces(manifest.output_port.width, len(bits))[1]},
        )
        result = simulate.cocotb(design, vectors, seed=seed, timeout=timeout)
    return Outcome.of_bench("bitstream", len(vectors), result)


def _binary(directory: Path) -> Path | None:
    """The bitstream that build.json names, if it and its .asc file are there."""
    built = read_build(directory)
    named = built and built["bitstream"]
    if not named:
        return None
    binary = directory / Path(named).name
    return binary if binary.is_file() and binary.with_suffix(".asc").is_file() else None
