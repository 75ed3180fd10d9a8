"""Curves of answers: receiver operating characteristic, precision and recall, reliability, scores, numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lut2hw import quote
from lut2hw.report.figures import COLOURS, FOREGROUND, MUTED, axes, legend, svg
from lut2hw.studies.metrics import OperatingPoints, Reliability

FINE = 400  # steps of a curve that a figure can show
BINS = 48
NAMED = 5  # curves with a colour and a name
SHOWN = 1500  # points of a cloud
LOG_FROM = 0.9  # area above which the false positive rates that matter are small ones

Curve = tuple[str, float, OperatingPoints]
"""Name, area and points."""


def roc(curves: Sequence[Curve], here: tuple[float, float] | None, name: str) -> str:
    """True against false positive rates.

    Parameters
    ----------
    curves : sequence of Curve
        Those that are named come first.
    here : tuple of float or None
        False positive rate and recall of the answers.
    name : str
        Of the figure.
    """
    figure, ax = axes(height=3.0)
    negatives = min(points.negatives for _, _, points in curves)
    logarithmic = negatives >= 100 and min(area for _, area, _ in curves) >= LOG_FROM
    least = 0.5 / negatives if logarithmic else 0.0
    for (label, _, points), colour, order in _coloured(curves):
        x, y = points.false_positive_rate, points.recall
        if logarithmic:
            x = np.maximum(x, least)
            kept = _seen(np.log(x) / np.log(least), y)
        else:
            kept = _seen(x, y)
        ax.plot(x[kept], y[kept], color=colour, linewidth=1.5, label=label, zorder=order)
    if not logarithmic:
        ax.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1)
    if here is not None:
        ax.plot([max(here[0], least)], [here[1]], "o", color=FOREGROUND, markersize=5, zorder=9)
    if logarithmic:
        ax.set_xscale("log")
    ax.set_xlim(least, 1)
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("false positive rate")
    ax.set_ylabel("recall")
    _named(ax, curves)
    return svg(figure, name, "Receiver operating characteristic")


def precision_recall(curves: Sequence[Curve], here: tuple[float, float] | None, name: str) -> str:
    """Precision against recall.

    Parameters
    ----------
    curves : sequence of Curve
        Those that are named come first.
    here : tuple of float or None
        Recall and precision of the answers.
    name : str
        Of the figure.
    """
    figure, ax = axes(height=3.0)
    for (label, _, points), colour, order in _coloured(curves):
        # Where nothing is found there is no precision: the first one counts up to the recall that it is reached at.
        x, y = np.append(0.0, points.recall[1:]), points.precision[np.r_[1, 1 : len(points.precision)]]
        kept = _seen(x, y)
        ax.plot(x[kept], y[kept], color=colour, linewidth=1.5, drawstyle="steps-pre", label=label, zorder=order)
    if here is not None:
        ax.plot([here[0]], [here[1]], "o", color=FOREGROUND, markersize=5, zorder=9)
    ax.set_xlim(0, 1.01)
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("recall")
    ax.set_ylabel("precision")
    _named(ax, curves)
    return svg(figure, name, "Precision and recall")


def reliability(found: Reliability) -> str:
    """How often what a probability says comes true, and how many examples have it."""
    figure, ax = axes(height=3.0)
    ax.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1)
    ax.vlines(found.said, np.minimum(found.said, found.true), np.maximum(found.said, found.true), color=COLOURS[1])
    area = 12 + 180 * found.examples / found.examples.max()
    ax.scatter(found.said, found.true, s=area, color=COLOURS[0], linewidth=0, zorder=3)
    ax.set_xlim(-0.06, 1.06)
    ax.set_ylim(-0.06, 1.06)
    ax.set_xlabel("probability")
    ax.set_ylabel("came true")
    return svg(figure, "reliability", "Reliability of probabilities")


def scores(score: NDArray[np.int64], one: NDArray[np.bool_], lines: tuple[int, int], names: tuple[str, str]) -> str:
    """Histogram of the score by class, with the threshold.

    Parameters
    ----------
    score : NDArray[np.int64]
        int64 (n,).
    one : NDArray[np.bool_]
        bool (n,), which are of class 1.
    lines : tuple of int
        Class 0 is answered below the first, class 1 from the second on, and none between.
    names : tuple of str
        Of class 0 and class 1.
    """
    figure, ax = axes(height=3.0)
    low, high = min(int(score.min()), *lines), max(int(score.max()), *lines)
    width = max(1, -(-(high - low + 1) // BINS))
    start = lines[1] - width * -(-(lines[1] - low) // width)  # no bar is on both sides
    edges = np.arange(start, high + width + 1, width) - 0.5
    for some, colour, name in ((~one, COLOURS[0], names[0]), (one, COLOURS[1], names[1])):
        ax.hist(score[some], edges, color=colour, alpha=0.65, label=quote.figure(name[:24]), linewidth=0)
    for line in sorted(set(lines)):
        ax.axvline(line - 0.5, color=FOREGROUND, linestyle="--", linewidth=1)
    ax.set_xlabel("score")
    ax.set_ylabel("examples")
    ax.xaxis.get_major_locator().set_params(integer=True)
    legend(ax, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return svg(figure, "scores", "Scores by class")


def predicted(y: NDArray[np.float64], value: NDArray[np.float64], name: str) -> str:
    """Answered against true numbers."""
    figure, ax = axes(height=3.0)
    some = np.unique(np.linspace(0, len(y) - 1, min(len(y), SHOWN)).astype(np.int64))
    low, high = float(min(y.min(), value.min())), float(max(y.max(), value.max()))
    ax.plot([low, high], [low, high], color=MUTED, linestyle=":", linewidth=1)
    ax.scatter(y[some], value[some], s=7, color=COLOURS[0], alpha=0.4, linewidth=0)
    ax.set_xlabel("true")
    ax.set_ylabel("answered")
    ax.locator_params(nbins=6)
    return svg(figure, name, "Answered against true numbers")


def errors(y: NDArray[np.float64], value: NDArray[np.float64], name: str) -> str:
    """Histogram of the errors of numbers, but for the farthest ones at either end."""
    figure, ax = axes(height=3.0)
    error = value - y
    low, high = np.quantile(error, [0.005, 0.995])
    if low == high:
        low, high = low - 0.5, high + 0.5
    ax.hist(np.clip(error, low, high), np.linspace(low, high, BINS + 1), color=COLOURS[0], linewidth=0)
    ax.axvline(0, color=FOREGROUND, linestyle="--", linewidth=1)
    ax.set_xlabel("answered less true")
    ax.set_ylabel("examples")
    ax.locator_params(axis="x", nbins=6)
    return svg(figure, name, "Errors of numbers")


def _seen(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Points of a curve that a figure tells from their neighbours, and the ends."""
    at = np.rint(np.stack([x, y]) * FINE)
    new = np.append(True, (np.diff(at) != 0).any(axis=0))
    new[-1] = True
    return np.flatnonzero(new | np.append(new[1:], False))


def _coloured(curves: Sequence[Curve]) -> list[tuple[Curve, str, int]]:
    """Each curve with its colour and its place from back to front."""
    out = []
    for number, curve in enumerate(curves):
        named = number < NAMED
        out.append((curve, COLOURS[number] if named else COLOURS[5], 8 - number if named else 1))
    return out


def _named(ax: object, curves: Sequence[Curve]) -> None:
    if len(curves) == 1:
        return
    from matplotlib.axes import Axes

    assert isinstance(ax, Axes)
    handles = ax.get_legend_handles_labels()[0][:NAMED]
    labels = [f"{quote.figure(label[:16])} {area:.4f}" for label, area, _ in curves[:NAMED]]
    legend(ax, handles=handles, labels=labels, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
