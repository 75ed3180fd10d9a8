"""The head in logic: weighted votes to a class number, labels, scores and a margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lut2hw.compile.arithmetic.comparators import at_least
from lut2hw.compile.arithmetic.compressors import Arithmetic, Candidate
from lut2hw.logic.graph import FALSE, MUX, TRUE
from lut2hw.logic.port import OutputPort
from lut2hw.model.parts import Head


@dataclass
class Score:
    """bias + the sum of 2**w over the literals in columns[w] that are one."""

    bias: int
    columns: list[list[int]]

    @property
    def highest(self) -> int:
        """The largest possible score."""
        return self.bias + sum(len(column) << w for w, column in enumerate(self.columns))


def scores(head: Head, votes: Sequence[int]) -> list[Score]:
    """One score per entry of `head.bias`, weights made positive.

    Parameters
    ----------
    votes : Sequence[int]
        The literal of each of the head's signals. A negative weight is a positive one of the inverted vote with a
        bias; votes of the same signal for the same class become one.
    """
    weights: list[dict[int, int]] = [{} for _ in head.bias]
    biases = [int(bias) for bias in head.bias]
    for literal, c, weight in zip(votes, head.class_of.tolist(), head.weight.tolist(), strict=True):
        if literal & 1:  # weight * (1 - x)
            biases[c] += weight
            literal, weight = literal ^ 1, -weight
        if literal != FALSE:
            weights[c][literal] = weights[c].get(literal, 0) + weight
    out = []
    for bias, terms in zip(biases, weights, strict=True):
        columns: list[list[int]] = []
        for literal, weight in terms.items():
            if weight < 0:
                bias += weight
                literal, weight = literal ^ 1, -weight
            columns += [[] for _ in range(weight.bit_length() - len(columns))]
            for w in range(weight.bit_length()):
                if weight >> w & 1:
                    columns[w].append(literal)
        out.append(Score(bias, columns))
    return out


def outputs(head: Head, votes: Sequence[int], port: OutputPort, n_classes: int, arithmetic: Arithmetic) -> list[int]:
    """Literals of the output port, as `port` lays it out.

    Sums, matches and the runner-up are made for what is asked: scores alone have no argmax.
    """
    if port.classes_alone and not head.reject:
        return answer(head, votes, n_classes, arithmetic)
    score = scores(head, votes)
    if port.outputs == ("labels",):
        return [_not_negative(each, arithmetic) for each in score]
    # Two's complement is the sum of a number and 2**(width - 1), which is never negative, with its sign inverted.
    signed = head.kind in ("threshold", "labels") or any(field.signed for field in port.scores)
    low, high = head.score_range
    if signed:
        width = 1 + max((-int(low.min()) - 1).bit_length(), int(high.max()).bit_length())
        offset = 1 << width - 1
    else:
        width, offset = 0, 0 if port.scores else -min(s.bias for s in score)
    totals = arithmetic.sums([(s.columns, s.bias + offset) for s in score])
    totals = [[*total, *[FALSE] * (width - len(total))] for total in totals]
    out: list[int] = []
    if head.kind == "threshold":
        [total] = totals
        positive = total[-1]
        margin = [arithmetic.graph.lut((bit, positive), 0b1001, "argmax") for bit in total[:-1]]
        best = [positive]
        if head.reject and port.has("class"):
            # below -reject and from +reject on the margin is large enough
            yes, not_no = _at_least(total, [offset + head.reject, offset - head.reject], arithmetic)
            best = [yes, arithmetic.graph.lut((not_no, yes), 0b0010, "argmax")]
    elif {"class", "margin"} & set(port.outputs):
        rejects = head.reject > 0 and port.has("class")
        best, margin = _best_and_margin(totals, n_classes, arithmetic, runner_up=rejects or port.has("margin"))
        if rejects:
            [enough] = _at_least(margin, [head.reject], arithmetic)
            none = _constant(n_classes, port.fields[0].width)
            best = [
                arithmetic.graph.lut((other, bit, enough), MUX, "argmax")
                for bit, other in zip([*best, *[FALSE] * (len(none) - len(best))], none, strict=True)
            ]
    for each, part in zip(port.fields, port.parts, strict=True):
        if part == "class":
            number = best
        elif part == "margin":
            number = margin
        elif part == "label":
            number = totals[each.index][-1:]
        else:
            number = totals[each.index]
            if signed:
                number = [*number[:-1], number[-1] ^ 1]
        out += [*number, *[FALSE] * (each.width - len(number))][: each.width]
    return out


def _at_least(number: Sequence[int], thresholds: Sequence[int], arithmetic: Arithmetic) -> list[int]:
    """Literals of `number >= threshold` for any thresholds."""
    most = (1 << len(number)) - 1
    return [
        TRUE
        if threshold <= 0
        else FALSE
        if threshold > most
        else at_least(arithmetic.graph, number, [threshold], arithmetic.k, "argmax")[0]
        for threshold in thresholds
    ]


def _best_and_margin(
    totals: Sequence[list[int]], n_classes: int, arithmetic: Arithmetic, *, runner_up: bool
) -> tuple[list[int], list[int]]:
    """Literals of the class with the largest of the totals, and of by how much it is larger than all others.

    The runner-up is the better one of the loser of the last match and the runner-up on the winner's side. Both are
    chosen by the sign that chooses the winner, and one more match decides between them.
    """
    width = max(1, (n_classes - 1).bit_length())
    most = max(1, *(len(total) for total in totals))
    left = [
        (_constant(c, width), [*total, *[FALSE] * (most - len(total))], [FALSE] * most)
        for c, total in enumerate(totals)
    ]
    while len(left) > 1:
        matches, bye = list(zip(left[::2], left[1::2], strict=False)), left[-1:] if len(left) % 2 else []
        if not runner_up:
            pairs = [((a[0], a[1]), (b[0], b[1])) for a, b in matches]
            winners = arithmetic.tournament_round(pairs, last=len(left) == 2)
            left = [(number, score, [FALSE] * most) for number, score in winners] + bye
            continue
        # the second of a match that the left one wins: its own second, or the right one
        pairs = [(([*a[0], *b[1], *a[2]], a[1]), ([*b[0], *a[1], *b[2]], b[1])) for a, b in matches]
        winners = arithmetic.tournament_round(pairs, last=False)
        rivals: list[tuple[Candidate, Candidate]] = [
            (([], carried[width : width + most]), ([], carried[width + most :])) for carried, _ in winners
        ]
        seconds = arithmetic.tournament_round(rivals, last=False)
        left = [
            (carried[:width], score, second) for (carried, score), (_, second) in zip(winners, seconds, strict=True)
        ] + bye
    number, best, second = left[0]
    if not runner_up:
        return number, []
    # best - second is the complement of (complement of best) + second, which does not overflow
    [total] = arithmetic.sums([([[x ^ 1, y] for x, y in zip(best, second, strict=True)], 0)], "argmax")
    return number, [bit ^ 1 for bit in total[:most]]


def answer(head: Head, votes: Sequence[int], n_classes: int, arithmetic: Arithmetic) -> list[int]:
    """Literals of the class number, least significant bit first, at least one.

    The largest score is found by a knockout tournament (D. E. Knuth, "The Art of Computer Programming" 3, 5.3.3);
    each match is one difference, of which the sign chooses both the number and the score that go on.
    """
    width = max(1, (n_classes - 1).bit_length())
    if head.kind == "bit":
        return list(votes)
    score = scores(head, votes)
    if head.kind == "threshold":
        return [_not_negative(score[0], arithmetic)]
    # Who can never win needs no sum: some other class always has more, or as much and a lower number.
    least = np.array([s.bias for s in score], object)
    rivals = [
        c
        for c, s in enumerate(score)
        if not any(least[d] > s.highest or (least[d] == s.highest and d < c) for d in range(n_classes) if d != c)
    ]
    common = min(score[c].bias for c in rivals)
    sums = arithmetic.sums([(score[c].columns, score[c].bias - common) for c in rivals])
    left = [(_constant(c, width), total) for c, total in zip(rivals, sums, strict=True)]
    # Neighbours meet, so the lower class is always on the left and wins a tie.
    while len(left) > 1:
        pairs = list(zip(left[::2], left[1::2], strict=False))
        bye = left[-1:] if len(left) % 2 else []
        left = arithmetic.tournament_round(pairs, last=len(left) == 2) + bye
    return left[0][0]


def _constant(value: int, width: int) -> list[int]:
    return [TRUE if value >> w & 1 else FALSE for w in range(width)]


def _not_negative(score: Score, arithmetic: Arithmetic) -> int:
    """Literal of score >= 0."""
    if score.bias >= 0:
        return TRUE
    if score.highest < 0:
        return FALSE
    # The bias becomes 2**w - |bias|: the answer is then the bit of weight 2**w, and all above it.
    w = max((-score.bias - 1).bit_length(), 0)
    [total] = arithmetic.sums([(score.columns, (1 << w) + score.bias)])
    return arithmetic.any(total[w:])
