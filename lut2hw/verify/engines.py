"""Verify: every link from the golden model to the bitstream, by engines that share one bench or a proof."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from lut2hw import quote, tools
from lut2hw.artefact.folder import Manifest
from lut2hw.artefact.stream_vectors import StreamVectors
from lut2hw.artefact.vectors import Vectors
from lut2hw.artefact.vhdl import vhdl_models
from lut2hw.choices import Language
from lut2hw.errors import ToolError, unknown_name
from lut2hw.targets.base import simulation_model
from lut2hw.targets.registry import get
from lut2hw.verify import bitstream, gates, golden, simulate
from lut2hw.verify.formal import folded
from lut2hw.verify.formal import prove as formal
from lut2hw.verify.outcome import Outcome
from lut2hw.verify.stimulus import coverage, stimulus

__all__ = ["ENGINES", "Outcome", "describe", "verify"]


def _golden(manifest: Manifest, vectors: Vectors, seed: int, timeout: float | None) -> Outcome:
    return golden.check(manifest, vectors)


AMARANTH_WORK = 3_000_000
"""Cells times vectors that Amaranth's simulator gets, which is about half a minute."""
AMARANTH_ROW = 200
"""Cells that a clock of a folded core counts for in it, and the fewest vectors of such a core."""
MIN_FOLDED = 10
COCOTB_CLOCKS = 40_000
"""Clocks of a folded core under Icarus Verilog, at most, if that is `MIN_FOLDED` vectors or more."""


