"""LutNetwork: the learned model and the golden model in one.

`LutNetwork.predict` on raw features is the definition of the right answer; hardware must equal it bit for bit.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw import bits, kernels
from lut2hw.encode import Encoder, Features
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.files import atomic_write, npz_bytes

FORMAT_VERSION = 1
MAX_K = 20
MAX_BYTES = 1 << 32  # of all arrays of a model file together
MAX_HEADER = 1 << 26


class ModelFileError(Lut2hwError):
    """A model file is damaged, truncated, hostile or of an unknown version."""


@dataclass(frozen=True, eq=False)
class Layer:
    """LUTs that are evaluated together.

    wiring: int32 (n_luts, k), the global signal number at each input. Signals are the encoder's bits, then the
        LUTs of layer 0, of layer 1 and so on; a LUT reads any signal before its own layer.
    tables: uint8 (n_luts, ceil(2**k / 8)), entry p in bit p % 8 of byte p // 8; input 0 is the least
        significant bit of p.
    care: like tables, a one where training showed the pattern; None if unknown (then every entry is cared for).
    counts: uint32 (n_luts, 2**k, 2), training examples by pattern and label, or None if not kept.
    """

    wiring: NDArray[np.int32]
    tables: NDArray[np.uint8]
    care: NDArray[np.uint8] | None = None
    counts: NDArray[np.uint32] | None = None

    def __len__(self) -> int:
        return len(self.wiring)

    @property
    def k(self) -> int:
        """Inputs of each LUT of this layer."""
        return self.wiring.shape[1]

    @property
    def table_bits(self) -> NDArray[np.uint8]:
        """Tables as 0/1, uint8 (n_luts, 2**k)."""
        return bits.unpack_tables(self.tables, self.k)

    @property
    def care_bits(self) -> NDArray[np.uint8]:
        """Care set as 0/1, uint8 (n_luts, 2**k); all ones if unknown."""
        if self.care is None:
            return np.ones((len(self), 1 << self.k), np.uint8)
        return bits.unpack_tables(self.care, self.k)


@dataclass(frozen=True, eq=False)
class Head:
    """Turns signals into the answer.

    kind "bit": the class is the value of `signal[0]` (two classes).
    kind "threshold": class 1 if bias[0] + sum of weight[i] over the votes i that are one is >= 0, else 0.
    kind "argmax": score_c = bias[c] + sum of weight[i] over the votes i of class c that are one; the class of
        the highest score wins, and of equal scores the LOWEST class wins.

    signal, class_of, weight: int32 (n_votes,); a signal may vote several times. class_of is all 0 unless argmax.
    bias: int64 (n_classes,) for argmax, (1,) otherwise.
    """

    kind: str
    signal: NDArray[np.int32]
    class_of: NDArray[np.int32]
    weight: NDArray[np.int32]
    bias: NDArray[np.int64]

    @classmethod
    def bit(cls, signal: int) -> Head:
        """The class is one signal."""
        return cls(
            "bit", np.array([signal], np.int32), np.zeros(1, np.int32), np.ones(1, np.int32), np.zeros(1, np.int64)
        )

    @classmethod
    def threshold(cls, signal: ArrayLike, at_least: int) -> Head:
        """Class 1 if at least `at_least` of the signals are one."""
        signal = np.asarray(signal, np.int32)
        return cls(
            "threshold",
            signal,
            np.zeros(len(signal), np.int32),
            np.ones(len(signal), np.int32),
            np.array([-at_least], np.int64),
        )

    @classmethod
    def argmax(cls, signal: ArrayLike, class_of: ArrayLike, n_classes: int) -> Head:
        """Per-class popcount and argmax; the lowest class wins a tie."""
        signal = np.asarray(signal, np.int32)
        return cls(
            "argmax",
            signal,
            np.asarray(class_of, np.int32),
            np.ones(len(signal), np.int32),
            np.zeros(n_classes, np.int64),
        )

    @property
    def score_range(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Lowest and highest possible score, each int64 (len(bias),)."""
        low, high = self.bias.copy(), self.bias.copy()
        np.add.at(low, self.class_of, np.minimum(self.weight, 0))
        np.add.at(high, self.class_of, np.maximum(self.weight, 0))
        return low, high

    def answer(self, scores: NDArray[np.int64]) -> NDArray[np.int64]:
        """Scores (n, len(bias)) to classes int64 (n,)."""
        if self.kind == "argmax":
            return np.argmax(scores, axis=1).astype(np.int64)  # the first of equals: lowest class
        if self.kind == "threshold":
            return (scores[:, 0] >= 0).astype(np.int64)
        return scores[:, 0]


