"""Tables of named columns, however they were stored, to features and labels."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from lut2hw.choices import Task
from lut2hw.data.table import MAX_CATEGORIES, SEVERAL, ReadOptions, Table, label_positions, listed, position, some
from lut2hw.errors import UsageError, unknown_name

if TYPE_CHECKING:
    import pandas as pd

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?")
MISSING_LABEL = ("", "NaN", "nan", "?")  # of labels that are text: NA may be Namibia or North America
OTHER = ": other"
"""The feature of a column's rarer values is `COLUMN: other`, which no `COLUMN=VALUE` can be."""
MISSING_BIT = ": missing"
"""The feature that says where a column of text has no value."""
COLUMN_OPTIONS = frozenset({"label", "weight", "ignore", "drop_missing", "max_categories"})
"""Fields of `ReadOptions` that every format of named columns heeds."""

INTEGER = r"[+-]?\d{1,4000}"  # as many as Python makes an int of
DECIMAL_COMMA = r"[+-]?(?:\d*|\d{1,3}(?:\.\d{3})+),\d+(?:[eE][+-]?\d+)?"
_DATE = re.compile(
    r"\d{4}([-/])\d{1,2}\1\d{1,2}(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?\s*(?:Z|[+-]\d{2}:?\d{2})?"
)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(.*)")
_SLASHED = re.compile(r"\d{1,2}/\d{1,2}/(?:\d{2}|\d{4})(?:\D.*)?")
_MEASURED = re.compile(r"([$€£¥]?)\s*[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?\s*([^\d\s.,+-][^\d]{0,7})?")
WRITE_DATES = "dates are read as numbers if they are written as 2024-01-31"
_ROWS = 1 << 11  # put into a matrix at a time, which the cache holds
_THOUSANDS = r"[+-]?[1-9]\d{0,2}(?:,\d{3})+"
_NAMES_AN_IDENTIFIER = {"id", "uuid", "guid", "rowid"}
_NAMES_A_COUNTER = _NAMES_AN_IDENTIFIER | {"index", "idx", "row", "rownum", "no", "nr", "number", ""}
_BITS = {"0": 0.0, "1": 1.0, "false": 0.0, "true": 1.0, "no": 0.0, "yes": 1.0, "0.0": 0.0, "1.0": 1.0}


@dataclass
class Source:
    """Where columns come from, for what is said of them."""

    path: Path
    names: list[str] = field(default_factory=list)
    """Of the columns, in order."""
    header: bool = True
    """Whether the source names its columns."""
    notes: list[str] = field(default_factory=list)
    """What was done to the names."""

    @property
    def decimal_commas(self) -> bool:
        """Whether 1,234 is a decimal and not a thousand."""
        return False

    def place(self, row: int) -> str:
        """Where example `row` (from 0) is found."""
        return f"row {row + 1}"

    def tell_apart(self, options: ReadOptions) -> None:
        """Give columns that share a name names of their own, `NAME.1` and so on, and note it.

        Raises
        ------
        UsageError
            If the label column is one of them and named, not numbered.
        """
        label = "label" if options.label is None else options.label
        wanted = [each.strip() for each in (label, *listed(label))] if options.labelled else []
        taken = set(self.names)
        at: dict[str, int] = {}
        for i, name in enumerate(self.names):
            first = at.setdefault(name, i)
            if first == i:
                continue
            if name in wanted:
                raise UsageError(
                    f"{self.path} has two columns named {name!r}; give the label by its position from 0, --label "
                    f"{first} or --label {i}, and leave the other one out with --ignore"
                )
            number = 1
            while (other := f"{name}.{number}") in taken:
                number += 1
            taken.add(other)
            self.names[i] = other
            self.notes.append(f"two columns are named {name!r}: column {i} is called {other!r}")

    def without(self, name: str) -> str:
        """What to do to leave a column out."""
        return f"leave the column out with --ignore {shlex.quote(_quoted(name))}"


