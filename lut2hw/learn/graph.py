"""The network that the descent learner trains: LUTs that read encoder bits and LUTs of lower levels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass
class Graph:
    """LUTs in the order they were made, with room for more."""

    n_bits: int
    """Encoder bits; signal s < n_bits is one, signal n_bits + i is LUT i."""
    wiring: NDArray[np.int32]
    """int32 (room, k), signals read."""
    table: NDArray[np.uint8]
    """0/1, uint8 (room, 2**k)."""
    class_of: list[int] = field(default_factory=list)
    """The class a LUT votes for, -1 if it is hidden."""
    level: list[int] = field(default_factory=list)
    """A LUT reads encoder bits and hidden LUTs of lower levels; the lowest is 1."""
    region: list[int] = field(default_factory=list)
    """The part of the input that a LUT reads."""
    weight: list[int] = field(default_factory=list)
    """What a vote adds to the score of its class; 0 if the LUT is hidden."""
    readers: list[list[int]] = field(default_factory=list)
    """Of each LUT, the LUTs that read it, once for each input."""

    def __len__(self) -> int:
        return len(self.class_of)

    def copy(self) -> Graph:
        """The same network, without room for more."""
        return Graph(
            self.n_bits,
            self.wiring[: len(self)].copy(),
            self.table[: len(self)].copy(),
            self.class_of[:],
            self.level[:],
            self.region[:],
            self.weight[:],
            [each[:] for each in self.readers],
        )

    @property
    def votes(self) -> list[int]:
        """LUTs that vote."""
        return [lut for lut, c in enumerate(self.class_of) if c >= 0]

    def add(
        self,
        wiring: NDArray[np.int32],
        table: NDArray[np.uint8],
        level: int,
        class_of: int = -1,
        region: int = 0,
        weight: int = 0,
    ) -> int:
        """A further LUT, which nothing reads yet; its number."""
        lut = len(self)
        self.class_of.append(class_of)
        self.level.append(level)
        self.region.append(region)
        self.weight.append(weight)
        self.readers.append([])
        self.wiring[lut], self.table[lut] = -1, table
        self.rewire(lut, wiring)
        return lut

    def rewire(self, lut: int, wiring: NDArray[np.int32]) -> None:
        """Let a LUT read other signals."""
        for old, new in zip(self.wiring[lut].tolist(), wiring.tolist(), strict=True):
            if old == new:
                continue
            if old >= self.n_bits:
                self.readers[old - self.n_bits].remove(lut)
            if new >= self.n_bits:
                self.readers[new - self.n_bits].append(lut)
        self.wiring[lut] = wiring

    def path(self, lut: int) -> list[int] | None:
        """The LUTs from a vote down to this one, if there is only one way; else None."""
        path = [lut]
        while self.class_of[path[-1]] < 0:
            readers = self.readers[path[-1]]
            if len(readers) != 1:
                return None
            path.append(readers[0])
        return path[::-1]

    def slot(self, lut: int, signal: int) -> int:
        """The first input at which a LUT reads a signal."""
        return int(np.flatnonzero(self.wiring[lut] == signal)[0])

    def cone(self, lut: int) -> list[int]:
        """The LUTs that depend on this one, each after those it reads."""
        found: set[int] = set()
        todo = list(self.readers[lut])
        while todo:
            at = todo.pop()
            if at not in found:
                found.add(at)
                todo += self.readers[at]
        return sorted(found, key=lambda each: (self.level[each], each))

    def heights(self) -> list[int]:
        """Of each LUT, the LUTs on the longest way from an encoder bit to it, itself left out."""
        height = [0] * len(self)
        for lut in sorted(range(len(self)), key=lambda each: self.level[each]):
            for reader in self.readers[lut]:
                height[reader] = max(height[reader], height[lut] + 1)
        return height
