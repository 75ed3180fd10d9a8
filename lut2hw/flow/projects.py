"""Projects for vendors' tools: a folder with the core, its constraints and a script, and what their reports say.

None of these tools is called here. Scripts follow the vendors' guides: AMD UG835, Intel's "Quartus Prime Scripting"
UG-20144, Lattice's chapters on Tcl in Radiant's and Diamond's help, Gowin SUG100, Microchip's "Tcl Commands".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jinja2

from lut2hw.artefact.folder import CORE_VHDL, MODELS_VHDL, Manifest, load
from lut2hw.choices import Language
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.files import atomic_write
from lut2hw.targets.base import template_text
from lut2hw.targets.vendors import VENDORS, vendor

PROJECT = "project.json"
"""What a project is for, in its folder."""

CLOCK_MHZ = 100.0
"""Constraint where no clock is asked for."""

LONGEST = 1 << 26
"""Bytes of a report that are read."""


@dataclass(frozen=True)
class Project:
    """A folder for a vendor's tool."""

    tool: str
    """One of `lut2hw.targets.vendors.VENDORS`."""
    part: str
    """As the vendor writes it."""
    clock_mhz: float
    """Constraint on the clock."""
    directory: str
    """The folder."""
    sources: tuple[str, ...]
    """Files to compile, in order."""
    run: str
    """Command that builds it, to be run in the folder."""


@dataclass(frozen=True)
class VendorResult:
    """What a vendor's reports say of the core; None for what none of them says."""

    tool: str
    """One of `lut2hw.targets.vendors.VENDORS`."""
    part: str
    """As the vendor writes it."""
    clock_mhz: float
    """Constraint on the clock."""
    luts: int | None = None
    """LUTs, or ALMs."""
    registers: int | None = None
    """Flip-flops."""
    carries: int | None = None
    """Carry cells, where they are no LUTs."""
    ram: int | None = None
    """Block RAMs."""
    slack_ns: float | None = None
    """Of the slowest path from register to register."""
    fmax_mhz: float | None = None
    """Fastest clock: as reported, or by slack and constraint."""


def write_project(
    directory: str | Path | Manifest,
    tool: str,
    *,
    part: str | None = None,
    clock_mhz: float | None = None,
    output: str | Path | None = None,
) -> Project:
    """Write a project of an emitted core for a vendor's tool.

    Parameters
    ----------
    directory : str, Path or Manifest
        The emitted folder.
    tool : str
        "vivado", "quartus", "radiant", "diamond", "gowin" or "libero".
    part : str, optional
        As the vendor writes it; by default one of the core's family, or of one that takes any core.
    clock_mhz : float, optional
        Constraint on the clock; by default 100 MHz, or what `emit --fmax` asked for.
    output : str or Path, optional
        Folder to write; by default one with the tool's name in the emitted folder.

    Returns
    -------
    Project
        What was written.

    Raises
    ------
    UsageError
        For a tool or part that there is not, or a clock that is none.
    Lut2hwError
        If the folder cannot be written.
    """
    manifest = directory if isinstance(directory, Manifest) else load(directory)
    known = vendor(tool)
    part = part or known.part_for(manifest.target)
    if not re.fullmatch(r"[A-Za-z0-9][\w./-]*", part):
        raise UsageError(f"{part!r} is no name of a part; write it as the vendor does, such as {known.part}")
    options = known.options(part)
    if clock_mhz is None:
        clock_mhz = manifest.options.fmax or CLOCK_MHZ
    if not 0.001 <= clock_mhz <= 10_000:
        raise UsageError(f"a clock of {clock_mhz:g} MHz cannot be; give one from 0.001 to 10,000")
    vhdl = manifest.options.language == Language.VHDL
    names = [CORE_VHDL] if vhdl else list(manifest.sources)
    if manifest.target not in known.parts:  # primitives that the tool does not know
        names.insert(0, MODELS_VHDL if vhdl else "models.v")
    texts = {name: (manifest.directory / name).read_text() for name in names}
    folder = Path(output) if output is not None else manifest.directory / tool
    project = Project(tool, part, clock_mhz, str(folder), tuple(texts), known.run)
    words = {
        "part": part,
        "options": options,
        "sources": list(texts),
        "vhdl": vhdl,
        "top": manifest.top,
        "clock": manifest.clock,
        "period": f"{1000 / clock_mhz:.3f}",
        "constraints": known.constraints,
        "command": known.run,
    }
    ending = known.constraints.rpartition(".")[2]
    texts[known.script] = _text(f"{tool}.tcl.j2", words)
    texts[known.constraints] = _text(f"clock.{ending}.j2", words)
    texts[PROJECT] = json.dumps({**asdict(project), "sources": list(project.sources)}, indent=1) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with atomic_write(folder / name) as file:
                file.write(text.encode())
    except OSError as error:
        raise Lut2hwError(f"cannot write {folder}: {error.strerror or error}; choose another --output") from None
    return project


def _text(template: str, words: Mapping[str, Any]) -> str:
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(template_text(template)).render(words)


Found = dict[str, float]
"""Fields of a `VendorResult` and their values."""


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _first(text: str, patterns: Mapping[str, str]) -> Found:
    """The first match of each pattern that has one."""
    out = {}
    for name, pattern in patterns.items():
        match = re.search(pattern, text, re.MULTILINE)
        if match:
            out[name] = _number(match[1])
    return out


def _and_least(found: Found, name: str, numbers: list[str]) -> Found:
    """With the least of some numbers, if there are any."""
    return found | ({name: min(map(float, numbers))} if numbers else {})


