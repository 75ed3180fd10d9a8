"""Readers of data files: .npz, .csv, .pla and folders of idx files.

Files are untrusted: nothing is unpickled, and no array is allocated before its size is known to be honest.
"""

from __future__ import annotations

import gzip
import math
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from lut2hw.data.table import MAX_BYTES, Table, flatten
from lut2hw.errors import UsageError, unknown_name

MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "?"]
_IDX_NAMES = {"x_train": "train-images-idx3-ubyte", "y_train": "train-labels-idx1-ubyte",
              "x_test": "t10k-images-idx3-ubyte", "y_test": "t10k-labels-idx1-ubyte"}


def read(path: Path, label: str | None = None) -> Table:
    """Read a data file or folder. Errors: `UsageError` in one line that names the file and what is wrong."""
    try:
        if path.is_dir():
            return read_idx_folder(path)
        suffix = path.suffix.lower()
        if not path.exists():
            raise UsageError(f"no data file at {path}")
        if not path.is_file():
            raise UsageError(f"{path} is not a regular file")
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path} is larger than {MAX_BYTES >> 30} GiB; give a sample of it")
        if suffix == ".csv":
            return read_csv(path, label)
        if suffix == ".pla":
            return read_pla(path, label)
        if suffix == ".npz":
            return read_npz(path)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    except MemoryError:
        raise UsageError(f"{path} needs more memory than there is; give a sample of it") from None
    raise UsageError(f"cannot tell the format of {path}; data files end in .npz, .csv or .pla, or are a folder "
                     "with the four MNIST-style idx.gz files")


# --- npz --------------------------------------------------------------------------------------------------------


def read_array(archive: zipfile.ZipFile, name: str) -> NDArray:
    """One array of a NumPy archive, after its header is known to agree with the size of the member."""
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > min(MAX_BYTES, 1100 * info.compress_size + 4096):
        raise UsageError(f"its array {name} is too large ({info.file_size:,} bytes)")
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = reader(file, max_header_size=4096)
        if dtype.hasobject:
            raise UsageError(f"its array {name} holds Python objects, which are not read; save numbers or strings")
        if math.prod(shape) * dtype.itemsize != info.file_size - file.tell():
            raise UsageError(f"its array {name} does not have the size its header says")
    with archive.open(info) as file:
        return np.lib.format.read_array(file, allow_pickle=False, max_header_size=4096)


