"""A behavioural model of a LutNetwork as an and-inverter graph, built from the model file alone.

It shares no code with the compiler: it is the other side of the formal proof. Literals are 2 * node + inverted, node
0 is constant 0, inputs come next, then AND nodes in topological order, as in AIGER (A. Biere, "The AIGER
And-Inverter Graph Format", 2007).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from lut2hw import bits
from lut2hw.logic.port import InputPort, OutputPort, class_width
from lut2hw.logic.walk import operands_first
from lut2hw.model.network import LutNetwork

FALSE, TRUE = 0, 1


class Adders(Protocol):
    """Tells `Aig.sum` in which order to add, so that the graph resembles another one."""

    def choose(self, column: Sequence[int]) -> tuple[int, int, int] | None:
        """Three bits of the column, FALSE for one that is not there; None for no preference."""

    def note(self, chosen: tuple[int, ...], total: int, carry: int) -> None:
        """The literals of sum and carry of the bits chosen."""


class Aig:
    """An and-inverter graph with structural hashing.

    Parameters
    ----------
    inputs : int
        How many.
    """

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.ands: list[tuple[int, int]] = []
        self.outputs: list[int] = []
        self._known: dict[tuple[int, int], int] = {}

    def input(self, index: int) -> int:
        """Literal of input `index`."""
        return 2 * (1 + index)

    def and_(self, a: int, b: int) -> int:
        """Literal of a and b."""
        if a < b:
            a, b = b, a
        if b == FALSE or a == b ^ 1:
            return FALSE
        if b == TRUE or a == b:
            return a
        for one, other in ((a, b), (b, a)):
            if other >> 1 > self.inputs:
                x, y = self.ands[(other >> 1) - self.inputs - 1]
                if one in (x, y):  # a (a x) = a x; a not(a x) = a not x
                    return self.and_(one, (y if one == x else x) ^ 1) if other & 1 else other
                if one ^ 1 in (x, y):  # a (not a x) = 0; a not(not a x) = a
                    return one if other & 1 else FALSE
        node = self._known.get((a, b))
        if node is None:
            self.ands.append((a, b))
            node = self._known[a, b] = 2 * (self.inputs + len(self.ands))
        return node

    def or_(self, a: int, b: int) -> int:
        """Literal of a or b."""
        return self.and_(a ^ 1, b ^ 1) ^ 1

    def mux(self, s: int, a: int, b: int) -> int:
        """Literal of b if s else a."""
        if a == b:
            return a
        return self.or_(self.and_(s ^ 1, a), self.and_(s, b))

    def xor(self, a: int, b: int) -> int:
        """Literal of a xor b."""
        return self.mux(a, b, b ^ 1)

    def table(self, inputs: Sequence[int], entries: bytes) -> int:
        """Literal of a truth table.

        Parameters
        ----------
        entries : bytes
            2**k bytes of 0 or 1, input 0 the least significant of the index.
        """
        row = list(entries)
        for x in inputs:
            row = [self.mux(x, row[at], row[at + 1]) for at in range(0, len(row), 2)]
        return row[0]

    def at_least(self, number: Sequence[int], constant: int) -> int:
        """Literal of number >= constant, unsigned.

        Parameters
        ----------
        number : Sequence[int]
            Least significant bit first.
        """
        answer = TRUE
        for w, x in enumerate(number):
            answer = self.and_(x, answer) if constant >> w & 1 else self.or_(x, answer)
        return answer if constant >> len(number) == 0 else FALSE

    def greater(self, a: Sequence[int], b: Sequence[int]) -> int:
        """Literal of a > b, unsigned, of equal width."""
        answer = FALSE
        for x, y in zip(a, b, strict=True):
            answer = self.or_(self.and_(x, y ^ 1), self.and_(self.xor(x, y) ^ 1, answer))
        return answer

    def full_adder(self, a: int, b: int, c: int) -> tuple[int, int]:
        """Literals of sum and carry."""
        half = self.xor(a, b)
        return self.xor(half, c), self.or_(self.and_(a, b), self.and_(half, c))

    def sum(self, columns: Sequence[Sequence[int]], width: int, adders: Adders | None = None) -> list[int]:
        """`width` bits of the sum of 2**w over the literals in columns[w] that are one, modulo 2**width.

        Parameters
        ----------
        adders : Adders, optional
            Which three bits to add next where there is a choice; any choice gives the same sum.
        """
        out, carries = [], deque[int]()
        for w in range(width):
            column = deque([*(columns[w] if w < len(columns) else ()), *carries])
            carries = deque()
            while len(column) > 1:
                a, b, c = (adders.choose(column) if adders is not None else None) or (
                    column[0],
                    column[1],
                    column[2] if len(column) > 2 else FALSE,
                )
                for bit in (a, b, c):
                    if bit in column:
                        column.remove(bit)
                total, carry = self.full_adder(a, b, c)
                if adders is not None:
                    adders.note((a, b, c), total, carry)
                if total != FALSE or not column:
                    column.append(total)
                if carry != FALSE:
                    carries.append(carry)
            out.append(column[0] if column else FALSE)
        return out

    def values(self, inputs: bits.Packed) -> bits.Packed:
        """Packed inputs (n_inputs, n_words) to every node, constant 0 first."""
        values = np.empty((1 + self.inputs + len(self.ands), inputs.shape[1]), np.uint64)
        values[0], values[1 : 1 + self.inputs] = 0, inputs
        ones = np.uint64(0xFFFFFFFFFFFFFFFF)
        for node, (a, b) in enumerate(self.ands, 1 + self.inputs):
            left = values[a >> 1] ^ ones if a & 1 else values[a >> 1]
            values[node] = left & (values[b >> 1] ^ ones if b & 1 else values[b >> 1])
        return values

    def evaluate(self, inputs: bits.Packed) -> bits.Packed:
        """Packed inputs (n_inputs, n_words) to packed outputs (n_outputs, n_words)."""
        values, ones = self.values(inputs), np.uint64(0xFFFFFFFFFFFFFFFF)
        return np.array([values[literal >> 1] ^ (ones if literal & 1 else np.uint64(0)) for literal in self.outputs])

    def to_bytes(self, ascii_form: bool = False) -> bytes:
        """AIGER without symbols, binary or ASCII."""
        total = self.inputs + len(self.ands)
        kind = "aag" if ascii_form else "aig"
        out = bytearray(f"{kind} {total} {self.inputs} 0 {len(self.outputs)} {len(self.ands)}\n".encode())
        if ascii_form:
            out += "".join(f"{self.input(i)}\n" for i in range(self.inputs)).encode()
        out += "".join(f"{literal}\n" for literal in self.outputs).encode()
        if ascii_form:
            first = 1 + self.inputs
            return bytes(out) + "".join(f"{2 * i} {a} {b}\n" for i, (a, b) in enumerate(self.ands, first)).encode()
        for node, (a, b) in enumerate(self.ands, 1 + self.inputs):
            for delta in (2 * node - a, a - b):
                while delta >= 0x80:
                    out.append(delta & 0x7F | 0x80)
                    delta >>= 7
                out.append(delta)
        return bytes(out)


class Classes:
    """Nodes of a graph by what they do on packed `inputs`, up to inversion.

    like: for each node the literal of the first node that does the same.
    """

    def __init__(self, aig: Aig, inputs: bits.Packed) -> None:
        self.like: list[int] = []
        self.first: dict[bytes, int] = {}
        for node, row in enumerate(aig.values(inputs)):
            flip = int(row[0]) & 1
            self.like.append(self.first.setdefault((~row if flip else row).tobytes(), 2 * node + flip) ^ flip)

    def twins(self, model: Aig, literals: Iterable[int], inputs: bits.Packed) -> dict[int, int]:
        """For literals of another graph those that do the same here, where there are any; constants left out."""
        rows, out = model.values(inputs), {}
        for literal in sorted({literal & ~1 for literal in literals} - {FALSE}):
            flip = int(rows[literal >> 1][0]) & 1
            found = self.first.get((~rows[literal >> 1] if flip else rows[literal >> 1]).tobytes())
            if found is not None and found > TRUE:
                out[literal] = found ^ flip
        return out


def cut(aig: Aig, outputs: Sequence[int], free: Mapping[int, int], n_free: int) -> Aig:
    """The logic of some outputs with some nodes made inputs.

    Parameters
    ----------
    free : Mapping[int, int]
        Node to literal of the new graph's inputs after the old ones, of which there are n_free.
    """
    out = Aig(aig.inputs + n_free)
    first = 1 + aig.inputs
    new: dict[int, int] = {node: 2 * node for node in range(first)} | dict(free)

    def needs(node: int) -> list[int]:
        return [literal >> 1 for literal in aig.ands[node - first]]

    for node in operands_first([literal >> 1 for literal in outputs], needs, new):
        a, b = aig.ands[node - first]
        new[node] = out.and_(new[a >> 1] ^ a & 1, new[b >> 1] ^ b & 1)
    out.outputs = [new[literal >> 1] ^ literal & 1 for literal in outputs]
    return out


def encoder(aig: Aig, network: LutNetwork, port: InputPort) -> list[int]:
    """Literals of the encoder's bits; FALSE for bits that nothing reads."""
    if port.encoded:
        out = [FALSE] * len(network.encoder)
        for field in port.fields:
            out[field.index] = aig.input(field.offset)
        return out
    numbers: dict[int, tuple[list[int], int]] = {}
    for field in port.fields:
        number = [aig.input(field.offset + bit) for bit in range(field.width)]
        if field.signed:  # two's complement plus 2**(width - 1) is unsigned
            number[-1] ^= 1
        numbers[field.index] = number, (1 << (field.width - 1)) * field.signed
    out = []
    for feature, threshold in zip(network.encoder.feature.tolist(), network.encoder.threshold.tolist(), strict=True):
        number, zero = numbers.get(feature, ([], 0))
        out.append(aig.at_least(number, threshold + zero) if number else FALSE)
    return out


