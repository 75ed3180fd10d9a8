"""The order in which things can be made that are made of each other."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def operands_first(
    wanted: Sequence[T],
    needs: Callable[[T], Sequence[T]],
    done: Container[T],
    loop: Callable[[T], Exception] = lambda item: ValueError(f"{item!r} needs itself"),
) -> Iterator[T]:
    """Yield `wanted` and all it depends on in topological order, skipping what is in `done`.

    Whoever takes an item adds it to `done`. Without recursion, since circuits are deep.

    Parameters
    ----------
    wanted : sequence
        Items to make, the last one first.
    needs : callable
        From an item to those it is made of.
    done : container
        Items that are there.
    loop : callable
        From an item that needs itself to the error to raise.
    """
    busy, stack = set[T](), list(wanted)
    while stack:
        item = stack[-1]
        todo = [] if item in done else [need for need in needs(item) if need not in done]
        if todo:
            if item in busy:
                raise loop(item)
            busy.add(item)
            stack += todo
            continue
        stack.pop()
        if item not in done:
            busy.discard(item)
            yield item
