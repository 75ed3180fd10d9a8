"""Tables of text: one example a row, values between commas, semicolons or tabs, and names in the first line."""

from __future__ import annotations

import csv
import io
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lut2hw.choices import Task
from lut2hw.data.columns import (
    COLUMN_OPTIONS,
    DECIMAL_COMMA,
    MISSING,
    Source,
    is_wanted,
    label_columns_or_none,
    table_of,
)
from lut2hw.data.source import suffix_of, text_of
from lut2hw.data.table import Format, ReadOptions, Table, some
from lut2hw.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = ",;\t|"
MARKS = "#%"
"""What a comment begins with."""
SAMPLE = 1 << 20  # characters at the start that tell the separator


def read_csv(path: Path, options: ReadOptions) -> Table:
    """A header line with column names, then one example per row; column `label` holds the labels.

    Values are separated by commas, or by semicolons, tabs or bars if the header has those instead, outside of
    quotes. A column of text becomes a feature `COLUMN=VALUE` of 0 and 1 for each of its values, or for the second
    alone if there are two; of more than `max_categories` values the most frequent ones, and `COLUMN: other`. Blanks
    around names and values do not count. Columns that only name the row are left out, with a note.
    """
    text, notes = text_of(path)
    separator = None
    if match := re.match(r'"?sep=(.)"?(?=[\r\n])', text):  # Excel's first line; it stays a line, for the numbers
        separator, text = match[1], text[match.end() :]
    text, separator = _divided(path, text, separator, options.header is not False)
    source = _Text(path, header=options.header is not False, text=text, separator=separator)
    return table_of(source, source.frame(options), options, notes)


FORMAT = Format("table", (".csv", ".tsv", ".txt", ".data"), read_csv, COLUMN_OPTIONS | {"header"})


# --- the text -----------------------------------------------------------------------------------------------------


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of its first line as an editor shows it."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    before = 0
    for row in reader:
        if row and (len(row) > 1 or row[0].strip()):
            yield before + 1, row
        before = reader.line_num


def _divided(path: Path, text: str, separator: str | None, header: bool) -> tuple[str, str]:
    """The text without its comments, line for line, and its separator: blanks, too, where a .csv would have none."""
    marked, lines, plain = [], [], text
    if text[:1] in MARKS or re.search(rf"[\n\r][{MARKS}]", text):
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        marked, lines = _marked(text), text.split("\n")
        at = set(marked)
        plain = "\n".join("" if i in at else line for i, line in enumerate(lines))
    separator = separator or _separator(plain)
    if not separator:
        separator = "," if suffix_of(path) in (".csv", ".tsv") or '"' in text else " "
    if not marked:
        return _blanks(text, separator), _tab(separator)
    width = len(_cells(plain, separator))
    first = next((i for i, line in enumerate(plain.split("\n")) if line.strip()), 0)
    above = max((i for i in marked if i < first), default=None)
    for i in marked:
        row = _cells(lines[i], separator)
        unmarked = re.sub(rf"^[{MARKS}]+[ \t]+", "", lines[i])
        named = _cells(unmarked, separator)
        if i == above and header and len(named) == width > 1 and not any(_number(cell) is not None for cell in named):
            lines[i] = unmarked  # a header that a tool or a person marked
        elif not (width > 1 and len(row) == width and i > first and unmarked == lines[i]):
            lines[i] = ""
    return _blanks("\n".join(lines), separator), _tab(separator)


def _cells(line: str, separator: str) -> list[str]:
    return next((row for _, row in _rows(_blanks(line, separator), _tab(separator))), [])


def _marked(text: str) -> list[int]:
    """Lines, from 0, that begin as a comment does, outside of quotes."""
    found, quotes = [], 0
    for i, line in enumerate(text.split("\n")):
        if line[:1] and line[0] in MARKS and quotes % 2 == 0:
            found.append(i)
        else:
            quotes += line.count('"')
    return found


def _blanks(text: str, separator: str) -> str:
    """The text with tabs for blanks, if those are the separator."""
    return re.sub(r"[ \t]+", "\t", re.sub(r"(?m)^[ \t]+|[ \t]+$", "", text)) if separator == " " else text


def _tab(separator: str) -> str:
    return "\t" if separator == " " else separator


def _separator(text: str) -> str:
    """Of the separators in the first row, outside of quotes, the comma; another one if only that fits the rows.

    "" if there is none.
    """
    sample = text[:SAMPLE]
    widths: dict[str, list[int]] = {}
    for separator in SEPARATORS:
        found = []
        try:
            for _, row in _rows(sample, separator):
                found.append(len(row))
                if len(found) == 50:
                    break
            else:
                if len(text) > SAMPLE:
                    found[1:] = found[1:-1]  # the last row is cut
        except csv.Error:
            continue
        if found and found[0] > 1:
            widths[separator] = found
    if not widths:
        return ""
    if "," not in widths:
        return max(widths, key=lambda each: widths[each][0])
    regular = [separator for separator, found in widths.items() if len(set(found)) == 1]
    for separator in regular:
        if separator != ",":
            cells = [cell for _, row in _some_rows(sample, separator) for cell in row]
            if "," not in regular or all(re.fullmatch(DECIMAL_COMMA, cell.strip()) for cell in cells if "," in cell):
                return separator
    return ","


