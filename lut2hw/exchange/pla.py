"""PLA (Espresso) to a network; what the file leaves open becomes the care set.

Source: R. Rudell, "Espresso(5) input file format", University of California, Berkeley. Types f, r, fd, fr, dr and
fdr, binary inputs and outputs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lut2hw.exchange.blif import lut_of
from lut2hw.exchange.builder import Builder
from lut2hw.exchange.circuit import distinct
from lut2hw.exchange.logic import MAX_PORTS, FormatError, Logic, read_bytes, shown, to_network
from lut2hw.logic import sop, truth
from lut2hw.model.check import MAX_K
from lut2hw.model.network import LutNetwork

MAX_TABLE_WORK = 1 << 36  # table bits touched by products that cover much of it
TYPES = ("f", "r", "fd", "fr", "dr", "fdr")


def read(path: str | Path, **options: Any) -> LutNetwork:
    """Read a PLA file; options as for `logic.to_network`."""
    return to_network(parse(read_bytes(path), str(path)), **options)


def parse(data: bytes, name: str = "the file") -> Logic:
    """The bytes of a PLA file to logic, one LUT with its care set for each output.

    A function of more than 20 inputs becomes ANDs and ORs and cannot hold a care set: its don't-cares are then 0 (1
    where the file lists zeros only). Errors: `FormatError` that names the line.
    """
    number = 0

    def fail(what: str) -> FormatError:
        return FormatError(f"{name}, line {number}: {what}")

    n_inputs = n_outputs = -1
    input_names: list[str] = []
    output_names: list[str] = []
    kind = "fd"
    products: list[tuple[str, str]] = []
    for line in data.decode("utf-8", "replace").splitlines():
        number += 1
        words = line.split("#", 1)[0].replace("|", " ").split()
        if not words:
            continue
        if words[0] in (".i", ".o"):
            if len(words) != 2 or not words[1].isdigit() or len(words[1]) > 7 or not 0 < int(words[1]) <= MAX_PORTS:
                raise fail(f"{words[0]} needs a number from 1 to {MAX_PORTS}")
            if words[0] == ".i":
                n_inputs = int(words[1])
            else:
                n_outputs = int(words[1])
        elif words[0] in (".ilb", ".ob"):
            (input_names if words[0] == ".ilb" else output_names)[:] = words[1:]
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
        elif words[0].startswith("."):
            raise fail(f"{shown(words[0])} is not read; only binary inputs and outputs are")
        else:
            if min(n_inputs, n_outputs) < 0:
                raise fail("a product comes before .i and .o")
            text = "".join(words)
            left, right = text[:n_inputs].replace("2", "-"), text[n_inputs:]
            right = right.replace("4", "1").replace("2", "-").replace("3", "~")
            if len(text) != n_inputs + n_outputs or set(left) - set("01-") or set(right) - set("01-~"):
                raise fail(f"{shown(line)} is not a product of {n_inputs} inputs and {n_outputs} outputs")
            products.append((left, right))
    if min(n_inputs, n_outputs) < 0:
        raise FormatError(f"{name} has no .i and .o lines; is it a PLA file?")
    for names, count, what in ((input_names, n_inputs, ".ilb"), (output_names, n_outputs, ".ob")):
        if names and len(names) != count:
            raise FormatError(f"{name}: {what} names {len(names)} of {count}")
    builder = Builder(n_inputs)
    nodes = [
        _output(builder, n_inputs, [(left, right[j]) for left, right in products], kind, name)
        for j in range(n_outputs)
    ]
    return Logic(
        builder,
        distinct(input_names or [f"x{i}" for i in range(n_inputs)]),
        distinct(output_names or [f"y{i}" for i in range(n_outputs)]),
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
        return (
            lut_of(range(k), lists["f"], True, builder)
            if "f" in kind
            else lut_of(range(k), lists["r"], False, builder)
        )
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
