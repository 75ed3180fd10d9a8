"""PLA, the two-level format of Espresso: the whole core flattened to sums of products.

Source: R. Rudell, "Espresso(5) input file format", University of California, Berkeley.
"""

from __future__ import annotations

import numpy as np

from lut2hw import bits
from lut2hw.errors import UsageError
from lut2hw.exchange.circuit import distinct, identifier
from lut2hw.logic import sop
from lut2hw.model.network import LutNetwork

MAX_INPUTS = 16


def to_pla(network: LutNetwork, *, dont_cares: bool = False) -> str:
    """The text of a PLA file: code bits in, class number out (`class[BIT]`, least significant bit first).

    dont_cares: leave open (`-`, type fd) what training cannot have shown: inputs on which some LUT sees a pattern
        that is not in its care set.
    Errors: `UsageError` for a network that reads more than 16 bits of the code.
    """
    read = sorted(
        {int(s) for layer in network.layers for s in layer.wiring.ravel() if s < len(network.encoder)}
        | {int(s) for s in network.head.signal if s < len(network.encoder)}
    )
    k = len(read)
    if k > MAX_INPUTS:
        raise UsageError(
            f"a PLA lists a function of at most {MAX_INPUTS} inputs, and this model reads {k} bits; "
            "export BLIF or AIGER instead"
        )
    encoded = np.zeros((len(network.encoder), bits.n_words(1 << k)), np.uint64)
    patterns = np.arange(1 << k)
    encoded[read] = bits.pack(((patterns >> np.arange(k)[:, None]) & 1).reshape(k, 1 << k))
    classes = network.predict_packed(encoded, 1 << k)
    open_ = _unseen(network, encoded, 1 << k) if dont_cares else np.zeros(1 << k, bool)

    encoder = network.encoder
    names = distinct(
        f"{identifier(network.features.names[encoder.feature[bit]])}_ge_{encoder.threshold[bit]}".replace("-", "m")
        for bit in read
    )
    width = max(1, (network.n_classes - 1).bit_length())
    rows: dict[sop.Cube, list[str]] = {}

    def add(flags: np.ndarray, column: int) -> None:
        for cube in sop.cover(_table(flags), k):
            rows.setdefault(cube, ["0"] * width)[column] = "1"

    for bit in range(width):
        add((classes >> bit & 1).astype(bool) & ~open_, bit)
    free = {cube: ["-"] * width for cube in sop.cover(_table(open_), k)}
    lines = [f".i {k}", f".o {width}"]
    if k:
        lines.append(".ilb " + " ".join(names))
    lines += [
        ".ob " + " ".join(f"class[{bit}]" for bit in range(width)),
        ".type fd" if dont_cares else ".type f",
        f".p {len(rows) + len(free)}",
    ]
    lines += [f"{sop.literals(cube, k)} {''.join(row)}".lstrip() for cube, row in [*rows.items(), *free.items()]]
    return "\n".join([*lines, ".e", ""])


def _table(flags: np.ndarray) -> int:
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


def _unseen(network: LutNetwork, encoded: bits.Packed, n: int) -> np.ndarray:
    """bool (n,): some LUT sees a pattern outside its care set."""
    values = bits.unpack(network.signals(encoded), n)
    out = np.zeros(n, bool)
    for layer in network.layers:
        care = layer.care_bits
        index = np.zeros((len(layer), n), np.int64)
        for j in range(layer.k):
            index |= values[layer.wiring[:, j]].astype(np.int64) << j
        out |= (np.take_along_axis(care, index, axis=1) == 0).any(axis=0)
    return out
