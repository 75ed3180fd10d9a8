"""Tables of plain numbers: the one case that pyarrow reads as pandas does, in a fraction of the time."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MOST_DIGITS = 15
"""Characters of a number. So many digits are whole numbers that float64 has, and 10**15 is one, too: their quotient,
which both readers return, is rounded once (W. D. Clinger, "How to Read Floating Point Numbers Accurately", 1990).
"""
FEW = 1 << 20
"""Bytes of a table that pandas reads at once."""
_BLOCK = 1 << 20


def read_plain(
    data: bytes, names: list[str], as_text: list[str], separator: str, *, header: bool
) -> pd.DataFrame | None:
    """What `pandas.read_csv` makes of a table, if there is no doubt about that; else None.

    Parameters
    ----------
    data : bytes
        The table, in UTF-8.
    names : list[str]
        Names to give to the columns.
    as_text : list[str]
        Columns that are read as text.
    separator : str
        Of the values.
    header : bool
        Whether the first line holds names.

    Returns
    -------
    DataFrame or None
        int64, float64 and text; None if pyarrow is not installed, or anything but digits, signs, points, separators
        and line ends follows the header, a number is long, or a column lacks values.
    """
    if len(data) < FEW or separator != "," or importlib.util.find_spec("pyarrow") is None:
        return None
    start = data.find(b"\n") + 1 if header else 0
    first = data[:start]
    if header and (not first.strip() or first.count(b'"') % 2):
        return None
    if b"\r" in first[:-2] or not is_plain(data, start):
        return None
    import pyarrow
    import pyarrow.csv

    try:
        table = pyarrow.csv.read_csv(
            pyarrow.BufferReader(data),
            pyarrow.csv.ReadOptions(column_names=names, skip_rows=int(header), block_size=8 << 20),
            pyarrow.csv.ParseOptions(quote_char=False),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(as_text, pyarrow.string()),
                null_values=[],
                true_values=[],
                false_values=[],
                strings_can_be_null=False,
            ),
        )
    except pyarrow.ArrowException:  # rows of other lengths, say: pandas tells which
        return None
    wanted = {pyarrow.int64(), pyarrow.float64()}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if column.null_count or (name not in as_text and column.type not in wanted):
            return None
    frame: pd.DataFrame = table.to_pandas(split_blocks=True)
    return frame


def is_plain(data: bytes, start: int = 0) -> bool:
    """Whether bytes hold but digits, signs, points, commas and line ends, and no run of digits is long.

    Parameters
    ----------
    data : bytes
        A table.
    start : int, default=0
        Where to begin.
    """
    whole = np.frombuffer(data, np.uint8)
    for first in range(start, len(whole), _BLOCK):
        block = whole[max(start, first - MOST_DIGITS) : first + _BLOCK]  # runs go on over the end of a block
        low = block < ord(",")
        ends = (block == ord("\n")) | (block == ord("\r"))
        if (low != ends).any() or ((block > ord("9")) | (block == ord("/"))).any():
            return False
        run = ~(ends | (block == ord(",")))
        for step in (1, 2, 4, 8):  # runs of 2, 4, 8 and 16
            run = run[step:] & run[:-step]
        if run.any():
            return False
    returns = data.count(b"\r", start)
    return not returns or returns == data.count(b"\r\n", start)
