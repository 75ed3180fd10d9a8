"""Readers of data files: .npz, .csv, .pla and folders of idx files.

Files are untrusted: nothing is unpickled, and no array is allocated before its size is known to be honest.
"""

from __future__ import annotations

import gzip
import math
import shlex
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lut2hw.data.table import MAX_BYTES, Table, flatten
from lut2hw.errors import UsageError, unknown_name

if TYPE_CHECKING:
    import pandas as pd

MAX_TEXT_VALUES = 20
MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "?"]
_IDX_NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


def read(path: Path, label: str | None = None, **csv: Any) -> Table:
    """Read a data file or folder; `csv` are options of `read_csv`.

    Errors: `UsageError` in one line that names the file and what is wrong.
    """
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
        if suffix in (".csv", ".tsv"):
            return read_csv(path, label, **csv)
        refuse_csv_options(str(path), csv)
        if suffix == ".pla":
            return read_pla(path, label)
        if suffix == ".npz":
            return read_npz(path)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    except MemoryError:
        raise UsageError(f"{path} needs more memory than there is; give a sample of it") from None
    raise UsageError(
        f"cannot tell the format of {path}; data files end in .npz, .csv or .pla, or are a folder "
        "with the four MNIST-style idx.gz files"
    )


def refuse_csv_options(name: str, csv: dict[str, Any]) -> None:
    """Raise if options that only tables know are given for other data."""
    for option, words in (("ignore", "--ignore"), ("drop_missing", "--drop-missing")):
        if csv.get(option):
            raise UsageError(f"{words} is for .csv files, which {name} is not; leave it out")


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
            raise UsageError(
                f"x_{split} and y_{split} of {name} have shapes {x.shape} and {y.shape}; expected "
                "(examples, features) or images, and one label per example"
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
    return Table(name, x_train, arrays["y_train"], x_test, arrays.get("y_test"), None, shape, low, high)


# --- csv --------------------------------------------------------------------------------------------------------


def read_csv(
    path: Path,
    label: str | None,
    *,
    ignore: Sequence[str] = (),
    drop_missing: bool = False,
    wanted: Sequence[str] | None = None,
) -> Table:
    """A header line with column names, then one example per line; column `label` holds the labels.

    Values are separated by commas, or by semicolons or tabs if the header has no comma. A column of text becomes a
    feature `COLUMN=VALUE` of 0 and 1 for each of its values, or for the second alone if there are two. ignore:
    columns to leave out. drop_missing: leave out lines that lack a value, else they are an error. wanted: features
    that a model reads, to make of the columns instead of all; other columns are not looked at.
    """
    import pandas as pd

    try:
        with path.open("rb") as file:
            header = file.readline()
        separator = "," if b"," in header else max(";\t", key=lambda each: header.count(each.encode()))
        frame = pd.read_csv(
            path,
            keep_default_na=False,
            na_values=MISSING,
            compression=None,
            low_memory=False,
            skipinitialspace=True,
            sep=separator,
        )
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
    for name in ignore:
        if name not in columns or name == label:
            raise unknown_name(f"feature of {path} in --ignore", name, [each for each in columns if each != label])
    sources = [name for name in columns if name != label and name not in ignore]
    if wanted is not None:
        sources = [name for name in sources if name in wanted or any(each.startswith(f"{name}=") for each in wanted)]
    elif not sources:
        raise UsageError(f"{path} has no column beside the label {label!r}")
    frame, notes = _without_missing(path, frame[[*sources, label]], drop_missing)
    y = frame.pop(label)
    features, more = _numbers_of(path, frame, wanted)
    kinds = {column.dtype.kind for column in features.values()}
    if not features:
        x = np.zeros((len(y), 0), np.int64)
    elif kinds == {"b"}:
        x = np.column_stack(list(features.values())).astype(np.uint8)
    elif "f" not in kinds and "u" not in kinds:
        x = np.column_stack(list(features.values())).astype(np.int64)
    else:
        x = np.column_stack(list(features.values())).astype(np.float64)
    labels = y.to_numpy() if y.dtype.kind in "biuf" else y.astype(str).to_numpy(dtype=np.str_)
    return Table(str(path), x, labels, names=tuple(features), by_name=True, notes=(*notes, *more))


def _without_missing(path: Path, frame: pd.DataFrame, drop: bool) -> tuple[pd.DataFrame, list[str]]:
    """The lines that have every value; notes."""
    lacking = frame.isna().to_numpy()
    if not lacking.any():
        return frame, []
    lines = lacking.any(axis=1)
    row, column = np.argwhere(lacking)[0]
    if not drop:
        raise UsageError(
            f"{path} line {row + 2} has no value in column {frame.columns[column]!r} "
            f"({int(lines.sum())} of {len(lines)} lines lack one); fill them in, or leave such lines "
            "out with --drop-missing"
        )
    if lines.all():
        raise UsageError(f"every line of {path} lacks a value; leave columns out with --ignore")
    return frame[~lines], [f"{int(lines.sum())} of {len(lines)} lines lack a value and are left out"]


def _numbers_of(
    path: Path, frame: pd.DataFrame, wanted: Sequence[str] | None
) -> tuple[dict[str, NDArray], list[str]]:
    """Numeric features by name, each (n,), of the columns; notes."""
    import pandas as pd

    features: dict[str, NDArray] = {}
    notes: list[str] = []
    refused: dict[str, str] = {}
    for name in frame.columns:
        if frame[name].dtype.kind in "biuf":
            features[name] = frame[name].to_numpy()
            continue
        text = frame[name].astype(str).to_numpy(dtype=np.str_)
        try:
            number = pd.to_numeric(frame[name], errors="coerce").notna().to_numpy()
        except OverflowError:  # beyond float64, too
            number = np.ones(len(frame), bool)
        if number.all():
            raise UsageError(f"{path}: column {name!r} holds whole numbers beyond 64 bits; scale them down first")
        if number.any():  # a table of numbers with something else in it
            row = int(np.argmin(number))
            raise UsageError(
                f"{path} line {frame.index[row] + 2}: column {name!r} holds {text[row][:40]!r} among "
                "numbers; correct it, or leave the column out with --ignore"
            )
        if wanted is not None:
            values = np.array([each.removeprefix(f"{name}=") for each in wanted if each.startswith(f"{name}=")])
        else:
            values = np.unique(text)
        if wanted is None and len(values) > MAX_TEXT_VALUES:
            refused[name] = f"{str(text[0])[:40]!r} and {len(values) - 1} other texts"
            continue
        if wanted is None and len(values) == 2:
            values = values[1:]
        bits = {f"{name}={value}": (text == value).astype(np.int64) for value in values}
        if wanted is None and (twice := bits.keys() & set(frame.columns)):
            raise UsageError(f"{path} has a column {min(twice)!r} beside a column {name!r} of text; rename one")
        features.update(bits)
        if wanted is None:
            notes.append(
                f"column {name!r} is text: "
                + (
                    f"a bit for {str(values[0])!r}"
                    if len(values) == 1
                    else f"a bit for each of its {len(values)} values"
                )
            )
    if refused:
        first, what = next(iter(refused.items()))
        names = ",".join(refused)
        raise UsageError(
            f"column {first!r} of {path} holds {what}, but features must be numbers, or texts of at "
            f"most {MAX_TEXT_VALUES} values; make numbers of them, or leave them out with "
            f"--ignore {shlex.quote(names)}"
        )
    return features, notes


def _some(names: list[str]) -> str:
    names = [name if name.isprintable() else repr(name) for name in names]
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
                if word in (b".i", b".o") and rows:
                    raise bad(number, ".i and .o must come before the first example")
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
        found = [
            folder / f"{stem}{suffix}"
            for stem in (name, name.replace("-idx", ".idx"))
            for suffix in (".gz", "")
            if (folder / f"{stem}{suffix}").is_file()
        ]
        if not found:
            raise UsageError(
                f"folder {folder} has no {name}.gz; it needs the four MNIST-style files: "
                + ", ".join(f"{each}.gz" for each in _IDX_NAMES.values())
            )
        arrays[key] = read_idx(found[0])
    return table_of_arrays(str(folder), arrays)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """One idx file of unsigned bytes."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _idx(file)
    except UsageError as error:
        raise UsageError(f"{path} is not a usable idx file: {error}") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise UsageError(f"{path} is not a usable idx file: it is damaged or cut short") from None


def _idx(file: BinaryIO | gzip.GzipFile) -> NDArray[np.uint8]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 4:
        raise UsageError("its first bytes are not those of an idx file of bytes")
    sides = file.read(4 * magic[3])
    shape = tuple(int(side) for side in np.frombuffer(sides[: len(sides) // 4 * 4], ">u4"))
    size = math.prod(shape)
    if size > MAX_BYTES:
        raise UsageError(f"it claims {size:,} bytes")
    data = bytearray()
    while len(data) <= size and (part := file.read(min(1 << 24, size + 1 - len(data)))):
        data += part  # grows with what is really there, never with what the header claims
    if len(shape) != magic[3] or len(data) != size:
        raise UsageError(f"its header says {shape}, which is not how much data follows")
    return np.frombuffer(data, np.uint8).reshape(shape)
