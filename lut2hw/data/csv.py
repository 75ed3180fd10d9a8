"""Tables of text: one example a row, values between commas, semicolons or tabs, and names in the first line."""

from __future__ import annotations

import csv
import io
import re
import shlex
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lut2hw.data.source import text_of
from lut2hw.data.table import MAX_CATEGORIES, Format, ReadOptions, Table, some
from lut2hw.errors import UsageError, unknown_name

if TYPE_CHECKING:
    import pandas as pd

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?")
MISSING_LABEL = ("", "NaN", "nan", "?")  # of labels that are text: NA may be Namibia or North America
SEPARATORS = ",;\t"
SAMPLE = 1 << 20  # characters at the start that tell the separator
OTHER = ": other"
"""The feature of a column's rarer values is `COLUMN: other`, which no `COLUMN=VALUE` can be."""

_INTEGER = r"[+-]?\d+"
_DECIMAL_COMMA = r"[+-]?(?:\d*|\d{1,3}(?:\.\d{3})+),\d+(?:[eE][+-]?\d+)?"
_THOUSANDS = r"[+-]?[1-9]\d{0,2}(?:,\d{3})+"
_NAMES_AN_IDENTIFIER = {"id", "uuid", "guid", "rowid"}
_NAMES_A_COUNTER = _NAMES_AN_IDENTIFIER | {"index", "idx", "row", "rownum", "no", "nr", "number", ""}


def read_csv(path: Path, options: ReadOptions) -> Table:
    """A header line with column names, then one example per row; column `label` holds the labels.

    Values are separated by commas, or by semicolons or tabs if the header has those instead, outside of quotes. A
    column of text becomes a feature `COLUMN=VALUE` of 0 and 1 for each of its values, or for the second alone if
    there are two; of more than `max_categories` values the most frequent ones, and `COLUMN: other`. Blanks around
    names and values do not count. Columns that only name the row are left out, with a note.
    """
    text, notes = text_of(path)
    separator = None
    if match := re.match(r'"?sep=(.)"?(?=[\r\n])', text):  # Excel's first line; it stays a line, for the numbers
        separator, text = match[1], text[match.end() :]
    source = _Source(path, text, separator or _separator(text), options.header is not False)
    frame = source.frame(options)
    label, y = None, np.zeros(len(frame), np.int64)
    if options.labelled:
        label = _label_column(source, options)
    if not len(frame):
        raise UsageError(f"{path} has a header but no examples")
    ignored = {_column(source, name, f"feature of {path} in --ignore", beside=label) for name in options.ignore}
    sources = [name for name in source.names if name != label and name not in ignored]
    if options.wanted is not None:
        sources = [name for name in sources if _is_wanted(name, options.wanted)]
    elif not sources:
        raise UsageError(f"{path} has no column beside the label {label!r}")
    columns = _Columns(source, options, [*notes])
    if options.wanted is None:
        sources = columns.without_empty(frame, sources)
    if label is not None:
        y = columns.labels(frame[label])
    data = columns.without_missing(frame[sources], y)
    features = columns.features(data)
    kinds = {column.dtype.kind for column in features.values()}
    if not features:
        x = np.zeros((len(data), 0), np.int64)
    elif kinds == {"b"}:
        x = np.column_stack(list(features.values())).astype(np.uint8)
    elif "f" not in kinds and "u" not in kinds:
        x = np.column_stack(list(features.values())).astype(np.int64)
    else:
        x = np.column_stack(list(features.values())).astype(np.float64)
    kept = None if columns.kept is None else columns.kept
    return Table(
        str(path),
        x,
        y if kept is None else y[kept],
        names=tuple(features),
        by_name=True,
        notes=tuple(columns.notes),
        categories=columns.categories,
        kept=kept,
    )


FORMAT = Format(
    "table", (".csv", ".tsv"), read_csv, frozenset({"label", "ignore", "drop_missing", "header", "max_categories"})
)


# --- the text -----------------------------------------------------------------------------------------------------


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of its first line as an editor shows it."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    before = 0
    for row in reader:
        if row and (len(row) > 1 or row[0].strip()):
            yield before + 1, row
        before = reader.line_num


