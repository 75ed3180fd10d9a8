"""Options described once: a field of a dataclass says its flag, help text, bounds and choices.

The command line, the grid of a sweep, the estimators and the commands that reports print are made from that, so that
they cannot disagree. Nothing here is slow to import.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Literal, TypeVar

from lut2hw.errors import UsageError, unknown_name

AUTO: Literal["auto"] = "auto"
NOT_INFINITE = 1e308

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Flag:
    """How a field is given as an option of a command, and which values it may have."""

    field: str
    """Name of the field, and of the option in Python."""
    names: tuple[str, ...]
    """What is typed: "--luts", or "-k"."""
    default: Any
    kind: type
    """int, float, str, bool, tuple (whole numbers separated by commas), or an Enum."""
    auto: bool
    """Whether "auto" is a value, too."""
    optional: bool
    """Whether None, not given, is a value."""
    help: str
    panel: str | None = None
    metavar: str | None = None
    shown: str | None = None
    """The default in words."""
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    words: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Words that stand for a value, such as none for no layers."""
    choices: Callable[[], Iterable[str]] | None = None
    """Names that a text may be."""
    what: str = ""
    """What the choices are, for errors: "target"."""
    plain: bool = False
    """Whether a command gets the text as it is."""
    stated: bool = False
    """Whether a model's meta states the default, too."""
    checked: Callable[[str], None] | None = None
    """Raises `UsageError` for a text that is none of those possible."""

    @property
    def name(self) -> str:
        """The option as errors and printed commands write it."""
        return self.names[-1].partition("/")[0]

    def known(self) -> list[str]:
        """All values of a closed choice, in order; empty if there is none."""
        if issubclass(self.kind, Enum):
            return [str(each.value) for each in self.kind]
        return list(self.choices()) if self.choices is not None else []

    def range(self) -> str:
        """The values that are possible, in words."""
        number = {int: "a whole number", tuple: "whole numbers", float: "a number"}[self.kind]
        if self.above is not None:
            number += f" above {_said(self.above)}"
        elif self.least is not None and self.most is not None and self.below is None:
            number += f" from {_said(self.least)} to {_said(self.most)}"
        elif self.least is not None:
            number += f" from {_said(self.least)}"
        if self.below is not None:
            number += f" and below {_said(self.below)}"
        elif self.most is not None and (self.least is None or self.above is not None):
            number += f" up to {_said(self.most)}"
        if self.kind is tuple:
            number += ", separated by commas, as in 256,256,256" if self.least == 1 else ", separated by commas"
        return number + "".join(f" or {word}" for word in [*self.words, *([AUTO] if self.auto else [])])

    def wrong(self, value: Any) -> UsageError:
        """The error for a value out of range."""
        shown = ",".join(map(str, value)) if isinstance(value, tuple) else value
        return UsageError(f"{self.name} {shown} must be {self.range()}")

    def read(self, text: str) -> Any:
        """The value that a text stands for.

        Raises
        ------
        UsageError
            That names the option.
        """
        short = text.strip().lower()
        if self.auto and short == AUTO:
            return AUTO
        if short in self.words:
            return self.words[short]
        if self.kind is bool:
            if short not in ("yes", "no", "true", "false", "1", "0"):
                raise UsageError(f"{self.name} {text} must be yes or no")
            return short in ("yes", "true", "1")
        try:
            if self.kind is tuple:
                return self.check(tuple(int(part) for part in text.split(",")))
            value = self.kind(text) if self.kind in (int, float) else text
        except ValueError:
            raise self.wrong(text) from None
        return self.check(value)

    def check(self, value: Any) -> Any:
        """The value, as the field's type.

        Raises
        ------
        UsageError
            For one that the field may not have.
        """
        if value is None and self.optional:
            return None
        if self.auto and value == AUTO:
            return value
        if self.kind is bool:
            return bool(value)
        if issubclass(self.kind, Enum) or self.choices is not None:
            known = self.known()
            text = str(value.value if isinstance(value, Enum) else value)
            if text not in known:
                raise unknown_name(self.what or self.field.replace("_", " "), text, known)
            return self.kind(text)
        if self.kind is str:
            if self.checked is not None:
                self.checked(str(value))
            return str(value)
        if self.kind is tuple:
            parts = (value,) if isinstance(value, int) else value
            if not isinstance(parts, Iterable) or isinstance(parts, str):
                raise self.wrong(value)
            parts = tuple(_number(part, int) for part in parts)
            if not all(self._inside(part) for part in parts) or not (parts or () in self.words.values()):
                raise self.wrong(parts)
            return parts
        number = _number(value, self.kind)
        if not self._inside(number):
            raise self.wrong(value)
        return number

    def _inside(self, number: Any) -> bool:
        return (
            number is not None
            and not (self.kind is not tuple and not math.isfinite(number))
            and (self.least is None or number >= self.least)
            and (self.most is None or number <= self.most)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )

    def typed(self, value: Any) -> list[str]:
        """Words of a command that give the value."""
        if self.kind is bool:
            yes, _, no = self.names[-1].partition("/")
            return [yes] if value else [no or f"--no-{yes[2:]}"]
        for word, meaning in self.words.items():
            if value == meaning:
                return [self.name, word]
        if isinstance(value, tuple):
            return [self.name, ",".join(map(str, value))]
        if isinstance(value, Enum):
            return [self.name, str(value.value)]
        return [self.name, repr(value) if isinstance(value, float) else str(value)]


