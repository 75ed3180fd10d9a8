"""Figures of reports: SVG texts whose colours are CSS variables, so that they follow light, dark and print."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw import quote

# Colours that only stand for CSS variables of the page.
FOREGROUND, MUTED = "#010101", "#010102"
COLOURS = ("#010111", "#010112", "#010113", "#010114", "#010115", "#010116")
_VARIABLES = {
    FOREGROUND: "var(--fg)",
    MUTED: "var(--muted)",
    **{colour: f"var(--c{i + 1})" for i, colour in enumerate(COLOURS)},
}
# What a file of its own shows instead, without a page around it.
LIGHT = {
    FOREGROUND: "#1c2733",
    MUTED: "#8795a5",
    COLOURS[0]: "#2f6db5",
    COLOURS[1]: "#d9822b",
    COLOURS[2]: "#2a9d74",
    COLOURS[3]: "#b3478c",
    COLOURS[4]: "#7a68c2",
    COLOURS[5]: "#9aa5b1",
}


def axes(width: float = 4.4, height: float = 2.6) -> tuple[Any, Any]:
    """A figure of that size in inches and its axes, in the style of the page."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    ax = figure.add_subplot()
    ax.set_facecolor("none")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
    ax.tick_params(colors=MUTED, labelcolor=FOREGROUND, labelsize=8)
    ax.xaxis.label.set(color=FOREGROUND, size=9)
    ax.yaxis.label.set(color=FOREGROUND, size=9)
    return figure, ax


def legend(ax: Any, **options: Any) -> None:
    """A legend without a frame."""
    ax.legend(frameon=False, fontsize=8, labelcolor=FOREGROUND, **options)


def svg(figure: Any, name: str, title: str, *, standalone: bool = False) -> str:
    """The figure as an SVG element for a page, or, if `standalone`, as the text of a file.

    Parameters
    ----------
    name : str
        Makes its identifiers unlike those of other figures; the same figure gives the same text.
    title : str
        What a screen reader says.
    """
    import matplotlib

    out = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif"}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Title": title})
    text = out.getvalue()
    if standalone:
        for colour, shown in LIGHT.items():
            text = text.replace(colour, shown)
        return text
    text = text[text.index("<svg") :]
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(
        r'(<svg [^>]*?)width="[^"]*" height="[^"]*"|(<svg [^>]*?)height="[^"]*" width="[^"]*"',
        lambda m: m[1] or m[2],
        text,
        count=1,
    )
    text = re.sub(r"font: ([^;\"]*?)'sans-serif'[^;\"]*", r"font: \1sans-serif", text)
    return re.sub(r"<svg ", '<svg role="img" ', text, count=1)


def png_of(figure: Any) -> bytes:
    """The figure as a PNG file on white, 2 x its size on a screen."""
    from matplotlib.colors import to_rgba

    for artist in figure.findobj():
        for get, put in (
            ("get_color", "set_color"),
            ("get_edgecolor", "set_edgecolor"),
            ("get_facecolor", "set_facecolor"),
        ):
            if hasattr(artist, get):
                colour = getattr(artist, get)()
                for stands_for, shown in LIGHT.items():
                    try:
                        rgba = to_rgba(colour[0] if np.ndim(colour) == 2 and len(colour) else colour)
                    except (ValueError, TypeError):
                        break
                    if rgba[:3] == to_rgba(stands_for)[:3]:
                        getattr(artist, put)((*to_rgba(shown)[:3], rgba[3]))
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=200, facecolor="white", metadata={"Software": None})
    return out.getvalue()