def _separator(text: str) -> str:
    """Of the separators in the first row, outside of quotes, the comma; another one if only that fits the rows."""
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
        return ","
    if "," not in widths:
        return max(widths, key=lambda each: widths[each][0])
    regular = [separator for separator, found in widths.items() if len(set(found)) == 1]
    for separator in regular:
        if separator != ",":
            cells = [cell for _, row in _some_rows(sample, separator) for cell in row]
            if "," not in regular or all(re.fullmatch(_DECIMAL_COMMA, cell.strip()) for cell in cells if "," in cell):
                return separator
    return ","


def _some_rows(text: str, separator: str, n: int = 20) -> Iterator[tuple[int, list[str]]]:
    for (line, row), _ in zip(_rows(text, separator), range(n), strict=False):
        yield line, row


@dataclass
class _Source:
    """A text, how it is divided, and the names of its columns."""

    path: Path
    text: str
    separator: str
    header: bool
    names: list[str] = field(default_factory=list)

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
                raw = [f"{i}" for i in range(len(self.names))]  # names may occur twice
                as_text = _label_position(self, options) if options.labelled else None
                frame = pd.read_csv(
                    io.StringIO(self.text),
                    header=0 if self.header else None,
                    names=raw,
                    na_values={name: [] if i == as_text else list(MISSING) for i, name in enumerate(raw)},
                    dtype={} if as_text is None else {raw[as_text]: str},
                    low_memory=False,
                    **shape,
                )
        except pd.errors.EmptyDataError:
            raise UsageError(f"{self.path} is not a readable CSV file: it is empty") from None
        except (pd.errors.ParserError, ValueError, OverflowError) as error:
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
        seen: set[str] = set()
        for name in self.names:
            if name in seen:
                raise UsageError(f"{self.path} has two columns named {name!r}; rename one")
            seen.add(name)
        frame.columns = self.names
        return frame

    def line(self, row: int) -> int:
        """The line of example `row` (from 0), as an editor shows it."""
        try:
            for i, (line, _) in enumerate(_rows(self.text, self.separator)):
                if i == row + self.header:
                    return line
        except csv.Error:
            pass
        return row + 1 + self.header

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
        return options.wanted is not None and any(_is_wanted(name, options.wanted) for name in self.names)

    def _is_data(self, first: list[str], frame: pd.DataFrame) -> bool:
        """Whether the first line is an example.

        No text stands above numbers, numbers stand above numbers, and one of the texts occurs below itself, as a
        label does. Consecutive numbers are names: 0, 1, 2, ..., as tools number the columns of an array.
        """
        numbers = [_number(name) for name in first]
        found = [number for number in numbers if number is not None]
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


# --- columns by name ----------------------------------------------------------------------------------------------


def _is_wanted(name: str, wanted: Sequence[str]) -> bool:
    return any(each == name or each.startswith(f"{name}=") or each == name + OTHER for each in wanted)


def _position(names: list[str], name: str) -> int | None:
    """The column of that name, else at that position."""
    if name.strip() in names:
        return names.index(name.strip())
    try:
        return range(len(names))[int(name)]
    except (ValueError, IndexError):
        return None


def _label_position(source: _Source, options: ReadOptions) -> int | None:
    return _position(source.names, "label" if options.label is None else options.label)


def _label_column(source: _Source, options: ReadOptions) -> str:
    at = _label_position(source, options)
    if at is not None:
        return source.names[at]
    if options.wanted is not None:
        raise UsageError(
            f"{source.path} has no label column {options.label or 'label'!r}; name it with --label, or use `lut2hw "
            "predict`, which needs no labels"
        )
    if options.label is None:
        numbered = "" if source.header else " or --label -1 for the last"
        raise UsageError(
            f"which column of {source.path} is the label? give --label NAME{numbered}; columns: {some(source.names)}"
        )
    if re.fullmatch(_INTEGER, options.label):
        raise UsageError(
            f"{source.path} has no column {options.label!r}, by name or position (0 to {len(source.names) - 1}, "
            f"-1 is the last); columns: {some(source.names)}"
        )
    raise unknown_name(f"label column of {source.path}", options.label, source.names)


def _column(source: _Source, name: str, what: str, beside: str | None) -> str:
    at = _position(source.names, name)
    if at is None or source.names[at] == beside:
        raise unknown_name(what, name, [each for each in source.names if each != beside])
    return source.names[at]


