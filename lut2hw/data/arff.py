"""Weka's ARFF: a table with the name and the type of each attribute before the rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from lut2hw.data.columns import COLUMN_OPTIONS, Source, is_wanted, table_of
from lut2hw.data.source import text_of
from lut2hw.data.table import Format, ReadOptions, Table, position
from lut2hw.errors import UsageError

_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_ATTRIBUTE = re.compile(rf"@attribute\s+({_QUOTED}|[^\s{{]+)\s*(.*)", re.IGNORECASE)
_VALUE = re.compile(rf"\s*({_QUOTED}|[^,\s'\"][^,]*|)\s*(,|\t|$)")
_NUMERIC = ("numeric", "real", "integer")


@dataclass
class _Rows(Source):
    lines: list[int] = field(default_factory=list)
    """Number of the line of each row."""

    def place(self, row: int) -> str:
        """The line of example `row`."""
        return f"line {self.lines[row]}"


def read_arff(path: Path, options: ReadOptions) -> Table:
    """Attributes as columns: numbers, or text for nominal ones, strings and dates; ? is missing.

    Rows may be sparse, and values and names quoted. Without `label` the attribute called "class" or "label" is the
    label, else the last one.
    """
    import pandas as pd

    text, notes = text_of(path)
    source = _Rows(path)
    kinds: list[str] = []
    defaults: list[str] = []
    columns: list[list[str | None]] = []
    in_data = False
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("%"):
            continue
        if not in_data:
            word = line.split(None, 1)[0].lower()
            if word == "@data":
                in_data = True
                columns = [[] for _ in kinds]
            elif word == "@attribute":
                name, kind = _attribute(path, number, line)
                if name in source.names:
                    raise UsageError(f"{path} has two attributes named {name!r}; rename one")
                source.names.append(name)
                kinds.append(kind)
                defaults.append(_first_nominal(kind))
            elif word != "@relation":
                raise UsageError(f"{path} line {number}: {word[:40]!r} is none of @relation, @attribute and @data")
            continue
        values = _sparse(path, number, line, defaults) if line.startswith("{") else _dense(path, number, line)
        if len(values) != len(kinds):
            raise UsageError(f"{path} line {number} has {len(values)} values for {len(kinds)} attributes")
        source.lines.append(number)
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    if not in_data or not kinds:
        raise UsageError(f"{path} is not a readable ARFF file: it has no {'@data' if kinds else '@attribute'}")
    label = options.label
    if label is None and options.labelled:
        lower = [name.lower() for name in source.names]
        known = next((lower.index(name) for name in ("class", "label") if name in lower), len(lower) - 1)
        label = source.names[known]
        notes = (*notes, f"the label is the attribute {label!r}; --label NAME takes another one")
    options = replace(options, label=label)
    labels = {position(source.names, label)} if label is not None and options.labelled else set()
    frame = pd.DataFrame(index=pd.RangeIndex(len(source.lines)))
    for i, (name, kind, column) in enumerate(zip(source.names, kinds, columns, strict=True)):
        wanted = options.wanted is None or is_wanted(name, options.wanted)
        if kind in _NUMERIC and i not in labels and wanted:
            frame[name] = _numbers(path, source, name, column)
        else:
            frame[name] = pd.Series(column, dtype=object)
    return table_of(source, frame, options, notes)


FORMAT = Format("ARFF", (".arff",), read_arff, COLUMN_OPTIONS)


def _attribute(path: Path, number: int, line: str) -> tuple[str, str]:
    match = _ATTRIBUTE.match(line)
    if not match:
        raise UsageError(f"{path} line {number}: an attribute needs a name and a type")
    kind = match[2].strip()
    lower = kind.lower()
    if lower.split(" ")[0] not in (*_NUMERIC, "string", "date") and not (kind.startswith("{") and kind.endswith("}")):
        raise UsageError(f"{path} line {number}: attributes of type {kind[:40]!r} are not read")
    return _bare(match[1]), kind if kind.startswith("{") else lower.split(" ")[0]


def _bare(text: str) -> str:
    """A name or a value without its quotes."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def _values(path: Path, number: int, text: str) -> Iterator[str]:
    at = 0
    while True:
        match = _VALUE.match(text, at)
        if not match:
            raise UsageError(
                f"{path} line {number}: {text[at : at + 40]!r} is no list of values; a quote is not closed"
            )
        yield match[1].strip()
        at = match.end()
        if not match[2]:
            return


def _dense(path: Path, number: int, line: str) -> list[str | None]:
    return [None if value in ("?", "") else _bare(value) for value in _values(path, number, line)]


def _first_nominal(kind: str) -> str:
    """What an attribute that a sparse row leaves out is: 0, or the first value of a nominal one."""
    if not kind.startswith("{"):
        return "0"
    match = _VALUE.match(kind[1:-1])
    return _bare(match[1]) if match else ""


def _sparse(path: Path, number: int, line: str, defaults: list[str]) -> list[str | None]:
    out: list[str | None] = list(defaults)
    if not line.endswith("}"):
        raise UsageError(f"{path} line {number}: a sparse row ends with }}")
    for entry in _values(path, number, line[1:-1]):
        if not entry:
            continue
        at, _, value = entry.partition(" ")
        if not re.fullmatch(r"[0-9]{1,9}", at) or int(at) >= len(out) or not value.strip():
            raise UsageError(f"{path} line {number}: {entry[:40]!r} is no attribute's number and its value")
        out[int(at)] = None if value.strip() == "?" else _bare(value)
    return out


def _numbers(path: Path, source: _Rows, name: str, column: list[str | None]) -> np.ndarray:
    """int64 if all are whole numbers, else float64 with NaN where there is none."""
    try:
        if all(value is not None and re.fullmatch(r"[+-]?\d{1,18}", value) for value in column):
            return np.array([int(value or 0) for value in column], np.int64)
        return np.array([np.nan if value is None else float(value) for value in column], np.float64)
    except ValueError:
        for row, value in enumerate(column):
            try:
                float(value or 0)
            except ValueError:
                raise UsageError(
                    f"{path} {source.place(row)}: {str(value)[:40]!r} is no number, which attribute {name!r} holds"
                ) from None
        raise
