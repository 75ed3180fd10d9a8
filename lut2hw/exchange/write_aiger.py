"""AIGER, binary: the core as an and-inverter graph.

Source: A. Biere, "The AIGER And-Inverter Graph (AIG) Format Version 20071012". Read by ABC, yosys and the tools of
the hardware model checking and SAT communities.
"""

from __future__ import annotations

from collections.abc import Sequence

from lut2hw.exchange.circuit import Circuit
from lut2hw.logic.netlist import CONST0, CONST1


class _Ands:
    """Two-input ANDs over literals (2 * variable + inverted), each built once."""

    def __init__(self, n_inputs: int) -> None:
        self.n_inputs = n_inputs
        self.pairs: list[tuple[int, int]] = []
        self._known: dict[tuple[int, int], int] = {}

    def land(self, a: int, b: int) -> int:
        a, b = max(a, b), min(a, b)
        if b == 0 or a ^ b == 1:
            return 0
        if b == 1 or a == b:
            return a
        literal = self._known.get((a, b))
        if literal is None:
            self.pairs.append((a, b))
            literal = self._known[a, b] = 2 * (self.n_inputs + len(self.pairs))
        return literal

    def mux(self, s: int, high: int, low: int) -> int:
        return self.land(self.land(s, high) ^ 1, self.land(s ^ 1, low) ^ 1) ^ 1

    def lut(self, inputs: Sequence[int], table: int) -> int:
        """Shannon expansion from the last input down."""
        if not inputs:
            return table & 1
        half = 1 << (len(inputs) - 1)
        ones = (1 << half) - 1
        low, high = table & ones, table >> half
        if low == high:
            return self.lut(inputs[:-1], low)
        s = inputs[-1]
        if low == high ^ ones:
            # xor: one of the halves is enough
            rest = self.lut(inputs[:-1], low)
            return self.mux(s, rest ^ 1, rest)
        return self.mux(s, self.lut(inputs[:-1], high), self.lut(inputs[:-1], low))


def _delta(value: int) -> bytes:
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def to_aiger(circuit: Circuit) -> bytes:
    """The bytes of a binary AIGER file with a symbol table."""
    n = len(circuit.inputs)
    ands = _Ands(n)
    literal = {CONST0: 0, CONST1: 1, **{net: 2 * (i + 1) for i, net in enumerate(circuit.inputs)}}
    for net, inputs, table in circuit.luts():
        literal[net] = ands.lut([literal[each] for each in inputs], table)
    outputs = [literal[net] for net in circuit.outputs]
    out = bytearray(f"aig {n + len(ands.pairs)} {n} 0 {len(outputs)} {len(ands.pairs)}\n".encode())
    out += "".join(f"{each}\n" for each in outputs).encode()
    for i, (a, b) in enumerate(ands.pairs):
        out += _delta(2 * (n + 1 + i) - a) + _delta(a - b)
    out += "".join(f"i{i} {name}\n" for i, name in enumerate(circuit.input_names)).encode()
    out += "".join(f"o{i} {name}\n" for i, name in enumerate(circuit.output_names)).encode()
    return bytes(out + b"c\nlut2hw core\n")
