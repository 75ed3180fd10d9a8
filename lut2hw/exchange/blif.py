"""BLIF to a network: combinational models of `.names` covers.

Source: "Berkeley Logic Interchange Format (BLIF)", University of California, Berkeley, 1992. The first model of the
file is read. External don't-cares (`.exdc`) are not used: any completion is allowed, and the file's own is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lut2hw.exchange.builder import Builder
from lut2hw.exchange.logic import MAX_NODES, MAX_PORTS, FormatError, Logic, read_bytes, shown, to_network
from lut2hw.logic import sop, truth
from lut2hw.logic.walk import operands_first
from lut2hw.model.check import MAX_K
from lut2hw.model.network import LutNetwork

_IGNORED = {
    ".area",
    ".delay",
    ".wire_load_slope",
    ".wire",
    ".input_arrival",
    ".default_input_arrival",
    ".output_required",
    ".default_output_required",
    ".input_drive",
    ".default_input_drive",
    ".output_load",
    ".default_output_load",
    ".max_input_load",
    ".default_max_input_load",
    ".attr",
    ".param",
    ".cname",
    ".blackbox_attr",
}


def read(path: str | Path, **options: Any) -> LutNetwork:
    """Read a BLIF file; options as for `logic.to_network`."""
    return to_network(parse(read_bytes(path), str(path)), **options)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, words), continued lines joined, comments removed."""
    words: list[str] = []
    start = 0
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#", 1)[0].rstrip()
        start = start or number
        more = line.endswith("\\")
        words += line.removesuffix("\\").split()
        if not more:
            if words:
                yield start, words
            words, start = [], 0
    if words:
        yield start, words


def parse(data: bytes, name: str = "the file") -> Logic:
    """The bytes of a BLIF file to logic. Errors: `FormatError` that names the line."""
    inputs: list[str] = []
    outputs: list[str] = []
    covers: dict[str, tuple[list[str], list[str], str]] = {}
    current: list[str] | None = None  # products of the cover being read
    target, values = "", set[str]()
    seen_model = False

    def fail(number: int, what: str) -> FormatError:
        return FormatError(f"{name}, line {number}: {what}")

    for number, words in _lines(data.decode("utf-8", "replace")):
        keyword = words[0]
        if not keyword.startswith("."):
            if current is None:
                raise fail(number, f"expected a keyword but found {shown(' '.join(words))}")
            k = len(covers[target][0])
            if (
                len(words) != (2 if k else 1)
                or (k and len(words[0]) != k)
                or words[-1] not in ("0", "1")
                or (k and set(words[0]) - set("01-"))
            ):
                raise fail(number, f"{shown(' '.join(words))} is not a product of {k} inputs and a value")
            values.add(words[-1])
            if len(values) > 1:
                raise fail(number, f"the cover of {shown(target)} lists both ones and zeros")
            current.append(words[0] if k else "")
            covers[target] = (covers[target][0], current, words[-1])
            continue
        current, values = None, set()
        if keyword == ".model":
            if seen_model:
                break
            seen_model = True
        elif keyword == ".inputs":
            inputs += words[1:]
        elif keyword == ".outputs":
            outputs += words[1:]
        elif keyword == ".names":
            if len(words) < 2:
                raise fail(number, ".names needs an output")
            *operands, target = words[1:]
            if target in covers:
                raise fail(number, f"{shown(target)} is driven twice")
            current = []
            covers[target] = (operands, current, "1")
        elif keyword in (".end", ".exdc"):
            break
        elif keyword in (".latch", ".mlatch"):
            raise fail(number, "it has latches; only combinational circuits can be models")
        elif keyword in (".subckt", ".gate", ".search"):
            raise fail(number, f"{keyword} is not read; flatten and map to .names first (yosys: flatten; techmap)")
        elif keyword not in _IGNORED:
            raise fail(number, f"unknown keyword {shown(keyword)}")
        if len(inputs) + len(outputs) > MAX_PORTS or len(covers) > MAX_NODES:
            raise fail(number, "the circuit is too large")
    if not outputs:
        raise FormatError(f"{name} has no .outputs; is it a BLIF file?")
    for names, what in ((inputs, "input"), (outputs, "output")):
        if len(set(names)) < len(names):
            raise FormatError(f"{name} lists an {what} twice")
    builder = Builder(len(inputs))
    node = {each: i for i, each in enumerate(inputs)}
    for each in inputs:
        if each in covers:
            raise FormatError(f"{name}: input {shown(each)} is driven by .names too")

    def needs(each: str) -> list[str]:
        if each not in covers:
            raise FormatError(f"{name}: {shown(each)} is read but nothing drives it")
        return covers[each][0]

    def loop(each: str) -> FormatError:
        return FormatError(f"{name}: {shown(each)} depends on itself; a model has no loops")

    for root in outputs:
        for each in operands_first([root], needs, node, loop):
            operands, products, value = covers[each]
            node[each] = lut_of([node[operand] for operand in operands], products, value == "1", builder)
    return Logic(builder, tuple(inputs), tuple(outputs), tuple(node[each] for each in outputs))


def lut_of(inputs: Sequence[int], products: Sequence[str], ones: bool, builder: Builder) -> int:
    """The node of a cover: one LUT, or ANDs and ORs if it has more inputs than a LUT may."""
    k = len(inputs)
    if k <= MAX_K:
        used = [j for j in range(k) if any(product[j] != "-" for product in products)]
        cubes = [
            (
                sum(1 << i for i, j in enumerate(used) if product[j] == "1"),
                sum(1 << i for i, j in enumerate(used) if product[j] == "0"),
            )
            for product in products
        ]
        table = sop.table_of(cubes, len(used))
        return builder.lut([inputs[j] for j in used], table if ones else table ^ truth.full(len(used)))
    terms = []
    for product in products:
        literals = [
            inputs[j] if c == "1" else builder.lut([inputs[j]], 0b01) for j, c in enumerate(product) if c != "-"
        ]
        terms.append(builder.tree(literals, "and"))
    result = builder.tree(terms, "or")
    return result if ones else builder.lut([result], 0b01)
