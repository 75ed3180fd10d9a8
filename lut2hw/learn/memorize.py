"""Learning by memorization.

S. Chatterjee, "Learning and Memorization", ICML 2018 (PMLR 80:755-763). Layers are trained in order. Each LUT reads
k distinct signals of the previous layer, drawn at random. Over the training set one counts, for each pattern p at its
inputs, the examples with label 0 and with label 1; entry p of the table becomes the majority, and a random bit where
there is a tie, and so where the pattern was never seen. Every LUT of every layer is trained against the final label.
No gradients, no second pass.

Two classes end, as in the paper, in one more LUT whose output is the class.

More classes are this project's extension. LUT i of every layer answers one question, "is it class i mod n_classes?"
(label 1: yes). A plain majority would nearly always say no, since one class is rarer than all others together; so
the vote corrects for the class prior: entry p is 1 if the pattern is more frequent among the examples of the class
than among the others, c1 / n1 > c0 / n0, decided in exact integers as c1 * n0 > c0 * n1. The LUTs of the last layer,
sorted by class, are the votes: the class with the most ones wins, the lowest class wins a tie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numba import get_num_threads
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.data.dataset import Dataset
from lut2hw.data.packed import PackedExamples
from lut2hw.errors import UsageError
from lut2hw.kernels import evaluate as kernels
from lut2hw.kernels import memorize as memorize_kernels
from lut2hw.kernels import memory
from lut2hw.model.check import MAX_K
from lut2hw.model.encoder import Encoder
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head, Layer
from lut2hw.scratch import MEMORY, Scratch
from lut2hw.shards import Call, Place, Recipe, cut

KEEP_COUNTS_BELOW = 1 << 26
"""Bytes of counts up to which they are kept in the model; beyond, only the care set is."""

Progress = Callable[[str, int, int], None]
"""Called as progress(what, steps done, steps in all)."""


_RUN = 8
"""The words of a class are a multiple of this, so that vectors of them hold no example of another class."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Packed training bits, sorted by class so that counting needs no labels."""

    signals: bits.Packed
    """uint64 (n_signals, n_words); the examples of class c fill words start[c] to start[c + 1] and the bits past the
    last of them are zero.
    """
    start: NDArray[np.int64]
    """int64 (n_classes + 1,), multiples of `_RUN`."""
    count: NDArray[np.int64]
    """int64 (n_classes,) examples."""

    @classmethod
    def sort(
        cls, encoded: bits.Packed, y: NDArray[np.integer], n_classes: int, scratch: Scratch = MEMORY
    ) -> Examples:
        """Sort `encoded` (n_bits, n_words) by class."""
        count = np.bincount(y, minlength=n_classes).astype(np.int64)
        start = np.zeros(n_classes + 1, np.int64)
        np.cumsum(-(-count // (64 * _RUN)) * _RUN, out=start[1:])
        source = np.full(int(start[-1]) * 64, encoded.shape[1] * 64, np.uint32)
        for c in range(n_classes):
            source[start[c] * 64 : start[c] * 64 + count[c]] = np.flatnonzero(y == c)
        signals = _room(len(encoded), int(start[-1]), scratch)
        memorize_kernels.gather_bits(encoded, source, signals)
        return cls(signals, start, count)

    def clear_padding(self) -> None:
        """Zero the bits past the last example of each class."""
        for c, count in enumerate(self.count):
            full = self.start[c] + count // 64
            if count % 64:
                self.signals[:, full] &= np.uint64((1 << int(count % 64)) - 1)
                full += 1
            self.signals[:, full : self.start[c + 1]] = 0


def _room(n_signals: int, n_words: int, scratch: Scratch) -> bits.Packed:
    """Packed signals with any values, in memory or in a file."""
    if scratch.folder is None:
        return bits.empty(n_signals, n_words)
    return scratch.empty((n_signals, n_words), np.uint64)


def memorize(
    encoder: Encoder,
    encoded: bits.Packed,
    y: NDArray[np.integer],
    class_names: Sequence[str],
    *,
    layers: Sequence[int] = (256, 256, 256),
    k: int = 6,
    seed: int = 0,
    counts: bool | None = None,
    meta: dict[str, Any] | None = None,
    progress: Progress | None = None,
    clip_k: bool = False,
) -> LutNetwork:
    """Train a network by memorization.

    Parameters
    ----------
    encoder : Encoder
        Becomes the network's.
    encoded : bits.Packed
        Its output, packed uint64 (n_bits, n_words).
    y : NDArray[np.integer]
        Class numbers (n_examples,).
    layers : Sequence[int], default=(256, 256, 256)
        LUTs in each layer; with two classes, of the hidden layers, before the one LUT that answers (and may then be
        empty).
    k : int, default=6
        Inputs of each LUT.
    seed : int, default=0
        Of wiring and ties; the result depends on nothing else but the data.
    counts : bool, optional
        Keep the counts in the network (None: if they take less than 64 MiB).
    clip_k : bool, default=False
        A layer that has fewer than k signals to read reads them all, instead of an error.
    """
    held = [PackedExamples(encoded, np.asarray(y), None, len(y))]
    del encoded  # if the caller holds it no longer either, it is freed as soon as it is sorted
    return _memorize(
        encoder,
        held,
        class_names,
        layers=layers,
        k=k,
        seed=seed,
        counts=counts,
        meta=meta,
        progress=progress,
        clip_k=clip_k,
    )


def _memorize(
    encoder: Encoder,
    held: list[PackedExamples],
    class_names: Sequence[str],
    *,
    layers: Sequence[int],
    k: int,
    seed: int,
    counts: bool | None = None,
    meta: dict[str, Any] | None = None,
    progress: Progress | None = None,
    clip_k: bool = False,
    scratch: Scratch = MEMORY,
    place: Place | None = None,
) -> LutNetwork:
    """`memorize` of the examples that a list holds, alone, which are taken out of it."""
    given = held.pop()
    encoded, y = given.code, given.label
    if place is None:
        del given
    n_classes = len(class_names)
    widths = [*layers, 1] if n_classes == 2 else list(layers)
    _check(len(encoded), y, n_classes, widths, 1 if clip_k and k > 0 else k)
    table_bytes = sum(widths) << max(k - 3, 0)
    keep_counts = counts if counts is not None else (sum(widths) << k) * 8 <= KEEP_COUNTS_BELOW
    # Two layers of signals are alive at a time, and for each thread the counts of one LUT.
    signals = max(map(sum, zip([len(encoded), *widths], widths, strict=False))) * encoded.shape[1] * 8
    memory.need(
        signals * (scratch.folder is None)
        + 2 * table_bytes
        + ((2 * get_num_threads() + (sum(widths) if keep_counts else 0)) << k) * 8,
        f"{sum(widths):,} LUTs of {k} inputs",
        "use fewer LUTs, a smaller k or fewer examples" + ", or --scratch DIR" * (scratch.folder is None),
    )
    n_bits = len(encoded)
    if place is not None:
        layered = _over_shards(given, widths, n_classes, place, k, seed, keep_counts, clip_k, progress)
        first = n_bits + sum(widths[:-1])
        head = _head(first, _questions(widths[-1], n_classes, last=True), n_classes)
        return LutNetwork(encoder, tuple(layered), head, tuple(class_names), meta or {})
    examples = Examples.sort(encoded, y, n_classes, scratch)
    del encoded
    room: bits.Packed | None = None
    out = []
    first = 0
    for number, width in enumerate(widths):
        question = _questions(width, n_classes, last=number == len(widths) - 1)
        step = None if progress is None else partial(progress, f"layer {number + 1} of {len(widths)}")
        inputs = min(k, len(examples.signals)) if clip_k else k
        if room is not None and len(room) < width:
            room = None  # before more is asked for
        layer, after = train_layer(
            examples,
            question,
            inputs,
            np.random.default_rng([seed, number]),
            first,
            balance=n_classes > 2,
            counts=keep_counts,
            last=number == len(widths) - 1,
            progress=step,
            room=room,
            scratch=scratch,
        )
        room, examples = examples.signals, after
        first += n_bits if number == 0 else widths[number - 1]
        out.append(layer)
    return LutNetwork(encoder, tuple(out), _head(first, question, n_classes), tuple(class_names), meta or {})


class Counting:
    """A shard: examples that are counted by pattern.

    Parameters
    ----------
    examples : PackedExamples
        Encoded, in any order.
    n_classes : int
        Classes.
    """

    def __init__(self, examples: PackedExamples, n_classes: int) -> None:
        self.examples = Examples.sort(examples.code, examples.label, n_classes)

    def count(self, wiring: NDArray[np.int32], question: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Examples by pattern and label, uint32 (n_luts, 2**k, 2), of LUTs int32 (n_luts, k)."""
        examples, (n_luts, k) = self.examples, wiring.shape
        unused = np.zeros((2, n_luts, ((1 << k) + 7) // 8), np.uint8)
        counts = np.empty((n_luts, 1 << k, 2), np.uint32)
        memorize_kernels.fill_layer(
            examples.signals,
            wiring,
            question,
            examples.start,
            examples.count,
            False,
            unused[0],
            unused[1],
            counts,
            bits.empty(0, examples.signals.shape[1]),
        )
        return counts

    def evaluate(self, wiring: NDArray[np.int32], tables: NDArray[np.uint8]) -> None:
        """Let the outputs of a layer take the place of its inputs."""
        out = bits.empty(len(wiring), self.examples.signals.shape[1])
        kernels.evaluate(self.examples.signals, wiring, tables, out)
        self.examples = replace(self.examples, signals=out)
        self.examples.clear_padding()


def _recipe(examples: PackedExamples, n_classes: int, first: int, last: int) -> Recipe:
    part = examples.words(first, last)
    return partial(_make, replace(part, code=part.code.copy()), n_classes)


def _make(examples: PackedExamples, n_classes: int, threads: int) -> Counting:
    return Counting(examples, n_classes)


_AT_ONCE = 1 << 24  # counts that shards are asked for


def _over_shards(
    examples: PackedExamples,
    widths: Sequence[int],
    n_classes: int,
    place: Place,
    k: int,
    seed: int,
    keep_counts: bool,
    clip_k: bool,
    progress: Progress | None,
) -> list[Layer]:
    """The layers, from counts of shards: one pass a layer over the examples."""
    runs = cut(examples.code.shape[1], place.count)
    shards = place.spread([partial(_recipe, examples, n_classes, *run) for run in runs])
    done: list[Call] = []
    shards.keep(lambda: done)
    of_class = np.bincount(examples.label, minlength=n_classes).astype(np.uint64)
    first, n_signals, layers = 0, len(examples.code), []
    try:
        for number, width in enumerate(widths):
            question = _questions(width, n_classes, last=number == len(widths) - 1)
            rng = np.random.default_rng([seed, number])
            wiring, tables = draw_layer(rng, width, min(k, n_signals) if clip_k else k, n_signals)
            entries = 1 << wiring.shape[1]
            care, kept = np.empty_like(tables), np.empty((width if keep_counts else 0, entries, 2), np.uint32)
            piece = max(1, min(width, _AT_ONCE // entries))
            for at in range(0, width, piece):
                part = slice(at, min(at + piece, width))
                counts = np.asarray(
                    np.sum(shards.ask("count", wiring[part], question[part]), axis=0, dtype=np.uint64)
                )
                balance = of_class[question[part]] if n_classes > 2 else None
                tables[part], care[part] = _decided(counts, balance, of_class.sum(), tables[part])
                kept[part] = counts[: len(kept[part])]
                if progress is not None:
                    progress(f"layer {number + 1} of {len(widths)}", part.stop, width)
            done.append(("evaluate", (wiring, tables)))
            if number < len(widths) - 1:
                shards.tell("evaluate", wiring, tables)
            layers.append(Layer(wiring + np.int32(first), tables, care, kept if keep_counts else None))
            first, n_signals = first + n_signals, width
    finally:
        shards.close()
    return layers


def _decided(
    counts: NDArray[np.uint64], yes: NDArray[np.uint64] | None, n: np.uint64, tables: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Tables by (prior-corrected) majority, and their care sets; bits of ties stay as they are.

    Parameters
    ----------
    counts : NDArray[np.uint64]
        uint64 (n_luts, 2**k, 2), examples by pattern and label.
    yes : NDArray[np.uint64] or None
        uint64 (n_luts,), examples of label 1, to correct for the prior, of all `n`.
    """
    zero, one = counts[..., 0], counts[..., 1]
    seen = (zero | one) > 0
    if yes is not None:
        zero, one = zero * yes[:, None], one * (n - yes)[:, None]  # below 2**64, as counts are below 2**32
    above, below, care = (np.packbits(each, axis=1, bitorder="little") for each in (one > zero, one < zero, seen))
    return (tables | above) & ~below, care


def add_layer(
    hidden: Sequence[Layer],
    encoder: Encoder,
    encoded: bits.Packed,
    y: NDArray[np.integer],
    class_names: Sequence[str],
    *,
    width: int,
    k: int,
    seed: int,
) -> tuple[list[Layer], LutNetwork]:
    """Train one more layer, behind `hidden`, on examples that may be new; returns all hidden layers and a network.

    Arguments as in `memorize`, with `clip_k`. With two classes the network ends in one more LUT, which is not among
    the hidden layers; with more, it ends in the new layer.
    """
    n_classes = len(class_names)
    examples = Examples.sort(encoded, y, n_classes)
    first = 0
    for layer in hidden:
        out = np.empty((len(layer), examples.signals.shape[1]), np.uint64)
        kernels.evaluate(examples.signals, layer.wiring - np.int32(first), layer.tables, out)
        first += len(examples.signals)
        examples = Examples(out, examples.start, examples.count)
        examples.clear_padding()
    hidden, layers = list(hidden), list(hidden)
    for number, size in enumerate([width, 1] if n_classes == 2 else [width], len(hidden)):
        question = _questions(size, n_classes, last=n_classes > 2)
        n_inputs = len(examples.signals)
        layer, examples = train_layer(
            examples,
            question,
            min(k, n_inputs),
            np.random.default_rng([seed, number]),
            first,
            balance=n_classes > 2,
            counts=False,
        )
        first += n_inputs
        layers.append(layer)
    hidden.append(layers[len(hidden)])
    return hidden, LutNetwork(encoder, tuple(layers), _head(first, question, n_classes), tuple(class_names))


def _questions(width: int, n_classes: int, last: bool) -> NDArray[np.int64]:
    """int64 (width,): the class that each LUT tells from the others: each class in turn, in groups if `last`."""
    question = np.ones(width, np.int64) if n_classes == 2 else np.arange(width) % n_classes
    return np.sort(question) if last else question


def _head(first: int, question: NDArray[np.int64], n_classes: int) -> Head:
    if n_classes == 2:
        return Head.bit(first)
    return Head.argmax(np.arange(first, first + len(question)), question, n_classes)


def train_layer(
    examples: Examples,
    question: NDArray[np.int64],
    k: int,
    rng: np.random.Generator,
    first: int,
    *,
    balance: bool,
    counts: bool,
    last: bool = False,
    progress: Callable[[int, int], None] | None = None,
    room: bits.Packed | None = None,
    scratch: Scratch = MEMORY,
    drawn: tuple[NDArray[np.int32], NDArray[np.uint8]] | None = None,
) -> tuple[Layer, Examples]:
    """Wire and fill one layer; returns it with the examples as its outputs show them (no signals if `last`).

    Parameters
    ----------
    question : NDArray[np.int64]
        int64 (n_luts,), the class that each LUT tells from the others.
    first : int
        Global number of the first of `examples.signals`.
    balance : bool
        Correct the vote for the class prior.
    room : bits.Packed, optional
        Where the outputs may be written.
    scratch : Scratch, default=MEMORY
        Where they are written otherwise.
    drawn : tuple of arrays, optional
        Wiring and tables, as of `draw_layer`, in place of ones from `rng`.
    """
    n_luts = len(question)
    wiring, tables = draw_layer(rng, n_luts, k, len(examples.signals)) if drawn is None else drawn
    care = np.empty_like(tables)
    kept = np.empty((n_luts if counts else 0, 1 << k, 2), np.uint32)
    n_out, n_words = 0 if last else n_luts, examples.signals.shape[1]
    signals = _room(n_out, n_words, scratch) if room is None else room[:n_out]
    after = Examples(signals, examples.start, examples.count)
    # In pieces, for progress and Ctrl-C.
    piece = min(n_luts, max(4, (1 << 28) // int(examples.count.sum())))
    if progress is not None:
        progress(0, n_luts)
    for at in range(0, n_luts, piece):
        part = slice(at, min(at + piece, n_luts))
        memorize_kernels.fill_layer(
            examples.signals,
            wiring[part],
            question[part],
            examples.start,
            examples.count,
            balance,
            tables[part],
            care[part],
            kept[part],
            after.signals[part],
        )
        if progress is not None:
            progress(part.stop, n_luts)
    after.clear_padding()
    return Layer(wiring + np.int32(first), tables, care, kept if counts else None), after


def draw_layer(
    rng: np.random.Generator, n_luts: int, k: int, n_signals: int
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Wiring int32 (n_luts, k), and the random bits of ties, uint8 (n_luts, 2**k / 8)."""
    wiring = draw_wiring(rng, n_luts, k, n_signals)
    tables = rng.integers(0, 256, (n_luts, ((1 << k) + 7) // 8), np.uint8)
    if k < 3:
        tables &= np.uint8((1 << (1 << k)) - 1)
    return wiring, tables


def draw_wiring(rng: np.random.Generator, n_luts: int, k: int, n_signals: int) -> NDArray[np.int32]:
    """int32 (n_luts, k): k distinct signals of `n_signals` for each LUT, uniformly."""
    if k * k > n_signals:  # many repeats: rank random numbers instead
        return np.stack([rng.permutation(n_signals)[:k] for _ in range(n_luts)]).astype(np.int32)
    wiring = rng.integers(0, n_signals, (n_luts, k), np.int32)
    redo = np.arange(n_luts)
    while len(redo):
        ordered = np.sort(wiring[redo], axis=1)
        redo = redo[(ordered[:, 1:] == ordered[:, :-1]).any(axis=1)]
        wiring[redo] = rng.integers(0, n_signals, (len(redo), k), np.int32)
    return wiring


def learn(
    dataset: Dataset,
    encoder: Encoder,
    *,
    layers: Sequence[int] = (256, 256, 256),
    k: int = 6,
    seed: int = 0,
    clip_k: bool = False,
    meta: dict[str, Any] | None = None,
    progress: Progress | None = None,
    place: Place | None = None,
) -> LutNetwork:
    """`memorize` on the training split of a dataset, held in shards at a place, or in this process."""
    if progress is not None:
        progress("encoding", 0, 1)  # shown at once: the first run ever compiles here
    examples = [PackedExamples.encode(encoder, dataset.x_train, dataset.y_train, scratch=dataset.scratch)]
    if progress is not None:
        progress("encoding", 1, 1)
    return _memorize(
        encoder,
        examples,
        dataset.class_names,
        layers=layers,
        k=k,
        seed=seed,
        meta=meta,
        progress=progress,
        clip_k=clip_k,
        scratch=dataset.scratch,
        place=place,
    )


def recount(dataset: Dataset, network: LutNetwork, *, seed: int = 0, progress: Progress | None = None) -> LutNetwork:
    """Fill the tables of a memorized network again, by counting other examples; wiring and head stay.

    Parameters
    ----------
    dataset : Dataset
        Examples of the features and classes of the network.
    network : LutNetwork
        What `memorize` made.
    seed : int
        Of the random bits of ties.
    progress : callable, optional
        Called as progress(what, steps done, steps in all).

    Raises
    ------
    UsageError
        If its layers do not read one another as those of `memorize` do.
    """
    n_classes, widths = len(dataset.class_names), [len(layer) for layer in network.layers]
    _check(len(network.encoder), dataset.y_train, n_classes, widths, 1)
    examples = Examples.sort(
        PackedExamples.encode(network.encoder, dataset.x_train, dataset.y_train, scratch=dataset.scratch).code,
        dataset.y_train,
        n_classes,
        dataset.scratch,
    )
    layers, first = [], 0
    for number, layer in enumerate(network.layers):
        read = len(examples.signals)
        if ((layer.wiring < first) | (layer.wiring >= first + read)).any():
            raise UsageError(f"layer {number + 1} reads more than the one before it, as no layer of memorize does")
        _, tables = draw_layer(np.random.default_rng([seed, number]), len(layer), layer.k, max(layer.k, read))
        made, after = train_layer(
            examples,
            _questions(len(layer), n_classes, last=number == len(widths) - 1),
            layer.k,
            np.random.default_rng([seed, number]),
            first,
            balance=n_classes > 2,
            counts=layer.counts is not None,
            progress=None if progress is None else partial(progress, f"layer {number + 1} of {len(widths)}"),
            scratch=dataset.scratch,
            drawn=(layer.wiring - np.int32(first), tables),
        )
        layers.append(made)
        first, examples = first + read, after
    return replace(network, layers=tuple(layers), meta={})


def _check(n_bits: int, y: NDArray[np.integer], n_classes: int, widths: list[int], k: int) -> None:
    if n_classes < 2:
        raise UsageError(f"learning needs at least two classes, not {n_classes}")
    if not len(y):
        raise UsageError("there are no training examples")
    if len(y) >= (1 << 32) - 64:
        raise UsageError(f"{len(y):,} training examples are too many; counts have 32 bits")
    if not widths:
        raise UsageError("a task with more than two classes needs at least one layer; give --layers")
    if not 1 <= k <= MAX_K:
        raise UsageError(f"k must be from 1 to {MAX_K}, not {k}")
    for number, width in enumerate(widths):
        if width < 1:
            raise UsageError(f"layer {number + 1} has {width} LUTs; every layer needs at least one")
    if n_classes > 2 and widths[-1] < n_classes:
        raise UsageError(f"the last layer has {widths[-1]} LUTs for {n_classes} classes; each class needs one")
    for number, n_inputs in enumerate([n_bits, *widths[:-1]]):
        if k > n_inputs:
            what = "encoded input bits" if number == 0 else f"LUTs of layer {number}"
            raise UsageError(
                f"k = {k} is more than the {n_inputs} {what} to choose from; use a smaller k or "
                + ("more bits per feature" if number == 0 else "wider layers")
            )