@dataclass(frozen=True, eq=False)
class LutNetwork:
    """An immutable network of lookup tables with its encoder and head.

    encoder: raw integer features to bits (signals 0 .. len(encoder) - 1).
    layers: in order of evaluation.
    class_names: one per class, in the order of the class numbers.
    meta: JSON values that say where the model comes from (data, options, seed, accuracy); no time, no host, so
        that the same training gives the same bytes.
    """

    encoder: Encoder
    layers: tuple[Layer, ...]
    head: Head
    class_names: tuple[str, ...]
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check(self)
        arrays: list[NDArray] = [
            self.encoder.feature,
            self.encoder.threshold,
            self.head.signal,
            self.head.class_of,
            self.head.weight,
            self.head.bias,
        ]
        for layer in self.layers:
            arrays += [a for a in (layer.wiring, layer.tables, layer.care, layer.counts) if a is not None]
        for array in arrays:
            array.flags.writeable = False

    @property
    def features(self) -> Features:
        """The raw inputs."""
        return self.encoder.features

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def n_luts(self) -> int:
        """LUTs in all layers, as learned."""
        return sum(len(layer) for layer in self.layers)

    @property
    def n_signals(self) -> int:
        """Encoder bits and LUTs together."""
        return len(self.encoder) + self.n_luts

    @property
    def first_signal(self) -> list[int]:
        """Signal number of the first LUT of each layer."""
        first, out = len(self.encoder), []
        for layer in self.layers:
            out.append(first)
            first += len(layer)
        return out

    def signals(self, encoded: bits.Packed) -> bits.Packed:
        """Every signal of the network.

        encoded: uint64 (n_bits, n_words) from the encoder. Returns uint64 (n_signals, n_words); bits past the last
        example are undefined.
        """
        if encoded.shape[0] != len(self.encoder):
            raise UsageError(f"expected {len(self.encoder)} encoded bits but got {encoded.shape[0]}")
        out = np.empty((self.n_signals, encoded.shape[1]), np.uint64)
        out[: len(self.encoder)] = encoded
        for layer, first in zip(self.layers, self.first_signal, strict=True):
            if len(layer):
                kernels.evaluate_layer(out, layer.wiring, layer.tables, first)
        return out

    def _run(
        self, encoded: bits.Packed, n_examples: int, scores: NDArray[np.int64], answers: NDArray[np.int64]
    ) -> None:
        if encoded.shape[0] != len(self.encoder) or encoded.shape[1] < bits.n_words(n_examples):
            raise UsageError(
                f"expected {len(self.encoder)} encoded bits of {n_examples} examples but got packed "
                f"bits of shape {encoded.shape}"
            )
        head, order = self.head, np.argsort(self.head.class_of, kind="stable")
        ks = np.repeat([layer.k for layer in self.layers], [len(layer) for layer in self.layers]).astype(np.int32)
        wiring = np.concatenate([np.empty(0, np.int32), *(layer.wiring.ravel() for layer in self.layers)])
        tables = np.concatenate([np.empty(0, np.uint8), *(layer.tables.ravel() for layer in self.layers)])
        kernels.run(
            np.ascontiguousarray(encoded),
            n_examples,
            ks,
            wiring,
            tables,
            head.signal[order],
            head.class_of[order],
            head.weight[order],
            head.bias,
            scores,
            answers,
        )

    def scores_packed(self, encoded: bits.Packed, n_examples: int) -> NDArray[np.int64]:
        """Scores int64 (n_examples, len(head.bias)) of packed, encoded bits (n_bits, n_words)."""
        scores = np.empty((n_examples, len(self.head.bias)), np.int64)
        self._run(encoded, n_examples, scores, np.empty(0, np.int64))
        return scores

    def predict_packed(self, encoded: bits.Packed, n_examples: int) -> NDArray[np.int64]:
        """Classes int64 (n_examples,) of packed, encoded bits (n_bits, n_words)."""
        if self.head.kind != "argmax":
            return self.head.answer(self.scores_packed(encoded, n_examples))
        answers = np.empty(n_examples, np.int64)
        self._run(encoded, n_examples, np.empty((0, self.n_classes), np.int64), answers)
        return answers

    def scores(self, x: ArrayLike) -> NDArray[np.int64]:
        """Scores int64 (n, len(head.bias)) of raw features (n, n_features)."""
        integers = self.features.integers_of(x)
        return self.scores_packed(self.encoder(integers), len(integers))

    def predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """Class numbers int64 (n,) of raw features (n, n_features): the definition of the right answer."""
        return self.head.answer(self.scores(x))

    def predict_integers(self, x: NDArray[np.integer]) -> NDArray[np.int64]:
        """Class numbers int64 (n,) of features that are integers already (n, n_features), as `Dataset` holds them."""
        return self.predict_packed(self.encoder(x), len(x))

    def with_meta(self, **meta: Any) -> LutNetwork:
        """The same network with further entries of `meta`."""
        return replace(self, meta={**self.meta, **meta})

    def save(self, path: str | Path) -> None:
        """Write the model file atomically; the same network gives the same bytes."""
        with atomic_write(path) as file:
            file.write(to_bytes(self))

    @classmethod
    def load(cls, path: str | Path) -> LutNetwork:
        """Read a model file. Errors: `ModelFileError` in one line for anything that is not a whole model."""
        path = Path(path)
        try:
            with path.open("rb") as file:
                return _read(file, path.stat().st_size)
        except FileNotFoundError:
            raise UsageError(f"no model file at {path}; make one with `lut2hw train ... -o {path}`") from None
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
        except ModelFileError as error:
            raise ModelFileError(f"{path} is not a usable model file: {error}; train it again") from None
        except UsageError as error:
            raise ModelFileError(f"{path} is not a usable model file: {error}") from None


