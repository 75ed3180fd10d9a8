"""Arrays in files of their own: x.npy and y.npy, or x_train.npy, y_train.npy, x_test.npy, y_test.npy in a folder."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.data.npz import table_of_arrays, without_missing
from lut2hw.data.parts import in_parts, table_of_array_parts
from lut2hw.data.rows import PIECE
from lut2hw.data.table import MAX_BYTES, Format, ReadOptions, Table
from lut2hw.errors import UsageError
from lut2hw.files import open_regular


def read_npy(path: Path, mapped: bool = False) -> NDArray[Any]:
    """One array, mapped from the file or read, after its header is known to agree with the size of the file.

    Raises
    ------
    UsageError
        For Python objects, which are never unpickled, and what is no array.
    """
    if not path.is_file():
        raise UsageError(f"no array at {path}")
    try:
        with open_regular(path) as file:
            version = np.lib.format.read_magic(file)
            reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = reader(file, max_header_size=4096)
            if dtype.hasobject:
                raise UsageError(f"{path} holds Python objects, which are not read; save numbers or strings")
            if math.prod(shape) * dtype.itemsize != path.stat().st_size - file.tell():
                raise UsageError(f"{path} does not have the size its header says")
            file.seek(0)
            if mapped:
                array: NDArray[Any] = np.load(path, "r", allow_pickle=False)
                return array
            return np.lib.format.read_array(file, allow_pickle=False, max_header_size=4096)
    except (UsageError, OSError):
        raise
    except Exception as error:  # damaged headers fail in many ways
        raise UsageError(f"{path} is not a readable NumPy array ({type(error).__name__})") from None


def read_pair(path: Path, options: ReadOptions) -> Table:
    """An array of examples; its labels are in the file that `label` names, from the same folder, or in the one that
    is called the same with a y for the x. Beside x_train.npy, x_test.npy and y_test.npy are the test split.
    """
    arrays = {"x_train": read_npy(path, in_parts(path, options))}
    if options.labelled:
        label = options.label
        if label is not None and options.wanted is not None and not label.endswith(".npy"):
            label = None  # that of a table that the model was trained on
        arrays["y_train"] = read_npy(_labels(path, label))
        tests = [_renamed(path, "train", "test"), _renamed(_labels(path, label), "train", "test")]
        if options.wanted is None and all(each is not None and each.is_file() for each in tests):
            arrays |= {f"{name}_test": read_npy(each) for name, each in zip("xy", tests, strict=True) if each}
    return _table(str(path), arrays, options)


def read_folder(folder: Path, options: ReadOptions) -> Table:
    """x_train.npy and y_train.npy, and x_test.npy and y_test.npy if there are any; or x.npy and y.npy."""
    stem = "_train" if (folder / "x_train.npy").is_file() else ""
    mapped = in_parts(folder / f"x{stem}.npy", options)
    arrays = {"x_train": read_npy(folder / f"x{stem}.npy", mapped)}
    if options.labelled:
        arrays["y_train"] = read_npy(folder / f"y{stem}.npy")
    if stem and (folder / "x_test.npy").is_file():
        arrays["x_test"] = read_npy(folder / "x_test.npy", mapped)
        if options.labelled:
            arrays["y_test"] = read_npy(folder / "y_test.npy")
    return _table(str(folder), arrays, options)


def holds_arrays(folder: Path) -> bool:
    """Whether the folder is one of arrays."""
    return (folder / "x_train.npy").is_file() or (folder / "x.npy").is_file()


def _table(name: str, arrays: dict[str, NDArray[Any]], options: ReadOptions) -> Table:
    if any(isinstance(array, np.memmap) for array in arrays.values()):
        return _mapped(name, arrays, options)
    if not options.labelled:
        arrays |= {key.replace("x_", "y_"): np.zeros(len(x), np.int64) for key, x in arrays.items()}
    if sum(array.nbytes for array in arrays.values()) > MAX_BYTES:
        raise UsageError(f"{name} is larger than {MAX_BYTES >> 30} GiB; give a sample of it")
    table = table_of_arrays(name, arrays, options.task)
    return without_missing(table) if options.drop_missing else table


def _mapped(name: str, arrays: dict[str, NDArray[Any]], options: ReadOptions) -> Table:
    """Arrays that are read piece by piece."""
    found = []
    for split in ("train", "test"):
        if f"x_{split}" not in arrays:
            continue
        x, y = arrays[f"x_{split}"], arrays.get(f"y_{split}")
        if x.ndim < 2 or (y is not None and len(x) != len(y)) or not x.size:
            table_of_arrays(name, {"x_train": x[:1], "y_train": np.zeros(2)})  # which says what is wrong
        step = max(1, PIECE * len(x) // max(1, x.nbytes))

        def tables(x: NDArray[Any] = x, y: NDArray[Any] | None = y, step: int = step) -> Iterator[Table]:
            for at in range(0, len(x), step):
                part = np.array(x[at : at + step])
                labels = np.zeros(len(part), np.int64) if y is None else np.array(y[at : at + step])
                yield table_of_arrays(name, {"x_train": part, "y_train": labels}, options.task)

        found.append(table_of_array_parts(name, tables, options))
    table = found[0]
    if len(found) > 1:
        table.x_test, table.y_test = found[1].x_train, found[1].y_train
        table.notes += found[1].notes
    return table


def pair_parts(name: Path, files: Sequence[Path], options: ReadOptions) -> Table:
    """`read_pair` of arrays that are mapped from their files."""
    if len(files) != 1:
        raise UsageError(f"{name} has parts of .npy arrays, which are not put together; give .npz files")
    return read_pair(files[0], options)


def _labels(path: Path, label: str | None) -> Path:
    """The file of the labels of the examples in `path`."""
    if label is None:
        found = _renamed(path, "x", "y")
        if found is None or not found.is_file():
            raise UsageError(f"which file has the labels of {path}? give --label FILE.npy")
        return found
    beside = path.with_name(label) if Path(label).name == label else Path(label)
    return beside if beside.is_file() else Path(label)


def _renamed(path: Path, old: str, new: str) -> Path | None:
    """The path with one word of its file's name exchanged, in the case that it has."""
    for a, b in ((old, new), (old.upper(), new.upper()), (old.upper(), new)):
        words = path.stem.split("_")
        if a in words:
            words[words.index(a)] = b
            found = path.with_name("_".join(words) + path.suffix)
            if found.is_file():
                return found
    return None


PAIR = Format("NumPy array", (".npy",), read_pair, frozenset({"label", "drop_missing"}), read_parts=pair_parts)
FOLDER = Format("folder of NumPy arrays", (), read_folder, frozenset({"drop_missing"}), holds_arrays)
