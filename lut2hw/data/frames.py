"""Frames of pandas, polars and other libraries as columns of numbers; their text is read as that of files is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
from narwhals.dependencies import is_into_dataframe
from narwhals.exceptions import DuplicateError
from numpy.typing import NDArray

from lut2hw.data.columns import Columns, Source
from lut2hw.data.table import ReadOptions
from lut2hw.errors import UsageError


@dataclass(frozen=True, eq=False)
class FrameColumns:
    """A frame as numbers."""

    x: NDArray[Any]
    """Integers or float64 (n, n_features)."""
    names: tuple[str, ...]
    """One per feature."""
    column: NDArray[np.intp]
    """(n_features,), the frame's column that each feature is made of, from 0."""
    categories: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Values of the columns of text that have two, of which the features name only the second."""
    notes: tuple[str, ...] = ()
    """What was done to the columns, in sentences for people."""


class _Frame(Source):
    """What is said of a frame."""

    def without(self, name: str) -> str:
        """What to do to leave a column out."""
        return "drop the column"


def is_frame(data: Any) -> bool:
    """Whether `data` is a frame of pandas, polars, pyarrow or another library that narwhals knows.

    Parameters
    ----------
    data : Any
        Anything.
    """
    return bool(is_into_dataframe(data))


def is_numeric(frame: Any) -> bool:
    """Whether every column of a frame holds numbers, which need no translation.

    Parameters
    ----------
    frame : frame
        Of pandas, polars or another library.
    """
    try:
        columns = list(nw.from_native(frame, eager_only=True).iter_columns())
    except DuplicateError:  # names do not matter where nothing is made of them
        return True
    return all(column.dtype.is_numeric() and column.dtype != nw.Decimal for column in columns)


def read_frame(frame: Any, options: ReadOptions) -> FrameColumns:
    """Columns of numbers, booleans, texts and categories as features.

    A column of text or categories becomes a feature `COLUMN=VALUE` of 0 and 1 for each of its values, or for the
    second alone if there are two; of more than `max_categories` values the most frequent ones, and `COLUMN: other`:
    as of a file. Text that holds numbers throughout is numbers, categories never are. Missing numbers are NaN, and
    text has a bit for what is missing, `COLUMN: missing`, if some is.

    Parameters
    ----------
    frame : frame
        Of pandas, polars or another library.
    options : ReadOptions
        Of which `max_categories`, and to read a frame like another one `wanted` and `categories` count.

    Raises
    ------
    UsageError
        In one line, for a column that is neither, or no longer what it was.
    """
    wanted = options.wanted
    columns = list(nw.from_native(frame, eager_only=True).iter_columns())
    texts = Columns(_Frame(Path("X"), [str(column.name) for column in columns]), options, [])
    features: dict[str, NDArray[Any]] = {}
    of: list[int] = []
    for number, column in enumerate(columns):
        made = _features(column, texts)
        if wanted is not None:
            made = {name: bits for name, bits in made.items() if name in wanted}
        features |= made
        of += [number] * len(made)
    x = np.column_stack([np.zeros((len(columns[0]) if columns else 0, 0), np.int8), *features.values()])
    return FrameColumns(x, tuple(features), np.array(of, np.intp), texts.categories, tuple(texts.notes))


def _features(column: nw.Series[Any], texts: Columns) -> dict[str, NDArray[Any]]:
    import pandas as pd

    name, dtype = str(column.name), column.dtype
    if dtype.is_numeric() or dtype == nw.Boolean:
        given = column.cast(nw.Float64) if column.null_count() or dtype == nw.Decimal else column
        return texts.read(name, pd.Series(given.to_numpy(), name=name))
    if not dtype.is_temporal() and dtype in (nw.Categorical, nw.Enum, nw.String, nw.Object):
        category = dtype in (nw.Categorical, nw.Enum)
        values = pd.Series((column.cast(nw.String) if category else column).to_list(), dtype=object, name=name)
        return texts.read(name, values, category)
    raise UsageError(f"column {name!r} of X holds {dtype}, which is neither numbers nor text; make one of it")
