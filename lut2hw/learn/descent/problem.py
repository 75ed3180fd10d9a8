"""What there is to learn from: bits of the training examples, and of those held out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.data import Dataset
from lut2hw.data.packed import MOST, PackedExamples
from lut2hw.errors import UsageError
from lut2hw.learn import augment
from lut2hw.learn.descent_options import DescentOptions, varies
from lut2hw.model.encoder import Encoder


class Span:
    """A run of examples: those to learn from, then those held out.

    Parameters
    ----------
    n : int
        Examples, the held-out ones included.
    n_train : int
        Those to learn from.
    n_words : int
        Words of 64 examples.
    """

    def __init__(self, n: int, n_train: int, n_words: int) -> None:
        self.n, self.n_train, self.n_words = n, n_train, n_words
        train = np.zeros(n_words * 64, bool)
        train[:n_train] = True
        self.valid: bits.Packed = bits.pack(train[None])[0]
        """uint64 (n_words,), the training examples."""
        self.all: bits.Packed = bits.tail_mask(n)
        """uint64 (n_words,), all of them."""

    @property
    def held(self) -> bool:
        """Whether examples are held out."""
        return self.n_train < self.n

    def part(self, first: int, last: int) -> Span:
        """The run of words `first` to `last`."""
        n, n_train = (min(max(0, each - 64 * first), 64 * (last - first)) for each in (self.n, self.n_train))
        return Span(n, n_train, last - first)


class Problem(Span):
    """Encoder bits that are worth reading, in random order.

    Parameters
    ----------
    columns : bits.Packed
        uint64 (n_bits, n_words), packed code of the training examples, then of `n_held` held-out examples that no
        step sees.
    n : int
        Examples, the held-out ones included.
    rng : np.random.Generator
        Draws the order.
    wanted : sequence of int, optional
        Bits to keep whatever they are worth.
    rarest : int, optional
        Training examples of the smallest class; None: nothing is rare.

    Raises
    ------
    UsageError
        If there are too many examples, or nothing to learn from.
    """

    def __init__(
        self,
        columns: bits.Packed,
        n: int,
        rng: np.random.Generator,
        n_held: int = 0,
        wanted: Sequence[int] = (),
        rarest: int | None = None,
    ) -> None:
        if n > MOST:
            raise UsageError(
                f"descent numbers examples in 32 bits and takes up to {MOST:,}, augmentation included, not {n:,}; "
                "use fewer"
            )
        super().__init__(n, n - n_held, columns.shape[1])
        # Candidates: signals that differ on enough examples to matter, in random order so that a run of
        # neighbouring ones is a random subset.
        ones = np.array([np.bitwise_count(column & self.valid).sum() for column in columns], np.int64)
        rare = self.n_train // 2000
        if rarest is not None:  # of whose examples a bit may tell a tenth
            rare = min(rare, rarest // 10)
        rare = max(1, rare)
        chosen = np.flatnonzero((ones >= rare) & (ones <= self.n_train - rare))
        if not len(chosen):
            chosen = np.flatnonzero((ones > 0) & (ones < self.n_train))
        if not len(chosen):
            raise UsageError("every encoded bit is constant in the training data; there is nothing to learn from")
        if len(wanted):
            chosen = np.union1d(chosen, np.asarray(wanted))
        self.signal: NDArray[np.int32] = rng.permutation(chosen).astype(np.int32)
        """int32 (n_bits,), the encoder bits that are kept."""
        self._columns, self._place = columns, self.signal

    @property
    def n_bits(self) -> int:
        """Encoder bits that are kept."""
        return len(self.signal)

    @property
    def code(self) -> bits.Packed:
        """uint64 (n_bits, n_words), their values."""
        return self._columns[self._place]

    def hand_over(self, out: bits.Packed) -> None:
        """Write `code` to `out`, uint64 (n_bits, n_words), which takes its place: the examples are held once."""
        self.write(0, self.n_words, out)
        self._columns, self._place = out, np.arange(self.n_bits, dtype=np.int32)

    def write(self, first: int, last: int, out: bits.Packed) -> None:
        """Write the words `first` to `last` of `code` to `out`, uint64 (n_bits, last - first)."""
        for row, signal in enumerate(self._place.tolist()):
            out[row] = self._columns[signal, first:last]


def held_groups(group: NDArray[np.int64], n_held: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Whole groups to hold out, drawn until they have enough examples; one at least is left to train on.

    Parameters
    ----------
    group : NDArray[np.int64]
        int64 (n,), the group of each example.
    n_held : int
        Examples to hold out; more where the last group has more.
    rng : np.random.Generator
        Draws the groups.

    Returns
    -------
    NDArray[np.bool_]
        bool (n,), the examples that are held out.

    Raises
    ------
    UsageError
        If there is a single group.
    """
    groups = np.unique(group)
    if len(groups) < 2:
        raise UsageError(
            "all training examples are of one group, which validation does not divide; leave --group or "
            "--validation out"
        )
    held = np.zeros(len(group), bool)
    for each in rng.permutation(groups)[:-1]:
        if held.sum() >= n_held:
            break
        held |= group == each
    return held


def encode_examples(
    dataset: Dataset,
    encoder: Encoder,
    options: DescentOptions,
    rng: np.random.Generator,
    weight: NDArray[np.int64] | None = None,
) -> tuple[PackedExamples, int]:
    """The training examples in random order, then those held out, and the number of these.

    What is held out are whole groups where the dataset has groups.

    Parameters
    ----------
    rng : np.random.Generator
        Draws the order, who is held out, and altered copies of images.
    weight : NDArray[np.int64], optional
        int64 (n,), how often each training example counts.

    Raises
    ------
    UsageError
        If nothing is left to train on, or what is no image is to be altered.
    """
    x, n = dataset.x_train, len(dataset.y_train)
    shape = dataset.features.image_shape
    if varies(options.augment):
        if not dataset.altered:
            raise UsageError(f"--augment {options.augment} is for sequences; give --sequence, or another one")
    elif options.augment != "none" and shape is None:
        raise UsageError(f"--augment {options.augment} needs image data, which {dataset.name} is not")
    order = rng.permutation(n)
    n_held = round(options.validation * n)
    if n_held >= n:
        raise UsageError(f"a validation share of {options.validation:g} leaves nothing to train on")
    train, held = order[: n - n_held], order[n - n_held :]
    if n_held and dataset.group_train is not None:
        out = held_groups(dataset.group_train, n_held, rng)[order]
        train, held, n_held = order[~out], order[out], int(out.sum())
    if options.augment == "none":
        order = np.concatenate([train[rng.permutation(len(train))], held])
        packed = PackedExamples.encode(encoder, x, dataset.y_train, weight, dataset.scratch)
        return packed.arranged(order), n_held
    parts = [x[train]]
    if varies(options.augment):
        parts += [copy[train] for copy in dataset.altered]
    else:
        assert shape is not None  # as refused above
        parts += augment.copies(x[train], shape, options.augment, rng)
    mixed = rng.permutation(len(train) * len(parts))
    row = np.concatenate([np.tile(train, len(parts))[mixed], held])
    every = np.concatenate([np.concatenate(parts)[mixed], x[held]])
    label, weight = dataset.y_train[row], None if weight is None else weight[row]
    return PackedExamples.encode(encoder, every, label, weight, dataset.scratch), n_held
