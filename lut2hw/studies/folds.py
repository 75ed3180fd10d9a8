"""What one network costs as a folded core of each width, and unfolded: cells, block RAM, clocks, examples a second.

Each core is emitted, synthesized, placed and routed; numbers are those of `lut2hw.flow.build.build`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lut2hw import checked
from lut2hw.artefact.emit import emit_model
from lut2hw.compile.options import FOLDS
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.extras import need
from lut2hw.files import scratch, write_into
from lut2hw.flow.build import build
from lut2hw.model.network import LutNetwork

WIDTHS = (*FOLDS, None)
"""Tables a clock that are tried; None is the core that takes an example each clock."""
COLUMNS = ("fold", "logic_cells", "ram", "clocks", "fmax_mhz", "examples_per_second")


def folds(
    network: LutNetwork,
    output: str | Path,
    *,
    target: str = "ice40",
    device: str | None = None,
    widths: Sequence[int | None] = WIDTHS,
    timeout: float | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Build a network as folded cores and unfolded, and draw what each takes and makes.

    Parameters
    ----------
    network : LutNetwork
        The model.
    output : str or Path
        Folder for folds.json, folds.svg and folds.png.
    target, device : str, optional
        As of `lut2hw emit` and `lut2hw build`.
    widths : sequence of int or None
        Tables a clock; None for the core that takes an example each clock.
    timeout : float, optional
        Seconds for each tool.
    progress : callable, optional
        Called as progress(what, cores done, cores in all).

    Returns
    -------
    list of dict
        Of each width `COLUMNS`: logic cells and block RAMs of the core, clocks from one example to the next, the
        fastest clock, and the examples a second at it. A core that cannot be built has its reason in `error`, and
        nothing else but `fold`.

    Raises
    ------
    UsageError
        If none can be built.
    """
    need("matplotlib", extra="report")
    output, rows = Path(output), list[dict[str, Any]]()
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write into {output}: {error.strerror or error}") from None
    for done, width in enumerate(widths):
        if progress is not None:
            progress("unfolded" if width is None else f"{width} tables a clock", done, len(widths))
        with scratch() as work:
            try:
                manifest = emit_model(network, work / "core", target=target, device=device, fold=width)
                made = build(work / "core", timeout=timeout)
            except Lut2hwError as error:
                rows.append({"fold": width, "error": str(error).replace(str(work / "core"), "the core")})
                continue
        rows.append(
            {
                "fold": width,
                "logic_cells": made.core.logic_cells,
                "ram": made.core.ram,
                "clocks": manifest.clocks,
                "fmax_mhz": made.fmax_mhz,
                "examples_per_second": made.classifications_per_second,
                "error": None,
            }
        )
    if progress is not None:
        progress("folds", len(widths), len(widths))
    good = [row for row in rows if row["error"] is None]
    if not good:
        raise UsageError(f"no core could be built; the first says: {rows[0]['error']}")
    svg, png = draw(good, target)
    write_into(
        output, "folds.json", checked.dumps({"target": target, "device": device, "cores": rows}, indent=1) + "\n"
    )
    write_into(output, "folds.svg", svg)
    write_into(output, "folds.png", png)
    return rows


def draw(rows: Sequence[dict[str, Any]], target: str) -> tuple[str, bytes]:
    """Examples a second against logic cells, with block RAMs and clocks beside each core: an SVG and a PNG.

    Parameters
    ----------
    rows : sequence of dict
        As `folds` returns them, without those that could not be built.
    target : str
        Name of the family.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    from lut2hw.report import figures

    figure, ax = figures.axes(7.2, 4.6)
    folded = [row for row in rows if row["fold"] is not None]
    ax.plot(
        [row["logic_cells"] for row in folded],
        [row["examples_per_second"] for row in folded],
        color=figures.COLOURS[0],
        marker="o",
        markersize=6,
        linewidth=1.2,
        label="folded, tables a clock",
    )
    whole = [row for row in rows if row["fold"] is None]
    if whole:
        ax.scatter(
            [row["logic_cells"] for row in whole],
            [row["examples_per_second"] for row in whole],
            color=figures.COLOURS[1],
            marker="s",
            s=40,
            label="an example a clock",
            zorder=3,
        )
    for row in rows:
        name = "unfolded" if row["fold"] is None else str(row["fold"])
        ax.annotate(
            f"{name}: {row['ram']} RAMs, {row['clocks']:,} clock{'s' * (row['clocks'] != 1)}",
            (row["logic_cells"], row["examples_per_second"]),
            textcoords="offset points",
            xytext=(8, -10) if row["fold"] is not None else (-8, -4),
            ha="left" if row["fold"] is not None else "right",
            size=7,
            color=figures.FOREGROUND,
        )
    cells = [row["logic_cells"] for row in rows]
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axis.set_minor_formatter(NullFormatter())
    ax.set_xlim(min(cells) * 0.8, max(cells) * 2)
    ax.grid(color=figures.MUTED, alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_xlabel(f"logic cells of the core on {target}, packed")
    ax.set_ylabel("examples a second at the fastest clock")
    figures.legend(ax, loc="center left")
    title = "Examples a second against logic cells, folded and unfolded"
    return figures.svg(figure, "folds", title, standalone=True), figures.png_of(figure)
