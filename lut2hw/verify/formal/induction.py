"""Two machines give the same answers for ever: their registers are matched, and the match is proved by induction.

C. van Eijk, "Sequential Equivalence Checking Based on Structural Similarities" (IEEE Transactions on CAD, 2000):
registers that hold the same in a simulation from power-up, or always the opposite, are put into classes; what is
assumed of the classes in one clock must follow for the next, or they are split. In the end it holds at power-up and
every clock keeps it, whatever comes in, and wherever it holds the outputs are equal. The simulation is only a guess.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lut2hw.kernels.machine import run
from lut2hw.logic.aig import FALSE, Aig, cut
from lut2hw.logic.equivalence import distinguish, equal
from lut2hw.verify.formal.machine import Machine

WORDS = 16
"""Of random states, 64 in each, that the classes are held against in a round."""
QUIET = 3
"""Rounds in a row that split no class, after which the proof is tried."""
REPAIRS = 30
"""Counterexamples of the proof by which classes are split, at most."""

Checker = Callable[[Sequence[tuple[Aig, Aig]], float], list[bool | None]]
"""`lut2hw.logic.equivalence.equal`, or another of its kind."""

Labels = NDArray[np.int64]
"""Number of the class of each register, 0 for those that never change."""


@dataclass(frozen=True)
class Match:
    """What came of the proof.

    Attributes
    ----------
    equal : bool or None
        None for not proved in time.
    reason : str
        What is wrong, or not proved.
    clock : int or None
        Clocks after power-up to the first wrong output in simulation.
    registers, classes : int
        Of both machines.
    """

    equal: bool | None
    reason: str = ""
    clock: int | None = None
    registers: int = 0
    classes: int = 0
    labels: Labels | None = None
    """Where it is proved, the number of the class of each register, those of the first machine first."""


class Product:
    """Two machines in one graph, on the same inputs; what a register holds is told relative to power-up.

    Parameters
    ----------
    left, right : Machine
        With outputs of the same names.
    """

    def __init__(self, left: Machine, right: Machine) -> None:
        self.left, self.right = left, right
        self.names = sorted({*left.inputs, *right.inputs})
        self.loose = len(left.loose) + len(right.loose)
        self.registers = len(left.registers) + len(right.registers)
        self.initial = [*left.initial, *right.initial]
        self.free = len(self.names) + self.loose
        self.aig = Aig(self.free + self.registers)
        pairs, self.following = self.build(self.aig, [self.aig.input(self.free + at) for at in range(self.registers)])
        self.differ = [self.aig.xor(a, b) for a, b in pairs]
        self.ands = np.array(self.aig.ands, np.int32).reshape(-1, 2)

    def build(self, aig: Aig, registers: Sequence[int]) -> tuple[list[tuple[int, int]], list[int]]:
        """Outputs of both, and what their registers hold next.

        Parameters
        ----------
        aig : Aig
            Takes the nodes; its inputs are those of the machines, nets that nothing drives, and others.
        registers : sequence of int
            Literals of what the registers hold.
        """
        held = [literal ^ start for literal, start in zip(registers, self.initial, strict=True)]
        named = {name: aig.input(at) for at, name in enumerate(self.names)}
        loose = [aig.input(len(self.names) + at) for at in range(self.loose)]
        at, free = len(self.left.registers), len(self.left.loose)
        one, following = self.left.build(aig, named, held[:at], loose[:free])
        other, rest = self.right.build(aig, named, held[at:], loose[free:])
        new = [literal ^ start for literal, start in zip(following + rest, self.initial, strict=True)]
        return [(one[name], other[name]) for name in one], new

    def clock(
        self, stimulus: NDArray[np.uint64], state: NDArray[np.uint64], signatures: NDArray[np.uint64], *, watch: bool
    ) -> int:
        """`kernels.machine.run`, which ends where an output differs if `watch`."""
        literals = np.array(self.differ if watch else [], np.int32)
        return int(run(self.ands, literals, np.array(self.following, np.int32), stimulus, state, signatures))

    def name(self, register: int) -> str:
        """What a register is called."""
        at = register - len(self.left.registers)
        return self.left.name(register) if at < 0 else self.right.name(at)


def match(
    left: Machine,
    right: Machine,
    stimulus: Mapping[str, NDArray[np.uint64]],
    *,
    seed: int = 0,
    limit: float = 120.0,
    checker: Checker = equal,
) -> Match:
    """Prove that two machines put out the same in every clock after power-up.

    Parameters
    ----------
    left : Machine
        What is to be proved.
    right : Machine
        What it should be.
    stimulus : mapping of str to ndarray of uint64 (n_clocks, n_words)
        By input, 64 n_words runs from power-up, which suggest what to prove; inputs left out are random.
    seed : int
        Of random inputs and states.
    limit : float
        Seconds.
    checker : callable
        What proves graphs equal.
    """
    end = time.monotonic() + limit
    if set(left.outputs) != set(right.outputs):
        return Match(False, f"{min(set(left.outputs) ^ set(right.outputs))} is an output of one of them only")
    product, rng = Product(left, right), np.random.default_rng(seed)
    clocks, words = max((each.shape for each in stimulus.values()), default=(256, 4))
    inputs = rng.integers(0, 1 << 64, (clocks, product.free, words), np.uint64)
    for at, name in enumerate(product.names):
        if name in stimulus:
            inputs[:, at] = stimulus[name]
    state = np.zeros((product.registers, words), np.uint64)
    signatures = np.zeros_like(state)
    clock = product.clock(inputs, state, signatures, watch=True)
    if clock >= 0:
        return Match(False, f"an output is wrong {clock} clocks after power-up", clock, product.registers)
    labels = _labels(signatures, np.zeros(product.registers, np.int64))
    for _ in range(REPAIRS):
        labels = _settle(product, labels, rng)
        sides = _sides(product, labels)
        verdict = checker([sides], end - time.monotonic())[0]
        if verdict:
            return Match(True, "", None, product.registers, len(np.unique(labels)), labels)
        example = None if verdict is None else distinguish(*sides, max(1.0, end - time.monotonic()))
        if example is None:
            break
        split = _step(product, labels, example[: product.free], example[product.free :])
        if len(np.unique(split)) == len(np.unique(labels)):  # an output differs, and registers cannot be told apart
            return Match(False, _unmatched(product, labels), None, product.registers, len(np.unique(labels)))
        labels = split
    why = f"not proved in {limit:g} s" if checker is equal else "not shown by this checker"
    return Match(None, why, None, product.registers)


def _labels(rows: NDArray[np.uint64], before: Labels) -> Labels:
    """Classes of registers that were in one before and have the same row now; the class of zeros is 0."""
    keyed = np.concatenate([before[:, None].astype(np.uint64), rows], axis=1)
    still = (before == 0) & ~rows.any(axis=1)
    numbers = np.unique(keyed, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64) + 1
    return np.where(still, 0, np.unique(numbers, return_inverse=True)[1] + 1).astype(np.int64)


def _step(product: Product, labels: Labels, inputs: NDArray[np.uint64], classes: NDArray[np.uint64]) -> Labels:
    """Split classes by what their registers hold a clock later.

    Parameters
    ----------
    inputs : ndarray of uint64 (product.free, n_words)
        What comes in.
    classes : ndarray of uint64 (n_classes, n_words)
        What the classes hold, that of class 1 first.
    """
    held = np.concatenate([np.zeros((1, inputs.shape[1]), np.uint64), classes])
    state = held[np.unique(labels, return_inverse=True)[1] + (0 if (labels == 0).any() else 1)]
    product.clock(inputs[None], state, np.zeros_like(state), watch=False)
    return _labels(state, labels)


def _settle(product: Product, labels: Labels, rng: np.random.Generator) -> Labels:
    """Split classes that random states show to be no invariants."""
    quiet = 0
    while quiet < QUIET:
        n = len(np.unique(labels[labels > 0]))
        draw = rng.integers(0, 1 << 64, (product.free + n, WORDS), np.uint64)
        split = _step(product, labels, draw[: product.free], draw[product.free :])
        quiet = quiet + 1 if len(np.unique(split)) == len(np.unique(labels)) else 0
        labels = split
    return labels


def _sides(product: Product, labels: Labels) -> tuple[Aig, Aig]:
    """Graphs that are equal if the classes are invariants and the outputs follow from them.

    Inputs: those of the product that are free, then one for each class that is not constant.
    """
    numbers = np.unique(labels[labels > 0])
    aig = Aig(product.free + len(numbers))
    place = {int(number): aig.input(product.free + at) for at, number in enumerate(numbers)}
    outputs, following = product.build(aig, [place.get(label, FALSE) for label in labels.tolist()])
    first: dict[int, int] = {0: FALSE}
    pairs = list(outputs)
    for label, literal in zip(labels.tolist(), following, strict=True):
        pairs.append((literal, first.setdefault(label, literal)))
    pairs = [pair for pair in dict.fromkeys(pairs) if pair[0] != pair[1]]
    return cut(aig, [a for a, _ in pairs], {}, 0), cut(aig, [b for _, b in pairs], {}, 0)


def _unmatched(product: Product, labels: Labels) -> str:
    """Which register of the design the other machine does not have, in words."""
    at = len(product.left.registers)
    there = {*labels[:at].tolist(), 0}
    lost = [product.name(at + place) for place, label in enumerate(labels[at:].tolist()) if label not in there]
    if not lost:
        return "an output is another function of the registers"
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    return f"no flip-flop holds what {lost[0]}{more} should hold"
