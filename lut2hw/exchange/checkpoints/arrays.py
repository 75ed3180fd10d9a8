"""What readers of checkpoints share."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.data.npz import read_array
from lut2hw.errors import FormatError, UsageError
from lut2hw.exchange.builder import Builder
from lut2hw.exchange.trees.thresholds import boundaries, encoder_of, features_of
from lut2hw.files import open_regular
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head

MAX_BYTES = 1 << 31
MAX_ARRAYS = 10_000


@contextmanager
def archive_of(path: str | Path, damaged: str, advice: str = "") -> Iterator[zipfile.ZipFile]:
    """An untrusted zip file, open.

    What goes wrong in it is one line, of `damaged` and `advice` if it is broken.

    Raises
    ------
    UsageError
    FormatError
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            yield archive
    except FileNotFoundError:
        raise UsageError(f"no file at {path}") from None
    except UsageError as error:
        raise FormatError(f"cannot use {path}: {error}") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    except Exception as error:  # damaged files fail in many ways
        raise FormatError(f"{path} {damaged} ({type(error).__name__}){advice}") from None


def read_npz(path: str | Path) -> dict[str, NDArray[Any]]:
    """Every array of an archive, none unpickled.

    Raises
    ------
    FormatError
    """
    with archive_of(path, "is not a readable NumPy archive") as archive:
        members = archive.infolist()
        if len(members) > MAX_ARRAYS or sum(member.file_size for member in members) > MAX_BYTES:
            raise FormatError("it holds more than 2 GiB")
        return {
            member.filename.removesuffix(".npy"): read_array(archive, member.filename.removesuffix(".npy"))
            for member in members
        }


def number(arrays: dict[str, NDArray[Any]], name: str, least: int, most: int) -> int:
    """A whole number among the arrays."""
    value = need(arrays, name)
    if value.size != 1 or value.dtype.kind not in "iu" or not least <= int(value.reshape(-1)[0]) <= most:
        raise FormatError(f"its {name} must be one whole number from {least} to {most}")
    return int(value.reshape(-1)[0])


def classes(arrays: dict[str, NDArray[Any]], class_names: tuple[str, ...] | None) -> int:
    """How many there are: as the checkpoint says, else as the data say."""
    if "classes" not in arrays and class_names is not None:
        return len(class_names)
    if "classes" not in arrays:
        raise FormatError("it does not say how many classes there are; give --data, or add an array 'classes'")
    return number(arrays, "classes", 2, 1024)


def need(arrays: dict[str, NDArray[Any]], name: str, *, ndim: int | None = None, kinds: str = "biuf") -> NDArray[Any]:
    """The array of that name, finite, of those dtype kinds and that number of dimensions."""
    if name not in arrays:
        raise FormatError(f"it has no array {name!r}")
    value = arrays[name]
    if value.dtype.kind not in kinds or (ndim is not None and value.ndim != ndim):
        raise FormatError(f"its array {name} is {value.dtype} {value.shape}")
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        raise FormatError(f"its array {name} holds NaN or infinity")
    return value


def inputs(
    arrays: dict[str, NDArray[Any]], features: Features | None, count: int
) -> tuple[Encoder, NDArray[np.int64]]:
    """The encoder of a network's `count` input bits, and what each of them is (n,): a bit of the code, -1 for
    constant 0 or -2 for constant 1.

    With an array `thresholds` (n_features, bits), input feature * bits + j is `x[feature] > thresholds[feature, j]`,
    in the units of the data. Without it the inputs are features of the values 0 and 1.
    """
    if "thresholds" in arrays:
        thresholds = need(arrays, "thresholds", ndim=2)
        n, width = thresholds.shape
        if n * width != count:
            raise FormatError(f"its thresholds make {n * width} bits but the first layer reads {count}")
        feature, threshold = np.repeat(np.arange(n), width), thresholds.reshape(-1).astype(np.float64)
    else:
        n, feature, threshold = count, np.arange(count), np.full(count, 0.5)
    if features is None:
        features = (
            features_of(n, feature, threshold)
            if "thresholds" in arrays
            else Features.integers(np.zeros(n), np.ones(n))
        )
    elif len(features) != n:
        raise UsageError(f"the checkpoint reads {n} features but the data have {len(features)}")
    least = boundaries(features, feature, threshold, strict=True, single=False)
    known = (features.low[feature] < least) & (least <= features.high[feature])
    pairs = sorted({(int(f), int(t)) for f, t in zip(feature[known], least[known], strict=True)})
    bit = {pair: i for i, pair in enumerate(pairs)}
    what = [
        bit.get((int(f), int(t)), -2 if t <= features.low[f] else -1) for f, t in zip(feature, least, strict=True)
    ]
    return encoder_of(features, pairs), np.array(what, np.int64)


def start(
    arrays: dict[str, NDArray[Any]], features: Features | None, count: int
) -> tuple[Encoder, Builder, list[int]]:
    """The encoder of `inputs`, a circuit of its bits, and the node of each of the `count` input bits."""
    encoder, what = inputs(arrays, features, count)
    builder = Builder(len(encoder))
    nodes = [each if each >= 0 else builder.lut([], int(each == -2)) for each in what.tolist()]
    return encoder, builder, nodes


def numbered(arrays: dict[str, NDArray[Any]], name: str) -> list[int]:
    """Numbers N of the arrays `N.name`, in order."""
    return sorted(int(match[1]) for each in arrays if (match := re.fullmatch(rf"(\d{{1,6}})\.{name}", each)))


def group_sum(
    builder: Builder,
    nodes: list[int],
    classes: int,
    encoder: Encoder,
    class_names: tuple[str, ...] | None,
    meta: dict[str, Any],
) -> LutNetwork:
    """GroupSum and argmax: as many consecutive nodes for each class, the last class possibly fewer."""
    names = class_names or tuple(map(str, range(classes)))
    if len(names) != classes:
        raise UsageError(f"the checkpoint has {classes} classes but {len(names)} names are given")
    layers, signal = builder.layers()
    size = -(-len(nodes) // classes)
    head = Head.argmax(signal[nodes], np.arange(len(nodes)) // size, classes)
    return LutNetwork(encoder, layers, head, names, meta)