def table_of(source: Source, frame: pd.DataFrame, options: ReadOptions, notes: Sequence[str] = ()) -> Table:
    """Features and labels of a frame whose columns are called `source.names`.

    A column of text becomes a feature `COLUMN=VALUE` of 0 and 1 for each of its values, or for the second alone if
    there are two; of more than `max_categories` values the most frequent ones, and `COLUMN: other`; and `COLUMN:
    missing`, if there are rows without a value. Columns that only name the row are left out, with a note.
    """
    labels, weight, sources = roles(source, options, len(frame))
    columns = Columns(source, options, [*notes, *source.notes])
    if options.wanted is None:
        sources = columns.without_empty([name for name in sources if frame[name].isna().all()], sources)
    y, absent = columns.answers(frame[labels])
    weights = None if weight is None else columns.weights(frame[weight])
    data = columns.without_missing(frame[sources], absent, labels)
    features = columns.features(data)
    x: NDArray[Any] = np.empty(
        (len(data), len(features)), dtype_of({column.dtype.kind for column in features.values()})
    )
    for at in range(0, len(x), _ROWS):
        for i, column in enumerate(features.values()):
            x[at : at + _ROWS, i] = column[at : at + _ROWS]
    return columns.table(x, y, weights, tuple(features), labels)


def roles(source: Source, options: ReadOptions, rows: int) -> tuple[list[str], str | None, list[str]]:
    """Names of the label columns, of the column of weights, and of those that features are made of.

    Raises
    ------
    UsageError
        For columns that are not there, and if there is nothing to learn from.
    """
    path = source.path
    labels = label_columns(source, options) if options.labelled else []
    if not rows:
        raise UsageError(f"{path} has {'a header but ' * source.header}no examples")
    ignored = {_column(source, name, f"feature of {path} in --ignore", beside=labels) for name in options.ignore}
    weight = None
    if options.weight is not None:
        weight = _column(source, options.weight, f"column of {path} in --weight", beside=labels)
    sources = [name for name in source.names if name not in labels and name not in ignored and name != weight]
    if options.wanted is not None:
        sources = [name for name in sources if is_wanted(name, options.wanted)]
    elif not sources:
        raise UsageError(f"{path} has no column beside the label {', '.join(map(repr, labels))}")
    elif options.task is Task.ANOMALY and not labels and "label" in sources:
        raise UsageError(
            f"{path} has a column 'label', which would be learned from like the others; give --label label --normal "
            "VALUE, or --ignore label"
        )
    return labels, weight, sources


def dtype_of(kinds: set[str]) -> type:
    """Numbers that hold features of such kinds of dtypes: bytes of truth values, else int64 or float64."""
    if kinds == {"b"}:
        return np.uint8
    return np.float64 if kinds & {"f", "u"} else np.int64


# --- columns by name ----------------------------------------------------------------------------------------------


def is_wanted(name: str, wanted: Sequence[str]) -> bool:
    """Whether features that a model reads are made of the column."""
    return any(each.startswith(f"{name}=") or each in (name, name + OTHER, name + MISSING_BIT) for each in wanted)


def label_columns_or_none(source: Source, options: ReadOptions) -> list[int]:
    """Positions of the label columns; none if they are not there or not asked for."""
    if not options.labelled:
        return []
    return label_positions(source.names, "label" if options.label is None else options.label, options.task) or []


def label_columns(source: Source, options: ReadOptions) -> list[str]:
    """Names of the label columns."""
    if found := label_columns_or_none(source, options):
        return [source.names[at] for at in found]
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
    unknown = next((each for each in listed(options.label) if position(source.names, each) is None), options.label)
    if re.fullmatch(INTEGER, unknown):
        raise UsageError(
            f"{source.path} has no column {unknown!r}, by name or position (0 to {len(source.names) - 1}, "
            f"-1 is the last); columns: {some(source.names)}"
        )
    raise unknown_name(f"label column of {source.path}", unknown, source.names)


def _column(source: Source, name: str, what: str, beside: Sequence[str]) -> str:
    at = position(source.names, name)
    if at is None or source.names[at] in beside:
        raise unknown_name(what, name, [each for each in source.names if each not in beside])
    return source.names[at]


# --- columns to numbers -------------------------------------------------------------------------------------------


T = TypeVar("T")


@dataclass(frozen=True)
class Made(Generic[T]):
    """What features are made of a column, asked for when they are needed."""

    identifies: Callable[[], str | None]
    """Why it only names its row."""
    features: Callable[[], dict[str, T]]
    """By name."""
    counter: bool
    """Whether it holds whole numbers."""


