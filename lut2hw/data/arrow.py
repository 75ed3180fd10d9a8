"""Parquet and Arrow (Feather): tables whose columns have types."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lut2hw.data.columns import COLUMN_OPTIONS, Source, is_wanted, table_of
from lut2hw.data.table import MAX_BYTES, Format, ReadOptions, Table
from lut2hw.errors import UsageError
from lut2hw.extras import need
from lut2hw.files import open_regular

if TYPE_CHECKING:
    import pandas as pd


def read_parquet(path: Path, options: ReadOptions) -> Table:
    """Columns of numbers, truth values, text, categories, dates and times; null is a missing value."""
    need("pyarrow", extra="parquet")
    import pyarrow.parquet

    return _read(path, options, lambda file: pyarrow.parquet.ParquetFile(file).read())


def read_arrow(path: Path, options: ReadOptions) -> Table:
    """The same in Arrow's own format, as files (Feather) or streams."""
    need("pyarrow", extra="parquet")
    import pyarrow
    import pyarrow.ipc

    def read(file: Any) -> Any:
        try:
            return pyarrow.ipc.open_file(file).read_all()
        except pyarrow.ArrowInvalid:
            file.seek(0)
            return pyarrow.ipc.open_stream(file).read_all()

    return _read(path, options, read)


def _read(path: Path, options: ReadOptions, read: Any) -> Table:
    import pyarrow

    try:
        with open_regular(path) as file:
            table = read(file)
            table.validate(full=True)  # offsets of text may point anywhere
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise
        raise UsageError(f"{path} cannot be read: it is damaged or cut short ({type(error).__name__})") from None
    if table.nbytes > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES >> 30} GiB when it is read; give a sample of it")
    source = Source(path, [str(name).strip() for name in table.column_names])
    source.tell_apart(options)
    left = {str(name) for name in options.ignore}
    frame = {}
    for number, (name, column) in enumerate(zip(source.names, table.columns, strict=True)):
        read_it = options.wanted is None or is_wanted(name, options.wanted) or name == options.label
        frame[name] = _column(path, name, column, read_it and not left & {name, str(number)})
    import pandas as pd

    return table_of(source, pd.DataFrame(frame), options)


def _column(path: Path, name: str, column: Any, needed: bool) -> pd.Series:
    """Numbers as they are; texts, truth values and times as text, as they stand in a table of text."""
    import pandas as pd
    import pyarrow
    import pyarrow.types as types

    kind = column.type
    if types.is_dictionary(kind):
        kind = kind.value_type
        column = column.cast(kind)
    if types.is_integer(kind) or types.is_floating(kind):
        return column.to_pandas()
    if types.is_decimal(kind):
        return column.cast(pyarrow.float64()).to_pandas()
    if types.is_boolean(kind) and not column.null_count:
        return column.to_pandas()
    if types.is_boolean(kind) or types.is_date(kind) or types.is_timestamp(kind) or types.is_null(kind):
        values = [None if value is None else str(value) for value in column.to_pylist()]
        return pd.Series(values, dtype=object)
    if types.is_string(kind) or types.is_large_string(kind):
        return pd.Series(column.to_pylist(), dtype=object)
    if needed:
        raise UsageError(
            f"column {name!r} of {path} holds {kind}, which is no number or text; leave it out with --ignore"
        )
    return pd.Series([None] * len(column), dtype=object)


PARQUET = Format("Parquet", (".parquet",), read_parquet, COLUMN_OPTIONS)
ARROW = Format("Arrow", (".arrow", ".feather"), read_arrow, COLUMN_OPTIONS)
