"""Table entries that training never showed, or hardly, chosen so that the logic gets small.

A memorized table holds random bits where no example went. Here each table is completed on its own, by the cofactors
that its inputs leave: an input goes if the entries that count agree on both sides of it, a cofactor becomes a
constant or the complement of the other where they allow it, else the table is split by the input that leaves the
fewest inputs on both sides (as O. Coudert and J. C. Madre's `restrict`, ICCAD 1990, with a free order of inputs).
The completed tables make a new `LutNetwork`, so the golden model is the hardware again.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.compile.observe import complete_by_answers
from lut2hw.compile.options import least_shown
from lut2hw.errors import UsageError
from lut2hw.logic import truth
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Layer
from lut2hw.passes.decompose import WIDEST_CHART, bound_set, luts


class Examples(Protocol):
    """Labelled examples by split, "train" and "test": integers (n, n_features) and answers (n,) or (n, targets)."""

    def split(self, name: str) -> tuple[NDArray[Any], NDArray[Any]]: ...


MOST_LOST = 0.005
"""Share of examples that completing by answers may cost."""


@lru_cache(maxsize=1 << 15)
def _needed(table: int, care: int, k: int) -> tuple[tuple[int, ...], int, int]:
    """Inputs that have to stay, greedily, and the table and care over them."""
    kept = list(range(k))
    while True:
        best = None
        for at in range(len(kept)):
            (low, high), (c0, c1) = truth.cofactors(table, len(kept), at), truth.cofactors(care, len(kept), at)
            if not (low ^ high) & c0 & c1:
                free = (c0 | c1).bit_count()
                if best is None or free < best[0]:
                    # where neither side counts, the first one's entry stays
                    best = (free, at, low & c0 | high & ~c0 & c1 | low & ~c0 & ~c1, c0 | c1)
        if best is None:
            return tuple(kept), table, care
        _, at, table, care = best
        del kept[at]


def _spread(table: int, kept: tuple[int, ...], k: int) -> int:
    """The table over k inputs that depends on the `kept` ones as `table` does."""
    return truth.apply(table, [truth.var(j, k) for j in kept], truth.full(k))


def complete(table: int, care: int, k: int, lut_inputs: int) -> int:
    """A table that agrees with `table` where `care` is one, for small logic of LUTs of `lut_inputs` inputs."""
    kept, table, care = _needed(table, care, k)
    k_left = len(kept)
    made = _complete(table, care, k_left, lut_inputs)
    if lut_inputs < k_left <= WIDEST_CHART:
        chart = bound_set(table, care, k_left, lut_inputs)
        if chart is not None:
            other = chart.joined(complete(chart.table, chart.care, chart.k, lut_inputs), k_left)
            if luts(other, k_left, lut_inputs) < luts(made, k_left, lut_inputs):
                made = other
    return _spread(made, kept, k)


def _complete(table: int, care: int, k: int, lut_inputs: int) -> int:
    if k <= lut_inputs:
        return table
    best = None
    for j in range(k):
        (low, high), (c0, c1) = truth.cofactors(table, k, j), truth.cofactors(care, k, j)
        ones = truth.full(k - 1)
        if not (low ^ high ^ ones) & c0 & c1:  # complements: one table and an exclusive or
            merged = low & c0 | (high ^ ones) & ~c0 & c1 | low & ~c0 & ~c1
            below = complete(merged, c0 | c1, k - 1, lut_inputs)
            return _join(below, below ^ ones, k, j)
        a, b = (len(_needed(half, c, k - 1)[0]) for half, c in ((low, c0), (high, c1)))
        cost = sum(1 << max(n - lut_inputs, 0) if n > 1 else 0 for n in (a, b)) * 100 + a + b
        if best is None or cost < best[0]:
            best = (cost, j, low, high, c0, c1)
    assert best is not None
    _, j, low, high, c0, c1 = best
    return _join(complete(low, c0, k - 1, lut_inputs), complete(high, c1, k - 1, lut_inputs), k, j)


def _join(low: int, high: int, k: int, j: int) -> int:
    """The table of k inputs with the given cofactors for input j."""
    table = low | high << (1 << (k - 1))
    for at in range(k - 2, j - 1, -1):
        table = truth.swap_next(table, k, at)
    return table


def seen(network: LutNetwork, x: NDArray[np.integer], at_least: int) -> list[NDArray[np.bool_]]:
    """By layer, bool (n_luts, 2**k): at least that many of the examples x (n, n_features) show the pattern."""
    counts = [np.zeros((len(layer), 1 << layer.k), np.int64) for layer in network.layers]
    step = 1 << 14
    for at in range(0, len(x), step):
        part = x[at : at + step]
        values = bits.unpack(network.signals(network.encoder(part)), len(part))
        for layer, count in zip(network.layers, counts, strict=True):
            for row, wiring in enumerate(layer.wiring):
                pattern = np.zeros(len(part), np.int64)
                for j, signal in enumerate(wiring):
                    pattern |= values[signal].astype(np.int64) << j
                count[row] += np.bincount(pattern, minlength=1 << layer.k)
    return [count >= at_least for count in counts]


def use_dont_cares(network: LutNetwork, option: str, lut_inputs: int, data: Examples | None = None) -> LutNetwork:
    """A network with the entries completed that `option` frees: "off", "unseen" or "rare:N" (fewer than N times).

    Parameters
    ----------
    data : Examples, optional
        Where to count, and what accuracy before and after is measured on (`meta["dont_cares"]`); None takes the
        counts that the network holds. With data, "unseen" also frees entries that training shows but no answer to it
        depends on (`observe`), unless that costs too many of the examples that it is not told of (`_by_answers`).

    Raises
    ------
    UsageError
        For a wrong option, or if there is nothing to count on.
    """
    at_least = least_shown(option)
    if at_least is None:
        return network
    made = None
    x, y = (None, None) if data is None else data.split("train")
    if x is not None and y is not None and len(x) and option == "unseen":
        made = _by_answers(network, x, y, lut_inputs)
    scope = "entries" if made is None else "answers"
    if made is None:
        if x is not None and len(x):
            cares = seen(network, x, at_least)
        elif all(layer.counts is not None for layer in network.layers):
            cares = [layer.counts.sum(axis=2) >= at_least for layer in network.layers]  # type: ignore[union-attr]
        elif at_least == 1 and all(layer.care is not None for layer in network.layers):
            cares = [layer.care_bits.astype(bool) for layer in network.layers]
        else:
            raise UsageError(
                f"dont-cares {option} needs the training data, which this model does not name; give --data"
            )
        made = replace(
            network,
            layers=tuple(
                _completed(layer, care, lut_inputs) for layer, care in zip(network.layers, cares, strict=True)
            ),
        )
    return made.with_meta(
        dont_cares={
            "option": option,
            "scope": scope,
            "before": _accuracy(network, data),
            "after": _accuracy(made, data),
        }
    )


def _by_answers(network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any], lut_inputs: int) -> LutNetwork | None:
    """The network completed by the answers to the training examples; None if that costs too much accuracy.

    What it costs is measured on every fifth training example, with the others' answers kept; images are moved a pixel
    to the left or up first: what the network knows by heart would lose more than what it has never seen. Images are
    also tried with copies moved elsewhere among those whose answers are kept: less is free then, and less is lost.

    Parameters
    ----------
    x : NDArray[np.integer]
        Integers (n, n_features).
    y : NDArray[Any]
        Class numbers (n,), or numbers or labels (n, targets).
    """

    def completed(table: int, care: int, k: int) -> int:
        return complete(table, care, k, lut_inputs)

    apart = np.random.default_rng(0).permutation(len(x)) % 5 == 0
    images = network.features.image_shape is not None
    judged, answers = x[apart], y[apart]
    if images:
        judged = np.concatenate([_moved(network, judged, -1, axis) for axis in (2, 1)])
        answers = np.concatenate([answers, answers])
    before = _right(network, judged, answers)
    for directions in ((), (2,), (2, 1)) if images else ((),):  # axes to move along: to the right, down
        kept = np.concatenate([x, *(_moved(network, x, 1, axis) for axis in directions)])
        trial = complete_by_answers(network, kept[np.tile(~apart, 1 + len(directions))], completed)
        if before - _right(trial, judged, answers) <= MOST_LOST * len(judged):
            return complete_by_answers(network, kept, completed)
    return None


def _moved(network: LutNetwork, x: NDArray[np.integer], pixels: int, axis: int) -> NDArray[np.integer]:
    """Images moved along an axis (1: down, 2: to the right); what leaves on one side enters on the other."""
    return np.roll(x.reshape(len(x), *network.features.image_shape), pixels, axis).reshape(len(x), -1)  # type: ignore[misc]


def _right(network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any]) -> float:
    """How many of the examples are answered right; of numbers R2 counts instead, the mean over targets, of labels
    the share of right ones.
    """
    answer = network.predict_integers(x).reshape(len(x), -1)
    y = np.asarray(y).reshape(len(x), -1)
    if network.head.kind != "number":
        return float((answer == y).mean(axis=1).sum())
    error, spread = ((y - answer) ** 2).sum(axis=0), ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    each = np.where(spread > 0, 1 - error / np.where(spread > 0, spread, 1), error == 0)
    return len(x) * float(each.mean())


def _accuracy(network: LutNetwork, data: Examples | None) -> dict[str, float]:
    """Share of right answers, of numbers R2, by split, to six digits."""
    if data is None:
        return {}
    return {
        name: round(_right(network, x, y) / len(x), 6)
        for name, (x, y) in ((name, data.split(name)) for name in ("train", "test"))
        if len(y)
    }


def _completed(layer: Layer, care: NDArray[np.bool_], lut_inputs: int) -> Layer:
    n_bytes = layer.tables.shape[1]
    rows = []
    for table, cared in zip(layer.tables, bits.pack_tables(care), strict=True):
        made = complete(
            int.from_bytes(table.tobytes(), "little") & truth.full(layer.k),
            int.from_bytes(cared.tobytes(), "little") & truth.full(layer.k),
            layer.k,
            lut_inputs,
        )
        rows.append(np.frombuffer(made.to_bytes(n_bytes, "little"), np.uint8))
    return Layer(layer.wiring, np.array(rows, np.uint8).reshape(layer.tables.shape), layer.care, layer.counts)
