"""Tables that are read in parts: what `table_of` and `table_of_arrays` make of all, of one part after the other.

Numbers are read again for each pass and held nowhere; labels, weights and columns of text are held, one small integer
a row. Nothing depends on how the rows are divided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.data.columns import Columns, Made, Source, dtype_of, looks_like_an_identifier, roles
from lut2hw.data.rows import Rows
from lut2hw.data.table import MAX_CATEGORIES, ReadOptions, Table
from lut2hw.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

MAX_TEXTS = 1 << 20
"""Different texts of a column."""

LARGE = 256 << 20
"""Bytes of a file from which on it is read in parts."""

Frames = Callable[[Sequence[str]], "Iterator[pd.DataFrame]"]
"""Called with names of columns, some of `Source.names`: yields frames of these, in order, the same each time."""


def table_of_parts(source: Source, frames: Frames, options: ReadOptions, notes: Sequence[str] = ()) -> Table:
    """`lut2hw.data.columns.table_of` of a table that is read part by part.

    Parameters
    ----------
    source : Source
        Names of all columns, told apart.
    frames : Frames
        Reads the parts.
    options : ReadOptions
        How.
    notes : sequence of str
        What was done so far.

    Raises
    ------
    UsageError
        As `table_of`, and for a column of too many texts.
    """
    import pandas as pd

    labels, weight, sources = roles(source, options, 1)
    columns = Columns(source, options, [*notes, *source.notes])
    held = {name: _Column(source, name) for name in [*labels, *([] if weight is None else [weight])]}
    texts: dict[str, _Column] = {}
    numbers: dict[str, _Numbers] = {}
    absences = _Absences([name for name in sources if not columns.may_lack(name)])
    n = 0
    for frame in frames([*held, *sources]):
        for name in sources:
            if name not in texts and name not in numbers:
                known = options.wanted is not None and name not in options.wanted
                if known or frame[name].dtype.kind not in "iuf":
                    texts[name] = _Column(source, name)
                else:
                    numbers[name] = _Numbers()
        for name, column in (held | texts).items():
            column.add(frame[name])
        for name, look in numbers.items():
            if frame[name].dtype.kind not in "iuf":
                raise UsageError(
                    f"{source.path} {source.place(n)}: column {name!r} holds text where it held numbers before; "
                    f"correct it, or {source.without(name)}"
                )
            look.add(frame[name].to_numpy())
        absences.add(frame, numbers, n)
        n += len(frame)
    labels, weight, sources = roles(source, options, n)
    whole = {name: column.series() for name, column in (held | texts).items()}
    if options.wanted is None:
        empty = [name for name, look in numbers.items() if not look.there]
        empty += [name for name in texts if whole[name].isna().all()]
        sources = columns.without_empty([name for name in sources if name in empty], sources)
    y, absent = columns.answers(pd.DataFrame({name: whole[name] for name in labels}, index=range(n)))
    weights = None if weight is None else columns.weights(whole[weight])
    texts = {name: column for name, column in texts.items() if name in sources}
    for name in texts:
        if whole[name].dtype.kind not in "biuf":
            whole[name] = columns.stripped(whole[name])
    lacking = absences.rows([name for name in numbers if name in sources])
    for name in texts:
        lacking |= whole[name].isna().to_numpy()
    lacking |= absent.any(axis=1)
    if lacking.any():
        if options.drop_missing:
            columns.drop(lacking)
            again = {name: _Numbers() for name in numbers}
            at, kept = 0, columns.kept
            assert kept is not None
            for frame in frames(list(numbers)):
                for name, look in again.items():
                    look.add(frame[name].to_numpy()[kept[at : at + len(frame)]])
                at += len(frame)
            numbers = again
            for name in texts:
                whole[name] = whole[name][kept]
        else:
            gaps = {name: whole[name].isna().to_numpy() for name in texts if not columns.may_lack(name)}
            gaps |= {name: absent[:, i] for i, name in enumerate(labels)}
            absences.refuse(columns, sources, gaps)
    made = columns.made(
        {
            name: _of_text(columns, name, whole[name])
            if name in texts
            else _of_numbers(source, options, name, numbers[name], frames, columns)
            for name in sources
        },
        _Feature.is_flat,
    )
    x = _rows(source, frames, made, n, columns.kept)
    return columns.table(x, y, weights, tuple(made), labels)


# --- columns that are held ----------------------------------------------------------------------------------------


class _Column:
    """A column of which all values are held: text once for each different one."""

    def __init__(self, source: Source, name: str) -> None:
        self.source, self.name = source, name
        self.number: dict[Any, int] = {}
        self.parts: list[NDArray[Any]] = []
        self.coded = False

    def add(self, column: pd.Series) -> None:
        """The next rows."""
        import pandas as pd

        if column.dtype.kind in "iuf" and not self.coded:
            self.parts.append(column.to_numpy(copy=True))
            return
        if not self.coded:
            self.coded = True
            self.parts = [self._coded(pd.Series(part)) for part in self.parts]
        self.parts.append(self._coded(column))

    def _coded(self, column: pd.Series) -> NDArray[np.int32]:
        import pandas as pd

        codes, values = pd.factorize(column)
        own = np.array([self.number.setdefault(value, len(self.number)) for value in values] + [-1], np.int32)
        if len(self.number) > MAX_TEXTS:
            raise UsageError(
                f"column {self.name!r} of {self.source.path} holds more than {MAX_TEXTS:,} different texts; "
                f"{self.source.without(self.name)}"
            )
        coded: NDArray[np.int32] = own[codes]
        return coded

    def series(self) -> pd.Series:
        """All of it, in the dtype that it has where it is read at once."""
        import pandas as pd

        if not self.coded:
            return pd.Series(np.concatenate(self.parts), name=self.name)
        codes = np.concatenate(self.parts)
        values = list(self.number)
        if values and all(isinstance(value, bool | np.bool_) for value in values) and (codes >= 0).all():
            return pd.Series(np.array(values, bool)[codes], name=self.name)
        texts = [str(value) if isinstance(value, bool | np.bool_) else value for value in values]
        table = np.empty(len(texts) + 1, object)
        table[: len(texts)] = texts
        return pd.Series(table[codes], name=self.name, dtype=object)


@dataclass
class _Numbers:
    """What is to be known of a column of numbers."""

    kind: str = "i"
    there: int = 0
    gaps: bool = False
    least: Any = None
    greatest: Any = None
    last: Any = None
    rises: bool = True
    falls: bool = True

    def add(self, values: NDArray[Any]) -> None:
        """The next rows."""
        if not len(values):
            return
        self.kind = values.dtype.kind if not self.there or values.dtype.kind == "f" else self.kind
        if values.dtype.kind == "f":
            absent = np.isnan(values)
            if absent.any():
                self.gaps = True
                values = values[~absent]
                if not len(values):
                    return
        else:
            joined = values if self.last is None else np.concatenate([[self.last], values])
            self.rises &= bool((joined[1:] > joined[:-1]).all())
            self.falls &= bool((joined[1:] < joined[:-1]).all())
            self.last = values[-1]
        low, high = values.min().item(), values.max().item()
        self.least = low if self.there == 0 else min(self.least, low)
        self.greatest = high if self.there == 0 else max(self.greatest, high)
        self.there += len(values)


class _Absences:
    """Rows of which numbers are missing.

    Parameters
    ----------
    refused : list[str]
        Columns where none may be missing.
    """

    def __init__(self, refused: list[str]) -> None:
        self.refused = set(refused)
        self.parts: list[dict[str, NDArray[np.uint8]]] = []
        self.sizes: list[int] = []

    def add(self, frame: pd.DataFrame, names: Iterable[str], at: int) -> None:
        """The next rows."""
        found = {}
        for name in names:
            if frame[name].dtype.kind == "f" and (absent := frame[name].isna().to_numpy()).any():
                found[name] = np.packbits(absent)
        self.parts.append(found)
        self.sizes.append(len(frame))

    def rows(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """bool (n,), where any of the columns has no value."""
        out = np.zeros(sum(self.sizes), bool)
        at, wanted = 0, set(names)
        for found, size in zip(self.parts, self.sizes, strict=True):
            for name in wanted & found.keys():
                out[at : at + size] |= np.unpackbits(found[name], count=size).astype(bool)
            at += size
        return out

    def refuse(self, columns: Columns, sources: Sequence[str], gaps: dict[str, NDArray[np.bool_]]) -> None:
        """Raise `UsageError` for the first value that is missing where none may be.

        gaps: bool (n,) of columns that are held and may not lack values, labels last.
        """
        given = {name: self.rows([name]) for name in sources if name in self.refused and name not in gaps}
        given |= gaps
        order = [*(name for name in sources if name in given), *(name for name in given if name not in sources)]
        refused = np.zeros(sum(self.sizes), bool)
        for name in order:
            refused |= given[name]
        if refused.any():
            row = int(np.argmax(refused))
            name = next(each for each in order if given[each][row])
            raise columns.lacks(row, name, refused, feature=name in sources)


# --- features -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Feature:
    """A feature: a column of the source, or values that are held."""

    kind: str
    """Of its dtype."""
    column: str | None
    values: NDArray[Any] | None
    flat: bool

    def is_flat(self) -> bool:
        """Whether it is the same in every row."""
        return self.flat


def _of_text(columns: Columns, name: str, column: pd.Series) -> Made[_Feature]:
    def features() -> dict[str, _Feature]:
        out = {}
        for each, values in columns.feature(name, column).items():
            flat = len(values) > 1 and bool((values == values[0]).all())
            kind = values.dtype.kind
            if kind in "iu" and len(values) and values.min() >= 0 and values.max() < 256:
                values = values.astype(np.uint8)
            out[each] = _Feature(kind, None, values, flat)
        return out

    return Made(partial(columns.identifies, name, column), features, column.dtype.kind in "iu")


def _of_numbers(
    source: Source, options: ReadOptions, name: str, look: _Numbers, frames: Frames, columns: Columns
) -> Made[_Feature]:
    whole = look.kind in "iu"

    def identifies() -> str | None:
        if not whole or look.there <= (options.max_categories or MAX_CATEGORIES):
            return None
        most = max(-look.least, look.greatest)
        counts = look.rises or look.falls
        what = looks_like_an_identifier(name, counts, most)
        if what is None or counts:
            return what
        column = _Column(source, name)
        at = 0
        for frame in frames([name]):
            end = at + len(frame)
            column.add(frame[name] if columns.kept is None else frame[name][columns.kept[at:end]])
            at = end
        return columns.identifies(name, column.series())

    def features() -> dict[str, _Feature]:
        flat = look.there > 1 and not look.gaps and look.least == look.greatest
        return {name: _Feature(look.kind, name, None, flat)}

    return Made(identifies, features, whole)


def _rows(source: Source, frames: Frames, made: dict[str, _Feature], n: int, kept: NDArray[np.bool_] | None) -> Rows:
    dtype = dtype_of({feature.kind for feature in made.values()})
    names = [feature.column for feature in made.values() if feature.column is not None]

    def read() -> Iterator[NDArray[Any]]:
        at = done = 0
        for frame in frames(names):
            end = at + len(frame)
            some = np.ones(len(frame), bool) if kept is None else kept[at:end]
            rows = int(some.sum())
            out: NDArray[Any] = np.empty((rows, len(made)), dtype)
            for number, feature in enumerate(made.values()):
                if feature.values is not None:
                    out[:, number] = feature.values[done : done + rows]
                else:
                    values = frame[feature.column].to_numpy()
                    out[:, number] = values if rows == len(frame) else values[some]
            at, done = end, done + rows
            yield out
        if at != n:
            raise UsageError(f"{source.path} changed while it was read; read it again")

    return Rows(read, n if kept is None else int(kept.sum()), len(made), dtype)


# --- arrays -------------------------------------------------------------------------------------------------------


def table_of_array_parts(name: str, tables: Callable[[], Iterator[Table]], options: ReadOptions) -> Table:
    """One table of tables of arrays that are read one after the other.

    Parameters
    ----------
    name : str
        For messages.
    tables : callable
        Called as tables(): yields tables without a test split, in order, the same each time.
    options : ReadOptions
        How.

    Raises
    ------
    UsageError
        If they do not fit together.
    """
    first: Table | None = None
    ys, gone = [], []
    low = high = None
    for table in tables():
        if table.x_test is not None:
            raise UsageError(f"{table.name} has a test split, which a part of {name} cannot; give all as x_train")
        if first is None:
            first = table
        for what, here, there in (
            ("features", table.x_train.shape[1:], first.x_train.shape[1:]),
            ("images", table.image_shape, first.image_shape),
            ("examples", table.x_train.dtype, first.x_train.dtype),
            ("kinds of labels", table.y_train.dtype.kind, first.y_train.dtype.kind),
            ("labels", table.y_train.shape[1:], first.y_train.shape[1:]),
        ):
            if here != there:
                raise UsageError(
                    f"{table.name} has other {what} than {first.name}: {here} and {there}; the parts of {name} must "
                    "fit together"
                )
        ys.append(table.y_train)
        if table.low is not None:
            low, high = table.low, table.high
        gone.append(np.isnan(table.x_train).any(axis=1) if options.drop_missing else np.zeros(0, bool))
    if first is None:
        raise UsageError(f"{name} holds no examples")
    y = np.concatenate(ys)
    width, dtype = first.x_train.shape[1], first.x_train.dtype
    x = Rows(lambda: (table.x_train for table in tables()), len(y), width, dtype)
    notes: tuple[str, ...] = ()
    kept = None
    if options.drop_missing:
        kept = ~np.concatenate(gone)
        if not kept.any():
            raise UsageError(f"every example of {name} has missing values")
        if not kept.all():
            notes = (f"{int((~kept).sum()):,} of {len(kept):,} rows have missing values and are left out",)
        x, y = x.where(kept), y[kept]
    return Table(name, x, y, image_shape=first.image_shape, low=low, high=high, kept=kept, notes=notes)


def in_parts(path: Path, options: ReadOptions) -> bool:
    """Whether a file is to be read in parts.

    Parameters
    ----------
    path : Path
        The file.
    options : ReadOptions
        Which may ask for it.
    """
    return options.in_parts or (path.is_file() and path.stat().st_size > LARGE)


def part_files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """Files of a folder in the order of their names, hidden ones and those that tools add left out.

    Parameters
    ----------
    folder : Path
        Of one format.
    suffixes : Sequence[str]
        Endings of that format; no file if there are others, too.
    """
    files = sorted(path for path in folder.iterdir() if path.name[:1] not in "._" and path.is_file())
    return files if files and all(path.suffix.lower() in suffixes for path in files) else []
