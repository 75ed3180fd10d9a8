"""Sequences of samples, of any lengths, end to end in one array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import UsageError


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences of samples with the same channels."""

    values: NDArray[Any]
    """Numbers (samples, channels), the sequences one after the other."""
    length: NDArray[np.int64]
    """int64 (n,), samples of each sequence, at least one."""

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.length.ndim != 1 or int(self.length.sum()) != len(self.values):
            raise UsageError(
                f"samples of shape {self.values.shape} do not make {len(self.length)} sequences of "
                f"{int(self.length.sum())} samples"
            )
        if len(self.length) and int(self.length.min()) < 1:
            raise UsageError(f"sequence {int(self.length.argmin())} has no sample; leave it out")

    @classmethod
    def of(cls, sequences: Any) -> Sequences:
        """Make them of what people have.

        Parameters
        ----------
        sequences : Sequences, array_like or list of array_like
            An array (n, time, channels), or (n, time) for one channel, or a list of arrays (time, channels) or
            (time,) of any lengths.

        Raises
        ------
        UsageError
            For other shapes, and sequences with different numbers of channels.
        """
        if isinstance(sequences, cls):
            return sequences
        if isinstance(sequences, np.ndarray) and sequences.dtype != object:
            if sequences.ndim not in (2, 3) or not sequences.shape[1]:
                raise UsageError(
                    f"sequences must have the shape (n, time) or (n, time, channels), not {sequences.shape}"
                )
            n, time = sequences.shape[:2]
            return cls(sequences.reshape(n * time, -1), np.full(n, time, np.int64))
        parts = [np.asarray(each) for each in sequences]
        parts = [each[:, None] if each.ndim == 1 else each for each in parts]
        if not parts:
            raise UsageError("there is no sequence")
        if any(each.ndim != 2 or each.shape[1:] != parts[0].shape[1:] for each in parts):
            raise UsageError("each sequence must have the shape (time,) or (time, channels), with the same channels")
        return cls(np.concatenate(parts), np.array([len(each) for each in parts], np.int64))

    @cached_property
    def start(self) -> NDArray[np.int64]:
        """int64 (n,), the first sample of each."""
        return np.cumsum(self.length) - self.length

    @property
    def channels(self) -> int:
        """Numbers in a sample."""
        return int(self.values.shape[1])

    def __len__(self) -> int:
        return len(self.length)

    def __getitem__(self, index: int) -> NDArray[Any]:
        """Samples (time, channels) of one sequence."""
        start = self.start[index]
        return self.values[start : start + self.length[index]]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[index] for index in range(len(self)))

    def take(self, rows: NDArray[Any] | Iterable[int]) -> Sequences:
        """Some of them, in this order.

        Parameters
        ----------
        rows : array_like
            Their numbers, or bool (n,).
        """
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)
        if not len(rows):
            return Sequences(self.values[:0], self.length[:0])
        return Sequences(np.concatenate([self[int(row)] for row in rows]), self.length[rows])

    def mapped(self, values: NDArray[Any]) -> Sequences:
        """Sequences of the same lengths with other values.

        Parameters
        ----------
        values : NDArray
            Numbers (samples, channels).
        """
        return Sequences(values, self.length)

    def joined(self, other: Sequences) -> Sequences:
        """These, and others after them.

        Parameters
        ----------
        other : Sequences
            With the same channels.
        """
        return Sequences(np.concatenate([self.values, other.values]), np.concatenate([self.length, other.length]))
