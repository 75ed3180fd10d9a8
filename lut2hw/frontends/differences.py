"""`differences`: least and greatest value, mean, range, slope and zero crossings of segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lut2hw import checked, flags
from lut2hw.checked import List, Whole
from lut2hw.flags import flag
from lut2hw.frontends.base import MOST, FrontEnd, within
from lut2hw.frontends.base import Options as BaseOptions
from lut2hw.frontends.segments import MAX_COUNT, MAX_LENGTH, Segments
from lut2hw.frontends.sequences import Sequences
from lut2hw.model.features import Features

QUANTITIES = ("min", "max", "mean", "range", "slope", "crossings")
MIN, MAX, MEAN, RANGE, SLOPE, CROSSINGS = range(len(QUANTITIES))


@dataclass(frozen=True)
class Options(BaseOptions):
    """How differences are fitted."""

    segments: int | None = flag(None, help="Segments.", shown="8", least=1, most=MAX_COUNT)
    length: int | None = flag(
        None, help="Samples of each segment.", shown="to cover most sequences", least=1, most=MAX_LENGTH
    )

    def __post_init__(self) -> None:
        flags.check(self)


@dataclass(frozen=True, eq=False)
class Differences(FrontEnd):
    """Six quantities of each segment and channel; all are 0 of a segment that the sequence does not reach.

    min, max, range
        Least value, greatest value, and their difference.
    mean
        Sum divided by the length of the segment, rounded down; samples that a short sequence lacks count as 0.
    slope
        Sum of the second half less that of the first half, divided by the samples of a half, rounded down.
    crossings
        Samples that are on the other side of `centre` than the one before them; below it is one side, the rest the
        other.

    In hardware nothing is divided: the thresholds are multiplied.
    """

    segments: Segments = Segments(1, 1)  # noqa: RUF009 - frozen
    """Segments."""
    centre: tuple[int, ...] = ()
    """Of each channel, what crossings cross."""

    kind: ClassVar[str] = "differences"
    description: ClassVar[str] = "min, max, mean, range, slope and zero crossings of segments"
    columns: ClassVar[tuple[str, ...]] = ("segment", "channel", "quantity")
    options_type: ClassVar[type[BaseOptions]] = Options

    @classmethod
    def fit(cls, options: Options, sequences: Sequences, samples: Features, seed: int = 0) -> Differences:
        segments = Segments.fitting(sequences, options.length, options.segments, 8)
        middle = np.median(sequences.values, axis=0).astype(np.int64)
        centre = np.where(samples.low < 0, 0, middle)
        rows = [
            (s, c, q)
            for s in range(segments.count)
            for c in range(len(samples))
            for q in range(len(QUANTITIES))
            if segments.length > 1 or q == MEAN
        ]
        return cls(samples, np.array(rows, np.int64), segments, tuple(centre.tolist()))

    @property
    def half(self) -> int:
        """Samples of half a segment; the middle one of an odd number is in neither half."""
        return max(1, self.segments.length // 2)

    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.channel_prefix(c)}{QUANTITIES[q]}.{s}" for s, c, q in self.rows.tolist())

    def ranges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        _, channel, quantity = self.rows.T
        low, high = np.minimum(self.samples.low, 0)[channel], np.maximum(self.samples.high, 0)[channel]
        lowest = np.select([quantity == SLOPE, quantity >= RANGE], [low - high, 0], low)
        highest = np.select(
            [(quantity == SLOPE) | (quantity == RANGE), quantity == CROSSINGS],
            [high - low, self.segments.length],
            high,
        )
        return lowest.astype(np.int64), highest.astype(np.int64)

    @property
    def span(self) -> int:
        return self.segments.samples

    def _transform(self, sequences: Sequences) -> NDArray[np.int64]:
        begin, end = self.segments.bounds(sequences)
        empty = begin == end
        out = np.zeros((len(sequences), len(self.rows)), np.int64)
        first = np.zeros(len(sequences.values), bool)
        first[sequences.start] = True
        age = np.arange(len(sequences.values)) - np.repeat(sequences.start, sequences.length)
        place = age % self.segments.length
        for channel in np.unique(self.rows[:, 1]):
            x = sequences.values[:, channel]
            below = x < self.centre[channel]
            crossed = np.concatenate([[False], below[1:] != below[:-1]]) & ~first
            half = self.segments.length // 2
            sign = np.where(place < half, -1, np.where(place >= self.segments.length - half, 1, 0))
            extremes = [_reduced(np.minimum, x, begin, end), _reduced(np.maximum, x, begin, end)]
            quantities = {
                MIN: np.where(empty, 0, extremes[0]),
                MAX: np.where(empty, 0, extremes[1]),
                MEAN: self.segments.sums(x, sequences) // self.segments.length,
                RANGE: np.where(empty, 0, extremes[1] - extremes[0]),
                SLOPE: self.segments.sums(sign * x, sequences) // self.half,
                CROSSINGS: self.segments.sums(crossed, sequences),
            }
            for at in np.flatnonzero(self.rows[:, 1] == channel):
                segment, _, quantity = self.rows[at]
                out[:, at] = quantities[quantity][:, segment]
        return out

    def parameters(self) -> dict[str, Any]:
        return {"segments": self.segments.count, "length": self.segments.length, "centre": list(self.centre)}

    @classmethod
    def of_parameters(cls, samples: Features, rows: NDArray[np.int64], parameters: dict[str, Any]) -> Differences:
        shape = {
            "segments": Whole(1, MAX_COUNT),
            "length": Whole(1, MAX_LENGTH),
            "centre": List(Whole(-MOST, MOST), 1),
        }
        checked.check(parameters, shape, "front_end.parameters")
        if len(parameters["centre"]) != len(samples):
            raise checked.Damaged("front_end.parameters.centre is not one for each channel")
        within(rows[:, 0], 0, parameters["segments"] - 1, "segment")
        within(rows[:, 1], 0, len(samples) - 1, "channel")
        within(rows[:, 2], 0, len(QUANTITIES) - 1, "quantity")
        segments = Segments(parameters["length"], parameters["segments"])
        return cls(samples, rows, segments, tuple(parameters["centre"]))


def _reduced(
    function: np.ufunc, x: NDArray[np.int64], begin: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.int64]:
    """`function` over each stretch (n, count); anything where it is empty."""
    there = begin < end
    out = np.zeros(begin.shape, np.int64)
    edges = np.stack([begin[there], end[there]], 1).ravel()
    if len(edges):
        padded = np.append(x, x[-1:])  # so that an end may be that of the array
        out[there] = function.reduceat(padded, edges)[::2]
    return out
