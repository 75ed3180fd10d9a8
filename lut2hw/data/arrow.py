"""Parquet and Arrow (Feather): tables whose columns have types."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lut2hw.data.columns import COLUMN_OPTIONS, Source, is_wanted, table_of
from lut2hw.data.parts import table_of_parts
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
        frame[name] = column_of(path, name, column, read_it and not left & {name, str(number)})
    import pandas as pd

    return table_of(source, pd.DataFrame(frame), options)


PIECE_ROWS = 1 << 16


def parquet_parts(name: Path, files: Sequence[Path], options: ReadOptions) -> Table:
    """Parquet files as one table, read row group by row group."""
    need("pyarrow", extra="parquet")
    import pyarrow.parquet

    def batches(file: Path, columns: list[int] | None) -> tuple[Any, Iterator[Any]]:
        opened = pyarrow.parquet.ParquetFile(file, memory_map=True)
        schema = opened.schema_arrow
        if columns is None:
            return schema, iter(())
        wanted = [schema.names[i] for i in columns]
        # By name where that is one column, else all of them.
        alone = len(set(schema.names)) == len(schema.names)
        found = opened.iter_batches(PIECE_ROWS, columns=wanted if alone else None)
        return schema, (batch.select(wanted) if alone else batch.select(columns) for batch in found)

    return _parts(name, files, options, batches)


def arrow_parts(name: Path, files: Sequence[Path], options: ReadOptions) -> Table:
    """Arrow files (Feather) or streams as one table, read batch by batch."""
    need("pyarrow", extra="parquet")
    import pyarrow
    import pyarrow.ipc

    def batches(file: Path, columns: list[int] | None) -> tuple[Any, Iterator[Any]]:
        mapped = pyarrow.memory_map(str(file))
        try:
            opened = pyarrow.ipc.open_file(mapped)
            found = (opened.get_batch(i) for i in range(opened.num_record_batches))
        except pyarrow.ArrowInvalid:
            mapped.seek(0)
            opened = pyarrow.ipc.open_stream(mapped)
            found = iter(opened)
        return opened.schema, (
            batch.slice(at, PIECE_ROWS).select(columns or [])
            for batch in found
            for at in range(0, batch.num_rows, PIECE_ROWS)
        )

    return _parts(name, files, options, batches)


def _parts(
    name: Path,
    files: Sequence[Path],
    options: ReadOptions,
    batches: Callable[[Path, list[int] | None], tuple[Any, Iterator[Any]]],
) -> Table:
    """One table of files that have the same columns.

    batches: called as batches(file, numbers of columns): the schema, and record batches of these columns; without
    numbers the schema alone matters.
    """
    import pandas as pd
    import pyarrow

    @contextlib.contextmanager
    def reading(file: Path) -> Iterator[None]:
        try:
            yield
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            if isinstance(error, OSError) and error.strerror:
                raise
            raise UsageError(f"{file} cannot be read: it is damaged or cut short ({type(error).__name__})") from None

    first: Any = None
    types: list[Any] = []
    for file in files:
        with reading(file), open_regular(file):
            schema, _ = batches(file, None)
        if first is None:
            first, types = schema, list(schema.types)
        if schema.names != first.names or not all(map(_fit, schema.types, types)):
            both = list(
                zip(zip(schema.names, schema.types, strict=True), zip(first.names, types, strict=True), strict=False)
            )
            at = next(
                (i for i, (here, there) in enumerate(both) if here[0] != there[0] or not _fit(here[1], there[1])),
                len(both),
            )
            here, there = (
                f"{names[at]!r} ({kinds[at]})" if at < len(names) else "none"
                for names, kinds in ((schema.names, schema.types), (first.names, types))
            )
            raise UsageError(
                f"{file} has other columns than {files[0]}: column {at} is {here}, not {there}; parts of one table "
                "have the same columns"
            )
        types = [new if pyarrow.types.is_null(old) else old for old, new in zip(types, schema.types, strict=True)]
    source = Source(name, [str(each).strip() for each in first.names])
    source.tell_apart(options)
    left = {str(each) for each in options.ignore}

    def frames(names: Sequence[str]) -> Iterator[pd.DataFrame]:
        numbers = [number for number, each in enumerate(source.names) if each in set(names)]
        for file in files:
            with reading(file):
                for batch in batches(file, numbers)[1]:
                    batch.validate(full=True)  # offsets of text may point anywhere
                    frame = {}
                    for number, column in zip(numbers, batch.columns, strict=True):
                        each = source.names[number]
                        needed = options.wanted is None or is_wanted(each, options.wanted) or each == options.label
                        needed &= not left & {each, str(number)}
                        if pyarrow.types.is_null(column.type):  # of a part without a value
                            column = column.cast(types[number])
                        frame[each] = column_of(file, each, pyarrow.chunked_array([column]), needed)
                    yield pd.DataFrame(frame, index=range(batch.num_rows))

    return table_of_parts(source, frames, options)


def _fit(one: Any, other: Any) -> bool:
    """Whether two types are the same, or one is that of a column without a value."""
    import pyarrow.types as types

    return bool(one == other or types.is_null(one) or types.is_null(other))


def column_of(path: Path, name: str, column: Any, needed: bool) -> pd.Series:
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


PARQUET = Format("Parquet", (".parquet",), read_parquet, COLUMN_OPTIONS, read_parts=parquet_parts)
ARROW = Format("Arrow", (".arrow", ".feather"), read_arrow, COLUMN_OPTIONS, read_parts=arrow_parts)
