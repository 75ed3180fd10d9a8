"""Tables of text: one example a row, values between commas, semicolons or tabs, and names in the first line."""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from lut2hw.data.parts import table_of_parts
from lut2hw.data.source import COMPRESSED, suffix_of, text_of
from lut2hw.data.table import Format, ReadOptions, Table, some
from lut2hw.errors import UsageError
from lut2hw.files import open_regular

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = ",;\t|"
MARKS = "#%"
"""What a comment begins with."""
SAMPLE = 1 << 20  # characters at the start that tell the separator
PLAIN_LINES = 50  # that the start of a file has to have, so that its separator is told as by all of it


def read_csv(path: Path, options: ReadOptions) -> Table:
    """A header line with column names, then one example per row; column `label` holds the labels.

    Values are separated by commas, or by semicolons, tabs or bars if the header has those instead, outside of
    quotes. A column of text becomes a feature `COLUMN=VALUE` of 0 and 1 for each of its values, or for the second
    alone if there are two; of more than `max_categories` values the most frequent ones, and `COLUMN: other`. Blanks
    around names and values do not count. Columns that only name the row are left out, with a note.
    """
    plain = _start(path)
    if plain is not None and plain[0].count("\n") > PLAIN_LINES:
        quick = _Text(path, header=options.header is not False, separator=plain[1])
        if (frame := quick.quick_frame(options)) is not None:
            return table_of(quick, frame, options)
    text, notes = text_of(path)
    separator = None
    if match := re.match(r'"?sep=(.)"?(?=[\r\n])', text):  # Excel's first line; it stays a line, for the numbers
        separator, text = match[1], text[match.end() :]
    text, separator = _divided(path, text, separator, options.header is not False)
    source = _Text(path, header=options.header is not False, text=text, separator=separator)
    return table_of(source, source.frame(options), options, notes)


def csv_parts(name: Path, files: Sequence[Path], options: ReadOptions) -> Table:
    """Tables of text as one, some rows at a time.

    The start of the first file says how they are written: by commas or another separator, with a header or not.
    Tables that are compressed, are no UTF-8, or have comments or blanks for separators are read whole.

    Raises
    ------
    UsageError
        As `read_csv`, and for parts that are written in another way than the first one.
    """
    starts = [_start(file) for file in files]
    if any(start is None for start in starts):
        if len(files) > 1:
            at = files[starts.index(None)]
            raise UsageError(
                f"{at} cannot be read in parts: it is compressed, is no UTF-8, or has comments or blanks for "
                "separators; make a plain .csv of it"
            )
        return read_csv(files[0], options)
    text, separator = starts[0] or ("", "")
    header = options.header is not False
    first = _Text(files[0], header=header, text=text, separator=separator)
    first.frame(options)  # which refuses what is no header
    source = _Text(name, names=first.names, header=header, notes=first.notes, separator=separator)
    for file, start in zip(files, starts, strict=True):
        other = _Text(file, header=header, text=start[0] if start else "", separator=separator)
        if header:
            other.frame(replace(options, header=True))
        if start and (start[1] != separator or (header and other.names != first.names)):
            raise UsageError(f"{file} has other columns than {files[0]}; parts of one table have the same columns")
    labels = {
        source.names[at] for at in label_columns_or_none(source, options) if options.task is not Task.REGRESSION
    }
    kinds = _kinds(source, files, labels)

    def frames(names: Sequence[str]) -> Iterator[pd.DataFrame]:
        return _pieces(source, files, names, {each: kinds[each] for each in names}, labels)

    return table_of_parts(source, frames, options)


FORMAT = Format(
    "table", (".csv", ".tsv", ".txt", ".data"), read_csv, COLUMN_OPTIONS | {"header"}, read_parts=csv_parts
)


# --- in parts -----------------------------------------------------------------------------------------------------

PIECE_ROWS = 1 << 16


def _start(file: Path) -> tuple[str, str] | None:
    """Whole lines at the start of a file and its separator; None if all of it is to be looked at."""
    if file.suffix.lower() in COMPRESSED:
        return None
    with open_regular(file) as opened:
        last, marks = b"\n", [mark.encode() for mark in MARKS]
        for piece in iter(partial(opened.read, SAMPLE), b""):
            if b"\0" in piece:
                return None
            if any(mark in piece for mark in marks) and re.search(rb"[\r\n][%s]" % b"".join(marks), last + piece):
                return None
            last = piece[-1:]
        opened.seek(0)
        given = opened.read(SAMPLE)
    whole = len(given) < SAMPLE
    if given.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None
    try:
        text = (given if whole else given[: given.rfind(b"\n") + 1]).decode("utf-8")
    except UnicodeDecodeError:
        return None
    if re.match(r'"?sep=(.)"?(?=[\r\n])', text):
        return None
    text, separator = _divided(file, text, None, True)
    return None if separator == "\t" and "\t" not in given.decode("utf-8", "replace") else (text, separator)


def _kinds(source: _Text, files: Sequence[Path], labels: set[str]) -> dict[str, str]:
    """Whether each column holds whole numbers in all parts, real ones, or text in some."""
    kinds: dict[str, set[str]] = {name: set() for name in source.names}
    for frame in _pieces(source, files, source.names, {}, labels):
        for name in source.names:
            values = frame[name]
            kinds[name].add("empty" if values.isna().all() else values.dtype.kind)
    out = {}
    for name, found in kinds.items():
        there = found - {"empty"}
        if there - set("ifu") and (there != {"b"} or "empty" in found):
            out[name] = "text"
        else:
            out[name] = "real" if "f" in there else "whole"
    return out


