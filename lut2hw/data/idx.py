"""Folders of four idx files, as MNIST and its relatives come."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from lut2hw.data.npz import table_of_arrays
from lut2hw.data.source import most_bytes
from lut2hw.data.table import MAX_BYTES, Format, ReadOptions, Table
from lut2hw.errors import UsageError
from lut2hw.files import open_regular

NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


def read_idx_folder(folder: Path) -> Table:
    """The four files of MNIST and its relatives, each plain or gzipped."""
    arrays = {}
    for key, name in NAMES.items():
        found = [
            folder / f"{stem}{suffix}"
            for stem in (name, name.replace("-idx", ".idx"))
            for suffix in (".gz", "")
            if (folder / f"{stem}{suffix}").is_file()
        ]
        if not found:
            raise UsageError(
                f"folder {folder} has no {name}.gz; it needs the four MNIST-style files: "
                + ", ".join(f"{each}.gz" for each in NAMES.values())
            )
        arrays[key] = read_idx(found[0])
    return table_of_arrays(str(folder), arrays)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """One idx file of unsigned bytes."""
    try:
        if path.suffix == ".gz":
            with open_regular(path) as file, gzip.open(file) as packed:
                return _idx(packed, most_bytes(path.stat().st_size))
        with open_regular(path) as file:
            return _idx(file, MAX_BYTES)
    except UsageError as error:
        raise UsageError(f"{path} is not a usable idx file: {error}") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise UsageError(f"{path} is not a usable idx file: it is damaged or cut short") from None


def _idx(file: BinaryIO | gzip.GzipFile, most: int) -> NDArray[np.uint8]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 4:
        raise UsageError("its first bytes are not those of an idx file of bytes")
    sides = file.read(4 * magic[3])
    shape = tuple(int(side) for side in np.frombuffer(sides[: len(sides) // 4 * 4], ">u4"))
    size = math.prod(shape)
    if size > most:
        raise UsageError(f"it claims {size:,} bytes")
    data = bytearray()
    while len(data) <= size and (part := file.read(min(1 << 24, size + 1 - len(data)))):
        data += part  # grows with what is really there, never with what the header claims
    if len(shape) != magic[3] or len(data) != size:
        raise UsageError(f"its header says {shape}, which is not how much data follows")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _read(path: Path, options: ReadOptions) -> Table:
    return read_idx_folder(path)


def holds_idx(folder: Path) -> bool:
    """Whether one of the four files is there."""
    return any(folder.glob("*-images[-.]idx3-ubyte*")) or any(folder.glob("*-labels[-.]idx1-ubyte*"))


FORMAT = Format("folder of idx files", (), _read, holds=holds_idx)