def layers(aig: Aig, network: LutNetwork, code: Sequence[int]) -> list[int]:
    """Literals of all signals: the encoder's bits, then every LUT."""
    signals = list(code)
    for layer in network.layers:
        tables = layer.table_bits
        signals += [
            aig.table([signals[wire] for wire in wires], tables[lut].tobytes())
            for lut, wires in enumerate(layer.wiring.tolist())
        ]
    return signals


def head(
    aig: Aig, network: LutNetwork, signals: Sequence[int], port: OutputPort, adders: Adders | None = None
) -> list[int]:
    """Literals of the output, as `port` lays it out, least significant bit first."""
    kind, width = network.head, class_width(len(network.answer_names))
    if kind.kind == "bit":
        return [signals[int(kind.signal[0])], *[FALSE] * (width - 1)]
    sums = []
    for c, bias in enumerate(kind.bias.tolist()):
        columns: list[list[int]] = [[] for _ in range(64)]
        for vote in np.flatnonzero(kind.class_of == c).tolist():
            literal, weight = signals[int(kind.signal[vote])], int(kind.weight[vote])
            if weight < 0:  # w x = w + |w| (1 - x)
                bias += weight
                literal, weight = literal ^ 1, -weight
            for w in range(weight.bit_length()):
                if weight >> w & 1:
                    columns[w].append(literal)
        sums.append((bias, columns))
    # Adding the same to all scores changes neither class nor margin and makes them unsigned.
    lowest = min(bias for bias, _ in sums)
    signed = lowest < 0
    by_sign = kind.kind in ("threshold", "labels")
    w = 0
    if by_sign and signed:
        w = (-lowest - 1).bit_length()  # score >= 0 is score + 2**w >= 2**w
        if not port.classes_alone or kind.reject:
            w = max(w, int(kind.score_range[1].max()).bit_length())
        lowest = -(1 << w)
    elif port.scores:
        lowest = -(1 << port.scores[0].width - 1) if signed else 0
    if by_sign and not signed:
        lowest = 0
    most = max(bias - lowest + sum(len(column) << w for w, column in enumerate(columns)) for bias, columns in sums)
    wide = max(1, most.bit_length(), w)
    scores = []
    for bias, columns in sums:
        for place in range(wide):
            if (bias - lowest) >> place & 1:
                columns[place].append(TRUE)
        scores.append(aig.sum(columns[:wide], wide, adders))
    best, margin, labels = list[int](), list[int](), list[int]()
    runner_up = port.has("margin") or bool(kind.reject)
    if by_sign:
        for score in scores:
            answer = FALSE if signed else TRUE
            for bit in score[w:] if signed else ():
                answer = aig.or_(answer, bit)
            labels.append(answer)
        best = [labels[0], *[FALSE] * (width - 1)]
        if runner_up:
            margin = [aig.xor(bit, labels[0] ^ 1) for bit in (scores[0][:w] if signed else scores[0])]
    elif kind.kind == "argmax":
        best, margin = _best_and_margin(aig, scores, width, runner_up=runner_up)
    if kind.reject:
        enough = aig.at_least(margin, kind.reject)
        best = [aig.mux(enough, network.n_classes >> place & 1, bit) for place, bit in enumerate(best)]
    out: list[int] = []
    for field, part in zip(port.fields, port.parts, strict=True):
        number = best if part == "class" else margin if part == "margin" else [labels[field.index]] if labels else []
        if part == "score":
            number = [*scores[field.index], *[FALSE] * (field.width - wide)]
            if field.signed:
                number = [*number[: field.width - 1], number[field.width - 1] ^ 1]
        out += [*number, *[FALSE] * (field.width - len(number))][: field.width]
    return out