def _pieces(
    source: _Text, files: Sequence[Path], names: Sequence[str], kinds: dict[str, str], labels: set[str]
) -> Iterator[pd.DataFrame]:
    """Frames of some columns, labels and text as they are written."""
    import pandas as pd

    numbers = [number for number, each in enumerate(source.names) if each in set(names)]
    raw = [f"{i}" for i in range(len(source.names))]
    dtypes: dict[str, type] = {raw[i]: float for i in numbers if kinds.get(source.names[i]) == "real"}
    dtypes |= {raw[i]: str for i in numbers if source.names[i] in labels or kinds.get(source.names[i]) == "text"}
    # With a choice of columns pandas does not see that rows are too long: the first pass takes all.
    some_columns = [raw[i] for i in numbers] if len(numbers) < len(raw) else None
    for file in files:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                reader = pd.read_csv(
                    file,
                    sep=source.separator,
                    skipinitialspace=True,
                    keep_default_na=False,
                    header=0 if source.header else None,
                    names=raw,
                    usecols=some_columns,
                    na_values={
                        name: [] if source.names[i] in labels else list(MISSING) for i, name in enumerate(raw)
                    },
                    dtype=dtypes,
                    chunksize=PIECE_ROWS,
                    low_memory=False,
                    encoding="utf-8",
                )
                for frame in reader:
                    if not isinstance(frame.index, pd.RangeIndex):
                        raise UsageError(
                            f"{file} is not a readable CSV file: rows have more values than the first line has"
                        )
                    frame.columns = [source.names[int(each)] for each in frame.columns]
                    yield frame.reset_index(drop=True)
        except pd.errors.EmptyDataError:
            raise UsageError(f"{file} is not a readable CSV file: it is empty") from None
        except UnicodeDecodeError:
            raise UsageError(f"{file} is not UTF-8; convert it to UTF-8 first") from None
        except (pd.errors.ParserError, ValueError, OverflowError) as error:
            if isinstance(error, UsageError):
                raise
            raise UsageError(f"{file} is not a readable CSV file: {' '.join(str(error).split())}") from None


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
    found = [mark for mark in MARKS if mark in text]
    if text[:1] in found or any(f"{end}{mark}" in text for end in "\n\r" for mark in found):
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

    text: str | None = ""
    """None: that of the file, as it is."""
    separator: str = ","

    @property
    def decimal_commas(self) -> bool:
        """1,234 is a decimal where a comma separates nothing."""
        return self.separator == ";"

    def frame(self, options: ReadOptions) -> pd.DataFrame:
        """All columns; numbers where pandas sees them, else text."""
        import pandas as pd

        data = (self.text or "").encode()  # of text, pandas' parser would make four bytes a character
        try:
            texts, frame = self._parsed(partial(io.BytesIO, data), options, low_memory=False)
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
        return self._named(texts, frame, options)

    def quick_frame(self, options: ReadOptions) -> pd.DataFrame | None:
        """What `frame` gives, read from the file itself, a piece at a time, in half of the time.

        None where pieces may be another thing than the whole: columns of which some are numbers and others text, or
        whole numbers beyond 63 bits; and where the file cannot be read, which `frame` then says.
        """
        import pandas as pd

        path = str(self.path.absolute())
        try:
            texts, frame = self._parsed(lambda: path, options, low_memory=True)
        except UsageError:
            raise
        except (pd.errors.ParserError, ValueError, OverflowError):  # EmptyDataError and UnicodeDecodeError, too
            return None
        if not isinstance(frame.index, pd.RangeIndex):
            return None
        for name, dtype in frame.dtypes.items():
            if dtype.kind in "uO" and dtype.name != "str":
                return None
            if dtype.kind == "f" and not frame[name].abs().max() < 2.0**63 and frame[name].notna().any():
                return None
        self.text = None
        return self._named(texts, frame, options)

    def _parsed(
        self, data: Callable[[], Any], options: ReadOptions, *, low_memory: bool
    ) -> tuple[list[str], pd.DataFrame]:
        """Cells of the first row, which become the names, and all rows in columns 0, 1 and so on."""
        import pandas as pd

        shape: dict[str, Any] = {"sep": self.separator, "skipinitialspace": True, "keep_default_na": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            first = pd.read_csv(data(), header=None, nrows=1, dtype=str, **shape).iloc[0]
            texts = ["" if pd.isna(cell) else str(cell).strip() for cell in first]
            if self.header:
                self.names = [name or f"Unnamed: {i}" for i, name in enumerate(texts)]
            else:
                self.names = [f"x{i}" for i in range(len(texts))]
            raw = [f"{i}" for i in range(len(self.names))]  # names may occur twice, as in a first example
            as_text = [raw[at] for at in label_columns_or_none(self, options) if options.task is not Task.REGRESSION]
            frame = pd.read_csv(
                data(),
                header=0 if self.header else None,
                names=raw,
                na_values={name: [] if name in as_text else list(MISSING) for name in raw},
                dtype=dict.fromkeys(as_text, str),
                low_memory=low_memory,
                **shape,
            )
        return texts, frame

    def _named(self, texts: list[str], frame: pd.DataFrame, options: ReadOptions) -> pd.DataFrame:
        """The frame with its names, unless the first row is none of names."""
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
            text = text_of(self.path)[0] if self.text is None else self.text
            for i, (line, _) in enumerate(_rows(text, self.separator)):
                if i == row + self.header:
                    return f"line {line}"
        except csv.Error:
            pass
        return f"line {row + 1 + self.header}"

    def _uneven(self) -> UsageError | None:
        """The error for the first row that is longer than the first one."""
        try:
            width = None
            for line, row in _rows(self.text or "", self.separator):
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
