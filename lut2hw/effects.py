"""Options that would have no effect are refused, from this one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lut2hw.errors import UsageError


@dataclass(frozen=True)
class Rule:
    """An option of some commands that needs another one, or the right argument."""

    commands: tuple[str, ...]
    option: str
    """By its name in Python."""
    needs: tuple[str, ...] = ()
    """Any of these other options gives it an effect."""
    unless: Callable[[Mapping[str, Any]], bool] | None = None
    """Of what was given: whether the option has an effect all the same."""
    words: str = ""
    """What it has no effect on, or without; by default the options needed."""


def _is_model(given: Mapping[str, Any]) -> bool:
    path = Path(given.get("core", ""))
    return path.exists() and not path.is_dir()


ON_A_FOLDER = "on an emitted folder, which has its own"
RULES = (
    Rule(("train", "sweep"), "patience", ("validation",)),
    Rule(("train",), "target", ("device",)),
    Rule(("train",), "front_end", ("sequence",)),
    Rule(("train",), "sequence_id", ("sequence",)),
    Rule(("train",), "time", ("sequence",)),
    Rule(("train",), "group", ("sequence",)),
    Rule(("train",), "test_group", ("group",)),
    Rule(("train", "sweep"), "utilization", ("device", "board")),
    Rule(("train", "sweep"), "link", ("device", "board")),
    Rule(("eval",), "classes", ("data",)),
    Rule(("eval",), "label", ("data",)),
    Rule(("eval",), "drop_missing", ("data",)),
    Rule(("verify",), "target", unless=_is_model, words=ON_A_FOLDER),
    Rule(("verify",), "pipeline", unless=_is_model, words=ON_A_FOLDER),
    Rule(("build",), "baud", ("board",)),
    Rule(("import",), "label", ("data",)),
    Rule(("import",), "classes", ("data",)),
    Rule(("import",), "ignore", ("data",)),
    Rule(("import",), "drop_missing", ("data",)),
)


def check(command: str, given: Mapping[str, Any]) -> None:
    """Raise `UsageError` if one of the options given to a command has no effect beside the others."""
    for rule in RULES:
        if command not in rule.commands or given.get(rule.option) is None:
            continue
        if any(given.get(name) for name in rule.needs) or (rule.unless is not None and rule.unless(given)):
            continue
        needed = " or ".join(map(_typed, rule.needs))
        end = f"; give {needed}, or leave it out" if needed else "; leave it out"
        raise UsageError(f"{_typed(rule.option)} has no effect {rule.words or f'without {needed}'}{end}")


def _typed(option: str) -> str:
    return f"--{option.replace('_', '-')}"
