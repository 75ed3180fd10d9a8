"""Encoded examples as learners read them: one bit a bit, in memory or in files mapped into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.model.encoder import Encoder
from lut2hw.scratch import MEMORY, Scratch

BLOCK = 1 << 16
"""Examples encoded at a time, whole words."""
MOST = (1 << 31) - 64
"""Examples, which are numbered in 32 bits with a sign."""


@dataclass(frozen=True, eq=False)
class PackedExamples:
    """Packed code of examples with their labels and weights."""

    code: bits.Packed
    """uint64 (n_bits, n_words), as `lut2hw.bits` lays it out."""
    label: NDArray[Any]
    """Class numbers (n,) in the smallest unsigned integers; numbers or bits (n, targets) of tasks with several."""
    weight: NDArray[np.int64] | None
    """int64 (n,), how often each example counts; None: once."""
    n: int
    """Examples."""

    @classmethod
    def encode(
        cls,
        encoder: Encoder,
        x: NDArray[np.integer],
        label: NDArray[Any],
        weight: NDArray[np.int64] | None = None,
        scratch: Scratch = MEMORY,
    ) -> PackedExamples:
        """Encode examples piece by piece.

        Parameters
        ----------
        encoder : Encoder
            What makes bits of integers.
        x : NDArray[np.integer]
            Integers (n, n_features), which may be mapped from a file.
        label : NDArray[Any]
            Class numbers (n,), or labels (n, targets).
        weight : NDArray[np.int64], optional
            int64 (n,), how often each counts.
        scratch : Scratch, default=MEMORY
            Where the code is put.

        Returns
        -------
        PackedExamples
            In the order of `x`.
        """
        code = scratch.empty((len(encoder), bits.n_words(len(x))), np.uint64)
        for first in range(0, len(x), BLOCK):
            part = x[first : first + BLOCK]
            at = first // bits.WORD
            code[:, at : at + bits.n_words(len(part))] = encoder(np.asarray(part))
        return cls(code, small(label), weight, len(x))

    def words(self, first: int, last: int) -> PackedExamples:
        """The examples of words `first` to `last`, as a view.

        Parameters
        ----------
        first, last : int
            Words of 64 examples, as a slice takes them.
        """
        first, last, _ = slice(first, last).indices(self.code.shape[1])
        rows = slice(first * bits.WORD, min(last * bits.WORD, self.n))
        return PackedExamples(
            self.code[:, first:last],
            self.label[rows],
            None if self.weight is None else self.weight[rows],
            max(0, rows.stop - rows.start),
        )

    def runs(self, count: int) -> Iterator[PackedExamples]:
        """The examples in `count` runs of words, in order, of which no two differ by more than a word; views.

        Parameters
        ----------
        count : int
            Runs; those that there are no words for are empty.
        """
        n_words = self.code.shape[1]
        for part in range(count):
            yield self.words(part * n_words // count, (part + 1) * n_words // count)

    def arranged(self, order: NDArray[np.integer]) -> PackedExamples:
        """The examples in another order; their code is arranged in place, so that this object must not be used again.

        Parameters
        ----------
        order : NDArray[np.integer]
            (n,), of each place, the example that comes there; each once.
        """
        from lut2hw.kernels.memorize import gather_bits  # compiled code

        n_words = self.code.shape[1]
        source = np.full(n_words * bits.WORD, n_words * bits.WORD, np.uint32)
        source[: self.n] = order
        gather_bits(self.code, source, self.code)
        return replace(self, label=self.label[order], weight=None if self.weight is None else self.weight[order])


def small(label: NDArray[Any]) -> NDArray[Any]:
    """Class numbers (n,) in the smallest unsigned integers that hold them; other labels as they are.

    Parameters
    ----------
    label : NDArray[Any]
        Class numbers (n,), or labels (n, targets).
    """
    if label.ndim != 1 or label.dtype.kind not in "iu" or not len(label):
        return label
    return label.astype(np.min_scalar_type(int(label.max())), copy=False)
