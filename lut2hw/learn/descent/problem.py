"""What there is to learn from: bits of the training examples, and of those held out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.data import Dataset
from lut2hw.errors import UsageError
from lut2hw.learn import augment
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.model.encoder import Encoder

MAX_EXAMPLES = 1 << 24  # sums of effects are int32


class Problem:
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
        if n >= MAX_EXAMPLES:
            raise UsageError(
                f"descent sums in 32 bits and takes up to {MAX_EXAMPLES - 1:,} examples, augmentation "
                f"included, not {n:,}; use fewer"
            )
        self.n, self.n_train, self.n_words = n, n - n_held, columns.shape[1]
        train = np.zeros(self.n_words * 64, bool)
        train[: self.n_train] = True
        self.valid: bits.Packed = bits.pack(train[None])[0]
        """uint64 (n_words,), the training examples."""
        self.all: bits.Packed = bits.tail_mask(n)
        """uint64 (n_words,), all of them."""
        # Candidates: signals that differ on enough examples to matter, in random order so that a run of
        # neighbouring ones is a random subset.
        ones = np.bitwise_count(columns & self.valid).sum(axis=1)
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
        self._columns = columns

    @property
    def n_bits(self) -> int:
        """Encoder bits that are kept."""
        return len(self.signal)

    @property
    def code(self) -> bits.Packed:
        """uint64 (n_bits, n_words), their values."""
        return self._columns[self.signal]

    @property
    def held(self) -> bool:
        """Whether examples are held out."""
        return self.n_train < self.n


def encode_examples(
    dataset: Dataset, encoder: Encoder, options: DescentOptions, rng: np.random.Generator
) -> tuple[bits.Packed, NDArray[np.int64], int]:
    """Packed code and rows of the training examples in random order, then of those held out, and their number.

    Returns
    -------
    columns : bits.Packed
        uint64 (n_bits, n_words).
    row : NDArray[np.int64]
        Of each example, the row of the training split that it is, or is an altered copy of.
    n_held : int
        Examples held out, the last ones.
    """
    x, n = dataset.x_train, len(dataset.y_train)
    shape = dataset.features.image_shape
    if options.augment != "none" and shape is None:
        raise UsageError(f"--augment {options.augment} needs image data, which {dataset.name} is not")
    order = rng.permutation(n)
    n_held = round(options.validation * n)
    if n_held >= n:
        raise UsageError(f"a validation share of {options.validation:g} leaves nothing to train on")
    train, held = order[: n - n_held], order[n - n_held :]
    parts = [x[train]]
    if shape is not None:
        parts += augment.copies(x[train], shape, options.augment, rng)
    mixed = rng.permutation(len(train) * len(parts))
    row = np.concatenate([np.tile(train, len(parts))[mixed], held])
    return encoder(np.concatenate([np.concatenate(parts)[mixed], x[held]])), row, n_held
