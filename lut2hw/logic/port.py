"""The one definition of how an example is laid out on the hardware's input port and how the answer comes back.

The input port is one vector. Its fields follow each other from bit 0 up; a field holds one raw feature as an
unsigned or two's complement integer, least significant bit first, or, with encoded inputs, one bit of the code.
Features and bits that the network does not read are not in the port. The output port is the class number, unsigned.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

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

NO_FIELDS = frozenset({"as_bits", "as_value", "eq", "lowermethod", "shape"})
NO_CLASSES = frozenset({"as_shape", "const", "format", "from_bits", "mro", "name", "value"})
"""Names that mean something else on a structure, and on an enumeration, in Amaranth or in Python."""


def identifiers(names: Sequence[str], prefix: str, reserved: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Names of anybody's as identifiers in Python, Verilog and C, different from each other.

    A name that is one already stays. In others accents go, anything that is no ASCII letter or digit becomes ``_``,
    `prefix` comes before what does not begin with a letter, and keywords and reserved names get a ``_`` at the end.
    Of equal names the later ones are numbered from 2.

    Parameters
    ----------
    names : sequence of str
        Any text.
    prefix : str
        Said of a name that begins with no letter: ``7`` becomes ``prefix_7``.
    reserved : frozenset of str
        Identifiers that must not come out.

    Returns
    -------
    tuple of str
        One for each name, of at most about 100 characters.
    """

    def legal(name: str) -> bool:
        return bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,99}", name)) and not (
            keyword.iskeyword(name) or name in reserved
        )

    taken = {name for name in names if legal(name)}
    owners = dict.fromkeys(taken, False)
    numbers: dict[str, int] = {}
    out = []
    for name in names:
        if owners.get(name) is False:
            owners[name] = True  # the first one of that name
            out.append(name)
            continue
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        made = re.sub(r"[^A-Za-z0-9_]+", "_", plain)[:100].strip("_")
        if not made[:1].isalpha():
            made = f"{prefix}_{made}" if made else prefix
        if keyword.iskeyword(made) or made in reserved:
            made += "_"
        new = made
        while new in taken:
            numbers[made] = numbers.get(made, 1) + 1
            new = f"{made}_{numbers[made]}"
        taken.add(new)
        out.append(new)
    return tuple(out)


def class_width(n_classes: int) -> int:
    """Bits of the output port, which holds the class number, unsigned."""
    return max(1, (n_classes - 1).bit_length())


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

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Names of the fields as identifiers, in their order."""
        return identifiers([field.name for field in self.fields], "feature", NO_FIELDS)

    def bits_of(self, network: LutNetwork, x: NDArray[np.integer]) -> bits.Packed:
        """Integers (n, n_features) to the port's bits, packed uint64 (width, n_words)."""
        if self.encoded:
            return network.encoder(x)[[field.index for field in self.fields]]
        x = network.features.clip(x)
        rows = [(x[:, field.index] >> bit) & 1 for field in self.fields for bit in range(field.width)]
        return bits.pack(np.array(rows, np.uint8).reshape(self.width, len(x)))

    def words_of(self, network: LutNetwork, x: NDArray[np.integer]) -> list[int]:
        """Integers (n, n_features) to one Python integer per example, bit i of it bit i of the port."""
        rows = np.packbits(bits.unpack(self.bits_of(network, x), len(x)), axis=0, bitorder="little").T
        return [int.from_bytes(row.tobytes(), "little") for row in rows]

    def values_of(self, network: LutNetwork, x: NDArray[np.int64]) -> list[dict[str, int]]:
        """Integers (n, n_features) to the value of each field by its key, a dictionary per example."""
        if self.encoded:
            columns = bits.unpack(self.bits_of(network, x), len(x)).T.astype(np.int64)
        else:
            columns = network.features.clip(x)[:, [field.index for field in self.fields]]
        return [dict(zip(self.keys, row, strict=True)) for row in columns.tolist()]
