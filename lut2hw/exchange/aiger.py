"""AIGER, binary (`aig`) and ASCII (`aag`), as networks and from them: combinational and-inverter graphs.

Source: A. Biere, "The AIGER And-Inverter Graph (AIG) Format Version 20071012", and for the optional counts after the
fifth, version 1.9 (which are refused unless zero). Read and written by ABC, yosys and the tools of the hardware model
checking and SAT communities.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lut2hw.errors import FormatError, shown
from lut2hw.exchange.builder import Builder
from lut2hw.exchange.circuit import Circuit
from lut2hw.exchange.logic import MAX_NODES, MAX_PORTS, Logic, read_bytes, to_network
from lut2hw.exchange.registry import WriteOptions
from lut2hw.logic.aig import Aig
from lut2hw.logic.blif import BOM
from lut2hw.logic.netlist import CONST0, CONST1
from lut2hw.logic.walk import operands_first
from lut2hw.model.network import LutNetwork
from lut2hw.quote import distinct


def read(path: str | Path, **options: Any) -> LutNetwork:
    """Read an AIGER file; options as for `logic.to_network`."""
    return to_network(parse(read_bytes(path), str(path)), **options)


def parse(data: bytes, name: str = "the file") -> Logic:
    """The bytes of an AIGER file to logic.

    Raises
    ------
    FormatError
    """
    at = 0
    data = data.removeprefix(BOM)

    def fail(what: str) -> FormatError:
        return FormatError(f"{name} is not a usable AIGER file: {what}")

    def line() -> list[bytes]:
        nonlocal at
        end = data.find(b"\n", at)
        if end < 0:
            raise fail("it is truncated")
        words = data[at:end].split()
        at = end + 1
        return words

    def number(word: bytes) -> int:
        if not word.isdigit() or len(word) > 10:
            raise fail(f"{shown(word.decode('latin1'))} is not a number")
        return int(word)

    def literals(words: list[bytes], count: int) -> list[int]:
        if len(words) != count:
            raise fail("a line has the wrong number of literals")
        values = [number(word) for word in words]
        if any(value > 2 * m + 1 for value in values):
            raise fail("a literal is larger than the header allows")
        return values

    header = line()
    if not 6 <= len(header) <= 10 or header[0] not in (b"aig", b"aag"):
        raise fail("it does not begin with an aig or aag header")
    m, n_inputs, n_latches, n_outputs, n_ands, *more = (number(word) for word in header[1:])
    if n_latches:
        raise fail("it has latches; only combinational circuits can be models")
    if any(more):
        raise fail("it states properties to check; only plain circuits can be models")
    binary = header[0] == b"aig"
    if (
        m < n_inputs + n_ands
        or (binary and m != n_inputs + n_ands)
        or m > MAX_NODES
        or n_outputs > MAX_PORTS
        or n_inputs > MAX_PORTS
    ):
        raise fail("its header does not add up, or it is too large")
    if n_inputs + n_outputs + n_ands > len(data) + n_inputs * binary:
        raise fail("it is truncated")

    ands: dict[int, tuple[int, int]] = {}  # by variable
    if binary:
        inputs = list(range(1, n_inputs + 1))
        outputs = [literals(line(), 1)[0] for _ in range(n_outputs)]
        for variable in range(n_inputs + 1, m + 1):
            deltas = []
            for _ in range(2):
                value = shift = 0
                while True:
                    if at >= len(data) or shift > 28:
                        raise fail("its ANDs are truncated or damaged")
                    byte = data[at]
                    at += 1
                    value |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        break
                deltas.append(value)
            first = 2 * variable - deltas[0]
            second = first - deltas[1]
            if deltas[0] < 1 or second < 0:
                raise fail("an AND reads a literal that is not before it")
            ands[variable] = (first, second)
    else:
        inputs = []
        for _ in range(n_inputs):
            literal = literals(line(), 1)[0]
            if literal & 1 or not literal:
                raise fail("an input is inverted or constant")
            inputs.append(literal >> 1)
        outputs = [literals(line(), 1)[0] for _ in range(n_outputs)]
        for _ in range(n_ands):
            left, first, second = literals(line(), 3)
            if left & 1 or not left or left >> 1 in ands:
                raise fail("an AND is inverted, constant or defined twice")
            ands[left >> 1] = (first, second)
        if len(set(inputs)) < n_inputs or set(inputs) & set(ands):
            raise fail("a variable is defined twice")

    names = {"i": [f"i{i}" for i in range(n_inputs)], "o": [f"o{i}" for i in range(n_outputs)]}
    while at < len(data) and data[at : at + 1] != b"c":
        end = data.find(b"\n", at)
        text = data[at : end if end >= 0 else len(data)].decode("utf-8", "replace").removesuffix("\r")
        at = end + 1 if end >= 0 else len(data)
        if not text.strip():
            continue
        kind, _, symbol = text.partition(" ")
        if (
            kind[:1] not in names
            or not kind[1:].isascii()
            or not kind[1:].isdigit()
            or len(kind) > 10
            or not symbol
            or int(kind[1:]) >= len(names[kind[0]])
        ):
            raise fail(f"its symbol table has the line {shown(kind + ' ' + symbol)}")
        names[kind[0]][int(kind[1:])] = symbol

    builder = Builder(n_inputs)
    node = {variable: i for i, variable in enumerate(inputs)}

    def needs(variable: int) -> list[int]:
        if variable not in ands:
            raise fail(f"variable {variable} is read but not defined")
        return [each >> 1 for each in ands[variable] if each >> 1]

    for root in (literal >> 1 for literal in outputs if literal >> 1):
        for variable in operands_first([root], needs, node, lambda _: fail("it has a loop")):
            a, b = ands[variable]
            if a < 2 or b < 2:
                other = b if a < 2 else a
                constant = 0 in (a, b)
                node[variable] = (
                    builder.lut([], 0)
                    if constant
                    else builder.lut([], 1)
                    if other == 1
                    else (builder.lut([node[other >> 1]], 0b01) if other & 1 else node[other >> 1])
                )
            else:
                # entry 3 of an AND; an inverted input moves it
                node[variable] = builder.lut([node[a >> 1], node[b >> 1]], 1 << (3 ^ (a & 1) ^ (b & 1) << 1))
    made = []
    for literal in outputs:
        if literal < 2:
            made.append(builder.lut([], literal))
        else:
            each = node[literal >> 1]
            made.append(builder.lut([each], 0b01) if literal & 1 else each)
    return Logic(builder, distinct(names["i"]), distinct(names["o"]), tuple(made))


def write(network: LutNetwork, options: WriteOptions) -> bytes:
    """The bytes of an AIGER file with the whole core of a network: ASCII if it ends in .aag, else binary."""
    circuit = Circuit.of(network, encoded=options.encoded_inputs)
    return to_aiger(circuit, ascii_form=options.path.suffix.lower() == ".aag")


def to_aiger(circuit: Circuit, *, ascii_form: bool = False) -> bytes:
    """The bytes of a binary (or ASCII) AIGER file with a symbol table."""
    aig = Aig(len(circuit.inputs))
    literal = {CONST0: 0, CONST1: 1, **{net: aig.input(i) for i, net in enumerate(circuit.inputs)}}
    for net, inputs, table in circuit.luts():
        literal[net] = _lut(aig, [literal[each] for each in inputs], table)
    aig.outputs = [literal[net] for net in circuit.outputs]
    symbols = [f"i{i} {name}\n" for i, name in enumerate(circuit.input_names)]
    symbols += [f"o{i} {name}\n" for i, name in enumerate(circuit.output_names)]
    return aig.to_bytes(ascii_form) + "".join(symbols).encode() + b"c\nlut2hw core\n"


def _lut(aig: Aig, inputs: Sequence[int], table: int) -> int:
    """The literal of a LUT, by Shannon's expansion from the last input down."""
    if not inputs:
        return table & 1
    half = 1 << (len(inputs) - 1)
    low, high = table & (1 << half) - 1, table >> half
    if low == high:
        return _lut(aig, inputs[:-1], low)
    one = _lut(aig, inputs[:-1], low)
    other = one ^ 1 if low == high ^ (1 << half) - 1 else _lut(aig, inputs[:-1], high)
    return aig.mux(inputs[-1], one, other)
