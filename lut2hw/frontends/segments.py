"""Segments: stretches of a sequence of one length, one after the other from its first sample on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import UsageError
from lut2hw.frontends.sequences import Sequences

MAX_LENGTH, MAX_COUNT = 1 << 24, 256


@dataclass(frozen=True)
class Segments:
    """Segment s is samples s * length to (s + 1) * length - 1; samples after the last segment are not looked at.

    A sequence may end inside a segment, which then is of what is there, and before a segment, which then is empty.
    """

    length: int
    """Samples of each."""
    count: int
    """How many there are."""

    def __post_init__(self) -> None:
        if not 1 <= self.length <= MAX_LENGTH:
            raise UsageError(f"a segment has from 1 to {MAX_LENGTH:,} samples, not {self.length}")
        if not 1 <= self.count <= MAX_COUNT:
            raise UsageError(f"there are from 1 to {MAX_COUNT} segments, not {self.count}")

    @classmethod
    def fitting(cls, sequences: Sequences, length: int | None, count: int | None, usual: int) -> Segments:
        """Segments that cover nineteen of twenty sequences.

        Parameters
        ----------
        sequences : Sequences
            Training sequences.
        length, count : int, optional
            What is known of them.
        usual : int
            How many there are where nobody says.
        """
        long = max(1, int(np.quantile(sequences.length, 0.95, method="higher")))
        if length is None:
            length = -(-long // (count or min(usual, long)))
        return cls(length, count or min(MAX_COUNT, max(1, -(-long // length))))

    @property
    def samples(self) -> int:
        """Samples that all of them have."""
        return self.length * self.count

    def sums(self, values: NDArray[Any], sequences: Sequences) -> NDArray[np.int64]:
        """Sums over each segment.

        Parameters
        ----------
        values : NDArray
            Integers (samples,), one for each sample of the sequences.
        sequences : Sequences
            What they belong to.

        Returns
        -------
        NDArray[np.int64]
            (n, count); 0 of an empty segment.
        """
        total = np.zeros(len(values) + 1, np.int64)
        np.cumsum(values, out=total[1:])
        begin, end = self.bounds(sequences)
        return total[end] - total[begin]

    def bounds(self, sequences: Sequences) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First sample of each segment and the one after its last, int64 (n, count) each; equal where it is empty.

        Parameters
        ----------
        sequences : Sequences
            What is cut.
        """
        edges = np.arange(self.count + 1, dtype=np.int64) * self.length
        edges = sequences.start[:, None] + np.minimum(edges[None], sequences.length[:, None])
        return edges[:, :-1], edges[:, 1:]
