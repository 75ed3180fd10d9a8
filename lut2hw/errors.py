"""The errors that lut2hw raises on purpose: each message is one line that says what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from lut2hw import quote


class Lut2hwError(Exception):
    """Something failed (exit code 1). Its message is one line, whatever names of others are in it."""

    exit_code = 1

    def __init__(self, message: object = "") -> None:
        super().__init__(quote.line(message))


class UsageError(Lut2hwError, ValueError):
    """The request cannot be carried out as given (exit code 2)."""

    exit_code = 2


class FormatError(UsageError):
    """A file is not what its format asks for."""


class ToolError(Lut2hwError):
    """An external tool is missing, failed or hung."""


class StoppedError(ToolError):
    """An external tool was ended because of what it said."""


def unknown_name(what: str, name: str, known: Iterable[str]) -> UsageError:
    """Error for an unknown `name` of kind `what`, suggesting the nearest of the `known` names."""
    known = sorted(known)
    by_lower = {each.lower(): each for each in known}
    # Fewer letters in common than this are a guess that leads astray ("intel": "nexus").
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    hint = f"did you mean {by_lower[near[0]]!r}?" if near else "choose one of: " + ", ".join(known)
    return UsageError(f"unknown {what} {name!r}; {hint}")


def shown(text: str) -> str:
    """Text of a file for an error message: short and printable."""
    text = "".join(character if character.isprintable() else "?" for character in text)
    return repr(text if len(text) <= 40 else text[:37] + "...")
