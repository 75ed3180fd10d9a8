"""The one definition of how an example is laid out on the hardware's input port and how the answer comes back.

The input port is one vector. Its fields follow each other from bit 0 up; a field holds one raw feature as an
unsigned or two's complement integer, least significant bit first, or, with encoded inputs, one bit of the code.
Features and bits that the network does not read are not in the port. The output port is the class number, unsigned.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.model.network import LutNetwork

INPUT, OUTPUT = "features", "class"

TOP = "lut2hw_core"
CLOCK_PORT, RESET_PORT = "clk", "rst"
INPUT_PORTS = {"payload": "i__payload", "valid": "i__valid", "ready": "i__ready"}
OUTPUT_PORTS = {"payload": "o__payload", "valid": "o__valid", "ready": "o__ready"}
"""The core's module and its ports, those of the streams by what they are."""


@dataclass(frozen=True)
class Field:
    """`width` bits from bit `offset` of the port; `index` is the feature, or the encoder bit with encoded inputs."""

    name: str
    index: int
    offset: int
    width: int
    signed: bool


@dataclass(frozen=True)
class InputPort:
    """Layout of the input vector."""

    fields: tuple[Field, ...]
    encoded: bool

    @classmethod
    def of(cls, network: LutNetwork, read: Iterable[int], *, encoded: bool) -> InputPort:
        """Layout for the encoder bits `read` (signal numbers), or for the features those bits compare."""
        features, encoder = network.features, network.encoder
        fields, offset = [], 0
        if encoded:
            fields = [Field(f"bit{bit}", bit, at, 1, False) for at, bit in enumerate(sorted(set(read)))]
        else:
            widths, signed = features.widths, features.signed
            for index in sorted({int(encoder.feature[bit]) for bit in read}):
                fields.append(Field(features.names[index], index, offset, int(widths[index]), bool(signed[index])))
                offset += int(widths[index])
        return cls(tuple(fields), encoded)

    @property
    def width(self) -> int:
        """Bits of the port."""
        return sum(field.width for field in self.fields)

    def bits_of(self, network: LutNetwork, x: NDArray[np.int64]) -> bits.Packed:
        """Integers (n, n_features) to the port's bits, packed uint64 (width, n_words)."""
        if self.encoded:
            return network.encoder(x)[[field.index for field in self.fields]]
        x = network.features.clip(x)
        rows = [(x[:, field.index] >> bit) & 1 for field in self.fields for bit in range(field.width)]
        return bits.pack(np.array(rows, np.uint8).reshape(self.width, len(x)))

    def words_of(self, network: LutNetwork, x: NDArray[np.int64]) -> list[int]:
        """Integers (n, n_features) to one Python integer per example, bit i of it bit i of the port."""
        rows = np.packbits(bits.unpack(self.bits_of(network, x), len(x)), axis=0, bitorder="little").T
        return [int.from_bytes(row.tobytes(), "little") for row in rows]