# --- columns to numbers -------------------------------------------------------------------------------------------


class _Columns:
    """Turns the columns of a table into labels and features, and notes what it did."""

    def __init__(self, source: _Source, options: ReadOptions, notes: list[str]) -> None:
        self.source = source
        self.options = options
        self.notes = notes
        self.categories: dict[str, tuple[str, ...]] = {}
        self.kept: NDArray[np.bool_] | None = None

    @property
    def path(self) -> Path:
        return self.source.path

    def labels(self, column: pd.Series) -> NDArray:
        """Labels as text, integers or booleans (n,); "" where there is none."""
        import pandas as pd

        text = column.str.strip().to_numpy(dtype=np.str_)
        values, inverse = np.unique(text, return_inverse=True)
        present = [str(value) for value in values if value not in MISSING]
        numeric = pd.to_numeric(pd.Series(present, dtype=object), errors="coerce").notna().all() if present else False
        if numeric or all(value.lower() in ("true", "false") for value in present):
            missing: Sequence[str] = MISSING
        else:
            missing = MISSING_LABEL
            for value in sorted({str(value) for value in values} & set(MISSING) - set(MISSING_LABEL)):
                self.notes.append(
                    f"the label {value!r} ({int((text == value).sum()):,} rows) is a class like the others"
                )
        names = [self._label_name(str(value), missing, numeric) for value in values]
        if len({name for name in names if name}) < len([name for name in names if name]) and numeric:
            whole = {value for value in present if re.fullmatch(_INTEGER, value)}
            if len({int(value) for value in whole}) < len(whole):  # 7 and 007 are two labels
                names = ["" if value in missing else str(value) for value in values]
        return np.array(names, dtype=np.str_)[inverse]

    def _label_name(self, value: str, missing: Sequence[str], numeric: bool) -> str:
        if value in missing:
            return ""
        if value.lower() in ("true", "false"):
            return value.capitalize()
        if not numeric:
            return value
        if re.fullmatch(_INTEGER, value):
            return str(int(value))
        number = float(value)
        if not number.is_integer():
            raise UsageError(f"a label of {self.path} is {value}; labels must be classes, not reals")
        return str(int(number))

    def without_empty(self, frame: pd.DataFrame, sources: list[str]) -> list[str]:
        """The columns that have a value at all; a separator at the end of every line makes one that has none."""
        empty = [name for name in sources if frame[name].isna().all()]
        if empty and len(empty) < len(sources):
            self.notes += [f"column {name!r} is left out: it has no values" for name in empty]
            return [name for name in sources if name not in empty]
        return sources

    def without_missing(self, frame: pd.DataFrame, y: NDArray) -> pd.DataFrame:
        """The rows that have every value; `kept` says which."""
        frame = frame.copy()
        for name in (name for name in frame.columns if frame[name].dtype.kind not in "biuf"):
            frame[name] = self._stripped(frame[name])
        lacking = frame.isna().to_numpy().reshape(len(y), -1)
        names = list(frame.columns)
        if self.options.labelled:
            lacking = np.column_stack([lacking, y == ""])
            names.append("label")
        if not lacking.any():
            return frame
        rows = lacking.any(axis=1)
        if not self.options.drop_missing:
            row, column = np.argwhere(lacking)[0]
            name = names[column]
            if column == len(frame.columns):
                name = self.source.names[_label_position(self.source, self.options) or 0]
            raise UsageError(
                f"{self.path} line {self.source.line(row)} has no value in column {name!r} "
                f"({int(rows.sum()):,} of {len(rows):,} rows have missing values); fill them in, or leave such rows "
                "out with --drop-missing"
            )
        if rows.all():
            raise UsageError(f"every row of {self.path} has missing values; leave columns out with --ignore")
        self.kept = ~rows
        self.notes.append(f"{int(rows.sum()):,} of {len(rows):,} rows have missing values and are left out")
        return frame[self.kept]

    @staticmethod
    def _stripped(column: pd.Series) -> pd.Series:
        """Text without blanks around it, and what that makes of it: nothing, or numbers."""
        import pandas as pd

        text = column.astype(object).where(column.isna(), column.astype(str).str.strip())
        text = text.mask(text.isin(MISSING))
        there = text.dropna()
        try:
            numbers = pd.to_numeric(there, errors="coerce")
        except (OverflowError, ValueError):
            return text
        if len(there) and numbers.notna().all() and not (numbers.dtype.kind == "f" and _beyond(there)):
            return pd.to_numeric(text)
        return text

    def features(self, frame: pd.DataFrame) -> dict[str, NDArray]:
        """Features by name, each (n,)."""
        features: dict[str, NDArray] = {}
        identifiers: dict[str, str] = {}
        for name in frame.columns:
            column = frame[name]
            if self.options.wanted is None and (what := self._identifies(name, column)):
                identifiers[name] = what
                continue
            features |= self._feature(name, column)
        if not features:  # a counter alone may be what is to be learned from
            for name in [name for name in identifiers if frame[name].dtype.kind in "iu"]:
                features |= self._feature(name, frame[name])
                del identifiers[name]
        if identifiers and not features:
            name, what = next(iter(identifiers.items()))
            raise UsageError(f"{self.path} has no column to learn from: {name!r} holds {what}")
        self.notes += [f"column {name!r} is left out: it holds {what}" for name, what in identifiers.items()]
        return features

    def _identifies(self, name: str, column: pd.Series) -> str | None:
        """Why a column only names its row; None if it may say something about it.

        Real numbers are never taken for names, whole numbers only if the column's name says so or they exceed 2**53.
        """
        n = len(column)
        most = self.options.max_categories or MAX_CATEGORIES
        if n <= most or column.dtype.kind in "bf":
            return None
        if column.dtype.kind in "iu":
            if not column.is_unique:
                return None
            word = _last_word(name)
            counts = column.is_monotonic_increasing or column.is_monotonic_decreasing
            if word in _NAMES_AN_IDENTIFIER or (word in _NAMES_A_COUNTER and counts) or column.abs().max() > 2**53:
                return "another whole number in every row and looks like an identifier; rename it if it is none"
            return None
        if column.nunique() == n and self._decimal(name, np.unique(column.astype(str))) is None:
            return f"another text in every row, such as {str(column.iloc[0])[:40]!r}"
        return None

    def _feature(self, name: str, column: pd.Series) -> dict[str, NDArray]:
        import pandas as pd

        wanted = self.options.wanted
        as_text = wanted is not None and name not in wanted
        if column.dtype.kind in "biuf" and not as_text:
            return {name: column.to_numpy()}
        text = column.astype(str).to_numpy(dtype=np.str_)
        if as_text:
            return self._known_bits(name, text)
        values, counts = np.unique(text, return_counts=True)
        if (numbers := self._decimal(name, values)) is not None:
            return {name: numbers[np.searchsorted(values, text)]}
        try:
            number = pd.to_numeric(column, errors="coerce").notna().to_numpy()
        except OverflowError:  # beyond float64, too
            number = np.ones(len(text), bool)
        if number.all():
            raise UsageError(
                f"{self.path}: column {name!r} holds whole numbers beyond 64 bits; scale them down first, or leave "
                f"the column out with --ignore {shlex.quote(_listed(name))}"
            )
        if wanted is not None and np.isin(np.char.lower(values), ("true", "false")).all():
            return {name: np.char.lower(text) == "true"}
        row = int(np.argmin(number)) if number.any() else 0
        if number.any() or wanted is not None:  # a table of numbers with something else in it
            kind = "among numbers" if number.any() else "where the model reads numbers"
            raise UsageError(
                f"{self.path} line {self.source.line(int(column.index[row]))}: column {name!r} holds "
                f"{str(text[row])[:40]!r} {kind}; correct it"
                + (f", or leave the column out with --ignore {shlex.quote(_listed(name))}" if wanted is None else "")
            )
        return self._new_bits(name, text, values, counts)

    def _decimal(self, name: str, values: NDArray) -> NDArray[np.float64] | None:
        """The numbers (n_values,) that texts with decimal commas mean; None if that is not what they are."""
        texts = [str(value) for value in values]
        if not any("," in text for text in texts):
            return None
        thousands = [re.fullmatch(_THOUSANDS, text) is not None for text in texts if "," in text]
        if all(re.fullmatch(_DECIMAL_COMMA, text) or re.fullmatch(_INTEGER, text) for text in texts):
            if all(thousands) and self.source.separator != ";":
                example = next(text for text in texts if "," in text)
                raise UsageError(
                    f"column {name!r} of {self.path} holds {example!r}: thousands, or a decimal comma? "
                    f"write {example.replace(',', '')} or {example.replace(',', '.')}"
                )
            note = f"column {name!r} has decimal commas: read as numbers"
            self.notes += [note] * (note not in self.notes)
            return np.array([float(text.replace(".", "").replace(",", ".")) for text in texts])
        if all(thousands) and all(re.fullmatch(rf"{_THOUSANDS}|[+-]?\d+(?:\.\d+)?", text) for text in texts):
            example = next(text for text in texts if "," in text)
            raise UsageError(
                f"column {name!r} of {self.path} holds {example!r}, with commas between thousands; "
                f"write {example.replace(',', '')}"
            )
        return None

    def _new_bits(self, name: str, text: NDArray, values: NDArray, counts: NDArray) -> dict[str, NDArray]:
        """Bits of a column of text, by what it holds."""
        most = self.options.max_categories or MAX_CATEGORIES
        if len(values) > most:
            frequent = np.sort(values[np.argsort(-counts, kind="stable")[:most]])
            bits = {f"{name}={value}": text == value for value in frequent}
            bits[name + OTHER] = rest = ~np.isin(text, frequent)
            self.notes.append(
                f"column {name!r} is text of {len(values)} values: a bit for each of the {most} most frequent "
                f"and one for the others ({int(rest.sum()):,} of {len(text):,} rows); --max-categories N takes more, "
                f"--ignore {shlex.quote(_listed(name))} leaves it out"
            )
        else:
            named = values[1:] if len(values) == 2 else values
            bits = {f"{name}={value}": text == value for value in named}
            if len(values) == 2:  # else the features tell
                self.categories[name] = tuple(str(value) for value in values)
            self.notes.append(
                f"column {name!r} is text: "
                + (
                    f"a bit for {str(named[0])!r}"
                    if len(named) == 1
                    else f"a bit for each of its {len(named)} values"
                )
            )
        if twice := bits.keys() & set(self.source.names):
            raise UsageError(f"{self.path} has a column {min(twice)!r} beside a column {name!r} of text; rename one")
        return {key: bit.astype(np.int64) for key, bit in bits.items()}

    def _known_bits(self, name: str, text: NDArray) -> dict[str, NDArray]:
        """Bits of a column of text, by what a model knows; values that it has not seen are noted."""
        assert self.options.wanted is not None
        wanted = [each for each in self.options.wanted if each.startswith(f"{name}=")]
        known = np.array([each.removeprefix(f"{name}=") for each in wanted], dtype=np.str_)
        bits = {each: text == value for each, value in zip(wanted, known, strict=True)}
        if name + OTHER in self.options.wanted:
            bits[name + OTHER] = ~np.isin(text, known)
        elif len(known) > 1 or name in self.options.categories:
            known = np.union1d(known, np.array(self.options.categories.get(name, ()), dtype=np.str_))
            new, counts = np.unique(text[~np.isin(text, known)], return_counts=True)
            if len(new):
                shown = ", ".join(
                    f"{str(v)[:40]!r} ({c} row{'s' if c != 1 else ''})"
                    for v, c in list(zip(new, counts, strict=True))[:8]
                )
                self.notes.append(
                    f"column {name!r} of {self.path} holds {len(new)} value{'s' * (len(new) > 1)} never seen in "
                    f"training, in {int(counts.sum()):,} of {len(text):,} rows: {shown}{', ...' * (len(new) > 8)}; "
                    "the answers there are guesses"
                )
        return {key: bit.astype(np.int64) for key, bit in bits.items()}


def _listed(name: str) -> str:
    """A name as an element of a list with commas between, quoted where it holds one."""
    return '"' + name.replace('"', '""') + '"' if "," in name or '"' in name else name


def _last_word(name: str) -> str:
    """The last word of a column's name in small letters; "" if it has no name."""
    if name.startswith("Unnamed: "):
        return ""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    return words[-1].lower() if words else name


def _beyond(texts: pd.Series) -> bool:
    """Whether whole numbers among the texts do not fit 64 bits."""
    return any(re.fullmatch(_INTEGER, str(text)) and not -(1 << 63) <= int(text) < 1 << 64 for text in texts.unique())