def check(network: LutNetwork) -> None:
    """Raise `UsageError` unless every array of the network has its documented dtype, shape and range."""
    encoder, head, features = network.encoder, network.head, network.features

    def need(condition: Any, what: str) -> None:
        if not bool(condition):
            raise UsageError(f"inconsistent network: {what}")

    def array(name: str, value: Any, dtype: type, shape: tuple[int, ...]) -> None:
        need(
            isinstance(value, np.ndarray) and value.dtype == dtype and value.shape == shape,
            f"{name} must be {np.dtype(dtype)} of shape {shape}",
        )

    n = len(features)
    array("low", features.low, np.int64, (n,))
    array("high", features.high, np.int64, (n,))
    array("scale", features.scale, np.float64, (n,))
    array("offset", features.offset, np.float64, (n,))
    limit = 1 << 62
    need(
        (features.low <= features.high).all() and (features.low >= -limit).all() and (features.high <= limit).all(),
        "feature ranges must satisfy -2**62 <= low <= high <= 2**62",
    )
    need(
        np.isfinite(features.scale).all() and (features.scale > 0).all() and np.isfinite(features.offset).all(),
        "feature scales must be finite and positive",
    )
    if features.image_shape is not None:
        need(
            all(side > 0 for side in features.image_shape) and np.prod(features.image_shape) == n,
            f"image shape {features.image_shape} does not hold {n} features",
        )
    b = len(encoder.feature)
    array("encoder feature", encoder.feature, np.int32, (b,))
    array("encoder threshold", encoder.threshold, np.int64, (b,))
    need(((encoder.feature >= 0) & (encoder.feature < n)).all(), "an encoder bit reads a feature that is not there")
    need(
        (
            (encoder.threshold > features.low[encoder.feature])
            & (encoder.threshold <= features.high[encoder.feature])
        ).all(),
        "a threshold lies outside its feature's range",
    )
    first = b
    for number, layer in enumerate(network.layers):
        n_luts, k = layer.wiring.shape if layer.wiring.ndim == 2 else (0, -1)
        need(0 <= k <= MAX_K, f"layer {number} must have wiring of shape (n_luts, k) with k up to {MAX_K}")
        array(f"wiring of layer {number}", layer.wiring, np.int32, (n_luts, k))
        packed = (n_luts, ((1 << k) + 7) // 8)
        array(f"tables of layer {number}", layer.tables, np.uint8, packed)
        if layer.care is not None:
            array(f"care of layer {number}", layer.care, np.uint8, packed)
        if layer.counts is not None:
            array(f"counts of layer {number}", layer.counts, np.uint32, (n_luts, 1 << k, 2))
        need(
            ((layer.wiring >= 0) & (layer.wiring < first)).all(),
            f"layer {number} reads a signal that is not before it",
        )
        first += n_luts
    votes = len(head.signal)
    c = network.n_classes
    need(c >= 2, "there must be at least two classes")
    need(head.kind in ("bit", "threshold", "argmax"), f"unknown head {head.kind!r}")
    array("head signal", head.signal, np.int32, (votes,))
    array("head class", head.class_of, np.int32, (votes,))
    array("head weight", head.weight, np.int32, (votes,))
    scores = c if head.kind == "argmax" else 1
    array("head bias", head.bias, np.int64, (scores,))
    need(head.kind == "argmax" or c == 2, f"a {head.kind} head has two classes, not {c}")
    need(((head.signal >= 0) & (head.signal < first)).all(), "the head reads a signal that is not there")
    need(((head.class_of >= 0) & (head.class_of < scores)).all(), "a vote is for a class that is not there")
    need((head.bias > -(1 << 40)).all() and (head.bias < 1 << 40).all(), "biases must be below 2**40")
    if head.kind == "bit":
        need(votes == 1 and head.weight[0] == 1 and head.bias[0] == 0, "a bit head is one signal")


# --- the file ---------------------------------------------------------------------------------------------------


def _arrays(network: LutNetwork) -> dict[str, NDArray]:
    features, encoder, head = network.features, network.encoder, network.head
    out: dict[str, NDArray] = {
        "low": features.low,
        "high": features.high,
        "scale": features.scale,
        "offset": features.offset,
        "feature": encoder.feature,
        "threshold": encoder.threshold,
        "head_signal": head.signal,
        "head_class": head.class_of,
        "head_weight": head.weight,
        "head_bias": head.bias,
    }
    for number, layer in enumerate(network.layers):
        for name in ("wiring", "tables", "care", "counts"):
            value = getattr(layer, name)
            if value is not None:
                out[f"layer{number}_{name}"] = value
    return out


def _digest(header: dict[str, Any], arrays: dict[str, NDArray]) -> str:
    text = json.dumps({k: v for k, v in header.items() if k != "sha256"}, sort_keys=True, separators=(",", ":"))
    sha = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        sha.update(np.ascontiguousarray(arrays[name]).data)
    return sha.hexdigest()


def to_bytes(network: LutNetwork) -> bytes:
    """The model file: a NumPy zip archive whose member `header.npy` is a JSON text as uint8."""
    arrays = {
        name: value.astype(value.dtype.newbyteorder("<"), copy=False) for name, value in _arrays(network).items()
    }
    if sum(value.nbytes for value in arrays.values()) > MAX_BYTES:
        raise UsageError(f"the model is larger than {MAX_BYTES >> 30} GiB; use fewer LUTs or a smaller k")
    header: dict[str, Any] = {
        "format": "lut2hw",
        "version": FORMAT_VERSION,
        "layers": len(network.layers),
        "head": network.head.kind,
        "classes": list(network.class_names),
        "features": list(network.features.names),
        "image_shape": None if network.features.image_shape is None else list(network.features.image_shape),
        "meta": network.meta,
        "arrays": {name: [value.dtype.str, list(value.shape)] for name, value in arrays.items()},
    }
    header["sha256"] = _digest(header, arrays)
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    return npz_bytes([("header", np.frombuffer(text, np.uint8)), *sorted(arrays.items())])


def from_bytes(data: bytes) -> LutNetwork:
    """Undo `to_bytes`. Errors: `ModelFileError`."""
    try:
        return _read(io.BytesIO(data), len(data))
    except UsageError as error:
        raise ModelFileError(str(error)) from None


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray:
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ModelFileError("it is not compressed as model files are")
    with archive.open(info) as file:
        return np.lib.format.read_array(file, allow_pickle=False, max_header_size=4096)


def _member(archive: zipfile.ZipFile, name: str, dtype: str, shape: tuple[int, ...]) -> NDArray:
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
    "feature": "<i4",
    "threshold": "<i8",
    "head_signal": "<i4",
    "head_class": "<i4",
    "head_weight": "<i4",
    "head_bias": "<i8",
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
    header = json.loads(value.tobytes().decode())
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


def _read(file: Any, file_size: int) -> LutNetwork:
    try:
        with zipfile.ZipFile(file) as archive:
            header = _header(archive, file_size)
            arrays = {
                name: _member(archive, name, dtype, tuple(shape)) for name, (dtype, shape) in header["arrays"].items()
            }
        if header["sha256"] != _digest(header, arrays):
            raise ModelFileError("its checksum does not match its content")
        texts = [*header["classes"], *header["features"], header["head"]]
        if not all(isinstance(text, str) for text in texts) or not isinstance(header["meta"], dict):
            raise ModelFileError("its header has the wrong types")
        shape, n_layers = header["image_shape"], header["layers"]
        if (
            type(n_layers) is not int
            or n_layers < 0
            or any(name.startswith("layer") and int(name[5:].split("_")[0]) >= n_layers for name in arrays)
        ):
            raise ModelFileError(f"its number of layers, {n_layers!r}, does not fit its arrays")
        if shape is not None and not all(type(side) is int for side in shape):
            raise ModelFileError("its image shape is not of whole numbers")
        features = Features(
            tuple(header["features"]),
            arrays["low"],
            arrays["high"],
            arrays["scale"],
            arrays["offset"],
            None if shape is None else tuple(shape),
        )
        layers = tuple(
            Layer(
                arrays[f"layer{i}_wiring"],
                arrays[f"layer{i}_tables"],
                arrays.get(f"layer{i}_care"),
                arrays.get(f"layer{i}_counts"),
            )
            for i in range(n_layers)
        )
        head = Head(
            header["head"], arrays["head_signal"], arrays["head_class"], arrays["head_weight"], arrays["head_bias"]
        )
        return LutNetwork(
            Encoder(features, arrays["feature"], arrays["threshold"]),
            layers,
            head,
            tuple(header["classes"]),
            header["meta"],
        )
    except (ModelFileError, UsageError, OSError):
        raise
    except MemoryError:
        raise ModelFileError("it needs more memory than there is") from None
    except Exception as error:  # zip, JSON and array readers fail in many ways on damaged files
        raise ModelFileError(f"it is damaged ({type(error).__name__})") from None
