"""NumPy archives: x_train, y_train and, both or neither, x_test, y_test.

Files are untrusted: nothing is unpickled, and no array is allocated before its size is known to be honest.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.choices import Task
from lut2hw.data.parts import table_of_array_parts
from lut2hw.data.source import most_bytes
from lut2hw.data.table import SEVERAL, Format, ReadOptions, Table
from lut2hw.errors import UsageError
from lut2hw.files import open_regular


def read_array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """One array of a NumPy archive, after its header is known to agree with the size of the member."""
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > most_bytes(info.compress_size):
        raise UsageError(f"its array {name} is too large ({info.file_size:,} bytes)")
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = reader(file, max_header_size=4096)
        if dtype.hasobject:
            raise UsageError(
                f"its array {name} holds Python objects, which are not read; save numbers or strings, "
                "as with .astype(float) or .astype(str)"
            )
        if math.prod(shape) * dtype.itemsize != info.file_size - file.tell():
            raise UsageError(f"its array {name} does not have the size its header says")
    with archive.open(info) as file:
        return np.lib.format.read_array(file, allow_pickle=False, max_header_size=4096)


def open_npz(path: Path, names: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, NDArray[Any]]:
    """The arrays called `names` (and `optional` if there) of a NumPy archive."""
    try:
        with open_regular(path) as source, zipfile.ZipFile(source) as archive:
            there = {member.removesuffix(".npy") for member in archive.namelist()}
            lacking = [name for name in names if name not in there]
            if lacking:
                shown = ", ".join(ascii(name)[1:-1][:40] for name in sorted(there)[:8])
                raise UsageError(f"it has no array {lacking[0]!r} (it has: {shown or 'none'})")
            return {name: read_array(archive, name) for name in (*names, *optional) if name in there}
    except UsageError as error:
        raise UsageError(f"cannot use {path}: {error}") from None
    except OSError:
        raise
    except Exception as error:  # damaged archives fail in many ways
        raise UsageError(
            f"{path} is not a readable NumPy archive ({type(error).__name__}); save it with "
            "numpy.savez(x_train=..., y_train=..., x_test=..., y_test=...)"
        ) from None


def read_npz(path: Path, options: ReadOptions) -> Table:
    """The splits of an archive; without labels those that are there."""
    if not options.labelled:
        arrays = open_npz(path, (), ("x_train", "x_test"))
        if not arrays:
            raise UsageError(f"{path} has neither x_test nor x_train, which hold the examples")
        splits = dict(zip(("train", "test"), arrays.values(), strict=False))
        arrays = {f"x_{split}": x for split, x in splits.items()}
        arrays |= {f"y_{split}": np.zeros(len(x), np.int64) for split, x in splits.items()}
        table = table_of_arrays(str(path), arrays)
        return without_missing(table) if options.drop_missing else table
    if options.label is not None and (options.wanted is None or options.label in array_names(path)):
        arrays = _named(path, options.label)
    else:
        try:
            arrays = open_npz(path, ("x_train", "y_train"), ("x_test", "y_test"))
        except UsageError:
            _hint_at_label(path)
            raise
    if len(arrays) == 3:
        raise UsageError(f"{path} has only one of x_test and y_test; give both, or neither and --test-split")
    table = table_of_arrays(str(path), arrays, options.task)
    return without_missing(table) if options.drop_missing else table


def _hint_at_label(path: Path) -> None:
    """Refuse an archive without x_train in a line that says how other names of arrays are given."""
    names = array_names(path)
    if names and not {"x_train", "y_train"} & set(names):
        likely = next((name for name in ("y", "label", "labels", "target") if name in names), "NAME")
        shown = ", ".join(ascii(name)[1:-1][:40] for name in names[:8])
        raise UsageError(
            f"{path} has no arrays x_train and y_train (it has: {shown}); name that of the labels, --label {likely}"
        ) from None


def _named(path: Path, label: str) -> dict[str, NDArray[Any]]:
    """The array called `label` as labels, and the one of as many numbers or images as examples."""
    arrays = open_npz(path, (label,), array_names(path))
    y = arrays.pop(label)
    same = [name for name, x in arrays.items() if x.ndim > 1 and y.ndim and len(x) == len(y)]
    name = "x_train" if "x_train" in same else same[0] if len(same) == 1 else None
    if name is None:
        raise UsageError(
            f"{path} has {len(same) or 'no'} arrays of examples for the labels {label!r}; save it with "
            "numpy.savez(x_train=..., y_train=...)"
        )
    return {"x_train": arrays[name], "y_train": y}


def array_names(path: Path) -> tuple[str, ...]:
    """Names of the arrays of an archive; none if it is damaged."""
    try:
        with open_regular(path) as source, zipfile.ZipFile(source) as archive:
            return tuple(name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))
    except zipfile.BadZipFile:
        return ()


def without_missing(table: Table) -> Table:
    """Leave out the examples with missing values."""
    kept = ~np.isnan(table.x_train).any(axis=1)
    gone, n = int((~kept).sum()), len(kept)
    changes: dict[str, Any] = {"x_train": table.x_train[kept], "y_train": table.y_train[kept], "kept": kept}
    if table.x_test is not None and table.y_test is not None:
        there = ~np.isnan(table.x_test).any(axis=1)
        gone, n = gone + int((~there).sum()), n + len(there)
        changes |= {"x_test": table.x_test[there], "y_test": table.y_test[there]}
    if gone == n:
        raise UsageError(f"every example of {table.name} has missing values")
    note = f"{gone:,} of {n:,} rows have missing values and are left out"
    return replace(table, **changes, notes=(*table.notes, *[note] * bool(gone)))


def table_of_arrays(name: str, arrays: dict[str, NDArray[Any]], task: Task = Task.CLASSIFICATION) -> Table:
    """Check shapes that belong together, flatten images, and bring numbers into this machine's byte order."""
    several = task in SEVERAL
    arrays = {key: _native(value) for key, value in arrays.items()}
    for split in ("train", "test"):
        if f"x_{split}" not in arrays:
            continue
        x, y = arrays[f"x_{split}"], arrays[f"y_{split}"]
        if x.dtype.kind not in "biuf":
            raise UsageError(f"x_{split} of {name} must hold numbers, not {x.dtype}")
        if y.ndim == 2 and y.shape[1] == 1:
            y = arrays[f"y_{split}"] = y[:, 0]
        if x.ndim < 2 or not (y.ndim == 1 or (several and y.ndim == 2)) or len(x) != len(y):
            raise UsageError(
                f"x_{split} and y_{split} of {name} have shapes {x.shape} and {y.shape}; expected "
                "(examples, features) or images, and one label per example"
                + (", or (examples, labels)" if several else "; several are for --task regression or multilabel")
            )
        if x.size == 0:
            raise UsageError(f"x_{split} of {name} is empty, shape {x.shape}")
    x_train, shape, low, high = flatten(arrays["x_train"])
    x_test = arrays.get("x_test")
    if x_test is not None:
        if x_test.shape[1:] != arrays["x_train"].shape[1:]:
            raise UsageError(
                f"x_train and x_test of {name} have different features: shapes "
                f"{arrays['x_train'].shape} and {x_test.shape}"
            )
        x_test = x_test.reshape(len(x_test), -1)
    return Table(
        name, x_train, arrays["y_train"], x_test, arrays.get("y_test"), image_shape=shape, low=low, high=high
    )


def flatten(x: NDArray[Any]) -> tuple[NDArray[Any], tuple[int, ...] | None, int | None, int | None]:
    """Images (n, height, width[, channels]) to columns (n, n_features), with their shape and range.

    Bytes of an image are pixels, 0 to 255 even if this data shows fewer values.
    """
    if x.ndim <= 2:
        return x, None, None, None
    low, high = (0, 255) if x.dtype == np.uint8 and x.max(initial=0) > 1 else (None, None)
    return x.reshape(len(x), -1), tuple(x.shape[1:]), low, high


def _native(array: NDArray[Any]) -> NDArray[Any]:
    """In this machine's byte order and C order, which the kernels read."""
    return np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="), copy=False))


def npz_parts(name: Path, files: Sequence[Path], options: ReadOptions) -> Table:
    """Archives of x_train and y_train as one table, read one after the other; a single one is read whole."""
    if len(files) == 1:
        return read_npz(files[0], options)
    whole = replace(options, drop_missing=False)
    return table_of_array_parts(str(name), lambda: (read_npz(file, whole) for file in files), options)


FORMAT = Format("NumPy archive", (".npz",), read_npz, frozenset({"label", "drop_missing"}), read_parts=npz_parts)
