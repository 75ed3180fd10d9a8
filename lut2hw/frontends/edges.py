"""`edges`: oriented edges and colours of pictures that come a pixel at a time, counted over cells.

In the manner of N. Dalal and B. Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005, without
multiplication: an edge is a pixel whose neighbours left and right, or above and below, differ by a threshold; its
direction is one of eight, by two signs and by which difference is larger.
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
from lut2hw.frontends.base import MOST, FrontEnd, whole_numbers, within
from lut2hw.frontends.base import Options as BaseOptions
from lut2hw.frontends.pictures import CHUNK, MAX_SIDE, planes_of, sides, sums_of
from lut2hw.frontends.sequences import Sequences
from lut2hw.model.features import Features

DIRECTIONS = 8
MAX_STRENGTHS = 8


@dataclass(frozen=True)
class Options(BaseOptions):
    """How edges are fitted."""

    width: int | None = flag(
        None, help="Pixels of a row.", shown="of square pictures their side", least=1, most=MAX_SIDE
    )
    height: int | None = flag(None, help="Rows.", shown="those of the median sequence", least=1, most=MAX_SIDE)
    cell: int = flag(4, help="Side of a cell, in pixels.", least=1, most=64)
    strengths: str | None = flag(
        None, help="Differences that make an edge, separated by /.", shown="a twentieth and a sixth of the range"
    )

    def __post_init__(self) -> None:
        flags.check(self)


@dataclass(frozen=True, eq=False)
class Edges(FrontEnd):
    """Edges of each direction and strength, and sums of colours, in cells of a picture, row by row in camera order.

    The planes of one channel are itself, those of three red + 2 * green + blue divided by 4, red less green, and blue
    less green. At pixel (r, c) with r and c at least 2, of the first plane, across = p[r-1, c] - p[r-1, c-2] and
    down = p[r, c-1] - p[r-2, c-1]; the edge is as strong as the larger absolute value, and its direction is
    (across < 0) + 2 * (down < 0) + 4 * (abs(across) > abs(down)). It counts in the cell of (r, c), the pixel that
    completes it, so that no pixel is waited for. What is right of and below whole cells counts nowhere, and all is 0
    of a cell that a short sequence does not complete.
    """

    width: int = 1
    """Pixels of a row."""
    height: int = 1
    """Rows of a picture."""
    cell: int = 1
    """Side of a cell."""
    strengths: tuple[int, ...] = ()
    """Differences that make an edge."""

    kind: ClassVar[str] = "edges"
    description: ClassVar[str] = "oriented edges and colours of pictures, pixel by pixel, counted over cells"
    columns: ClassVar[tuple[str, ...]] = ("row", "column", "quantity", "strength")
    options_type: ClassVar[type[BaseOptions]] = Options

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.samples) not in (1, 3):
            raise UsageError(f"edges read pictures of 1 or 3 channels, not {len(self.samples)}")

    @classmethod
    def fit(cls, options: Options, sequences: Sequences, samples: Features, seed: int = 0) -> Edges:
        width, height = sides(sequences, options.width, options.height, options.cell, cls.kind)
        whole = int((samples.high - samples.low).max())
        given = f"{max(1, whole // 20)}/{max(1, whole // 6)}" if options.strengths is None else options.strengths
        strengths = whole_numbers(given, "strengths", 1, MOST)[:MAX_STRENGTHS]
        kinds = [(DIRECTIONS + p, 0) for p in range(len(samples))]
        kinds += [(d, s) for d in range(DIRECTIONS) for s in range(len(strengths))]
        cells = [(i, j) for i in range(height // options.cell) for j in range(width // options.cell)]
        rows = [(*cell, *kind) for cell in cells for kind in kinds]
        return cls(samples, np.array(rows, np.int64), width, height, options.cell, strengths)

    def names(self) -> tuple[str, ...]:
        planes = ("grey",) if len(self.samples) == 1 else ("grey", "red-green", "blue-green")
        return tuple(
            f"edge{q}>={self.strengths[s]}.{i}.{j}" if q < DIRECTIONS else f"{planes[q - DIRECTIONS]}.{i}.{j}"
            for i, j, q, s in self.rows.tolist()
        )

    def plane_ranges(self) -> list[tuple[int, int]]:
        """Least and greatest value of each plane."""
        low, high = self.samples.low.tolist(), self.samples.high.tolist()
        if len(low) == 1:
            return [(low[0], high[0])]
        red, green, blue = zip(low, high, strict=True)
        grey = tuple((r + 2 * g + b) >> 2 for r, g, b in zip(red, green, blue, strict=True))
        return [(grey[0], grey[1]), (red[0] - green[1], red[1] - green[0]), (blue[0] - green[1], blue[1] - green[0])]

    def ranges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        pixels = self.cell**2
        low, high = np.zeros(DIRECTIONS + 3, np.int64), np.full(DIRECTIONS + 3, pixels, np.int64)
        for p, (least, most) in enumerate(self.plane_ranges()):
            low[DIRECTIONS + p], high[DIRECTIONS + p] = min(0, least * pixels), max(0, most * pixels)
        return low[self.rows[:, 2]], high[self.rows[:, 2]]

    @property
    def span(self) -> int:
        return self.width * self.height

    def _transform(self, sequences: Sequences) -> NDArray[np.int64]:
        out = np.zeros((len(sequences), len(self.rows)), np.int64)
        for first in range(0, len(sequences), CHUNK):
            rows = np.arange(first, min(len(sequences), first + CHUNK))
            out[rows] = self._counts(sequences.take(rows))
        return out

    def _counts(self, x: Sequences) -> NDArray[np.int64]:
        i, j, quantity, strength = self.rows.T
        planes = planes_of(x, self.width, self.height)
        if len(planes) == 3:
            red, green, blue = planes
            planes = [(red + 2 * green + blue) >> 2, red - green, blue - green]
        grey = planes[0]
        across, down = np.zeros_like(grey), np.zeros_like(grey)
        across[:, 2:, 2:] = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
        down[:, 2:, 2:] = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
        direction = (across < 0) + 2 * (down < 0) + 4 * (abs(across) > abs(down))
        strong = np.maximum(abs(across), abs(down))  # 0 where there is no edge, which no strength is
        complete = ((i + 1) * self.cell - 1) * self.width + (j + 1) * self.cell <= x.length[:, None]
        out = np.zeros((len(x), len(self.rows)), np.int64)
        for q, s in np.unique(self.rows[:, 2:], axis=0).tolist():
            plane = (
                (direction == q) & (strong >= self.strengths[s]) if q < DIRECTIONS else planes[q - DIRECTIONS]
            ).astype(np.int64)
            wanted = (quantity == q) & (strength == s)
            out[:, wanted] = sums_of(plane, self.cell)[:, i[wanted], j[wanted]]
        return np.where(complete, out, 0)

    def parameters(self) -> dict[str, Any]:
        return {"width": self.width, "height": self.height, "cell": self.cell, "strengths": list(self.strengths)}

    @classmethod
    def of_parameters(cls, samples: Features, rows: NDArray[np.int64], parameters: dict[str, Any]) -> Edges:
        side = Whole(1, MAX_SIDE)
        shape = {"width": side, "height": side, "cell": side, "strengths": List(Whole(1, MOST), 1)}
        checked.check(parameters, shape, "front_end.parameters")
        width, height, cell = (parameters[name] for name in ("width", "height", "cell"))
        if cell > min(width, height) or len(parameters["strengths"]) > MAX_STRENGTHS:
            raise checked.Damaged("front_end.parameters have a cell that is no part of the picture")
        within(rows[:, 0], 0, height // cell - 1, "row")
        within(rows[:, 1], 0, width // cell - 1, "column")
        within(rows[:, 2], 0, DIRECTIONS + len(samples) - 1, "quantity")
        within(rows[:, 3], 0, len(parameters["strengths"]) - 1, "strength")
        return cls(samples, rows, width, height, cell, tuple(parameters["strengths"]))
