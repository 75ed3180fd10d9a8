"""The order in which things can be made that are made of each other."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def operands_first(
    wanted: Sequence[T], needs: Callable[[T], Sequence[T]], done: Container[T], loop: Callable[[T], Exception]
) -> Iterator[T]:
    """What `wanted` depends on and itself, each after what it needs, but for what is `done`, to which who takes an
    item from here adds it. Without recursion, since circuits are deep. Errors: `loop` of an item that needs itself.
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