def png(pixels: NDArray[np.uint8]) -> str:
    """Pixels (height, width, 1, 3 or 4 channels) or (height, width) as a data URI."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.squeeze(pixels)).save(out, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def heat(values: NDArray[np.number]) -> str:
    """Values (height, width) as a picture: transparent at 0, the first colour at the greatest value."""
    share = values / max(float(values.max()), 1e-9)
    pixels = np.zeros((*values.shape, 4), np.uint8)
    pixels[..., :3] = (47, 109, 181)
    pixels[..., 3] = np.rint(255 * share)
    return png(pixels)


def curve(entries: Sequence[Sequence[Any]], error: str = "error, %", of_loss: str = "training loss, nats") -> str:
    """Learning curve of entries (stage, LUTs, loss, training score, validation score or None), 1 the best score.

    error, of_loss: what the axes are called.
    """
    figure, ax = axes()
    at = np.arange(1, len(entries) + 1)
    ax.plot(at, [100 * (1 - e[3]) for e in entries], color=COLOURS[0], marker="o", markersize=3, label="training")
    if any(e[4] is not None for e in entries):
        held = [(i, 100 * (1 - e[4])) for i, e in zip(at, entries, strict=True) if e[4] is not None]
        ax.plot(*zip(*held, strict=True), color=COLOURS[1], marker="o", markersize=3, label="validation")
    loss = ax.twinx()
    loss.plot(at, [e[2] for e in entries], color=COLOURS[2], linestyle="--", linewidth=1.2)
    ax.plot([], [], color=COLOURS[2], linestyle="--", linewidth=1.2, label="loss")
    for side in ("top", "left", "bottom"):
        loss.spines[side].set_visible(False)
    loss.spines["right"].set_color(MUTED)
    loss.tick_params(colors=MUTED, labelcolor=FOREGROUND, labelsize=8)
    loss.set_ylabel(of_loss, color=FOREGROUND, size=9)
    loss.set_ylim(0, 1.3 * max(max(e[2] for e in entries), 1e-3))
    top = 1.3 * max(ax.get_ylim()[1], 0.1)  # room for the names of the stages
    stages = [i for i in range(len(entries)) if i == 0 or entries[i][0] != entries[i - 1][0]]
    for i in stages[1:]:
        ax.axvline(i + 0.5, color=MUTED, linewidth=0.7, linestyle=":")
    if len(stages) <= 5:
        for i in stages:
            ax.text(i + 0.65, top, f"{entries[i][0]}\n{entries[i][1]} LUTs", size=7, color=FOREGROUND, va="top")
    ax.set_ylim(0, top)
    ax.set_xlim(0.5, len(entries) + 0.5)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("sweep")
    ax.set_ylabel(error)
    legend(ax, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return svg(figure, "curve", "Learning curve")


def votes_curve(counts: Sequence[int], train: Sequence[float] | None, test: Sequence[float] | None) -> str:
    """Accuracy of the network with only so many of its votes."""
    figure, ax = axes()
    for values, colour, label in ((train, COLOURS[0], "training"), (test, COLOURS[1], "test")):
        if values is not None:
            ax.plot(counts, [100 * v for v in values], color=colour, marker="o", markersize=3, label=label)
    ax.set_xlabel("votes counted")
    ax.set_ylabel("accuracy, %")
    legend(ax, loc="lower right")
    return svg(figure, "votes", "Accuracy against number of votes")


def layers_curve(rows: Sequence[tuple[int, NDArray[np.float64]]], split: str) -> str:
    """Accuracy of the single LUTs of each layer of a two-class network."""
    figure, ax = axes()
    number = [row[0] for row in rows]
    ax.fill_between(
        number,
        [100 * v.min() for _, v in rows],
        [100 * v.max() for _, v in rows],
        color=COLOURS[0],
        alpha=0.2,
        linewidth=0,
        label="worst to best",
    )
    ax.plot(number, [100 * v.mean() for _, v in rows], color=COLOURS[0], marker="o", markersize=3, label="mean")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("layer")
    ax.set_ylabel(f"{split} accuracy of its LUTs, %")
    legend(ax, loc="lower right")
    return svg(figure, "layers", "Accuracy of single LUTs by layer")


def bars(
    names: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], name: str, title: str, label: str = ""
) -> str:
    """Horizontal bars, one group for each name; later series lie over earlier ones."""
    figure, ax = axes(height=0.7 + 0.23 * max(len(names), 3))
    at = np.arange(len(names))[::-1]
    for (legend_name, values), colour in zip(
        series, (COLOURS[5], COLOURS[0]) if len(series) > 1 else COLOURS, strict=False
    ):
        ax.barh(at, values, color=colour, height=0.7, label=legend_name)
    ax.set_yticks(at, [quote.figure(each if len(each) <= 24 else each[:23] + "…") for each in names])
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.set_xlim(left=0)
    ax.set_xlabel(label)
    ax.xaxis.get_major_locator().set_params(integer=True, nbins=6)
    if len(series) > 1:
        legend(ax, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return svg(figure, name, title)


def margins(right: NDArray[np.integer], wrong: NDArray[np.integer]) -> str:
    """Histogram of margins of right and wrong answers."""
    figure, ax = axes()
    most = int(max(right.max(initial=0), wrong.max(initial=0)))
    width = max(1, -(-(most + 1) // 40))
    edges = np.arange(0, most + width + 1, width) - 0.5
    ax.hist(
        [wrong, right], edges, stacked=True, color=[COLOURS[1], COLOURS[0]], label=["wrong", "right"], linewidth=0
    )
    ax.set_xlabel("margin, in score")
    ax.set_ylabel("examples")
    ax.xaxis.get_major_locator().set_params(integer=True)
    legend(ax, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return svg(figure, "margins", "Margins of right and wrong answers")


def stacked(parts: Sequence[tuple[str, float]], label: str) -> str:
    """One stacked bar."""
    figure, ax = axes(height=1.35)
    at = 0.0
    for (name, value), colour in zip(parts, COLOURS, strict=False):
        ax.barh([0], [value], left=at, color=colour, label=f"{name} {value:,.0f}", height=0.8)
        at += value
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlim(0, max(at, 1))
    ax.set_xlabel(label)
    ax.xaxis.get_major_locator().set_params(integer=True, nbins=6)
    legend(ax, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=1.2, handlelength=1.0)
    return svg(figure, "area", "Area by part")


def shares(rows: Sequence[tuple[str, float, float]]) -> str:
    """Used and available, as bars of a share of 100 %; rows of (name, used, available)."""
    figure, ax = axes(height=0.75 + 0.3 * len(rows))
    at = np.arange(len(rows))[::-1]
    values = [100 * used / available for _, used, available in rows]
    ax.barh(at, [100] * len(rows), color=COLOURS[5], alpha=0.3, height=0.6)
    ax.barh(at, values, color=COLOURS[0], height=0.6)
    for y, value, (_, used, available) in zip(at, values, rows, strict=True):
        ax.text(
            99,
            y,
            f"{used:,.0f} of {available:,.0f} ({value:.1f}%)",
            size=8,
            color=FOREGROUND,
            ha="right",
            va="center",
        )
    ax.set_yticks(at, [quote.figure(name) for name, _, _ in rows])
    ax.set_xlim(0, 100)
    ax.set_xlabel("% of the device")
    return svg(figure, "device", "Device utilization")