def open_npz(path: Path, names: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, NDArray]:
    """The arrays called `names` (and `optional` if there) of a NumPy archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            there = {member.removesuffix(".npy") for member in archive.namelist()}
            lacking = [name for name in names if name not in there]
            if lacking:
                raise UsageError(f"it has no array {lacking[0]!r} (it has: {', '.join(sorted(there)[:8]) or 'none'})")
            return {name: read_array(archive, name) for name in (*names, *optional) if name in there}
    except UsageError as error:
        raise UsageError(f"cannot use {path}: {error}") from None
    except OSError:
        raise
    except Exception as error:  # damaged archives fail in many ways
        raise UsageError(f"{path} is not a readable NumPy archive ({type(error).__name__}); save it with "
                         "numpy.savez(x_train=..., y_train=..., x_test=..., y_test=...)") from None


def read_npz(path: Path) -> Table:
    """x_train, y_train and, both or neither, x_test, y_test."""
    arrays = open_npz(path, ("x_train", "y_train"), ("x_test", "y_test"))
    if len(arrays) == 3:
        raise UsageError(f"{path} has only one of x_test and y_test; give both, or neither and --test-split")
    return table_of_arrays(str(path), arrays)


def table_of_arrays(name: str, arrays: dict[str, NDArray]) -> Table:
    """Check shapes that belong together and flatten images."""
    for split in ("train", "test"):
        if f"x_{split}" not in arrays:
            continue
        x, y = arrays[f"x_{split}"], arrays[f"y_{split}"]
        if x.dtype.kind not in "biuf":
            raise UsageError(f"x_{split} of {name} must hold numbers, not {x.dtype}")
        if y.ndim == 2 and y.shape[1] == 1:
            y = arrays[f"y_{split}"] = y[:, 0]
        if x.ndim < 2 or y.ndim != 1 or len(x) != len(y):
            raise UsageError(f"x_{split} and y_{split} of {name} have shapes {x.shape} and {y.shape}; expected "
                             "(examples, features) or images, and one label per example")
        if x.size == 0:
            raise UsageError(f"x_{split} of {name} is empty, shape {x.shape}")
    x_train, shape, low, high = flatten(arrays["x_train"])
    x_test = arrays.get("x_test")
    if x_test is not None:
        if x_test.shape[1:] != arrays["x_train"].shape[1:]:
            raise UsageError(f"x_train and x_test of {name} have different features: shapes "
                             f"{arrays['x_train'].shape} and {x_test.shape}")
        x_test = x_test.reshape(len(x_test), -1)
    return Table(name, x_train, arrays["y_train"], x_test, arrays.get("y_test"), None, shape, low, high)


# --- csv --------------------------------------------------------------------------------------------------------


def read_csv(path: Path, label: str | None) -> Table:
    """A header line with column names, then one example per line; column `label` holds the labels."""
    import pandas as pd

    try:
        frame = pd.read_csv(path, keep_default_na=False, na_values=MISSING, compression=None, low_memory=False,
                            skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, ValueError) as error:
        text = " ".join(str(error).split())
        raise UsageError(f"{path} is not a readable CSV file: {text}") from None
    if not isinstance(frame.index, pd.RangeIndex):
        raise UsageError(f"{path} is not a readable CSV file: line 2 has more values than the header has names")
    columns = [str(column) for column in frame.columns]
    frame.columns = columns
    if label is None:
        label = "label"
        if label not in columns:
            raise UsageError(f"which column of {path} is the label? give --label NAME; columns: {_some(columns)}")
    if label not in columns:
        raise unknown_name(f"label column of {path}", label, columns)
    if not len(frame):
        raise UsageError(f"{path} has a header but no examples")
    lacking = frame.isna().to_numpy()
    if lacking.any():
        row, column = np.argwhere(lacking)[0]
        raise UsageError(f"{path} line {row + 2} has no value in column {columns[column]!r} "
                         f"({int(lacking.sum())} missing in all); fill or remove missing values first")
    names = tuple(column for column in columns if column != label)
    if not names:
        raise UsageError(f"{path} has no column beside the label {label!r}")
    for name in names:
        if frame[name].dtype.kind not in "biuf":
            bad = pd.to_numeric(frame[name], errors="coerce").isna().to_numpy()
            row = int(np.argmax(bad))
            raise UsageError(f"{path} line {row + 2}: column {name!r} holds {str(frame[name].iloc[row])[:40]!r}, "
                             "but features must be numbers; encode text as numbers first")
    y = frame.pop(label)
    labels = y.to_numpy() if y.dtype.kind in "biuf" else y.astype(str).to_numpy(dtype=np.str_)
    kinds = {dtype.kind for dtype in frame.dtypes}
    if kinds == {"b"}:
        x = frame.to_numpy(np.uint8)
    elif "f" not in kinds and "u" not in kinds:
        x = frame.to_numpy(np.int64)
    else:
        x = frame.to_numpy(np.float64)
    return Table(str(path), x, labels, names=names, by_name=True)


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f", ... {names[-1]}" if len(names) > 8 else "")


# --- Espresso pla -----------------------------------------------------------------------------------------------


def read_pla(path: Path, label: str | None) -> Table:
    """An Espresso file of minterms, as in the IWLS 2020 contest: inputs 0/1, outputs 0/1; `-` as output skips."""
    def bad(line: int, what: str) -> UsageError:
        return UsageError(f"{path} line {line}: {what}")

    n_in = n_out = None
    inputs: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    rows: list[bytes] = []
    answers: list[bytes] = []
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            line = raw.split(b"#", 1)[0].strip()
            if not line:
                continue
            if line.startswith(b"."):
                word, *rest = line.split()
                if word in (b".e", b".end"):
                    break
                if word not in (b".i", b".o", b".ilb", b".ob", b".p", b".type", b".phase", b".pair"):
                    raise bad(number, f"unknown keyword {word.decode(errors='replace')[:20]!r}")
                try:
                    if word == b".i":
                        n_in = int(rest[0])
                    elif word == b".o":
                        n_out = int(rest[0])
                    elif word == b".ilb":
                        inputs = tuple(name.decode() for name in rest)
                    elif word == b".ob":
                        outputs = tuple(name.decode() for name in rest)
                except (ValueError, IndexError):
                    raise bad(number, f"{word.decode(errors='replace')[:20]} needs its value after it") from None
                continue
            if n_in is None or n_out is None:
                raise bad(number, ".i and .o must come before the first example")
            flat = b"".join(line.replace(b"|", b" ").split())
            if len(flat) != n_in + n_out:
                raise bad(number, f"{len(flat)} characters, expected {n_in} inputs and {n_out} outputs")
            if flat[:n_in].strip(b"01"):
                raise bad(number, "an example must have 0 or 1 at every input; expand cubes ('-') to minterms first")
            if flat[n_in:].strip(b"01-~24"):
                raise bad(number, "outputs must be 0, 1 or -")
            rows.append(flat[:n_in])
            answers.append(flat[n_in:])
    if not rows:
        raise UsageError(f"{path} has no examples")
    assert n_in is not None and n_out is not None
    if n_in < 1 or n_out < 1:
        raise UsageError(f"{path} has {n_in} inputs and {n_out} outputs; at least one of each is needed")
    output = 0
    known = outputs if outputs is not None and len(outputs) == n_out else tuple(f"y{i}" for i in range(n_out))
    if n_out > 1 and label is None:
        raise UsageError(f"{path} has {n_out} outputs; choose one with --label ({_some(list(known))})")
    if label is not None:
        if label not in known:
            raise unknown_name(f"output of {path}", label, known)
        output = known.index(label)
    y = np.frombuffer(b"".join(answers), np.uint8).reshape(-1, n_out)[:, output]
    x = np.frombuffer(b"".join(rows), np.uint8).reshape(-1, n_in) - ord("0")
    given = (y == ord("0")) | (y == ord("1"))
    names = inputs if inputs is not None and len(inputs) == n_in and len(set(inputs)) == n_in else None
    return Table(str(path), x[given], (y[given] - ord("0")).astype(np.int64), names=names, low=0, high=1)


# --- idx --------------------------------------------------------------------------------------------------------


def read_idx_folder(folder: Path) -> Table:
    """The four files of MNIST and its relatives, each plain or gzipped."""
    arrays = {}
    for key, name in _IDX_NAMES.items():
        found = [folder / f"{stem}{suffix}" for stem in (name, name.replace("-idx", ".idx")) for suffix in (".gz", "")
                 if (folder / f"{stem}{suffix}").is_file()]
        if not found:
            raise UsageError(f"folder {folder} has no {name}.gz; it needs the four MNIST-style files: "
                             + ", ".join(f"{each}.gz" for each in _IDX_NAMES.values()))
        arrays[key] = read_idx(found[0])
    return table_of_arrays(str(folder), arrays)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """One idx file of unsigned bytes."""
    try:
        with (gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
            return _idx(file)
    except UsageError as error:
        raise UsageError(f"{path} is not a usable idx file: {error}") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise UsageError(f"{path} is not a usable idx file: it is damaged or cut short") from None


def _idx(file: BinaryIO | gzip.GzipFile) -> NDArray[np.uint8]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 4:
        raise UsageError("its first bytes are not those of an idx file of bytes")
    shape = tuple(int(side) for side in np.frombuffer(file.read(4 * magic[3]), ">u4"))
    size = math.prod(shape)
    if size > MAX_BYTES:
        raise UsageError(f"it claims {size:,} bytes")
    data = bytearray()
    while len(data) <= size and (part := file.read(min(1 << 24, size + 1 - len(data)))):
        data += part  # grows with what is really there, never with what the header claims
    if len(shape) != magic[3] or len(data) != size:
        raise UsageError(f"its header says {shape}, which is not how much data follows")
    return np.frombuffer(data, np.uint8).reshape(shape)
