"""PLA, the two-level format of Espresso, as networks and from them.

What a file leaves open becomes the care set; what is written is the whole core, flattened to sums of products.
Source: R. Rudell, "Espresso(5) input file format", University of California, Berkeley, and `cvrin.c` of Espresso 2.3.
Types f, r, fd, fr, dr and fdr, binary inputs and outputs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lut2hw import bits
from lut2hw.errors import FormatError, UsageError, shown
from lut2hw.exchange.blif import lut_of
from lut2hw.exchange.builder import Builder
from lut2hw.exchange.logic import MAX_PORTS, Logic, read_bytes, to_network
from lut2hw.exchange.registry import WriteOptions
from lut2hw.logic import sop, truth
from lut2hw.logic.blif import Cover, text_of
from lut2hw.logic.port import OutputPort
from lut2hw.model.check import MAX_K
from lut2hw.model.network import LutNetwork
from lut2hw.quote import distinct, identifier

MAX_TABLE_WORK = 1 << 36  # table bits touched by products that cover much of it
MAX_INPUTS = 16
"""Of what is written: a PLA lists a function product by product."""
TYPES = ("f", "r", "fd", "fr", "dr", "fdr")
_INPUTS = str.maketrans("2", "-")
_OUTPUTS = str.maketrans("432", "10-")


def read(path: str | Path, **options: Any) -> LutNetwork:
    """Read a PLA file; options as for `logic.to_network`."""
    return to_network(parse(read_bytes(path), str(path)), **options)


def parse(data: bytes, name: str = "the file") -> Logic:
    """The bytes of a PLA file to logic, one LUT with its care set for each output.

    A function of more than 20 inputs becomes ANDs and ORs and cannot hold a care set: its don't-cares are then 0 (1
    where the file lists zeros only).

    Raises
    ------
    FormatError
        That names the line.
    """
    number = 0

    def fail(what: str) -> FormatError:
        return FormatError(f"{name}, line {number}: {what}")

    n_inputs = n_outputs = -1
    names: dict[str, list[str]] = {".ilb": [], ".ob": []}
    wanted: str | None = None  # the list of names that goes on in the next line
    kind = "fd"
    products: list[tuple[str, str]] = []
    begun = ""  # of a product; white space and line ends do not count
    for line in text_of(data).splitlines():
        number += 1
        words = line.split("#", 1)[0].replace("|", " ").split()
        if not words:
            continue
        if wanted is not None and not words[0].startswith("."):
            names[wanted] += words
        elif not words[0].startswith("."):
            if min(n_inputs, n_outputs) < 0:
                raise fail("a product comes before .i and .o")
            begun += "".join(words)
            size = n_inputs + n_outputs
            if len(begun) > size and len(begun) % size:
                raise fail(f"{shown(begun)} is not a product of {n_inputs} inputs and {n_outputs} outputs")
            if len(begun) % size == 0:
                for at in range(0, len(begun), size):
                    left = begun[at : at + n_inputs].translate(_INPUTS)
                    right = begun[at + n_inputs : at + size].translate(_OUTPUTS)
                    if set(left) - set("01-?") or set(right) - set("01-~"):
                        raise fail(f"{shown(begun)} is not a product of {n_inputs} inputs and {n_outputs} outputs")
                    if "?" not in left:  # neither 0 nor 1: a product that covers nothing
                        products.append((left, right))
                begun = ""
            continue
        elif wanted is not None:
            raise fail(f"{wanted} names {len(names[wanted])} of {n_inputs if wanted == '.ilb' else n_outputs}")
        elif begun:
            raise fail(f"a product of {n_inputs} inputs and {n_outputs} outputs ends after {shown(begun)}")
        elif words[0] in (".i", ".o"):
            if (
                len(words) != 2
                or not (words[1].isascii() and words[1].isdigit())
                or len(words[1]) > 7
                or not 0 < int(words[1]) <= MAX_PORTS
            ):
                raise fail(f"{words[0]} needs a number from 1 to {MAX_PORTS}")
            if words[0] == ".i":
                n_inputs = int(words[1])
            else:
                n_outputs = int(words[1])
        elif words[0] in names:
            wanted = words[0]
            names[wanted] = words[1:]
        elif words[0] == ".type":
            if len(words) != 2 or words[1] not in TYPES:
                raise fail(f"the type must be one of {', '.join(TYPES)}")
            kind = words[1]
        elif words[0] in (".e", ".end"):
            break
        elif words[0] in (".p", ".phase", ".pair"):
            if words[0] == ".phase" and set("".join(words[1:])) - {"1"}:
                raise fail("outputs of phase 0 are not read; write the function itself")
            if words[0] == ".pair":
                raise fail(".pair is not read")
        else:
            raise fail(f"{shown(words[0])} is not read; only binary inputs and outputs are")
        if wanted is not None and len(names[wanted]) >= (n_inputs if wanted == ".ilb" else n_outputs):
            wanted = None
    if begun:
        raise fail(f"a product of {n_inputs} inputs and {n_outputs} outputs ends after {shown(begun)}")
    if min(n_inputs, n_outputs) < 0:
        raise FormatError(f"{name} has no .i and .o lines; is it a PLA file?")
    for what, count in ((".ilb", n_inputs), (".ob", n_outputs)):
        if names[what] and len(names[what]) != count:
            raise FormatError(f"{name}: {what} names {len(names[what])} of {count}")
    builder = Builder(n_inputs)
    nodes = [
        _output(builder, n_inputs, [(left, right[j]) for left, right in products], kind, name)
        for j in range(n_outputs)
    ]
    return Logic(
        builder,
        distinct(names[".ilb"] or [f"x{i}" for i in range(n_inputs)]),
        distinct(names[".ob"] or [f"y{i}" for i in range(n_outputs)]),
        tuple(nodes),
    )


def _output(builder: Builder, k: int, products: list[tuple[str, str]], kind: str, name: str) -> int:
    """The node of one output. A `1` belongs to the on-set, `0` to the off-set if the type has r, `-` to the
    don't-care set if it has d."""
    lists = {
        "f": [left for left, value in products if value == "1"],
        "r": [left for left, value in products if value == "0"],
        "d": [left for left, value in products if value == "-"],
    }
    if k > MAX_K:
        ones = "f" in kind
        return lut_of(range(k), Cover([""] * k, lists["f" if ones else "r"], ones), builder)
    if sum(product.count("-") > 8 for product, _ in products) * k << k > MAX_TABLE_WORK:
        raise FormatError(f"{name}: {len(products)} products of {k} inputs are too many for one table")
    tables = {}
    for letter in kind:
        cubes = [
            (sum(1 << j for j, c in enumerate(left) if c == "1"), sum(1 << j for j, c in enumerate(left) if c == "0"))
            for left in lists[letter]
        ]
        tables[letter] = sop.table_of(cubes, k)
    full = truth.full(k)
    on, off = tables.get("f", 0), tables.get("r", 0)
    if on & off:
        raise FormatError(f"{name}: an input belongs to both the on-set and the off-set of an output")
    if "f" in kind and "r" in kind:  # both are listed, so the rest is open
        free = full & ~(on | off)
    else:
        free = tables.get("d", 0)
        on = (on if "f" in kind else full & ~off) & ~free
    return builder.lut(range(k), on, full & ~free)


