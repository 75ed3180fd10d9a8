"""`filterbank`: how strong bands of frequencies are against each other, in parts of a sequence.

Resonators of second order, as in a vocoder, with the magnitudes of their outputs summed up over frames. Frames become
longer with the sequence, so that its parts are parts of the whole, however long it is. What is asked of two cells of
that picture is which is louder by how much (J. Haitsma, T. Kalker, "A Highly Robust Audio Fingerprinting System",
ISMIR 2002, compares the energies of bands likewise): that does not depend on how loud the sequence is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lut2hw import checked, flags
from lut2hw.checked import List, Whole
from lut2hw.errors import UsageError
from lut2hw.flags import flag
from lut2hw.frontends.base import FrontEnd, within
from lut2hw.frontends.base import Options as BaseOptions
from lut2hw.frontends.sequences import Sequences
from lut2hw.model.features import Features

FRACTION = 10
"""Binary places of the coefficients."""
COEFFICIENT = FRACTION + 2
"""Bits of a coefficient, two's complement: from -2 to less than 2."""
GUARD = 2
"""Bits that the output of a filter has beyond those of a sample."""
PLACES = 3
"""Binary places of a logarithm."""
MAX_BANDS, MAX_SEGMENTS, MAX_FRAME, MAX_DOUBLINGS, MAX_PAIRS = 64, 32, 1 << 16, 16, 1 << 16
KNEE = 0.0875
"""Share of the sample rate up to which bands are of one width, above of one ratio: 700 Hz of 8 kHz, as in mel."""
NARROWEST = 0.01
"""Share of the sample rate that a band is wide at least."""
SHORTEST = 0.5
"""Share of the median length at which frames first become longer."""


@dataclass(frozen=True)
class Options(BaseOptions):
    """How a filter bank is fitted."""

    bands: int = flag(16, help="Bands of frequencies.", least=1, most=MAX_BANDS)
    segments: int = flag(6, help="Parts of the sequence.", least=1, most=MAX_SEGMENTS)
    low: float = flag(0.02, help="Centre of the lowest band, as a share of the sample rate.", above=0, below=0.5)
    high: float = flag(0.45, help="Centre of the highest band, as a share of the sample rate.", above=0, below=0.5)
    frames: int = flag(32, help="Frames that a sequence is kept in, a power of two.", least=2, most=256)
    frame: int | None = flag(
        None,
        help="Samples of a frame at first.",
        shown="to fill half of the median sequence",
        least=1,
        most=MAX_FRAME,
    )
    pairs: int = flag(1000, help="Pairs of cells that are compared; 0: cells themselves.", least=0, most=MAX_PAIRS)

    def __post_init__(self) -> None:
        flags.check(self)
        if self.frames & (self.frames - 1):
            raise UsageError(f"frames={self.frames} must be a power of two")
        if self.low > self.high:
            raise UsageError(f"low={self.low:g} must not be above high={self.high:g}")


