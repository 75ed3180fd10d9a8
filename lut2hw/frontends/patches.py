"""`patches`: small table lookups over patches of pictures that come a pixel at a time, counted over cells.

A table reads a few bits of a patch, each whether a pixel reaches a threshold. Which ones is drawn; what it says of
them is learned, without labels: those of their patterns that come and go together from cell to cell, by the first
principal components of how often each pattern occurs. Patterns are counted as by T. Ojala et al., "Multiresolution
Gray-Scale and Rotation Invariant Texture Classification with Local Binary Patterns", TPAMI 2002.
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
from lut2hw.frontends.base import MOST, FrontEnd, within
from lut2hw.frontends.base import Options as BaseOptions
from lut2hw.frontends.pictures import CHUNK, MAX_SIDE, planes_of, sides, sums_of
from lut2hw.frontends.sequences import Sequences
from lut2hw.model.features import Features

MAX_TABLES, MAX_INPUTS, MAX_SIZE, MAX_LEVELS = 512, 6, 5, 8
LOOKED_AT = 1000
"""Pictures that tables are learned from."""


@dataclass(frozen=True)
class Options(BaseOptions):
    """How patches are fitted."""

    width: int | None = flag(
        None, help="Pixels of a row.", shown="of square pictures their side", least=1, most=MAX_SIDE
    )
    height: int | None = flag(None, help="Rows.", shown="those of the median sequence", least=1, most=MAX_SIDE)
    cell: int = flag(4, help="Side of a cell, in pixels.", least=1, most=64)
    size: int = flag(3, help="Side of a patch, in pixels.", least=1, most=MAX_SIZE)
    tables: int = flag(32, help="Tables.", least=1, most=MAX_TABLES)
    inputs: int = flag(4, help="Bits that a table reads.", least=1, most=MAX_INPUTS)
    levels: int = flag(2, help="Thresholds of a channel.", least=1, most=MAX_LEVELS)

    def __post_init__(self) -> None:
        flags.check(self)


@dataclass(frozen=True, eq=False)
class Patches(FrontEnd):
    """How often a table says 1 of the patches in a cell of a picture, row by row in camera order.

    Bit b of a pixel is channel >= threshold of `planes[b]`. At pixel (r, c), with r and c at least `size` - 1, a
    table reads the bits (down, across, b) of its `taps`, which are bit b of pixel (r - down, c - across), the first
    one the lowest bit of the index. It counts in the cell of (r, c). What is right of and below whole cells counts
    nowhere, and all is 0 of a cell that a short sequence does not complete.
    """

    width: int = 1
    """Pixels of a row."""
    height: int = 1
    """Rows of a picture."""
    cell: int = 1
    """Side of a cell."""
    size: int = 1
    """Side of a patch."""
    planes: tuple[tuple[int, int], ...] = ()
    """Channel and threshold of each bit of a pixel."""
    taps: tuple[tuple[tuple[int, int, int], ...], ...] = ()
    """What each table reads."""
    tables: tuple[int, ...] = ()
    """What each table says, entry p in bit p."""

    kind: ClassVar[str] = "patches"
    description: ClassVar[str] = "small table lookups over patches of pictures, pixel by pixel, counted over cells"
    columns: ClassVar[tuple[str, ...]] = ("row", "column", "table")
    options_type: ClassVar[type[BaseOptions]] = Options

    @classmethod
    def fit(cls, options: Options, sequences: Sequences, samples: Features, seed: int = 0) -> Patches:
        width, height = sides(sequences, options.width, options.height, options.cell, cls.kind)
        size = min(options.size, width, height)
        rng = np.random.default_rng(seed)
        looked = sequences.take(np.sort(rng.permutation(len(sequences))[:LOOKED_AT]))
        shares = np.arange(1, options.levels + 1) / (options.levels + 1)
        planes = []
        for channel in range(len(samples)):
            low, high = int(samples.low[channel]), int(samples.high[channel])
            levels = np.quantile(np.unique(looked.values[:, channel]), shares, method="higher")
            planes += [(channel, level) for level in sorted({min(max(int(v), low + 1), high) for v in levels})]
        every = [(d, a, b) for d in range(size) for a in range(size) for b in range(len(planes))]
        inputs = min(options.inputs, len(every))
        cells = [(i, j) for i in range(height // options.cell) for j in range(width // options.cell)]
        shape: dict[str, Any] = {
            "width": width,
            "height": height,
            "cell": options.cell,
            "size": size,
            "planes": tuple(planes),
        }
        bits = cls(samples, np.zeros((1, 3), np.int64), **shape)._bits(looked)
        taps, tables = [], []
        for number in range(options.tables):
            chosen = tuple(every[at] for at in np.sort(rng.permutation(len(every))[:inputs]).tolist())
            taps.append(chosen)
            tables.append(_learned(_index(bits, chosen, size), size, options.cell, inputs, number % 4))
        rows = [(*cell, table) for cell in cells for table in range(len(tables))]
        return cls(samples, np.array(rows, np.int64), **shape, taps=tuple(taps), tables=tuple(tables))

    @property
    def span(self) -> int:
        return self.width * self.height

    def names(self) -> tuple[str, ...]:
        return tuple(f"table{t}.{i}.{j}" for i, j, t in self.rows.tolist())

    def ranges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        n = len(self.rows)
        return np.zeros(n, np.int64), np.full(n, self.cell**2, np.int64)

    def _bits(self, x: Sequences) -> list[NDArray[np.bool_]]:
        """The bits of pixels, bool (n, height, width) for each plane."""
        channels = planes_of(x, self.width, self.height)
        return [channels[channel] >= threshold for channel, threshold in self.planes]

    def _transform(self, sequences: Sequences) -> NDArray[np.int64]:
        out = np.zeros((len(sequences), len(self.rows)), np.int64)
        i, j, table = self.rows.T
        for first in range(0, len(sequences), CHUNK):
            rows = np.arange(first, min(len(sequences), first + CHUNK))
            x = sequences.take(rows)
            bits = self._bits(x)
            complete = ((i + 1) * self.cell - 1) * self.width + (j + 1) * self.cell <= x.length[:, None]
            for t in np.unique(table).tolist():
                said = self.tables[t] >> _index(bits, self.taps[t], self.size) & 1
                plane = np.zeros(bits[0].shape, np.int64)
                plane[:, self.size - 1 :, self.size - 1 :] = said
                wanted = table == t
                out[np.ix_(rows, wanted)] = sums_of(plane, self.cell)[:, i[wanted], j[wanted]]
            out[rows] = np.where(complete, out[rows], 0)
        return out

    def parameters(self) -> dict[str, Any]:
        return {
            "width": self.width,
            "height": self.height,
            "cell": self.cell,
            "size": self.size,
            "planes": [list(each) for each in self.planes],
            "taps": [[list(tap) for tap in each] for each in self.taps],
            "tables": list(self.tables),
        }

    @classmethod
    def of_parameters(cls, samples: Features, rows: NDArray[np.int64], parameters: dict[str, Any]) -> Patches:
        side = Whole(1, MAX_SIDE)
        shape = {
            "width": side,
            "height": side,
            "cell": side,
            "size": Whole(1, MAX_SIZE),
            "planes": List(List(Whole(-MOST, MOST)), 1),
            "taps": List(List(List(Whole(0, MOST)), 1), 1),
            "tables": List(Whole(0, (1 << (1 << MAX_INPUTS)) - 1), 1),
        }
        checked.check(parameters, shape, "front_end.parameters")
        width, height, cell, size = (parameters[name] for name in ("width", "height", "cell", "size"))
        planes, taps, tables = (parameters[name] for name in ("planes", "taps", "tables"))
        fits = (
            max(cell, size) <= min(width, height)
            and len(planes) <= MAX_LEVELS * len(samples)
            and all(len(each) == 2 and 0 <= each[0] < len(samples) for each in planes)
            and len(taps) == len(tables) <= MAX_TABLES
            and all(len(each) <= MAX_INPUTS for each in taps)
            and all(len(tap) == 3 and max(tap[:2]) < size and tap[2] < len(planes) for each in taps for tap in each)
            and all(table < 1 << (1 << len(each)) for table, each in zip(tables, taps, strict=True))
        )
        if not fits:
            raise checked.Damaged("front_end.parameters have tables that read what no patch has")
        within(rows[:, 0], 0, height // cell - 1, "row")
        within(rows[:, 1], 0, width // cell - 1, "column")
        within(rows[:, 2], 0, len(tables) - 1, "table")
        read = tuple(tuple((int(d), int(a), int(b)) for d, a, b in each) for each in taps)
        pairs = tuple((int(c), int(t)) for c, t in planes)
        return cls(samples, rows, width, height, cell, size, pairs, read, tuple(tables))

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.samples) > 8:
            raise UsageError(f"patches read pictures of up to 8 channels, not {len(self.samples)}")


def _index(bits: list[NDArray[np.bool_]], taps: tuple[tuple[int, int, int], ...], size: int) -> NDArray[np.int64]:
    """The entry that a table looks up at each pixel that completes a patch, int64 (n, height - size + 1, ...)."""
    n, height, width = bits[0].shape
    out = np.zeros((n, height - size + 1, width - size + 1), np.int64)
    for place, (down, across, plane) in enumerate(taps):
        top, left = size - 1 - down, size - 1 - across
        out |= bits[plane][:, top : top + out.shape[1], left : left + out.shape[2]].astype(np.int64) << place
    return out


def _learned(index: NDArray[np.int64], size: int, cell: int, inputs: int, component: int) -> int:
    """A table that says 1 of the patterns that a principal component of their counts in cells has more of."""
    n, down, across = index.shape
    whole = np.zeros((n, down + size - 1, across + size - 1), np.int64)
    counts = []
    for pattern in range(1 << inputs):
        whole[:, size - 1 :, size - 1 :] = index == pattern
        counts.append(sums_of(whole, cell).ravel())
    table = np.array(counts)
    covariance = table @ table.T * table.shape[1] - np.outer(table.sum(axis=1), table.sum(axis=1))
    _, vectors = np.linalg.eigh(covariance.astype(np.float64))
    vector = vectors[:, -1 - component % len(vectors)]
    vector = vector if vector[np.argmax(np.abs(vector))] > 0 else -vector
    return sum(1 << int(p) for p in np.flatnonzero(vector > 1e-6 * np.abs(vector).max()))
