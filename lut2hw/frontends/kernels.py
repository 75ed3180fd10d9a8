"""`kernels`: how often the outputs of fixed small kernels exceed a bias.

A. Dempster, D. F. Schmidt, G. I. Webb, "MiniRocket: A Very Fast (Almost) Deterministic Transform for Time Series
Classification", KDD 2021: 84 kernels of nine taps, three of weight 2 and six of weight -1, at several dilations, with
biases at quantiles of their outputs on training examples. Other than there, taps lie at and before a sample and not
around it, so that no sample is waited for, before the first sample there is silence, and the counts are of segments.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lut2hw import checked, flags
from lut2hw.checked import Whole
from lut2hw.errors import UsageError
from lut2hw.flags import flag
from lut2hw.frontends.base import MOST, FrontEnd, whole_numbers, within
from lut2hw.frontends.base import Options as BaseOptions
from lut2hw.frontends.segments import MAX_COUNT, MAX_LENGTH, Segments
from lut2hw.frontends.sequences import Sequences
from lut2hw.model.features import Features

TAPS = 9
KERNELS = tuple(itertools.combinations(range(TAPS), 3))
"""Of each kernel the taps of weight 2, counted back in time; the others have weight -1."""
MAX_DILATION = 1 << 12
POOL = 1_000
"""Counts of a segment that are drawn of all, where nobody says: clocks of a sample in hardware."""
LOOKED_AT, POSITIONS = 400, 64
"""Training sequences, and outputs of each, that biases are quantiles of."""
CHUNK = 1 << 16
"""Samples that are transformed at a time, so that they stay in the cache."""


@dataclass(frozen=True)
class Options(BaseOptions):
    """How kernels are fitted."""

    segments: int | None = flag(None, help="Segments.", shown="8", least=1, most=MAX_COUNT)
    length: int | None = flag(
        None, help="Samples of each segment.", shown="to cover most sequences", least=1, most=MAX_LENGTH
    )
    dilations: str | None = flag(None, help="Distances of taps, separated by /.", shown="1/2/4 and so on, at most 6")
    biases: int = flag(2, help="Biases of each kernel.", least=1, most=16)
    kernels: int | None = flag(
        None, help="Pairs of kernel and dilation, drawn at random.", shown="all, at most 1,000 counts", least=1
    )
    gain: int = flag(
        0, help="Bits that samples are shifted into by the greatest so far; 0: they stay.", least=0, most=32
    )

    def __post_init__(self) -> None:
        flags.check(self)


@dataclass(frozen=True, eq=False)
class Kernels(FrontEnd):
    """Counts of the samples of a segment at which a kernel's output exceeds a bias; 0 of an empty segment.

    The output is 2 * (sum of three taps) - (sum of the six others) = 3 * (sum of three taps) - (sum of all nine), tap
    j being the sample j * dilation before, and 0 before the first one. With `gain`, a sample is shifted right,
    rounding down, by as many bits as the greatest absolute value of the sequence so far has beyond `gain` - 1, so
    that loud and quiet sequences look alike.
    """

    segments: Segments = Segments(1, 1)  # noqa: RUF009 - frozen
    """Segments."""
    gain: int = 0
    """Bits that samples are shifted into, two's complement; 0: they stay as they are."""

    kind: ClassVar[str] = "kernels"
    description: ClassVar[str] = "how often the 84 kernels of MiniRocket exceed a bias, in segments"
    columns: ClassVar[tuple[str, ...]] = ("segment", "channel", "dilation", "kernel", "bias")
    options_type: ClassVar[type[BaseOptions]] = Options

    @classmethod
    def fit(cls, options: Options, sequences: Sequences, samples: Features, seed: int = 0) -> Kernels:
        segments = Segments.fitting(sequences, options.length, options.segments, 8)
        reach = max(1, (int(np.median(sequences.length)) - 1) // (TAPS - 1))
        if options.dilations is None:
            dilations: tuple[int, ...] = tuple(1 << n for n in range(6) if 1 << n <= reach)
        else:
            dilations = whole_numbers(options.dilations, "dilations", 1, MAX_DILATION)
        rng = np.random.default_rng(seed)
        pairs = [(c, d, k) for c in range(len(samples)) for d in dilations for k in range(len(KERNELS))]
        most = options.kernels or max(1, POOL // options.biases)
        if len(pairs) > most:
            pairs = [pairs[at] for at in sorted(rng.permutation(len(pairs))[:most])]
        front_end = cls(samples, np.zeros((1, 5), np.int64), segments, options.gain)
        x = front_end.shifted(sequences.mapped(samples.clip(sequences.values)))
        looked = x.take(rng.permutation(len(x))[:LOOKED_AT])
        at = (rng.random((len(looked), POSITIONS)) * looked.length[:, None]).astype(np.int64)
        shares = (np.arange(options.biases) + 1) / (options.biases + 1)
        counts: set[tuple[int, int, int, int]] = set()
        for (channel, dilation), group in itertools.groupby(pairs, lambda pair: pair[:2]):
            ago = at[:, :, None] - dilation * np.arange(TAPS)
            seen = looked.values[np.maximum(looked.start[:, None, None] + ago, 0), channel]
            taps = np.where(ago >= 0, seen, 0).reshape(-1, TAPS)
            for _, _, kernel in group:
                out = 3 * taps[:, KERNELS[kernel]].sum(axis=1) - taps.sum(axis=1)
                for bias in np.quantile(out, shares, method="lower").tolist():
                    counts.add((channel, dilation, kernel, int(bias)))
        rows = [(s, *count) for s in range(segments.count) for count in sorted(counts)]
        return cls(samples, np.array(rows, np.int64), segments, options.gain)

    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.channel_prefix(c)}k{k}.d{d}>{b}.{s}" for s, c, d, k, b in self.rows.tolist())

    def ranges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        n = len(self.rows)
        return np.zeros(n, np.int64), np.full(n, self.segments.length, np.int64)

    def shifted(self, sequences: Sequences) -> Sequences:
        """Samples as the kernels read them.

        Parameters
        ----------
        sequences : Sequences
            Integers in range.
        """
        if not self.gain:
            return sequences
        x = sequences.values
        of = np.repeat(np.arange(len(sequences)), sequences.length)[:, None] << 44
        greatest = np.maximum.accumulate(np.abs(x) + of, axis=0) - of
        # the bits of a number below 2**44 are exact in floating point
        bits = np.frexp(greatest.astype(np.float64))[1].astype(np.int64)
        return sequences.mapped(x >> np.maximum(bits - (self.gain - 1), 0))

    @property
    def widths(self) -> NDArray[np.int64]:
        """int64 (channels,), bits of a sample as the kernels read it, two's complement."""
        own = self.samples.widths + ~self.samples.signed
        return np.minimum(own, self.gain) if self.gain else own

    @property
    def span(self) -> int:
        return self.segments.samples

    def _transform(self, sequences: Sequences) -> NDArray[np.int64]:
        out = np.zeros((len(sequences), len(self.rows)), np.int64)
        cuts = np.searchsorted(sequences.start // CHUNK, np.arange(len(sequences.values) // CHUNK + 2))
        for first, last in itertools.pairwise(np.unique(cuts).tolist()):
            rows = np.arange(first, last)
            out[rows] = self._counts(self.shifted(sequences.take(rows)))
        return out

    def _counts(self, x: Sequences) -> NDArray[np.int64]:
        # With silence before each sequence no tap reaches into the one before; after the last segment nothing counts.
        reach = (TAPS - 1) * int(self.rows[:, 2].max())
        length = np.minimum(x.length, self.segments.samples)
        start = np.cumsum(length + reach) - length
        place = np.repeat(start - (np.cumsum(length) - length), length) + np.arange(int(length.sum()))
        taken = np.repeat(x.start - (np.cumsum(length) - length), length) + np.arange(int(length.sum()))
        total = int(length.sum()) + reach * len(x)
        edges = np.minimum(np.arange(self.segments.count + 1)[None] * self.segments.length, length[:, None])
        edges = start[:, None] + edges
        begin, end = edges[:, :-1], edges[:, 1:]
        dtype = np.int32 if int(self.widths.max()) <= 24 else np.int64
        out = np.zeros((len(x), len(self.rows)), np.int64)
        order = np.lexsort(self.rows.T[[0, 4, 3, 2, 1]])  # by channel, dilation, kernel, bias, segment
        for channel, of_channel in _groups(self.rows, order, 1):
            padded: NDArray[Any] = np.zeros(total, dtype)
            padded[place] = x.values[taken, channel]
            for dilation, of_dilation in _groups(self.rows, of_channel, 2):
                taps = [padded]
                for j in range(1, TAPS):
                    tap: NDArray[Any] = np.zeros(total, dtype)
                    tap[j * dilation :] = padded[: total - j * dilation]
                    taps.append(tap)
                whole = np.sum(taps, axis=0, dtype=dtype)
                for kernel, of_kernel in _groups(self.rows, of_dilation, 3):
                    a, b, c = KERNELS[kernel]
                    output = 3 * (taps[a] + taps[b] + taps[c]) - whole
                    for bias, of_bias in _groups(self.rows, of_kernel, 4):
                        seen = np.zeros(total + 1, np.int32)
                        np.cumsum(output > bias, out=seen[1:])
                        segment = self.rows[of_bias, 0]
                        out[:, of_bias] = (seen[end] - seen[begin])[:, segment]
        return out

    def clocks_per_sample(self, feature: NDArray[np.integer], threshold: NDArray[np.integer]) -> int:
        rows = self.rows[feature]
        counts = np.unique(rows[:, 1:], axis=0)
        if not len(counts):
            return 1
        asked = int(np.bincount(rows[:, 0]).max())
        groups = len(np.unique(counts[:, :2], axis=0))
        # a clock to take it, one to shift it, nine taps, a clock a count, four until the last one is in its counter
        return 1 + bool(self.gain) + TAPS * groups + len(counts) + 4 + asked + 2

    def clocks_at_end(self, feature: NDArray[np.integer], threshold: NDArray[np.integer]) -> int:
        clocks = self.clocks_per_sample(feature, threshold)
        # what is asked of other segments, two more ways through what that takes, and a clock for the answer
        return clocks if clocks == 1 else clocks + len(feature) + 2 * 3 + 1

    def parameters(self) -> dict[str, Any]:
        return {"segments": self.segments.count, "length": self.segments.length, "gain": self.gain}

    @classmethod
    def of_parameters(cls, samples: Features, rows: NDArray[np.int64], parameters: dict[str, Any]) -> Kernels:
        shape = {"segments": Whole(1, MAX_COUNT), "length": Whole(1, MAX_LENGTH), "gain": Whole(0, 32)}
        checked.check(parameters, shape, "front_end.parameters")
        within(rows[:, 0], 0, parameters["segments"] - 1, "segment")
        within(rows[:, 1], 0, len(samples) - 1, "channel")
        within(rows[:, 2], 1, MAX_DILATION, "dilation")
        within(rows[:, 3], 0, len(KERNELS) - 1, "kernel")
        within(rows[:, 4], -MOST, MOST, "bias")
        if int(samples.widths.max()) > 32:
            raise UsageError("kernels read samples of at most 32 bits")
        return cls(samples, rows, Segments(parameters["length"], parameters["segments"]), parameters["gain"])


def _groups(rows: NDArray[np.int64], at: NDArray[np.int64], column: int) -> list[tuple[int, NDArray[np.int64]]]:
    """Features `at` with the same value of a column that they are in the order of."""
    values = rows[at, column]
    cuts = np.flatnonzero(values[1:] != values[:-1]) + 1
    return [(int(rows[part[0], column]), part) for part in np.split(at, cuts)]