@dataclass(frozen=True, eq=False)
class Filterbank(FrontEnd):
    """Logarithms of what bands hold in segments, and differences of two of them.

    Filter b computes ``y[t] = (2**(10 - shift) * (x[t] - x[t-2]) + forward * y[t-1] - back * y[t-2]) >> 10`` with its
    own coefficients, rounded down and saturated at `limit`; before the first sample all is 0. A frame holds the sum
    of abs(y) over its samples. When `frames` of them are full and a sample more comes, each two next to each other
    become one, and frames hold twice the samples from there on; after `doublings` of that, samples are not looked at.
    Of the n frames there are at the end (the last one of what is there), frame f belongs to segment
    ``f * segments // n``, a segment holds the sum of its frames, and a cell, of one segment, channel and band, is the
    logarithm of that: 0 of 0, else eight times the position of the highest bit that is 1, plus the three bits after
    it. A feature is a cell, or one cell less another.
    """

    forward: tuple[int, ...] = ()
    """Of each band, the coefficient of the last output, in 1/1024."""
    back: tuple[int, ...] = ()
    """Of each band, the coefficient of the output before, in 1/1024."""
    shift: tuple[int, ...] = ()
    """Of each band, how many bits the difference of samples is shifted down."""
    segments: int = 1
    """Parts of the sequence."""
    frame: int = 1
    """Samples of a frame at first."""
    frames: int = 2
    """How many there are at most, a power of two."""
    doublings: int = 0
    """How often frames become twice as long at most."""

    kind: ClassVar[str] = "filterbank"
    description: ClassVar[str] = "how strong bands of frequencies are against each other, in parts of a sequence"
    columns: ClassVar[tuple[str, ...]] = ("segment", "channel", "band", "against", "its channel", "its band")
    options_type: ClassVar[type[BaseOptions]] = Options

    @classmethod
    def fit(cls, options: Options, sequences: Sequences, samples: Features, seed: int = 0) -> Filterbank:
        n = options.bands
        centre, width = bands(n, options.low, options.high)
        radius = np.exp(-np.pi * width)
        one = 1 << FRACTION
        forward = np.rint(one * 2 * radius * np.cos(2 * np.pi * centre)).astype(np.int64)
        back = np.rint(one * radius * radius).astype(np.int64)
        shift = np.clip(np.floor(-np.log2(1 - radius)), 0, FRACTION).astype(np.int64)
        typical = int(np.median(sequences.length))
        frame = options.frame or min(MAX_FRAME, max(1, int(typical * SHORTEST) // options.frames))
        longest, doublings = 2 * int(sequences.length.max()), 0
        while frame * options.frames << doublings < longest and doublings < MAX_DOUBLINGS:
            doublings += 1
        cells = [(s, c, b) for s in range(options.segments) for c in range(len(samples)) for b in range(n)]
        rows = [(*cell, -1, 0, 0) for cell in cells]
        if options.pairs and len(cells) > 1:
            rng = np.random.default_rng(seed)
            every = len(cells) * (len(cells) - 1) // 2
            drawn = np.sort(rng.choice(every, min(every, options.pairs), replace=False))
            # pair number p is of cells i > j with p = i * (i - 1) / 2 + j
            i = ((1 + np.sqrt(1 + 8 * drawn.astype(np.float64))) / 2).astype(np.int64)
            i += (i * (i + 1) // 2 <= drawn).astype(np.int64) - (i * (i - 1) // 2 > drawn)
            rows = [
                (*cells[a], *cells[p - a * (a - 1) // 2]) for a, p in zip(i.tolist(), drawn.tolist(), strict=True)
            ]
        return cls(
            samples,
            np.array(rows, np.int64),
            tuple(forward.tolist()),
            tuple(back.tolist()),
            tuple(shift.tolist()),
            options.segments,
            frame,
            options.frames,
            doublings,
        )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.of_sum > 60:
            raise UsageError("samples of a filter bank are too wide, or its frames too long; scale them down first")

    def names(self) -> tuple[str, ...]:
        def cell(s: int, c: int, b: int) -> str:
            return f"{self.channel_prefix(c)}b{b}.{s}"

        return tuple(
            cell(s, c, b) + ("" if s2 < 0 else f"-{cell(s2, c2, b2)}") for s, c, b, s2, c2, b2 in self.rows.tolist()
        )

    def ranges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        greatest = int(logarithm(np.array([(1 << self.of_sum) - 1]))[0])
        n = len(self.rows)
        return np.where(self.rows[:, 3] < 0, 0, -greatest), np.full(n, greatest, np.int64)

    @property
    def width(self) -> int:
        """Bits of a filter's output, two's complement."""
        return int((self.samples.widths + ~self.samples.signed).max()) + GUARD

    @property
    def limit(self) -> int:
        """Where a filter's output saturates, on both sides."""
        return (1 << self.width - 1) - 1

    @property
    def of_frame(self) -> int:
        """Bits of the sum of a frame."""
        return self.width - 1 + ((self.frame << self.doublings) - 1).bit_length()

    @property
    def of_sum(self) -> int:
        """Bits of the sum of a segment."""
        return self.of_frame + self.frames.bit_length() - 1

    @property
    def looked_at(self) -> int:
        """Samples of a sequence that are looked at, at most."""
        return self.frame * self.frames << self.doublings

    def _transform(self, sequences: Sequences) -> NDArray[np.int64]:
        used, number = self.filters()
        out = np.zeros((len(sequences), len(self.rows)), np.int64)
        order = np.argsort(-sequences.length, kind="stable")
        while len(order):  # few long ones at a time, many short ones
            frames = -(-min(int(sequences.length[order[0]]), self.looked_at) // self.frame)
            n = max(1, min(CHUNK, CHUNK_SUMS // (frames * len(used))))
            rows, order = order[:n], order[n:]
            cells = logarithm(self._sums(sequences.take(rows), used))  # (n, segments, filters)
            s, s2 = self.rows[:, 0], self.rows[:, 3]
            out[rows] = cells[:, s, number[:, 0]] - np.where(s2 < 0, 0, cells[:, np.maximum(s2, 0), number[:, 1]])
        return out

    def filters(self) -> tuple[list[tuple[int, int]], NDArray[np.int64]]:
        """(channel, band) of each filter that a feature reads, and int64 (n_features, 2), which it reads."""
        pairs = np.concatenate(
            [self.rows[:, 1:3], np.where(self.rows[:, 3:4] < 0, self.rows[:, 1:3], self.rows[:, 4:6])]
        )
        used, number = np.unique(pairs, axis=0, return_inverse=True)
        return [(int(c), int(b)) for c, b in used], number.reshape(2, -1).T.astype(np.int64)

    def _sums(self, x: Sequences, used: list[tuple[int, int]]) -> NDArray[np.int64]:
        """int64 (n, segments, filters)."""
        length = np.minimum(x.length, self.looked_at)
        order = np.argsort(-length, kind="stable")  # the ones that go on stand first
        begin, length = x.start[order], length[order]
        channel = np.array([c for c, _ in used])
        forward, back = (np.array([each[b] for _, b in used], np.int64) for each in (self.forward, self.back))
        scale = np.array([1 << FRACTION - self.shift[b] for _, b in used], np.int64)
        whole = -(-int(length[0]) // self.frame) if len(length) else 0
        sums = np.zeros((len(length), whole, len(used)), np.int64)
        last, before = (np.zeros((len(length), len(used)), np.int64) for _ in range(2))
        going = np.searchsorted(-length, -np.arange(int(length[0]) if len(length) else 0), side="left")
        for t, n in enumerate(going.tolist()):
            d = x.values[begin[:n] + t]
            if t > 1:
                d = d - x.values[begin[:n] + t - 2]
            y = d[:, channel] * scale + forward * last[:n] - back * before[:n]
            y >>= FRACTION
            np.clip(y, -self.limit, self.limit, out=y)
            sums[:n, t // self.frame] += np.abs(y)
            before[:n], last[:n] = last[:n], y
        count = -(-length // self.frame)
        out = np.zeros((len(length), self.segments, len(used)), np.int64)
        doubled = np.zeros(len(length), np.int64)
        while (more := -(-count >> doubled) > self.frames).any():
            doubled += more
        frames = -(-count >> doubled)
        for row in range(len(length)):
            n = int(count[row])
            segment = (np.arange(n) >> doubled[row]) * self.segments // frames[row]
            np.add.at(out[order[row]], segment, sums[row, :n])
        return out

    def clocks_per_sample(self, feature: NDArray[np.integer], threshold: NDArray[np.integer]) -> int:
        if not len(feature):
            return 1
        filters = len(self.only(np.asarray(feature)).filters()[0])
        joined = 3 * (self.frames // 2) if self.doublings else 0
        # a clock to take it, one to find its frame; of each filter two to read, one a bit and five more
        return 2 + filters * (COEFFICIENT + 5 + joined)

    def clocks_at_end(self, feature: NDArray[np.integer], threshold: NDArray[np.integer]) -> int:
        clocks = self.clocks_per_sample(feature, threshold)
        if clocks == 1:
            return clocks
        filters = len(self.only(np.asarray(feature)).filters()[0])
        # three a frame, a bit of the sum a clock for the logarithm of each segment, then a clock for each answer
        return clocks + 5 + len(feature) + filters * (1 + 3 * self.frames + self.segments * (self.of_sum + 1))

    def parameters(self) -> dict[str, Any]:
        return {
            "forward": list(self.forward),
            "back": list(self.back),
            "shift": list(self.shift),
            "segments": self.segments,
            "frame": self.frame,
            "frames": self.frames,
            "doublings": self.doublings,
        }

    @classmethod
    def of_parameters(cls, samples: Features, rows: NDArray[np.int64], parameters: dict[str, Any]) -> Filterbank:
        coefficient = List(Whole(-(1 << COEFFICIENT - 1), (1 << COEFFICIENT - 1) - 1), 1)
        shape = {
            "forward": coefficient,
            "back": coefficient,
            "shift": List(Whole(0, FRACTION), 1),
            "segments": Whole(1, MAX_SEGMENTS),
            "frame": Whole(1, MAX_FRAME),
            "frames": Whole(2, 256),
            "doublings": Whole(0, MAX_DOUBLINGS),
        }
        checked.check(parameters, shape, "front_end.parameters")
        n = len(parameters["forward"])
        if n > MAX_BANDS or len(parameters["back"]) != n or len(parameters["shift"]) != n:
            raise checked.Damaged("front_end.parameters have bands of different numbers")
        if parameters["frames"] & (parameters["frames"] - 1):
            raise checked.Damaged("front_end.parameters.frames is no power of two")
        for at in (0, 3):
            within(rows[:, at], -(at > 0), parameters["segments"] - 1, "segment")
            within(rows[:, at + 1], 0, len(samples) - 1, "channel")
            within(rows[:, at + 2], 0, n - 1, "band")
        given: dict[str, Any] = {
            name: tuple(each) if isinstance(each, list) else each for name, each in parameters.items()
        }
        return cls(samples, rows, **given)


CHUNK, CHUNK_SUMS = 1024, 1 << 23
"""Sequences that are filtered at a time, and the sums of frames that they may have, so that memory suffices."""


def bands(n: int, low: float, high: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres and widths of bands, as shares of the sample rate.

    Parameters
    ----------
    n : int
        How many.
    low, high : float
        Centres of the first and the last one.

    Notes
    -----
    Spaced evenly in log(1 + f / KNEE), as on the mel scale; a band is as wide as half the way from the centre before
    it to the one after it.
    """
    scale = np.linspace(np.log1p(low / KNEE), np.log1p(high / KNEE), n)
    step = (scale[1] - scale[0]) if n > 1 else 1.0
    centre = KNEE * np.expm1(scale)
    around = KNEE * (np.expm1(scale + step) - np.expm1(scale - step))
    return centre, np.maximum(NARROWEST, around / 2)


def logarithm(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Logarithms to base 2 in eighths, linear between powers of two, rounded down; 0 of 0.

    Parameters
    ----------
    values : NDArray
        Integers from 0 to 2**62.
    """
    # The position of the highest 1, exact: a shift first, since the double of a large number may be the next power.
    high = values >> 31
    upper = high > 0
    top = np.frexp(np.where(upper, high, values).astype(np.float64))[1].astype(np.int64) - 1 + 31 * upper
    top = np.maximum(top, 0)
    shifted = np.where(top > PLACES, values >> np.maximum(top - PLACES, 0), values << np.maximum(PLACES - top, 0))
    return np.where(values > 0, (top << PLACES) + shifted - (1 << PLACES), 0)
