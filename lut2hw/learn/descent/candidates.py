"""The signals that an input may move to, in the order in which shards lay them out by example."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lut2hw.kernels import descent as kernels
from lut2hw.learn.graph import Graph


class Candidates:
    """Encoder bits and, if LUTs are shared, hidden LUTs by level.

    Parameters
    ----------
    near : NDArray[np.bool_]
        Bool (regions, n_bits), encoder bits that LUTs of a region may read.
    most_readers : int
        LUTs that may read one hidden LUT.
    """

    def __init__(self, graph: Graph, near: NDArray[np.bool_], *, levels: int, share: bool, most_readers: int) -> None:
        self.graph, self.most_readers = graph, most_readers
        n_bits = graph.n_bits
        hidden = [lut for lut in range(len(graph)) if graph.class_of[lut] < 0] if share else []
        hidden.sort(key=lambda lut: (graph.level[lut], lut))
        self.signal = np.array([*range(n_bits), *(n_bits + lut for lut in hidden)], np.int32)
        """int32 (n_candidates,)."""
        self.below = [n_bits + sum(graph.level[lut] < level for lut in hidden) for level in range(levels + 1)]
        """How many of them a LUT of each level may read."""
        self.place = np.full(len(graph.wiring), -1)
        """Of each LUT, its position among them, or -1."""
        self.place[hidden] = n_bits + np.arange(len(hidden))
        self.width = width = self.words(len(self.signal))
        """Words of 32 candidates, for all."""
        self.full = np.zeros(32 * width, bool)
        """Bool (32 * width,), those that are read as often as may be."""
        for lut in hidden:
            self.recount(lut)
        self.far = np.zeros((len(near), 32 * width), bool)
        """Bool (regions, 32 * width), those that LUTs of a region may not read."""
        self.far[:, :n_bits] = ~near
        region = np.array([graph.region[lut] for lut in hidden], int)
        self.far[:, n_bits : len(self.signal)] = region != np.arange(len(near))[:, None]

    @staticmethod
    def words(n_candidates: int) -> int:
        """Words of a row that hold so many candidates, in units of the kernels."""
        return -(-n_candidates // (32 * kernels.NARROW)) * kernels.NARROW

    def recount(self, lut: int) -> None:
        """Note whether a LUT may have no more readers."""
        if self.place[lut] >= 0:
            self.full[self.place[lut]] = len(self.graph.readers[lut]) >= self.most_readers
