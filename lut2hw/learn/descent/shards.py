"""The shards of a training: what is asked of all of them, in this process."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from lut2hw.learn.descent.loss import Loss
from lut2hw.learn.descent.problem import Problem
from lut2hw.learn.descent.shard import Shard

Call = tuple[str, tuple[Any, ...]]
"""A method of `Shard` and its arguments."""


class Shards(Protocol):
    """All examples of a training, in one shard or several."""

    def tell(self, method: str, *arguments: Any) -> None:
        """Call a method of all shards whose answer nobody needs; before the next `ask`, at the latest."""
        ...

    def ask(self, method: str, *arguments: Any) -> Sequence[Any]:
        """The answers of all shards to the call of a method, in the order of the examples."""
        ...

    def keep(self, state: Callable[[], list[Call]]) -> None:
        """Calls that bring a new shard to where the training is, if one is lost."""
        ...

    def close(self) -> None:
        """End what there is of them."""
        ...


class MakeShards(Protocol):
    """Make the shards of a training."""

    def __call__(self, problem: Problem, loss: Loss, *, luts: int, k: int, threads: int) -> Shards: ...


class Local:
    """Shards in this process."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self.shards = shards

    def tell(self, method: str, *arguments: Any) -> None:
        """As of `Shards`."""
        for shard in self.shards:
            getattr(shard, method)(*arguments)

    def ask(self, method: str, *arguments: Any) -> Sequence[Any]:
        """As of `Shards`."""
        return [getattr(shard, method)(*arguments) for shard in self.shards]

    def keep(self, state: Callable[[], list[Call]]) -> None:
        """None is lost."""

    def close(self) -> None:
        """They end with this object."""


def one(problem: Problem, loss: Loss, *, luts: int, k: int, threads: int) -> Local:
    """One shard of all examples, in this process."""
    return Local([Shard(problem, problem.n_bits, problem.hand_over, loss, first=0, luts=luts, k=k, threads=threads)])


def cut(n_words: int, count: int) -> list[tuple[int, int]]:
    """First and last word of up to `count` runs of about the same length."""
    at = np.linspace(0, n_words, min(count, n_words) + 1).astype(int).tolist()
    return list(itertools.pairwise(at))


def several(problem: Problem, loss: Loss, *, luts: int, k: int, threads: int, count: int) -> Local:
    """That many shards, one after the other in this process."""
    shards = [
        Shard(
            problem.part(first, last),
            problem.n_bits,
            partial(problem.write, first, last),
            loss.part(first, last),
            first=first,
            luts=luts,
            k=k,
            threads=threads,
        )
        for first, last in cut(problem.n_words, count)
    ]
    loss.release()
    return Local(shards)
