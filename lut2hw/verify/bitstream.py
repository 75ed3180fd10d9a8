"""Engine `bitstream`: every chip of a folder read back from its bitstream, proved, and simulated pin for pin.

`lut2hw.verify.readback` turns the bits of an iCE40 back into a circuit; `lut2hw.verify.chip` proves it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from lut2hw import tools
from lut2hw.artefact.folder import Manifest
from lut2hw.artefact.results import read_build
from lut2hw.artefact.stream_vectors import StreamVectors
from lut2hw.artefact.vectors import Vectors
from lut2hw.errors import ToolError, UsageError
from lut2hw.files import read_bytes
from lut2hw.flow.chips import Design, board_design, device_design
from lut2hw.flow.result import built_for
from lut2hw.hdl.links.shift import pieces
from lut2hw.logic.equivalence import equal
from lut2hw.verify import board, simulate
from lut2hw.verify.chip import ChipProof, prove_chip
from lut2hw.verify.formal import prove as formal
from lut2hw.verify.formal.induction import Checker
from lut2hw.verify.outcome import Outcome
from lut2hw.verify.readback import MAX_BITSTREAM, ReadBack, read_back_by_names, unpack

MAX_CLOCKS = 20_000
"""Bits shifted in, one for each clock."""

ALONE = "no board"
"""What the chip without a board is called among others."""


def _strangers(manifest: Manifest, built: Mapping[str, Any], binary: Path) -> tuple[str, ...]:
    """What a build says of itself that is not so: it was of another core, or made another bitstream."""
    said = []
    if built.get("built_of", manifest.digest) != manifest.digest:
        said.append("build.json is of another core, or of this one before a file of it changed")
    with contextlib.suppress(OSError):
        digest = sha256(read_bytes(binary, MAX_BITSTREAM)).hexdigest()
        if built.get("bitstream_sha256") not in (None, digest):
            said.append(f"{binary.name} is not the bitstream that build.json is of")
    return tuple(said)


@dataclass
class _Task:
    """A folder whose chips are checked, and the proof of its core, which all of them share."""

    manifest: Manifest
    vectors: Vectors
    seed: int
    timeout: float | None

    @property
    def limit(self) -> float:
        return formal.DEFAULT_LIMIT if self.timeout is None else self.timeout

    @cached_property
    def core(self) -> Outcome:
        """The proof of the emitted Verilog."""
        return formal.check(self.manifest, self.vectors, self.seed, self.timeout)

    def prove(
        self, simulated: Outcome, chip: ReadBack, design: Design, built: Mapping[str, Any], binary: Path
    ) -> Outcome:
        """What simulation said, with what is proved of the same chip, and whether `build.json` is of it."""
        outcome = simulated
        if self.manifest.folded or self.manifest.stream:
            what = "folded core" if self.manifest.folded else "core with a front end"
            words = f"simulated; of a {what}'s bits nothing is proved"
            outcome = replace(simulated, note="; ".join(part for part in (words, simulated.note) if part))
        elif simulated.passed is not False:
            proof = prove_chip(self.manifest, chip, design, self.vectors, seed=self.seed, limit=self.limit)
            outcome = joined(simulated, self.core, proof)
        strangers = _strangers(self.manifest, built, binary)
        return replace(outcome, passed=False, errors=(*outcome.errors, *strangers)) if strangers else outcome


def joined(simulated: Outcome, core: Outcome, proof: ChipProof) -> Outcome:
    """One outcome of a chip: what was simulated, what is proved of its core, and whether its bits are its design.

    Parameters
    ----------
    simulated : Outcome
        At its pins.
    core : Outcome
        The proof of the emitted Verilog.
    proof : ChipProof
        Of the chip against that Verilog in its link.
    """
    words = {True: "proved", None: "not proved", False: "wrong"}
    parts = {
        "core": words[core.passed],
        "chip": words[proof.equal],
        "link": "simulated" if simulated.passed else "not simulated",
    }
    details = {**simulated.details, "parts": parts}
    if proof.match is not None:
        details |= {"flip_flops": proof.match.registers, "classes": proof.match.classes}
    if core.passed is False:
        return replace(core, engine=simulated.engine, vectors=simulated.vectors, details=details)
    if proof.equal is False:
        error = f"its bits are not the core in its link: {proof.words}"
        return replace(simulated, passed=False, errors=(*simulated.errors, error), details=details)
    vectors = f"{simulated.vectors} vectors" if simulated.passed else simulated.note
    said = [
        "core proved for all inputs" if core.passed else f"core not proved: {core.note}",
        "bits proved to be core and link" if proof.equal else f"bits not proved: {proof.words}",
        f"link simulated, {vectors}" if simulated.passed else f"link not simulated: {vectors}",
        *([simulated.note] if simulated.passed and simulated.note else []),
    ]
    proved = bool(core.passed and proof.equal and simulated.passed is not False)
    return replace(simulated, passed=True if proved else simulated.passed, note="; ".join(said), details=details)


def check(manifest: Manifest, vectors: Vectors, seed: int = 0, timeout: float | None = None) -> Outcome:
    """Read every bitstream that `build` left in the folder back, stream `vectors` through its pins, and prove it.

    The chip without a board and that of each board are checked one after the other; the note says which, and which
    part is proved and which simulated.
    """
    if manifest.target != "ice40":
        return Outcome(
            "bitstream",
            None,
            note=f"no open tool turns bitstreams of {manifest.target} back into "
            "Verilog; gates is as far as the chain goes",
        )
    task = _Task(manifest, vectors, seed, timeout)
    binary = _binary(manifest.directory)
    chips: dict[str, Callable[[], Outcome]] = {}
    if binary is not None:
        chips[ALONE] = partial(_shift, task, binary)
    for name in built_for(manifest):
        chips[name] = partial(_board, task, name)
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
                | ({"parts": outcome.details["parts"]} if "parts" in outcome.details else {})
                for name, outcome in outcomes.items()
            },
        },
    )


def _read_shift(
    manifest: Manifest, binary: Path, timeout: float | None
) -> tuple[ReadBack, Design, Mapping[str, Any]]:
    """The chip without a board, its design, and its `build.json`."""
    built = read_build(manifest.directory)
    assert built is not None  # it names the bitstream
    try:
        design = device_design(manifest, built["device"], built["package"])
    except UsageError as error:
        raise ToolError(f"build.json names what cannot be: {error}; build again") from None
    chip = read_back_by_names(unpack(binary, timeout), binary.with_suffix(".asc"), timeout)
    missing = {"clk", "reset", "shift", "data", "done", "result[0]"} - set(chip.pins)
    missing |= {"ready"} - set(chip.pins) if manifest.folded or manifest.stream else set()
    if missing:
        raise ToolError(f"the bitstream shows no pin for {', '.join(sorted(missing))}; build again")
    return chip, design, built


def _shift(task: _Task, binary: Path) -> Outcome:
    """The chip without a board."""
    manifest = task.manifest
    chip, design, built = _read_shift(manifest, binary, task.timeout)
    bits = manifest.bits_read[0]
    if isinstance(task.vectors, StreamVectors):
        vectors: Vectors = task.vectors.within(max(20, MAX_CLOCKS // (len(bits) + manifest.clocks_per_sample)))
    else:
        vectors = task.vectors.first(max(10, MAX_CLOCKS // max(len(bits), manifest.clocks)))
    clocks = pieces(manifest.output_port.width, len(bits))[1]
    patience = 10_000 + 2 * manifest.clocks_per_sample
    options = {"pins": dict(chip.pins), "bits": bits, "clocks": clocks, "patience": patience}
    bench = simulate.read_back(chip, "lut2hw.sim.chip", options)
    result = simulate.cocotb(bench, vectors, seed=task.seed, timeout=task.timeout)
    return task.prove(Outcome.of_bench("bitstream", len(vectors), result), chip, design, built, binary)


def _board(task: _Task, name: str) -> Outcome:
    """The chip of a board."""
    read = board.read(task.manifest, name, task.timeout)
    if isinstance(read, Outcome):
        return read
    chip, built = read
    simulated = board.simulate_chip(task.manifest, chip, built, task.vectors, task.timeout)
    design = board_design(task.manifest, name, built["baud"])
    return task.prove(simulated, chip, design, built, Path(built["bitstream"]))


def own_chip(manifest: Manifest, timeout: float | None = None) -> tuple[ReadBack, Design] | None:
    """The chip of a folder that was built for no board, and its design; None if there is none.

    Parameters
    ----------
    manifest : Manifest
        A folder for iCE40.
    timeout : float, optional
        Seconds for each tool.

    Raises
    ------
    ToolError
    """
    binary = _binary(manifest.directory)
    return None if binary is None else _read_shift(manifest, binary, timeout)[:2]


def prove_chips(
    manifest: Manifest, checker: Checker = equal, *, timeout: float | None = None
) -> dict[str, ChipProof]:
    """Prove that every chip of a folder is the emitted core in its link, without simulation at the pins.

    Parameters
    ----------
    manifest : Manifest
        A folder for iCE40 that was built.
    checker : callable
        What proves graphs equal.
    timeout : float, optional
        Seconds for each tool run and each proof.

    Returns
    -------
    dict of str to ChipProof
        By board, `ALONE` for the chip without one; none of a folded core, of whose bits nothing is proved.

    Raises
    ------
    ToolError
    """
    if manifest.folded:
        return {}
    out, limit = {}, formal.DEFAULT_LIMIT if timeout is None else timeout
    vectors = manifest.vectors.first(64)
    binary = _binary(manifest.directory)
    if binary is not None:
        chip, design, _ = _read_shift(manifest, binary, timeout)
        out[ALONE] = prove_chip(manifest, chip, design, vectors, limit=limit, checker=checker)
    for name in built_for(manifest):
        read = board.read(manifest, name, timeout)
        if isinstance(read, Outcome):
            out[name] = ChipProof(read.passed, "; ".join([*read.errors, *([read.note] if read.note else [])]))
            continue
        design = board_design(manifest, name, read[1]["baud"])
        out[name] = prove_chip(manifest, read[0], design, vectors, limit=limit, checker=checker)
    return out


def _binary(directory: Path) -> Path | None:
    """The bitstream that build.json names, if it and its .asc file are there."""
    built = read_build(directory)
    named = built and built["bitstream"]
    if not named:
        return None
    binary = directory / Path(named).name
    return binary if binary.is_file() and binary.with_suffix(".asc").is_file() else None
