"""One number against many constants: the comparators of an encoder, shared across the thresholds of a feature.

Two forms, of which the smaller is built. A chain goes from the least significant bit up, each LUT taking as many bits
as it can and the answer for those below; thresholds with equal low parts share it. Digits of as many bits as a LUT
reads are compared on their own, once for each value that they are compared with (a radix-2**k comparator, as the
digits of M. D. Ercegovac and T. Lang, "Digital Arithmetic", 2004, chapter 1), and a threshold of n digits is n - 1
more LUTs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lut2hw.logic.graph import FALSE, MAJORITY, TRUE, Graph

Form = Callable[[Graph, Sequence[int], int, int, str], int]


def at_least(
    graph: Graph, number: Sequence[int], thresholds: Sequence[int], lut_inputs: int, part: str = "encoder"
) -> list[int]:
    """Literals of `number >= threshold` for each threshold, from 1 to 2**len(number) - 1.

    Parameters
    ----------
    number : Sequence[int]
        Literals, unsigned, least significant first.
    part : str
        Of the core, that the cells are counted for.
    """

    def luts(form: Form) -> int:
        trial = Graph()
        bits = trial.input("number", len(number))
        for threshold in set(thresholds):
            form(trial, bits, threshold, lut_inputs, part)
        return sum(node.kind == "lut" for node in trial.nodes)

    form = min((chain, digits), key=luts)
    return [form(graph, number, threshold, lut_inputs, part) for threshold in thresholds]


def chain(graph: Graph, number: Sequence[int], threshold: int, lut_inputs: int, part: str = "encoder") -> int:
    """`number >= threshold`, a LUT after the other."""
    answer, at = TRUE, 0
    while at < len(number):
        if answer == TRUE and not threshold >> at & 1:  # x >= 2 t' is x >> 1 >= t'
            at += 1
            continue
        low = list(number[at : at + lut_inputs - (answer >= 2)])
        n = len(low)
        t = threshold >> at & ((1 << n) - 1)
        # index: the answer below, then the bits
        table = sum(
            1 << (2 * value + below)
            for value in range(1 << n)
            for below in (0, 1)
            if value > t or (value == t and below)
        )
        answer = graph.lut([answer, *low], table, part)
        at += n
    return answer


def digits(graph: Graph, number: Sequence[int], threshold: int, lut_inputs: int, part: str = "encoder") -> int:
    """`number >= threshold` by digits: a digit is at least the threshold's, or above it if what is below is not."""
    answer = TRUE
    for at in range(0, len(number), lut_inputs):
        digit = list(number[at : at + lut_inputs])
        t = threshold >> at & ((1 << len(digit)) - 1)

        def reaches(least: int, digit: list[int] = digit) -> int:
            if least >= 1 << len(digit):
                return FALSE
            return graph.lut(digit, (1 << (1 << len(digit))) - (1 << least), part)

        if answer == TRUE:
            answer = reaches(t)
        else:  # above implies reached, so the choice between them is a majority
            answer = graph.lut((answer, reaches(t + 1), reaches(t)), MAJORITY, part)
    return answer
