"""JSON from anybody: numbers that are finite, values of the types that are expected, errors that name the place."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from lut2hw import quote


class Damaged(ValueError):
    """What is wrong with a value, in words that start with its place."""


def parse(data: bytes | str) -> Any:
    """The value of a JSON text.

    Raises
    ------
    UsageError
        `Damaged`, also for NaN, infinite numbers, and nesting beyond measure.
    """

    def refuse(text: str) -> Any:
        raise Damaged(f"{text} is no number of JSON")

    def number(text: str) -> float:
        value = float(text)
        return value if math.isfinite(value) else refuse(text[:40])

    try:
        return json.loads(data, parse_constant=refuse, parse_float=number)
    except Damaged:
        raise
    except UnicodeDecodeError:
        raise Damaged("it is not text") from None
    except (ValueError, RecursionError):
        raise Damaged("it is not JSON") from None


def finite(value: Any) -> Any:
    """The value with null for each number that is not finite, for which JSON has no word."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return value


def dumps(value: Any, *, indent: int | None = None) -> str:
    """JSON that every reader takes: numbers that are not finite become null."""
    try:
        return json.dumps(value, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(finite(value), indent=indent, allow_nan=False)


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`."""

    low: int = 0
    high: int = 1 << 53


@dataclass(frozen=True)
class Real:
    """A number, whole or not, from `low` to `high`."""

    low: float = -1e300
    high: float = 1e300


@dataclass(frozen=True)
class Text:
    """A text of at most so many letters."""

    longest: int = 1 << 16


@dataclass(frozen=True)
class OneOf:
    """One of these values, of the same type."""

    values: Collection[Any]


@dataclass(frozen=True)
class Either:
    """One of several shapes."""

    shapes: tuple[Any, ...]


@dataclass(frozen=True)
class List:
    """A list of at least so many items of one shape."""

    item: Any
    least: int = 0


@dataclass(frozen=True)
class Table:
    """An object with any names and values of one shape."""

    value: Any


@dataclass(frozen=True)
class Maybe:
    """The shape of a name that an object need not have."""

    shape: Any


def optional(shape: Any) -> Either:
    """That shape or null."""
    return Either((None, shape))


SCALAR = Either((None, bool, Whole(-(1 << 63), 1 << 64), Real(), Text()))
"""Anything but lists and objects."""


def check(value: Any, shape: Any, place: str = "it") -> Any:
    """`value` if it has the shape.

    Parameters
    ----------
    value
        What `parse` returned, or a part of it.
    shape
        `bool`, `None`, or one of the classes of this module; a mapping for an object that has at least these names
        (those of a `Maybe` aside), with the shape of each.
    place
        Where the value stands, for the error.

    Raises
    ------
    Damaged
        If it has another one.
    """

    def need(condition: bool, what: str) -> None:
        if not condition:
            raise Damaged(f"{place} is not {what}")

    match shape:
        case None:
            need(value is None, "null")
        case Maybe(inner):
            check(value, inner, place)
        case Whole(low, high):
            need(type(value) is int, "a whole number")
            need(low <= value <= high, f"between {low} and {high}")
        case Real(low, high):
            need(type(value) in (int, float), "a number")
            need(low <= value <= high, f"between {low:g} and {high:g}")
        case Text(longest):
            need(isinstance(value, str), "a text")
            need(len(value) <= longest, f"a text of up to {longest} letters")
        case OneOf(values):
            need(any(type(value) is type(known) and value == known for known in values), _one_of(values))
        case Either(shapes):
            _either(value, shapes, place)
        case List(item, least):
            need(isinstance(value, list), "a list")
            need(len(value) >= least, f"a list of {least} or more")
            for at, each in enumerate(value):
                check(each, item, f"{place}[{at}]")
        case Table(item):
            need(isinstance(value, dict), "an object")
            for name, each in value.items():
                check(each, item, _within(place, name))
        case type():
            need(isinstance(value, shape), "true or false")
        case Mapping():
            need(isinstance(value, dict), "an object")
            for name, inner in shape.items():
                if name not in value:
                    if isinstance(inner, Maybe):
                        continue
                    raise Damaged(f"{_within(place, name)} is missing")
                check(value[name], inner, _within(place, name))
        case _:
            raise TypeError(f"{shape!r} is no shape")
    return value


def _either(value: Any, shapes: tuple[Any, ...], place: str) -> None:
    error: Damaged | None = None
    for shape in shapes:
        try:
            check(value, shape, place)
            return
        except Damaged as failed:
            error = failed
    assert error is not None
    raise error


def _one_of(values: Collection[Any]) -> str:
    shown = ", ".join(map(repr, sorted(values, key=str)))
    return shown if len(values) == 1 else f"one of {shown}"


def _within(place: str, name: str) -> str:
    name = quote.line(name, 40)
    return name if place == "it" else f"{place}.{name}"