def _vivado(text: str) -> Found:
    """`report_utilization` and `report_timing_summary`."""
    found = _first(
        text,
        {
            "luts": r"^\|\s*(?:CLB|Slice) LUTs\*?\s*\|\s*([\d,]+)",
            "registers": r"^\|\s*(?:CLB|Slice) Registers\s*\|\s*([\d,]+)",
            "carries": r"^\|\s*CARRY[48]\s*\|\s*([\d,]+)",
            "ram": r"^\|\s*Block RAM Tile\s*\|\s*([\d,]+)",
        },
    )
    summary = re.search(r"WNS\(ns\)[^\n]*\n[\s-]*\n\s*(-?[\d.]+)\s", text)
    return found | ({"slack_ns": float(summary[1])} if summary else {})


def _quartus(text: str) -> Found:
    """The summaries of fitter and timing analyzer."""
    found = _first(
        text,
        {
            "luts": r"(?:Logic utilization \(in ALMs\)|Total logic elements)\s*:\s*([\d,]+)",
            "registers": r"Total registers\s*:\s*([\d,]+)",
            "ram": r"Total RAM Blocks\s*:\s*([\d,]+)",
        },
    )
    return _and_least(found, "slack_ns", re.findall(r"Setup[^\n]*\n\s*Slack\s*:\s*(-?[\d.]+)", text))


def _lattice(text: str) -> Found:
    """Map reports and timing reports of Radiant and Diamond."""
    found = _first(
        text,
        {
            "luts": r"Number of LUT4s:\s*([\d,]+)",
            "registers": r"Number of (?:slice )?registers:\s*([\d,]+)",
            "ram": r"Number of (?:block RAMs|EBRs|Block RAMs):\s*([\d,]+)",
        },
    )
    clocks = re.findall(r"(?:Report:\s*|Actual \(all paths\)[^\n]*\|\s*)([\d.]+)\s*MHz", text)
    return _and_least(found, "fmax_mhz", clocks)


def _gowin(text: str) -> Found:
    """The report of place and route, and the timing report in text."""
    found = _first(
        text,
        {
            "luts": r"^\s*\|?\s*Logic\s*\|\s*([\d,]+)",
            "registers": r"^\s*\|?\s*Register\s*\|\s*([\d,]+)",
            "ram": r"^\s*\|?\s*BSRAM\s*\|\s*([\d,]+)",
        },
    )
    clocks = re.findall(r"[\d.]+\s*\(MHz\)\s*\|?\s*([\d.]+)\s*\(MHz\)", text)
    return _and_least(found, "fmax_mhz", clocks)


def _libero(text: str) -> Found:
    """The resource report, and the timing summary."""
    return _first(
        text,
        {
            "luts": r"^\|\s*4LUT\s*\|\s*([\d,]+)",
            "registers": r"^\|\s*DFF\s*\|\s*([\d,]+)",
            "ram": r"^\|\s*LSRAM\s*\|\s*([\d,]+)",
            "fmax_mhz": r"Frequency \(MHz\)\s*:?\s*([\d.]+)",
        },
    )


READERS: Mapping[str, tuple[Callable[[str], Found], tuple[str, ...]]] = {
    "vivado": (_vivado, ("utilization.rpt", "timing.rpt")),
    "quartus": (_quartus, ("output_files/*.fit.summary", "output_files/*.sta.summary")),
    "radiant": (_lattice, ("impl_1/*.mrp", "impl_1/*.twr")),
    "diamond": (_lattice, ("impl1/*.mrp", "impl1/*.twr")),
    "gowin": (_gowin, ("*/impl/pnr/*.rpt.txt", "*/impl/pnr/*.tr", "impl/pnr/*.rpt.txt", "impl/pnr/*.tr")),
    "libero": (_libero, ("libero/designer/*/*resources*.rpt", "libero/designer/*/*timing*.txt")),
}
"""By tool, what reads its reports, and where they are in a project."""


def read_reports(directory: str | Path) -> VendorResult:
    """What the reports in a project's folder say, once the vendor's tool has run there.

    Parameters
    ----------
    directory : str or Path
        The folder that `write_project` made.

    Returns
    -------
    VendorResult
        None for what no report says.

    Raises
    ------
    UsageError
        If it is no project, or has no report yet.
    """
    folder = Path(directory)
    try:
        data = json.loads((folder / PROJECT).read_text())
        tool, part, clock = str(data["tool"]), str(data["part"]), float(data["clock_mhz"])
        reader, places = READERS[tool]
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"{folder} is no project; make one with `lut2hw project DIR --tool NAME`") from None
    found: Found = {}
    for text in _texts(folder, places):
        found = {**reader(text), **found}
    if not found:
        raise UsageError(f"{folder} has no reports yet; run `{VENDORS[tool].run}` in it")
    if "fmax_mhz" not in found and "slack_ns" in found and 1000 / clock > found["slack_ns"]:
        found["fmax_mhz"] = 1000 / (1000 / clock - found["slack_ns"])
    whole = {name: int(value) for name, value in found.items() if name in ("luts", "registers", "carries", "ram")}
    return VendorResult(tool, part, clock, **{**found, **whole})  # type: ignore[arg-type]


def _texts(folder: Path, places: tuple[str, ...]) -> Iterator[str]:
    for place in places:
        for path in sorted(folder.glob(place)):
            with path.open("rb") as file:
                yield file.read(LONGEST).decode(errors="replace")


def results(directory: Path) -> list[VendorResult]:
    """What vendors' reports say of an emitted folder, of the projects in it that were run.

    Parameters
    ----------
    directory : Path
        The emitted folder.
    """
    out = []
    for tool in VENDORS:
        if (directory / tool / PROJECT).is_file():
            try:
                out.append(read_reports(directory / tool))
            except UsageError:
                continue
    return out
