"""Find the adders of a circuit, so that the behavioural model can add in the same order.

Two popcounts that add in different orders share hardly an internal signal, which makes their equivalence hard to
prove; in the same order every sum and carry agrees. The order is a hint: whatever it is, the model's sum is right.
Adders are found by enumerating 3-input cuts (J. Cong, Y. Ding, "FlowMap", 1994) of the circuit's graph.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from lut2hw.logic.aig import FALSE, TRUE, Aig, Classes

Cut = tuple[int, ...]

_PLACE = (0b10101010, 0b11001100, 0b11110000)
"""Truth table of the first, second and third input."""
MAX_CUTS = 50


class CircuitAdders:
    """The adders of `circuit`, as `verify.aig.Adders`.

    Parameters
    ----------
    classes : Classes
        Its nodes by what they do.
    roots : Iterable[int]
        Literals of its outputs.
    nets : Iterable[int]
        Literals of its nets; only they can be what an adder adds.
    twins : Mapping[int, int]
        Literal in the model to literal in the circuit, of all that is to be added.
    """

    def __init__(
        self, circuit: Aig, classes: Classes, roots: Iterable[int], nets: Iterable[int], twins: Mapping[int, int]
    ) -> None:
        self.like = classes.like
        self.twin: dict[int, int] = {}  # literal in the model -> in the circuit
        for model, there in twins.items():
            self._pair(model, there)
        self.functions: dict[Cut, dict[int, int]] = {}
        self._enumerate(
            circuit,
            roots,
            {literal >> 1 for literal in self.twin.values()},
            {self.like[net >> 1] >> 1 for net in nets},
        )
        self.groups: dict[int, list[Cut]] = {}
        for leaves in self.functions:
            if len(leaves) >= 2:
                for leaf in leaves:
                    self.groups.setdefault(leaf, []).append(leaves)

    def _pair(self, model: int, circuit: int) -> None:
        self.twin[model], self.twin[model ^ 1] = circuit, circuit ^ 1

    def _enumerate(self, circuit: Aig, roots: Iterable[int], stops: set[int], nets: set[int]) -> None:
        first = 1 + circuit.inputs
        cone, stack = set[int](), [literal >> 1 for literal in roots]
        while stack:
            node = stack.pop()
            if node in cone or self.like[node] >> 1 in stops or node < first:
                continue
            cone.add(node)
            stack += [literal >> 1 for literal in circuit.ands[node - first]]
        cuts: dict[int, dict[Cut, int]] = {}

        def itself(node: int) -> dict[Cut, int]:
            like = self.like[node]
            return {(like >> 1,): _PLACE[0] ^ (255 if like & 1 else 0)}

        for node in sorted(cone):
            found: dict[Cut, int] = {}
            a, b = circuit.ands[node - first]
            for left, low in cuts.get(a >> 1, itself(a >> 1)).items():
                for right, high in cuts.get(b >> 1, itself(b >> 1)).items():
                    leaves = tuple(sorted({*left, *right}))
                    if len(leaves) <= 3:
                        found[leaves] = (_moved(low, left, leaves) ^ -(a & 1) & 255) & (
                            _moved(high, right, leaves) ^ -(b & 1) & 255
                        )
            for leaves, table in found.items():
                self.functions.setdefault(leaves, {}).setdefault(table, self.like[node])
                self.functions[leaves].setdefault(table ^ 255, self.like[node] ^ 1)
            cuts[node] = dict(sorted(found.items(), key=lambda item: -min(item[0]))[:MAX_CUTS])
            if self.like[node] >> 1 in nets:
                cuts[node] |= itself(node)

    def _find(self, bits: Sequence[int]) -> tuple[int, int] | None:
        """Literals in the circuit of sum and carry of up to three of its literals, if it has both."""
        ones = bits.count(TRUE)
        bits = [bit for bit in bits if bit > TRUE]
        if len(bits) + ones < 2 and not (len(bits) == ones == 1):
            return None
        if len(bits) == 1:
            return bits[0] ^ 1, bits[0]  # x + 1
        leaves = tuple(sorted({bit >> 1 for bit in bits}))
        if len(leaves) != len(bits):
            return None
        tables = [_PLACE[leaves.index(bit >> 1)] ^ (255 if bit & 1 else 0) for bit in bits] + [255] * ones
        tables += [0] * (3 - len(tables))
        a, b, c = tables
        known = self.functions.get(leaves, {})
        total, carry = known.get(a ^ b ^ c), known.get(a & b | c & (a | b))
        return None if total is None or carry is None else (total, carry)

    def choose(self, column: Sequence[int]) -> tuple[int, int, int] | None:
        """Three bits of the column that the circuit adds; else two, alone or with a constant one."""
        there = {self.twin[bit] >> 1: bit for bit in column if bit in self.twin}
        counts = Counter(column)
        for size in (3, 2):
            for leaves in {cut for node in there for cut in self.groups.get(node, ()) if len(cut) == size}:
                if not all(leaf in there for leaf in leaves):
                    continue
                bits = [there[leaf] for leaf in leaves]
                tries = [[*bits, TRUE], [*bits, FALSE]] if size == 2 and counts[TRUE] else [[*bits, FALSE][:3]]
                for chosen in tries:
                    if self._find([self.twin.get(bit, bit) for bit in chosen]):
                        return chosen[0], chosen[1], chosen[2]
        return None

    def note(self, chosen: tuple[int, ...], total: int, carry: int) -> None:
        """Remember which literals of the circuit the new sum and carry are."""
        bits = [bit if bit in (FALSE, TRUE) else self.twin.get(bit) for bit in chosen]
        if None in bits:
            return
        found = self._find(bits)  # type: ignore
        if found is not None:
            self._pair(total, found[0])
            self._pair(carry, found[1])


def _moved(table: int, leaves: Cut, to: Cut) -> int:
    """A truth table over `leaves` as one over the leaves `to`."""
    if leaves == to:
        return table
    out = 0
    places = [to.index(leaf) for leaf in leaves]
    for p in range(8):
        index = sum((p >> place & 1) << j for j, place in enumerate(places))
        out |= (table >> index & 1) << p
    return out