def _best_and_margin(
    aig: Aig, scores: Sequence[list[int]], width: int, *, runner_up: bool
) -> tuple[list[int], list[int]]:
    """Literals of the number of the largest score, and of by how much it is larger than all others."""

    def choose(s: int, a: Sequence[int], b: Sequence[int]) -> list[int]:
        return [aig.mux(s, x, y) for x, y in zip(a, b, strict=True)]

    # Neighbours meet: the class on the right has to be strictly better, so the lowest class wins a tie.
    left = [(score, [c >> w & 1 for w in range(width)], [FALSE] * len(score)) for c, score in enumerate(scores)]
    while len(left) > 1:
        winners = []
        for (score, number, behind), (other, second, after) in zip(left[::2], left[1::2], strict=False):
            wins = aig.greater(other, score)
            third = behind
            if runner_up:
                loser, third = choose(wins, other, score), choose(wins, behind, after)
                third = choose(aig.greater(third, loser), loser, third)
            winners.append((choose(wins, score, other), choose(wins, number, second), third))
        left = winners + left[len(winners) * 2 :]
    best, number, second = left[0]
    if not runner_up:
        return number, []
    total = aig.sum([[x ^ 1, y] for x, y in zip(best, second, strict=True)], len(best))
    return number, [bit ^ 1 for bit in total]


def reference(network: LutNetwork, port: InputPort, output: OutputPort | None = None) -> Aig:
    """The whole model: input the port's bits, output the vector of `output`, by default the class alone."""
    aig = Aig(port.width)
    output = output or OutputPort.of(network)
    aig.outputs = head(aig, network, layers(aig, network, encoder(aig, network, port)), output)
    return aig
