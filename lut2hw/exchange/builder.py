"""Builder: LUTs one by one to the layers of a LutNetwork."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.errors import UsageError
from lut2hw.model.check import MAX_K
from lut2hw.model.parts import Layer

MAX_TABLE_BYTES = 1 << 31


class Builder:
    """Nodes are numbered: encoder bits 0 .. n_bits - 1, then LUTs in order of creation."""

    def __init__(self, n_bits: int) -> None:
        self.n_bits = n_bits
        self.level = [0] * n_bits
        self._luts: list[tuple[tuple[int, ...], int, int | None]] = []
        self._known: dict[tuple[tuple[int, ...], int, int | None], int] = {}
        self._bytes = 0

    def lut(self, inputs: Sequence[int], table: int, care: int | None = None) -> int:
        """The node of a LUT; equal ones are made once.

        Parameters
        ----------
        inputs : Sequence[int]
            Nodes, input 0 the least significant bit of the table's index.
        table : int
            Entry p in bit p.
        care : int, optional
            Entry p in bit p.
        """
        key = (tuple(inputs), table, care)
        node = self._known.get(key)
        if node is None:
            if len(inputs) > MAX_K:
                raise UsageError(f"a LUT has at most {MAX_K} inputs, not {len(inputs)}")
            self._bytes += max(1, (1 << len(inputs)) // 8)
            if self._bytes > MAX_TABLE_BYTES:
                raise UsageError("its tables need more than 2 GiB; allow fewer inputs to a LUT")
            node = self._known[key] = len(self.level)
            self._luts.append(key)
            self.level.append(1 + max((self.level[i] for i in inputs), default=0))
        return node

    def tree(self, inputs: Sequence[int], operation: str, k: int = 6) -> int:
        """The "and" or the "or" of any number of nodes, by LUTs of at most k inputs."""
        nodes = list(inputs)
        while len(nodes) != 1:
            parts = [nodes[at : at + k] for at in range(0, len(nodes), k)] or [[]]
            nodes = [
                part[0]
                if len(part) == 1
                else self.lut(
                    part,
                    1 << (1 << len(part)) - 1 if operation == "and" else (1 << (1 << len(part))) - 2 if part else 0,
                )
                for part in parts
            ]
        return nodes[0]

    def layers(self) -> tuple[tuple[Layer, ...], NDArray[np.int32]]:
        """All LUTs as layers, one for each level and number of inputs, and the signal of each node (n_nodes,)."""
        groups: dict[tuple[int, int], list[int]] = {}
        for number, (inputs, _, _) in enumerate(self._luts):
            groups.setdefault((self.level[self.n_bits + number], len(inputs)), []).append(number)
        signal = np.arange(len(self.level), dtype=np.int32)
        order = [number for key in sorted(groups) for number in groups[key]]
        signal[self.n_bits + np.array(order, np.int64)] = self.n_bits + np.arange(len(order))
        out = []
        for key in sorted(groups):
            k, members = key[1], [self._luts[number] for number in groups[key]]
            wiring = np.array([inputs for inputs, _, _ in members], np.int64).reshape(len(members), k)
            has_care = any(care is not None for _, _, care in members)
            full = (1 << (1 << k)) - 1
            out.append(
                Layer(
                    signal[wiring].astype(np.int32),
                    _tables([table for _, table, _ in members], k),
                    _tables([full if care is None else care for _, _, care in members], k) if has_care else None,
                )
            )
        return tuple(out), signal


def _tables(tables: Sequence[int], k: int) -> NDArray[np.uint8]:
    size = max(1, (1 << k) // 8)
    data = b"".join(table.to_bytes(size, "little") for table in tables)
    return np.frombuffer(data, np.uint8).reshape(len(tables), size).copy()


def table_of(values: NDArray[np.integer | np.bool_]) -> int:
    """0/1 values (2**k,) to a table as an integer."""
    return int.from_bytes(bits.pack_tables(np.asarray(values)[None])[0].tobytes(), "little")
