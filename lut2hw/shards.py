"""Shards: examples in several pieces, each held by an object that answers for its own.

What decides asks all of them for sums of integers, which add up to the same bytes wherever the examples are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

Call = tuple[str, tuple[Any, ...]]
"""A method of a shard and its arguments."""

Recipe = Callable[[int], Any]
"""Makes a shard that works with so many threads; it is sent to where the shard is to live."""


class Shards(Protocol):
    """All examples of a training, in one shard or several."""

    def tell(self, method: str, *arguments: Any) -> None:
        """Call a method of all shards whose answer nobody needs; before the next `ask`, at the latest."""
        ...

    def ask(self, method: str, *arguments: Any) -> Sequence[Any]:
        """The answers of all shards to the call of a method, in the order of the examples."""
        ...

    def keep(self, state: Callable[[], list[Call]]) -> None:
        """Calls that bring a new shard to where the training is, if one is lost.

        All that was told may be in them: calls of shards change nothing when they are repeated.
        """
        ...

    def close(self) -> None:
        """Give up the shards."""
        ...


class Place(Protocol):
    """Where shards live."""

    count: int
    """Shards that it takes."""

    def spread(self, recipes: Sequence[Callable[[], Recipe]]) -> Shards:
        """The shards of these recipes, each of which is made when it is needed, and again if a shard is lost."""
        ...


class Local:
    """Shards in this process."""

    def __init__(self, shards: Sequence[Any]) -> None:
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


class Here:
    """That many shards, one after the other in this process.

    Parameters
    ----------
    count : int
        Shards.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def spread(self, recipes: Sequence[Callable[[], Recipe]]) -> Local:
        """As of `Place`."""
        return Local([recipe()(1) for recipe in recipes])


def cut(n_words: int, count: int) -> list[tuple[int, int]]:
    """First and last word of up to `count` runs of about the same length."""
    count = max(1, min(count, n_words))
    return [(part * n_words // count, (part + 1) * n_words // count) for part in range(count)]