class Columns:
    """Turns the columns of a table into labels and features, and notes what it did."""

    def __init__(self, source: Source, options: ReadOptions, notes: list[str]) -> None:
        self.source = source
        self.options = options
        self.notes = notes
        self.categories: dict[str, tuple[str, ...]] = {}
        self.kept: NDArray[np.bool_] | None = None

    @property
    def path(self) -> Path:
        return self.source.path

    def table(
        self, x: Any, y: NDArray[Any], weights: NDArray[np.float64] | None, names: tuple[str, ...], labels: list[str]
    ) -> Table:
        """What was made of the columns: features of the rows that are kept, labels and weights of all."""
        kept = self.kept
        return Table(
            str(self.path),
            x,
            y if kept is None else y[kept],
            names=names,
            target_names=tuple(labels) if self.options.task in SEVERAL and labels else None,
            weight_train=weights if weights is None or kept is None else weights[kept],
            by_name=True,
            notes=tuple(self.notes),
            categories=self.categories,
            kept=kept,
        )

    def answers(self, frame: pd.DataFrame) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Labels as the task takes them, and which are missing, bool (n, label columns).

        Text (n,), "" where missing; for tasks with several labels float64 (n, label columns), NaN where missing.
        """
        names = list(frame.columns)
        if not names:
            return np.zeros(len(frame), np.int64), np.zeros((len(frame), 0), bool)
        if self.options.task not in SEVERAL:
            y = self.labels(frame[names[0]])
            return y, (y == "")[:, None]
        made = self._bits if self.options.task is Task.MULTILABEL else self.numbers
        out = np.column_stack([made(frame[name], "label") for name in names])
        return out, np.isnan(out)

    def weights(self, column: pd.Series) -> NDArray[np.float64]:
        """Weights float64 (n,)."""
        out = self.numbers(column, "weight")
        wrong = ~(np.isfinite(out) & (out >= 0))
        if wrong.any():
            row = int(np.argmax(wrong))
            what = "no value" if np.isnan(out[row]) else f"{out[row]:g}"
            raise UsageError(
                f"{self.path} {self.source.place(row)} has {what} in column {column.name!r}; "
                "weights are numbers from 0"
            )
        return out

    def numbers(self, column: pd.Series, what: str) -> NDArray[np.float64]:
        """Numbers float64 (n,) of a column that has to hold them; NaN where there is none."""
        if column.dtype.kind not in "biuf":
            column = self.stripped(column)
        if column.dtype.kind in "biuf":
            given: NDArray[np.float64] = column.to_numpy(np.float64)
            return given
        there = column.dropna()
        texts = there.astype(str)
        decimals = self._decimal(str(column.name), np.unique(texts))
        if decimals is None and what == "label":
            decimals = self._days(str(column.name), np.unique(texts))
        if decimals is not None:
            out = np.full(len(column), np.nan)
            out[column.notna().to_numpy()] = decimals[np.searchsorted(np.unique(texts), texts)]
            return out
        wrong = next(i for i, text in texts.items() if not _is_number(text))
        raise UsageError(
            f"{self.path} {self.source.place(int(wrong))}: the {what} column {column.name!r} holds "
            f"{texts[wrong][:40]!r}, which is no number; choose a column of numbers"
            + (f", or leave --task {self.options.task} out" if what == "label" else "")
        )

    def _bits(self, column: pd.Series, _: str) -> NDArray[np.float64]:
        """Labels of 0 and 1 in any of their ways to be written, float64 (n,); NaN where there is none."""
        text = np.char.lower(_texts(column))
        values, inverse = np.unique(text, return_inverse=True)
        known = [*_BITS, *(each.lower() for each in MISSING)]
        if (unknown := ~np.isin(values, known)[inverse]).any():
            row = int(np.argmax(unknown))
            raise UsageError(
                f"{self.path} {self.source.place(row)}: the label column {column.name!r} holds "
                f"{str(text[row])[:40]!r}; --task {Task.MULTILABEL} takes columns of 0 and 1 (or false and true, "
                "no and yes)"
            )
        return np.array([_BITS.get(str(value), np.nan) for value in values])[inverse]

    def labels(self, column: pd.Series) -> NDArray[Any]:
        """Labels as text, integers or booleans (n,); "" where there is none."""
        import pandas as pd

        codes, different = pd.factorize(column)  # what is done to each value is done once; code -1 is the last
        each: pd.Series = pd.Series([*different, None], dtype=float if column.dtype.kind == "f" else object)
        values, place = np.unique(_texts(each), return_inverse=True)
        inverse = place[codes]
        often = np.bincount(inverse, minlength=len(values))
        present = [str(value) for value in values if value not in MISSING]
        numeric = pd.to_numeric(pd.Series(present, dtype=object), errors="coerce").notna().all() if present else False
        if numeric or all(value.lower() in ("true", "false") for value in present):
            missing: Sequence[str] = MISSING
        else:
            missing = MISSING_LABEL
            for value, count in zip(values.tolist(), often.tolist(), strict=True):
                if value in MISSING and value not in MISSING_LABEL:
                    self.notes.append(f"the label {value!r} ({count:,} rows) is a class like the others")
        names = [self._label_name(str(value), missing, numeric) for value in values]
        if len({name for name in names if name}) < len([name for name in names if name]) and numeric:
            whole = {value for value in present if re.fullmatch(INTEGER, value)}
            if len({int(value) for value in whole}) < len(whole):  # 7 and 007 are two labels
                names = ["" if value in missing else str(value) for value in values]
        return np.asarray(np.array(names, dtype=np.str_)[inverse])

    def _label_name(self, value: str, missing: Sequence[str], numeric: bool) -> str:
        if value in missing:
            return ""
        if value.lower() in ("true", "false"):
            return value.capitalize()
        if not numeric:
            return value
        if re.fullmatch(INTEGER, value):
            return str(int(value))
        number = float(value)
        if not number.is_integer():
            raise UsageError(
                f"a label of {self.path} is {value[:40]}; labels must be classes, not reals, "
                "which --task regression learns"
            )
        return str(int(number))

    def without_empty(self, empty: list[str], sources: list[str]) -> list[str]:
        """The columns that have a value at all; a separator at the end of every line makes one that has none."""
        if empty and len(empty) < len(sources):
            self.notes += [f"column {name!r} is left out: it has no values" for name in empty]
            return [name for name in sources if name not in empty]
        return sources

    def without_missing(self, frame: pd.DataFrame, absent: NDArray[np.bool_], labels: list[str]) -> pd.DataFrame:
        """The rows that have every value, labels included; `kept` says which."""
        if texts := [name for name in frame.columns if frame[name].dtype.kind not in "biuf"]:
            frame = frame.copy()
            for name in texts:
                frame[name] = self.stripped(frame[name])
        if not absent.any() and not any(frame[name].hasnans for name in frame.columns):
            return frame
        lacking = np.column_stack([frame.isna().to_numpy().reshape(len(frame), -1), absent])
        names = [*frame.columns, *labels]
        rows = np.asarray(lacking.any(axis=1))
        if not self.options.drop_missing:
            refused = lacking & np.array([not self.may_lack(name) for name in frame.columns] + [True] * len(labels))
            if refused.any():
                row, column = np.argwhere(refused)[0]
                raise self.lacks(int(row), names[column], refused.any(axis=1), feature=column < len(frame.columns))
            return frame
        self.drop(rows)
        return frame[self.kept]

    def lacks(self, row: int, name: str, refused: NDArray[np.bool_], *, feature: bool) -> UsageError:
        """The error for a value that is missing in the first of the rows that are `refused`, bool (n,)."""
        known = ", and the model was trained without missing values there" if feature else ""
        return UsageError(
            f"{self.path} {self.source.place(row)} has no value in column {name!r} ({int(refused.sum()):,} of "
            f"{len(refused):,} rows have missing values){known}; fill them in, or leave such rows out with "
            "--drop-missing"
        )

    def drop(self, rows: NDArray[np.bool_]) -> None:
        """Leave out rows, bool (n,), that have missing values, with a note; `kept` says which are left."""
        if rows.all():
            raise UsageError(f"every row of {self.path} has missing values; leave columns out with --ignore")
        self.kept = ~rows
        self.notes.append(f"{int(rows.sum()):,} of {len(rows):,} rows have missing values and are left out")

    def may_lack(self, name: str) -> bool:
        """Whether values of the column may be missing."""
        wanted, missing = self.options.wanted, self.options.missing
        if wanted is None:
            return True
        return name + MISSING_BIT in wanted or (name in wanted and (missing is None or name in missing))

    @staticmethod
    def stripped(column: pd.Series) -> pd.Series:
        """Text without blanks around it, and what that makes of it: nothing, numbers or truth values with gaps."""
        import pandas as pd

        codes, values = pd.factorize(column)  # what is done to each value is done once
        texts = [str(value).strip() for value in values]
        absent = np.array([text in MISSING for text in texts] + [True])  # code -1 is the last
        present = pd.Series([text for text in texts if text not in MISSING], dtype=object)
        gaps = bool(absent[codes].any())
        table = np.array([*texts, None], dtype=object)
        table[absent] = None
        if len(present):
            if gaps and present.str.lower().isin(("true", "false")).all():
                numbers = present.str.lower() == "true"
            else:
                try:
                    numbers = pd.to_numeric(present, errors="coerce")
                except (OverflowError, ValueError):
                    numbers = pd.Series(np.nan, index=present.index)
            if numbers.notna().all() and not (numbers.dtype.kind == "f" and _beyond(present)):
                table = np.full(len(texts) + 1, np.nan if gaps else 0, np.float64 if gaps else numbers.dtype)
                table[~absent] = numbers.to_numpy()
        return pd.Series(table[codes], index=column.index, name=column.name)

    def features(self, frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Features by name, each (n,)."""
        return self.made(
            {
                name: Made(
                    partial(self.identifies, name, frame[name]),
                    partial(self.feature, name, frame[name]),
                    frame[name].dtype.kind in "iu",
                )
                for name in frame.columns
            },
            lambda values: len(values) > 1 and bool((values == values[0]).all()),
        )

    def made(self, columns: dict[str, Made[T]], is_flat: Callable[[T], bool]) -> dict[str, T]:
        """Features by name, of all columns that do not only name their row."""
        features: dict[str, T] = {}
        identifiers: dict[str, str] = {}
        for name, column in columns.items():
            if self.options.wanted is None and (what := column.identifies()):
                identifiers[name] = what
                continue
            features |= column.features()
        if not features:  # a counter alone may be what is to be learned from
            for name in [name for name in identifiers if columns[name].counter]:
                features |= columns[name].features()
                del identifiers[name]
        if identifiers and not features:
            name, what = next(iter(identifiers.items()))
            raise UsageError(f"{self.path} has no column to learn from: {name!r} holds {what}")
        self.notes += [f"column {name!r} is left out: it holds {what}" for name, what in identifiers.items()]
        flat = [name for name, values in features.items() if is_flat(values)]
        if flat and self.options.wanted is None:
            self.notes.append(f"the same in every row, so that nothing is learned from it: {some(flat)}")
        return features

    def identifies(self, name: str, column: pd.Series) -> str | None:
        """Why a column only names its row; None if it may say something about it.

        Real numbers are never taken for names, whole numbers only if the column's name says so or they exceed 2**53.
        """
        n = len(column)
        most = self.options.max_categories or MAX_CATEGORIES
        if n <= most or column.dtype.kind in "bf":
            return None
        if column.dtype.kind in "iu":
            counts = column.is_monotonic_increasing or column.is_monotonic_decreasing
            return looks_like_an_identifier(name, counts, column.abs().max()) if column.is_unique else None
        if column.nunique() == n and self._decimal(name, np.unique(column.astype(str))) is None:
            self._refuse_units(name, np.unique(column.astype(str)))
            sample = column.head(1000).astype(str)
            if 2 * sum(map(_is_number, sample)) > len(sample):  # numbers with something else among them
                return None
            hint = f" ({WRITE_DATES})" * bool(_SLASHED.fullmatch(str(column.iloc[0])))
            return f"another text in every row, such as {str(column.iloc[0])[:40]!r}{hint}"
        return None

    def read(self, name: str, column: pd.Series, category: bool = False) -> dict[str, NDArray[Any]]:
        """Features of one column, by name; what is marked as categories is never numbers.

        Raises
        ------
        UsageError
            If values of text are missing and the model knows none such.
        """
        wanted = self.options.wanted
        if column.dtype.kind in "biuf":
            return self.feature(name, column)
        absent = column.isna().to_numpy()
        if wanted is not None and name not in wanted and absent.any() and name + MISSING_BIT not in wanted:
            raise UsageError(
                f"column {name!r} of {self.path} has no value in {self.source.place(int(absent.argmax()))}, and the "
                "model was trained without missing values there; fill them in"
            )
        if category or (wanted is not None and name not in wanted):
            text = column[~absent].astype(str).str.strip().to_numpy(dtype=np.str_)
            if wanted is None:
                values, counts = np.unique(text, return_counts=True)
                return self._spread(name, self._new_bits(name, text, values, counts, bool(absent.any())), absent)
            if name not in wanted:
                return self._spread(name, self._known_bits(name, text), absent)
        return self.feature(name, self.stripped(column))

    def feature(self, name: str, column: pd.Series) -> dict[str, NDArray[Any]]:
        import pandas as pd

        wanted = self.options.wanted
        as_text = wanted is not None and name not in wanted
        if column.dtype.kind in "biuf" and not as_text:
            return {name: column.to_numpy()}
        absent = column.isna().to_numpy()
        there = column[~absent]
        text = there.astype(str).to_numpy(dtype=np.str_)
        if as_text:
            return self._spread(name, self._known_bits(name, text), absent)
        values, counts = np.unique(text, return_counts=True)
        if not len(text):
            return {name: np.full(len(column), np.nan)}
        if (numbers := self._decimal(name, values)) is not None:
            return {name: _with_gaps(numbers[np.searchsorted(values, text)], absent)}
        if (days := self._days(name, values)) is not None:
            return {name: _with_gaps(days[np.searchsorted(values, text)], absent)}
        if wanted is None:
            self._refuse_units(name, values)
        try:
            number = pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").notna().to_numpy()
        except OverflowError:  # beyond float64, too
            number = np.ones(len(values), bool)
        if number.all():
            raise UsageError(
                f"{self.path}: column {name!r} holds whole numbers beyond 64 bits; scale them down first, or "
                f"{self.source.without(name)}"
            )
        if wanted is not None and np.isin(np.char.lower(values), ("true", "false")).all():
            return {name: _with_gaps(np.char.lower(text) == "true", absent)}
        row = int(np.argmax(np.isin(text, values[~number])))
        if number.any() or wanted is not None:  # a table of numbers with something else in it
            kind = "among numbers" if number.any() else "where the model reads numbers"
            raise UsageError(
                f"{self.path} {self.source.place(int(there.index[row]))}: column {name!r} holds "
                f"{str(text[row])[:40]!r} {kind}; correct it"
                + (f", or {self.source.without(name)}" if wanted is None else "")
            )
        return self._spread(name, self._new_bits(name, text, values, counts, bool(absent.any())), absent)

    def _spread(self, name: str, bits: dict[str, NDArray[Any]], absent: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """Bits of the rows with a value as bits of all rows, and the bit that says which have none."""
        out = {}
        for key, bit in bits.items():
            out[key] = np.zeros(len(absent), np.int64)
            out[key][~absent] = bit
        wanted = self.options.wanted
        if name + MISSING_BIT in wanted if wanted is not None else absent.any():
            out[name + MISSING_BIT] = absent.astype(np.int64)
        return out

    def _decimal(self, name: str, values: NDArray[Any]) -> NDArray[np.float64] | None:
        """The numbers (n_values,) that texts with decimal commas mean; None if that is not what they are."""
        texts = [str(value) for value in values]
        if not any("," in text for text in texts):
            return None
        thousands = [re.fullmatch(_THOUSANDS, text) is not None for text in texts if "," in text]
        if all(re.fullmatch(DECIMAL_COMMA, text) or re.fullmatch(INTEGER, text) for text in texts):
            if all(thousands) and not self.source.decimal_commas:
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

    def _refuse_units(self, name: str, values: NDArray[Any]) -> None:
        """Raise `UsageError` if more texts than become bits are numbers with one unit behind or a currency before."""
        most = self.options.max_categories or MAX_CATEGORIES
        found = {match.groups("") if (match := _MEASURED.fullmatch(str(value))) else ("", "") for value in values}
        if len(values) > most and len(found) == 1 and found != {("", "")}:
            raise UsageError(
                f"column {name!r} of {self.path} holds {str(values[0])!r}, numbers with a unit; write the numbers "
                f"alone, or {self.source.without(name)}"
            )

    def _days(self, name: str, values: NDArray[Any]) -> NDArray[Any] | None:
        """Days since 1970-01-01 (n_values,) of texts that are dates, with or without times; None if they are not."""
        import pandas as pd

        texts = [_DOTTED.sub(r"\3-\2-\1\4", str(value)) for value in values]  # 31.1.2024
        if not all(map(_DATE.fullmatch, texts)):
            if texts and all(map(_SLASHED.fullmatch, texts)):  # of 1/2/2024 nobody knows the month
                self.notes.append(f"column {name!r} is text: {WRITE_DATES}")
            return None
        times = pd.to_datetime(
            pd.Series([text.replace("/", "-") for text in texts]), format="mixed", utc=True, errors="coerce"
        )
        if times.isna().any():
            return None
        self.notes.append(
            f"column {name!r} holds dates: read as days since 1970-01-01; if they tell nothing, "
            f"{self.source.without(name)}"
        )
        days: NDArray[Any] = ((times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)).to_numpy(np.float64)
        return days.astype(np.int64) if (days == np.rint(days)).all() else days

    def _new_bits(
        self, name: str, text: NDArray[Any], values: NDArray[Any], counts: NDArray[Any], gaps: bool
    ) -> dict[str, NDArray[Any]]:
        """Bits of a column of text, by what it holds."""
        most = self.options.max_categories or MAX_CATEGORIES
        if len(values) > most:
            frequent = np.sort(values[np.argsort(-counts, kind="stable")[:most]])
            bits = {f"{name}={value}": text == value for value in frequent}
            bits[name + OTHER] = rest = ~np.isin(text, frequent)
            self.notes.append(
                f"column {name!r} is text of {len(values)} values: a bit for each of the {most} most frequent "
                f"and one for the others ({int(rest.sum()):,} of {len(text):,} rows); --max-categories N takes more, "
                f"--ignore {shlex.quote(_quoted(name))} leaves it out"
            )
        else:
            named = values[1:] if len(values) == 2 - gaps else values
            bits = {f"{name}={value}": text == value for value in named}
            if len(values) == 2 and not gaps:  # else the features tell
                self.categories[name] = tuple(str(value) for value in values)
            self.notes.append(
                f"column {name!r} is text: "
                + (
                    f"a bit for {str(named[0])!r}"
                    if len(named) == 1
                    else f"a bit for each of its {len(named)} values" * bool(len(named))
                )
                + (" and one for missing values" if len(named) else "a bit for missing values") * gaps
            )
        if twice := bits.keys() & set(self.source.names):
            raise UsageError(f"{self.path} has a column {min(twice)!r} beside a column {name!r} of text; rename one")
        return bits

    def _known_bits(self, name: str, text: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Bits of a column of text, by what a model knows; values that it has not seen are noted."""
        assert self.options.wanted is not None
        wanted = [each for each in self.options.wanted if each.startswith(f"{name}=")]
        known = np.array([each.removeprefix(f"{name}=") for each in wanted], dtype=np.str_)
        bits = {each: text == value for each, value in zip(wanted, known, strict=True)}
        if name + OTHER in self.options.wanted:
            bits[name + OTHER] = ~np.isin(text, known)
        elif len(known) > 1 or name in self.options.categories or name + MISSING_BIT in self.options.wanted:
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
        return bits


def looks_like_an_identifier(name: str, counts: bool, most: float) -> str | None:
    """Why different whole numbers up to `most`, which may be in order, only name their rows; None if they may not."""
    word = _last_word(name)
    if word in _NAMES_AN_IDENTIFIER or (word in _NAMES_A_COUNTER and counts) or most > 2**53:
        return "another whole number in every row and looks like an identifier; rename it if it is none"
    return None


def _quoted(name: str) -> str:
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
    return any(re.fullmatch(INTEGER, str(text)) and not -(1 << 63) <= int(text) < 1 << 64 for text in texts.unique())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _with_gaps(values: NDArray[Any], absent: NDArray[np.bool_]) -> NDArray[Any]:
    """Values of the rows that have one as a column, NaN elsewhere."""
    if not absent.any():
        return values
    out = np.full(len(absent), np.nan)
    out[~absent] = values
    return out


def _texts(column: pd.Series) -> NDArray[np.str_]:
    """Values of any kind as text without blanks around them, "" where there is none; whole numbers have no point."""
    if column.dtype.kind == "f":
        values = column.to_numpy()
        whole = np.isfinite(values) & (values == np.rint(values)) & (np.abs(values) < 2.0**53)
        return np.array(
            ["" if v != v else str(int(v)) if w else repr(float(v)) for v, w in zip(values, whole, strict=True)],
            np.str_,
        )
    texts = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    return np.asarray(texts.to_numpy(), np.str_)
