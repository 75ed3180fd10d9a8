"""Dask frames and arrays, read partition by partition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lut2hw.data.arrow import column_of
from lut2hw.data.columns import Source
from lut2hw.data.npz import table_of_arrays
from lut2hw.data.parts import table_of_array_parts, table_of_parts
from lut2hw.data.table import ReadOptions, Table
from lut2hw.errors import UsageError
from lut2hw.extras import need

if TYPE_CHECKING:
    import pandas as pd

FRAME, ARRAYS = "Dask frame", "Dask arrays"


def collection(data: Any) -> str | None:
    """What a Dask collection is called: a frame, or arrays of examples and labels; None of all else.

    Parameters
    ----------
    data : Any
        Anything.
    """
    if hasattr(data, "dask") and hasattr(data, "partitions") and hasattr(data, "columns"):
        return FRAME
    if isinstance(data, tuple) and len(data) == 2 and hasattr(data[0], "dask") and hasattr(data[0], "chunks"):
        return ARRAYS
    return None


def read_collection(data: Any, options: ReadOptions) -> Table:
    """A Dask frame, or arrays (x, y), computed one partition after the other, in each pass anew.

    Parameters
    ----------
    data : frame or (array, array)
        A Dask frame, or Dask arrays of examples (n, n_features) or images, and of their labels.
    options : ReadOptions
        How.

    Raises
    ------
    UsageError
        As for a Parquet file.
    """
    return _frame(data, options) if collection(data) == FRAME else _arrays(data[0], data[1], options)


def _frame(frame: Any, options: ReadOptions) -> Table:
    need("pyarrow", extra="parquet")
    import pandas as pd
    import pyarrow

    source = Source(Path(FRAME), [str(name).strip() for name in frame.columns])
    source.tell_apart(options)

    def frames(names: Sequence[str]) -> Iterator[pd.DataFrame]:
        numbers = [number for number, each in enumerate(source.names) if each in set(names)]
        for at in range(frame.npartitions):
            part = frame.iloc[:, numbers].partitions[at].compute()
            columns = {}
            for place, number in enumerate(numbers):
                try:
                    column = pyarrow.chunked_array([pyarrow.array(part.iloc[:, place], from_pandas=True)])
                except pyarrow.ArrowException as error:
                    raise UsageError(
                        f"column {source.names[number]!r} of the {FRAME} cannot be read: {error}"
                    ) from None
                columns[source.names[number]] = column_of(source.path, source.names[number], column, True)
            yield pd.DataFrame(columns, index=range(len(part)))

    return table_of_parts(source, frames, options)


def _arrays(x: Any, y: Any, options: ReadOptions) -> Table:
    labels = np.asarray(y)
    ends = np.cumsum(x.chunks[0]).tolist()
    if x.ndim < 2 or any(end != end for end in ends) or len(labels) != ends[-1]:
        raise UsageError(
            f"{ARRAYS} have shapes {x.shape} and {labels.shape}; expected (examples, features) or images, and one "
            "label per example, of known sizes (compute_chunk_sizes)"
        )

    def tables() -> Iterator[Table]:
        for first, last in zip([0, *ends], ends, strict=False):
            part = {"x_train": np.asarray(x[first:last]), "y_train": labels[first:last]}
            if last > first:
                yield table_of_arrays(ARRAYS, part, options.task)

    return table_of_array_parts(ARRAYS, tables, options)
