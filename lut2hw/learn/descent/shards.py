"""The shards of a descent: one in this process, or several wherever they live."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

import numpy as np

from lut2hw import bits
from lut2hw.learn.descent.loss import Loss
from lut2hw.learn.descent.problem import Problem, Span
from lut2hw.learn.descent.shard import Shard
from lut2hw.shards import Local, Place, Recipe, Shards, cut


class MakeShards(Protocol):
    """Make the shards of a training."""

    def __call__(self, problem: Problem, loss: Loss, *, luts: int, k: int, threads: int) -> Shards: ...


def one(problem: Problem, loss: Loss, *, luts: int, k: int, threads: int) -> Local:
    """One shard of all examples, in this process."""
    return Local([Shard(problem, problem.n_bits, problem.hand_over, loss, first=0, luts=luts, k=k, threads=threads)])


def several(problem: Problem, loss: Loss, *, luts: int, k: int, threads: int, place: Place) -> Shards:
    """Runs of whole words at a place.

    Parameters
    ----------
    threads : int
        Without effect: the place knows how many there are.
    place : Place
        Where they live.
    """
    recipes = [
        partial(_recipe, problem, loss, first, last, {"luts": luts, "k": k})
        for first, last in cut(problem.n_words, place.count)
    ]
    shards = place.spread(recipes)
    loss.release()
    return shards


def _recipe(problem: Problem, loss: Loss, first: int, last: int, sizes: dict[str, int]) -> Recipe:
    """What is sent to where a shard of words `first` to `last` is to live: their code and labels."""
    code = np.empty((problem.n_bits, last - first), np.uint64)
    problem.write(first, last, code)
    return partial(_make, problem.part(first, last), code, loss.part(first, last), {"first": first, **sizes})


def _make(span: Span, code: bits.Packed, loss: Loss, sizes: dict[str, Any], threads: int) -> Shard:
    return Shard(span, len(code), partial(np.copyto, src=code), loss, threads=threads, apart=True, **sizes)