def _said(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


def _number(value: Any, kind: type) -> Any:
    """A number of Python or NumPy as `kind`; None if it is none, or not whole."""
    if isinstance(value, str) or (isinstance(value, bool) and kind is int):
        return None
    try:
        number = kind(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number == value or number != number else None


def flag(default: Any, *names: str, help: str, **more: Any) -> Any:
    """A field of a dataclass that is an option; see `Flag` for what `more` may say."""
    return dataclasses.field(default=default, metadata={"flag": {"names": names, "help": help, **more}})


_KNOWN: dict[type, dict[str, Flag]] = {}


def flags(options: type) -> dict[str, Flag]:
    """The options that a dataclass describes, by field."""
    if options not in _KNOWN:
        _KNOWN[options] = _described(options)
    return _KNOWN[options]


def _described(options: type) -> dict[str, Flag]:
    hints = typing.get_type_hints(options)
    out = {}
    for field in dataclasses.fields(options):
        if "flag" not in field.metadata:
            continue
        more = dict(field.metadata["flag"])
        kind, auto, optional = _kind(hints[field.name])
        names = more.pop("names") or (f"--{field.name.replace('_', '-')}",)
        out[field.name] = Flag(field.name, names, field.default, kind, auto, optional, **more)
    return out


def _kind(hint: Any) -> tuple[type, bool, bool]:
    """Type of the values, whether "auto" is one, and whether None is."""
    parts = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    auto = any(typing.get_origin(part) is Literal for part in parts)
    plain = [part for part in parts if part is not type(None) and typing.get_origin(part) is not Literal]
    (kind,) = plain
    return typing.get_origin(kind) or kind, auto, type(None) in parts


def check(options: Any) -> None:
    """Bring the fields of a frozen dataclass into their types, or raise `UsageError`; for `__post_init__`."""
    for name, each in flags(type(options)).items():
        object.__setattr__(options, name, each.check(getattr(options, name)))


def parsed(parts: Iterable[str], options: type[T], what: str) -> T:
    """A dataclass of options that are given as texts "name=value".

    Parameters
    ----------
    parts : iterable of str
        Each an option and its value.
    options : type
        The dataclass.
    what : str
        What the options are of, for errors.

    Raises
    ------
    UsageError
        For an option that there is not, one without a value, and a value out of range.
    """
    known = flags(options)
    values: dict[str, Any] = {}
    for part in parts:
        option, equals, value = part.partition("=")
        if option not in known:
            raise unknown_name(f"option of {what}", option, known)
        if not equals or not value:
            raise UsageError(f"give option {option} of {what} a value, as in {option}=4")
        try:
            values[option] = known[option].read(value)
        except UsageError as error:
            raise UsageError(f"{what.removeprefix('the ')}: {str(error).removeprefix('--')}") from None
    return options(**values)


def given(options: Any) -> dict[str, Any]:
    """The fields that differ from their defaults, by name."""
    return {
        name: value
        for name, each in flags(type(options)).items()
        if (value := getattr(options, name)) != each.default
    }


def typed(options: Any) -> list[str]:
    """Words of a command that give all that differs from the defaults."""
    known = flags(type(options))
    return [word for name, value in given(options).items() for word in known[name].typed(value)]