def _some_rows(text: str, separator: str, n: int = 20) -> Iterator[tuple[int, list[str]]]:
    for (line, row), _ in zip(_rows(text, separator), range(n), strict=False):
        yield line, row


@dataclass
class _Text(Source):
    """A text, and how it is divided."""

    text: str = ""
    separator: str = ","

    @property
    def decimal_commas(self) -> bool:
        """1,234 is a decimal where a comma separates nothing."""
        return self.separator == ";"

    def frame(self, options: ReadOptions) -> pd.DataFrame:
        """All columns; numbers where pandas sees them, else text."""
        import pandas as pd

        shape = {"sep": self.separator, "skipinitialspace": True, "keep_default_na": False}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                first = pd.read_csv(io.StringIO(self.text), header=None, nrows=1, dtype=str, **shape).iloc[0]
                texts = ["" if pd.isna(cell) else str(cell).strip() for cell in first]
                if self.header:
                    self.names = [name or f"Unnamed: {i}" for i, name in enumerate(texts)]
                else:
                    self.names = [f"x{i}" for i in range(len(texts))]
                raw = [f"{i}" for i in range(len(self.names))]  # names may occur twice, as in a first example
                as_text = [
                    raw[at] for at in label_columns_or_none(self, options) if options.task is not Task.REGRESSION
                ]
                frame = pd.read_csv(
                    io.StringIO(self.text),
                    header=0 if self.header else None,
                    names=raw,
                    na_values={name: [] if name in as_text else list(MISSING) for name in raw},
                    dtype=dict.fromkeys(as_text, str),
                    low_memory=False,
                    **shape,
                )
        except pd.errors.EmptyDataError:
            raise UsageError(f"{self.path} is not a readable CSV file: it is empty") from None
        except UsageError:
            raise
        except (pd.errors.ParserError, ValueError, OverflowError) as error:
            if open_at := re.search(r"EOF inside string starting at row (\d+)", str(error)):
                line = self.place(int(open_at[1]) - self.header)
                raise UsageError(
                    f"{self.path} is not a readable CSV file: a double quote in {line} is never closed"
                ) from None
            raise self._uneven() or UsageError(
                f"{self.path} is not a readable CSV file: {' '.join(str(error).split())}"
            ) from None
        if not isinstance(frame.index, pd.RangeIndex):
            raise self._uneven() or UsageError(
                f"{self.path} is not a readable CSV file: rows have more values than the first line has"
            )
        if self.header and options.header is None and not self._known(options) and self._is_data(texts, frame):
            raise UsageError(
                f"the first line of {self.path} looks like an example, not like names: {some(texts)}; add a line of "
                "names, or give --no-header (columns are then numbered from 0, and --label -1 is the last), or "
                "--header if these are names"
            )
        self.tell_apart(options)
        frame.columns = self.names
        return frame

    def place(self, row: int) -> str:
        """The line of example `row` (from 0), as an editor shows it."""
        try:
            for i, (line, _) in enumerate(_rows(self.text, self.separator)):
                if i == row + self.header:
                    return f"line {line}"
        except csv.Error:
            pass
        return f"line {row + 1 + self.header}"

    def _uneven(self) -> UsageError | None:
        """The error for the first row that is longer than the first one."""
        try:
            width = None
            for line, row in _rows(self.text, self.separator):
                width = width or len(row)
                if len(row) > width:
                    what = "the header has names" if self.header else "the first line has"
                    return UsageError(
                        f"{self.path} is not a readable CSV file: line {line} has {len(row)} values, "
                        f"which is more than {what} ({width})"
                    )
        except csv.Error:
            pass
        return None

    def _known(self, options: ReadOptions) -> bool:
        """The names are those that a model reads."""
        return options.wanted is not None and any(is_wanted(name, options.wanted) for name in self.names)

    def _is_data(self, first: list[str], frame: pd.DataFrame) -> bool:
        """Whether the first line is an example.

        No text stands above numbers, numbers stand above numbers, and one of the texts occurs below itself, as a
        label does. Consecutive numbers are names: 0, 1, 2, ..., as tools number the columns of an array.
        """
        numbers = [_number(name) for name in first]
        found = [number for number in numbers if number is not None and math.isfinite(number)]
        if len(found) > 1 and found == list(range(int(found[0]), int(found[0]) + len(found))) and found[0] in (0, 1):
            return False
        if not len(frame) or (not found and len(first) < 2):
            return False
        texts, below = 0, 0
        for name, number, column in zip(first, numbers, frame.columns, strict=True):
            values = frame[column]
            if name in MISSING:
                continue
            if values.dtype.kind in "biuf":
                if number is None and name not in ("True", "False"):
                    return False
            elif number is None or _number(str(values.iloc[0])) is None:
                texts += 1
                below += bool((values.astype(str).str.strip() == name).any())
        return below > 0 if found and texts else 2 * below >= texts if texts else bool(found)


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ".") if text.count(",") == 1 else text)
    except ValueError:
        return None