def write(network: LutNetwork, options: WriteOptions) -> bytes:
    """The bytes of a PLA file with the whole core of a network."""
    return to_pla(network, dont_cares=options.dont_cares).encode()


def to_pla(network: LutNetwork, *, dont_cares: bool = False) -> str:
    """The text of a PLA file: code bits in, answer out, least significant bit first: `class[BIT]`, or `NAME[BIT]` of
    labels and numbers.

    Parameters
    ----------
    dont_cares : bool, default=False
        Leave open (`-`, type fd) what training cannot have shown: inputs on which some LUT sees a pattern that is not
        in its care set.

    Raises
    ------
    UsageError
        For a network that reads more than 16 bits of the code.
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
    port = OutputPort.of(network)
    words = port.rows_of(network.head, network.scores_packed(encoded, 1 << k))
    open_ = _unseen(network, encoded, 1 << k) if dont_cares else np.zeros(1 << k, bool)

    encoder = network.encoder
    names = distinct(
        f"{identifier(network.features.names[encoder.feature[bit]])}_ge_{encoder.threshold[bit]}".replace("-", "m")
        for bit in read
    )
    width = port.width
    rows: dict[sop.Cube, list[str]] = {}

    def add(flags: np.ndarray, column: int) -> None:
        for cube in sop.cover(_table(flags), k):
            rows.setdefault(cube, ["0"] * width)[column] = "1"

    for bit in range(width):
        add((words[:, bit // 8] >> bit % 8 & 1).astype(bool) & ~open_, bit)
    free = {cube: ["-"] * width for cube in sop.cover(_table(open_), k)}
    lines = [f".i {k}", f".o {width}"]
    if k:
        lines.append(".ilb " + " ".join(names))
    lines += [
        ".ob " + " ".join(f"{field.name}[{bit}]" for field in port.fields for bit in range(field.width)),
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
