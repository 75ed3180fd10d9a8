"""The model file: a NumPy zip archive whose member `header.npy` is a JSON text as uint8.

It holds named arrays and says of each its dtype and shape before it is read; a checksum covers all of it.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lut2hw import checked
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.files import npz_bytes

FORMAT_VERSION = 1
MAX_BYTES = 1 << 32  # of all arrays of a model file together
MAX_HEADER = 1 << 26


class ModelFileError(Lut2hwError):
    """A model file is damaged, truncated, hostile or of an unknown version."""


def _digest(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> str:
    text = json.dumps({k: v for k, v in header.items() if k != "sha256"}, sort_keys=True, separators=(",", ":"))
    sha = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        sha.update(np.ascontiguousarray(arrays[name]).data)
    return sha.hexdigest()


def pack(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The file of a header of JSON values and of arrays; the same ones give the same bytes."""
    arrays = {name: value.astype(value.dtype.newbyteorder("<"), copy=False) for name, value in arrays.items()}
    if sum(value.nbytes for value in arrays.values()) > MAX_BYTES:
        raise UsageError(f"the model is larger than {MAX_BYTES >> 30} GiB; use fewer LUTs or a smaller k")
    whole: dict[str, Any] = {
        "format": "lut2hw",
        "version": FORMAT_VERSION,
        **header,
        "arrays": {name: [value.dtype.str, list(value.shape)] for name, value in arrays.items()},
    }
    whole = checked.finite(whole)
    whole["sha256"] = _digest(whole, arrays)
    text = json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()
    return npz_bytes([("header", np.frombuffer(text, np.uint8)), *sorted(arrays.items())])


def unpack(file: BinaryIO, file_size: int) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Undo `pack`.

    Raises
    ------
    ModelFileError
        If header, arrays and checksum do not agree; what zip, JSON and array readers raise of damaged files.
    """
    with zipfile.ZipFile(file) as archive:
        header = _header(archive, file_size)
        arrays = {
            name: _member(archive, name, dtype, tuple(shape)) for name, (dtype, shape) in header["arrays"].items()
        }
    if header["sha256"] != _digest(header, arrays):
        raise ModelFileError("its checksum does not match its content")
    return header, arrays


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ModelFileError("it is not compressed as model files are")
    with archive.open(info) as file:
        return np.lib.format.read_array(file, allow_pickle=False, max_header_size=4096)


def _member(archive: zipfile.ZipFile, name: str, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """One array, read only after its declared size is known to match `dtype` and `shape`."""
    size = int(np.dtype(dtype).itemsize * np.prod([1, *shape], dtype=object))
    info = archive.getinfo(f"{name}.npy")
    if not size <= info.file_size <= size + 4096:
        raise ModelFileError(f"array {name} has the wrong size")
    value = _array(archive, info)
    if value.dtype.str != dtype or value.shape != shape:
        raise ModelFileError(f"array {name} is {value.dtype.str} {value.shape}, its header says {dtype} {shape}")
    return value.astype(value.dtype.newbyteorder("="), copy=False)


_DTYPES = {
    "low": "<i8",
    "high": "<i8",
    "scale": "<f8",
    "offset": "<f8",
    "missing": "|u1",
    "front_end": "<i8",
    "feature": "<i4",
    "threshold": "<i8",
    "head_signal": "<i4",
    "head_class": "<i4",
    "head_weight": "<i4",
    "head_bias": "<i8",
    "head_fraction": "<i8",
    "head_reject": "<i8",
    "wiring": "<i4",
    "tables": "|u1",
    "care": "|u1",
    "counts": "<u4",
}


def _header(archive: zipfile.ZipFile, file_size: int) -> dict[str, Any]:
    info = archive.getinfo("header.npy")
    if info.file_size > MAX_HEADER:
        raise ModelFileError("its header is too large")
    value = _array(archive, info)
    if value.dtype != np.uint8 or value.ndim != 1:
        raise ModelFileError("its header is not text")
    header = checked.parse(value.tobytes())
    if not isinstance(header, dict) or header.get("format") != "lut2hw":
        raise ModelFileError("it is not a lut2hw model")
    if header.get("version") != FORMAT_VERSION:
        raise ModelFileError(f"its format version is {header.get('version')!r}, this lut2hw reads {FORMAT_VERSION}")
    total = 0
    for name, (dtype, shape) in header["arrays"].items():
        if _DTYPES.get(name.split("_", 1)[1] if name.startswith("layer") else name) != dtype:
            raise ModelFileError(f"array {name!r} is not expected")
        if not all(type(side) is int and 0 <= side <= MAX_BYTES for side in shape) or len(shape) > 3:
            raise ModelFileError(f"array {name!r} has shape {shape!r}")
        total += int(np.dtype(dtype).itemsize * np.prod([1, *shape], dtype=object))
    # Deflate expands at most about 1032 times: what claims more is not what was written.
    if total > min(MAX_BYTES, 1100 * file_size):
        raise ModelFileError("its arrays claim more than the file can hold")
    return header