def _amaranth(manifest: Manifest, vectors: Vectors, seed: int, timeout: float | None) -> Outcome:
    # Here, not above: the other engines do without Amaranth.
    from lut2hw.hdl.emitted import EmittedCore

    cells = AMARANTH_ROW * manifest.clocks if manifest.folded else len(manifest.netlist.cells)
    n = max(MIN_FOLDED if manifest.folded else 500, AMARANTH_WORK // max(1, cells))
    if isinstance(vectors, StreamVectors):
        n = len(vectors.within(max(1, AMARANTH_CLOCKS // manifest.clocks_per_sample)))
    note = f"the first {n} of {len(vectors)}, as this simulator is slow" if n < len(vectors) else ""
    vectors = vectors.first(n)
    core = EmittedCore(manifest, beats=manifest.folded)
    result = simulate.amaranth(core, vectors, seed=seed, parts=manifest.parts, stream=manifest.stream)
    return replace(Outcome.of_bench("amaranth", len(vectors), result), note=note)


AMARANTH_CLOCKS = 4_000
"""Clocks of a stream that Amaranth's simulator gets, about half a minute."""


def core_design(manifest: Manifest) -> simulate.Design:
    """The emitted Verilog with the vendor's simulation models."""
    models = [simulation_model(model) for model in manifest.simulation_models]
    return simulate.Design(
        models,
        manifest.top,
        manifest.clock,
        manifest.reset,
        manifest.cycles,
        simulate.ICARUS_DEFINES,
        extra={"parts": manifest.parts},
        texts=list(manifest.verilog.values()),
        stalls=manifest.stalls,
    )


def affordable(manifest: Manifest, vectors: Vectors) -> tuple[Vectors, str]:
    """Vectors that a simulation of Verilog gets, and a note where those are not all."""
    n = max(MIN_FOLDED, COCOTB_CLOCKS // manifest.clocks)
    if not manifest.folded or n >= len(vectors):
        return vectors, ""
    return vectors.first(n), f"the first {n} of {len(vectors)}, as each takes {manifest.clocks:,} clocks"


def _cocotb(manifest: Manifest, vectors: Vectors, seed: int, timeout: float | None) -> Outcome:
    vectors, short = affordable(manifest, vectors)
    result = simulate.cocotb(core_design(manifest), vectors, seed=seed, timeout=timeout)
    reached = coverage(manifest.network, manifest.network_port, vectors.network)
    outcome = Outcome.of_bench("cocotb", len(vectors), result, **reached)
    words = [f"{reached[key]:.0%} of the {what}" for key, what in _REACHED.items() if key in reached]
    words = [*[short] * bool(short), *words, f"{reached['pattern_coverage']:.1%} of the table entries"]
    return replace(outcome, note=", ".join(words))


def _formal(manifest: Manifest, vectors: Vectors, seed: int, timeout: float | None) -> Outcome:
    return (folded.check if manifest.folded else formal.check)(manifest, vectors, seed, timeout)


def _gates(manifest: Manifest, vectors: Vectors, seed: int, timeout: float | None) -> Outcome:
    vectors, short = affordable(manifest, vectors)
    outcome = gates.check(manifest, vectors, seed, timeout)
    return replace(outcome, note="; ".join(part for part in (outcome.note, short) if part))


def _vhdl(manifest: Manifest, vectors: Vectors, seed: int, timeout: float | None) -> Outcome:
    if manifest.options.language != Language.VHDL:
        raise ToolError(f"{manifest.directory} holds no VHDL; emit the core with --language vhdl")
    design = simulate.Design(
        [],
        manifest.top,
        manifest.clock,
        manifest.reset,
        manifest.latency,
        texts=[vhdl_models(get(manifest.target)), manifest.vhdl],
        stalls=manifest.stalls,
        simulator="ghdl",
    )
    return Outcome.of_bench("vhdl", len(vectors), simulate.cocotb(design, vectors, seed=seed, timeout=timeout))


_REACHED = {"class_coverage": "classes", "label_coverage": "labels' values"}

Engine = Callable[[Manifest, Vectors, int, float | None], Outcome]

ENGINES: dict[str, tuple[str, Engine]] = {
    "golden": ("netlist after every pass, evaluated in software", _golden),
    "amaranth": ("component in Amaranth's simulator", _amaranth),
    "cocotb": ("emitted Verilog under Icarus Verilog", _cocotb),
    "gates": ("netlist after yosys, simulated and proved", _gates),
    "bitstream": ("chip read back from its bitstream", bitstream.check),
    "formal": ("emitted Verilog, proved for all inputs", _formal),
    "vhdl": ("emitted VHDL under GHDL", _vhdl),
}
"""What can check an emitted folder: what it checks, and how."""


def engines_for(manifest: Manifest) -> list[str]:
    """Names of the engines that a folder has something for: all, but that of VHDL only where there is VHDL."""
    return [name for name in ENGINES if name != "vhdl" or manifest.options.language == Language.VHDL]


def verify(
    manifest: Manifest,
    engines: Sequence[str] = (),
    *,
    vectors: int | None = None,
    seed: int = 0,
    timeout: float | None = None,
    on_start: Callable[[str], None] | None = None,
) -> list[Outcome]:
    """Check an emitted folder with each of the engines.

    Parameters
    ----------
    manifest : Manifest
        The emitted folder.
    engines : Sequence[str], default=()
        Names from `ENGINES`; none given means cocotb, or amaranth where Icarus Verilog is not installed, and vhdl
        for a folder with VHDL.
    vectors : int, optional
        How many to stream (the emitted ones, then random ones); default all emitted ones and 1,000 random ones.
    seed : int, default=0
        Of stalls and random vectors.
    timeout : float, optional
        Seconds for each tool run and each proof. An engine that cannot run gives an outcome that says why.
    on_start : Callable[[str], None], optional
        Called with the name of each engine as it starts.
    """
    for name in engines:
        if name not in ENGINES:
            raise unknown_name("engine", name, ENGINES)
    note = ""
    if not engines:
        engines = ["cocotb"]
        if tools.find("iverilog") is None:
            engines = ["amaranth"]
            note = f"Icarus Verilog is not there, so Amaranth's simulator stood in; {tools.install_hint('iverilog')}"
        if manifest.options.language == Language.VHDL:
            engines = [*engines, "vhdl"]
    stream = stimulus(manifest, vectors, seed)
    outcomes = []
    for name in engines:
        if on_start is not None:
            on_start(name)
        began = time.monotonic()
        try:
            outcome = ENGINES[name][1](manifest, stream, seed, timeout)
        except ToolError as error:
            if len(engines) == 1:
                raise
            outcome = Outcome(name, None, note=str(error))
        words = "; ".join(part for part in (outcome.note, note) if part)
        outcomes.append(replace(outcome, note=words, seconds=time.monotonic() - began))
    return outcomes


def describe(manifest: Manifest, outcome: Outcome) -> str:
    """The outcome in words: PASS n/n, or the first mismatch with its input, expected and got."""
    if outcome.passed is None:
        return f"not done: {outcome.note}"
    note = f" ({outcome.note})" if outcome.note else ""
    if outcome.passed:
        return f"PASS {outcome.vectors}/{outcome.vectors}{note}" if outcome.vectors else f"PASS{note}"
    words = [
        f"FAIL, {outcome.mismatches} of {outcome.vectors} vectors are wrong{note}"
        if outcome.mismatches
        else f"FAIL{note}"
    ]
    if outcome.first is not None:
        words.append(_mismatch(manifest, outcome.first))
    return "; ".join([*words, *outcome.errors])


def _mismatch(manifest: Manifest, first: dict[str, Any]) -> str:
    def name(number: int | None) -> str:
        if number is None:
            return "unknown (X)"
        if not manifest.output_port.classes_alone:
            return manifest.output_port.in_words(number)
        known = number < len(manifest.class_names)
        return f"{number} ({quote.line(manifest.class_names[number], 80)})" if known else str(number)

    word = int(first["input"], 16)
    values = []
    for field in manifest.input_port.fields:
        value = word >> field.offset & (1 << field.width) - 1
        if field.signed and value >> (field.width - 1):
            value -= 1 << field.width
        values.append(f"{quote.line(field.name, 80)}={value}")
    shown = ", ".join(values[:8]) + (", ..." if len(values) > 8 else "")
    where = f"vector {first['vector']}: " if "vector" in first else ""
    return f"{where}input 0x{first['input']} ({shown}), expected {name(first['expected'])}, got {name(first['got'])}"
