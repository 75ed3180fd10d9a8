"""LutNetwork: the learned model and the golden model in one.

`LutNetwork.predict` on raw features is the definition of the right answer; hardware must equal it bit for bit.
"""

from __future__ import annotations

import importlib
import io
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw import bits, checked
from lut2hw.checked import Either, List, Maybe, OneOf, Real, Table, Text, Whole, optional
from lut2hw.errors import UsageError
from lut2hw.files import atomic_write, open_regular
from lut2hw.frontends.registry import from_json
from lut2hw.model.check import MAX_BIAS, check
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features
from lut2hw.model.file import MAX_BYTES, ModelFileError, pack, unpack
from lut2hw.model.parts import Head, Layer
from lut2hw.model.probability import probabilities, temperature_of, unmoved

_AT_A_TIME = 1 << 18  # examples whose encoded bits are held together


@dataclass(frozen=True, eq=False)
class LutNetwork:
    """An immutable network of lookup tables with its encoder and head."""

    encoder: Encoder
    """Raw integer features to bits (signals 0 .. len(encoder) - 1)."""
    layers: tuple[Layer, ...]
    """In order of evaluation."""
    head: Head
    class_names: tuple[str, ...]
    """One per class, in the order of the class numbers; none where the answer is numbers or labels."""
    meta: dict[str, Any] = field(default_factory=dict)
    """JSON values that say where the model comes from (data, options, seed, accuracy); no time, no host, so that the
    same training gives the same bytes.
    """
    target_names: tuple[str, ...] = ()
    """One per number or label that the network answers, in order; none where the answer is a class."""

    def __post_init__(self) -> None:
        check(self.encoder, self.layers, self.head, self.class_names, self.target_names)
        arrays: list[NDArray[Any]] = [
            self.encoder.feature,
            self.encoder.threshold,
            self.head.signal,
            self.head.class_of,
            self.head.weight,
            self.head.bias,
        ]
        if self.head.fraction is not None:
            arrays.append(self.head.fraction)
        for layer in self.layers:
            arrays += [a for a in (layer.wiring, layer.tables, layer.care, layer.counts) if a is not None]
        for array in arrays:
            array.flags.writeable = False

    @property
    def features(self) -> Features:
        """The raw inputs."""
        return self.encoder.features

    @property
    def front_end(self) -> Any:
        """The `lut2hw.frontends.base.FrontEnd` that makes the features of samples, None of features as they come."""
        return self.features.front_end

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 where the answer is numbers or labels."""
        return len(self.class_names)

    @property
    def answer_names(self) -> tuple[str, ...]:
        """Names of the classes that the network can answer: `class_names`, and "none" if the head rejects.

        Of a network with a class "none" the last one is "none of these".
        """
        if not self.head.reject:
            return self.class_names
        return (*self.class_names, "none of these" if "none" in self.class_names else "none")

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

        Parameters
        ----------
        encoded : bits.Packed
            uint64 (n_bits, n_words) from the encoder.

        Returns
        -------
        bits.Packed
            uint64 (n_signals, n_words); bits past the last example are undefined.
        """
        if encoded.shape[0] != len(self.encoder):
            raise UsageError(f"expected {len(self.encoder)} encoded bits but got {encoded.shape[0]}")
        from lut2hw.kernels import evaluate as kernels  # compiled code, loaded when there is something to evaluate

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
        from lut2hw.kernels import evaluate as kernels

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

    def predict_packed(self, encoded: bits.Packed, n_examples: int) -> NDArray[Any]:
        """Answers as `predict` gives them, of packed, encoded bits (n_bits, n_words)."""
        if self.head.kind != "argmax" or self.head.reject:
            return self.head.answer(self.scores_packed(encoded, n_examples))
        answers = np.empty(n_examples, np.int64)
        self._run(encoded, n_examples, np.empty((0, self.n_classes), np.int64), answers)
        return answers

    def scores(self, x: ArrayLike) -> NDArray[np.int64]:
        """Scores int64 (n, len(head.bias)) of raw features (n, n_features), or of a `Dataset`'s integers."""
        return self.scores_integers(self.features.integers_of(x))

    def predict(self, x: ArrayLike) -> NDArray[Any]:
        """Answers to raw features: the definition of the right answer.

        Parameters
        ----------
        x : array_like, shape (n, n_features)
            Raw features. A `Dataset`'s integers (`Quantized`) count as the raw features that they stand for. A model
            with a front end takes sequences of samples, too: (n, time, channels) or `lut2hw.frontends.Sequences`.

        Returns
        -------
        NDArray[Any]
            Class numbers int64 (n,), of which `n_classes` means "none" where the head rejects. Of a head of numbers,
            float64 (n,), or (n, targets) for several targets. Of a head of labels, 0 and 1, uint8 (n, labels).
        """
        return self.head.answer(self.scores(x))

    def predict_proba(self, x: ArrayLike) -> NDArray[np.float64]:
        """Probabilities of the classes, or of each label.

        They are made of scores by the model's temperature: that which `lut2hw tune --temperature` or an estimator has
        fitted on held-out examples, else that of training. Moving the threshold does not change them.

        Parameters
        ----------
        x : array_like, shape (n, n_features)
            As of `predict`.

        Returns
        -------
        NDArray[np.float64]
            (n, n_classes), rows of which sum to one; of a head of labels (n, labels), each a probability of its own.

        Raises
        ------
        UsageError
            If the answers are numbers, or the model has no temperature.
        """
        return self.probabilities(self.scores(x))

    def probabilities(self, scores: NDArray[np.int64]) -> NDArray[np.float64]:
        """The probabilities of `predict_proba`, of scores int64 (n, len(head.bias)) that are known already."""
        return probabilities(self.head, self.unmoved_scores(scores), temperature_of(self.meta))

    def unmoved_scores(self, scores: NDArray[np.int64]) -> NDArray[np.int64]:
        """Scores int64 (n, len(head.bias)) as they were before `lut2hw tune` moved the threshold."""
        return unmoved(scores, self.meta)

    def moved(self, shift: ArrayLike) -> LutNetwork:
        """The same network with other thresholds.

        Parameters
        ----------
        shift : array_like of int, shape (len(head.bias),)
            What is added to each bias. Probabilities stay what they were, since `meta` keeps it.

        Raises
        ------
        UsageError
            If a bias becomes too large.
        """
        shift = np.asarray(shift, np.int64)
        bias = self.head.bias + shift
        if (np.abs(bias) >= MAX_BIAS).any():
            raise UsageError("the scores are too large to move; scale the weights down first")
        before = self.meta.get("moved") or [0] * len(bias)
        in_all = (np.asarray(before, np.int64) + shift).tolist()
        return replace(self, head=replace(self.head, bias=bias)).with_meta(moved=in_all)

    def predict_integers(self, x: NDArray[np.integer]) -> NDArray[Any]:
        """Answers to features that are integers already (n, n_features), as `Dataset` holds them."""
        x = self.features.check_quantized(x)
        if len(x) <= _AT_A_TIME:
            return self.predict_packed(self.encoder(x), len(x))
        parts = (x[first : first + _AT_A_TIME] for first in range(0, len(x), _AT_A_TIME))
        return np.concatenate([self.predict_packed(self.encoder(part), len(part)) for part in parts])

    def scores_integers(self, x: NDArray[np.integer]) -> NDArray[np.int64]:
        """Scores int64 (n, len(head.bias)) of features that are integers already, as `Dataset` holds them.

        Encoded bits are made of some examples at a time, so that these may be larger than memory.

        Parameters
        ----------
        x : NDArray[np.integer]
            (n, n_features).
        """
        out = np.empty((len(x), len(self.head.bias)), np.int64)
        for first in range(0, len(x), _AT_A_TIME):
            part = x[first : first + _AT_A_TIME]
            out[first : first + len(part)] = self.scores_packed(self.encoder(part), len(part))
        return out

    def create(self, target: Any = "ice40", options: Any = None, **changes: Any) -> Any:
        """The Amaranth component that gives the answers of `predict`: one example per clock between two streams.

        Parameters
        ----------
        target : str or Target
            FPGA family.
        options : CompileOptions or None
            What is asked of the compiler; its defaults if None.
        **changes
            Single options by name, as `lut2hw.compile.compiler.compile_network` takes them, and `fields` of
            `lut2hw.hdl.core.Core`.

        Returns
        -------
        lut2hw.hdl.core.Core
            Of a model with a front end `lut2hw.hdl.stream.StreamCore`, which takes a sample per transfer and answers
            sequences. With ``core.compiled.network`` the network that it answers as, this one but for `dont_cares`.

        Raises
        ------
        UsageError
            For an unknown family or options that make no sense.
        """
        # By name and without types: the model stands below the hardware and does without it.
        module = "lut2hw.hdl.core" if self.front_end is None else "lut2hw.hdl.stream"
        return importlib.import_module(module).create(self, target, options, **changes)

    def with_meta(self, **meta: Any) -> LutNetwork:
        """The same network with further entries of `meta`."""
        return replace(self, meta={**self.meta, **meta})

    def save(self, path: str | Path) -> None:
        """Write the model file atomically; the same network gives the same bytes."""
        with atomic_write(path) as file:
            file.write(to_bytes(self))

    @classmethod
    def load(cls, path: str | Path) -> LutNetwork:
        """Read a model file.

        Raises
        ------
        ModelFileError
            In one line for anything that is not a whole model.
        """
        path = Path(path)
        try:
            with open_regular(path, MAX_BYTES) as file:
                return _read(file, os.fstat(file.fileno()).st_size)
        except FileNotFoundError:
            raise UsageError(f"no model file at {path}; make one with `lut2hw train ... -o {path}`") from None
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
        except ModelFileError as error:
            raise ModelFileError(f"{path} is not a usable model file: {error}; train it again") from None
        except UsageError as error:
            raise ModelFileError(f"{path} is not a usable model file: {error}") from None


_META = {
    "data": Maybe(
        {
            **dict.fromkeys(
                (
                    "data",
                    "label",
                    "classes",
                    "fingerprint",
                    "ignore",
                    "test_data",
                    "task",
                    "normal",
                    "weight",
                    "size",
                    "front_end",
                    "sequence_id",
                    "time",
                    "group",
                    "test_group",
                ),
                Maybe(optional(Text())),
            ),
            "test_split": Maybe(Either((None, Real(0, 1), Text()))),
            "max_categories": Maybe(optional(Whole())),
            **dict.fromkeys(("drop_missing", "header", "colour", "sequence"), Maybe(optional(bool))),
        }
    ),
    "temperature": Maybe(Real(1e-300, 1e300)),
    "moved": Maybe(List(Whole(-(1 << 42), 1 << 42))),
    "tuned": Maybe(
        List(
            {
                **dict.fromkeys(("max_fpr", "min_recall", "rate"), Maybe(Real(0, 1))),
                "reject": Maybe(Whole(0, 1 << 40)),
                "temperature": Maybe(bool),
                "split": OneOf(("train", "test", "all")),
                **dict.fromkeys(("positive", "data", "label", "classes"), Maybe(optional(Text()))),
            }
        )
    ),
    "dont_cares": Maybe({"before": Table(Real()), "after": Table(Real())}),
    **dict.fromkeys(("learner", "imported", "ended"), Maybe(optional(Text()))),
}
"""What others read of a model's meta, beside the curve, which has a check of its own where it is drawn."""


def _arrays(network: LutNetwork) -> dict[str, NDArray[Any]]:
    features, encoder, head = network.features, network.encoder, network.head
    out: dict[str, NDArray[Any]] = {
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
    if features.missing.any():
        out["missing"] = features.missing.astype(np.uint8)
    if features.front_end is not None:  # an array, so that versions that do not know it refuse the file
        out["front_end"] = features.front_end.rows
    if head.fraction is not None:
        out["head_fraction"] = head.fraction
    if head.reject:  # an array, so that versions that do not know it refuse the file
        out["head_reject"] = np.array([head.reject], np.int64)
    for number, layer in enumerate(network.layers):
        for name in ("wiring", "tables", "care", "counts"):
            value = getattr(layer, name)
            if value is not None:
                out[f"layer{number}_{name}"] = value
    return out


def to_bytes(network: LutNetwork) -> bytes:
    """The model file of a network."""
    shape = network.features.image_shape
    header: dict[str, Any] = {
        "layers": len(network.layers),
        "head": network.head.kind,
        "classes": list(network.class_names),
        "features": list(network.features.names),
        "image_shape": None if shape is None else list(shape),
        "meta": network.meta,
    }
    if network.front_end is not None:
        header["front_end"] = {name: value for name, value in network.front_end.as_json().items() if name != "rows"}
    if network.target_names:
        header["targets"] = list(network.target_names)
    return pack(header, _arrays(network))


def from_bytes(data: bytes) -> LutNetwork:
    """Undo `to_bytes`.

    Raises
    ------
    ModelFileError
    """
    try:
        return _read(io.BytesIO(data), len(data))
    except UsageError as error:
        raise ModelFileError(str(error)) from None


def _bits(array: NDArray[np.uint8]) -> NDArray[np.bool_]:
    if not np.isin(array, (0, 1)).all():
        raise ModelFileError("its array missing holds other values than 0 and 1")
    return array.astype(bool)


def _with_front_end(features: Features, header: Any, rows: NDArray[np.int64]) -> Features:
    """The features of a front end, which must be those that the file says."""
    made: Features = from_json({**header, "rows": rows.tolist()}).features()
    same = features.names == made.names and features.image_shape is None and features.unscaled
    if not same or not np.array_equal(features.low, made.low) or not np.array_equal(features.high, made.high):
        raise ModelFileError("its features are not those of its front end")
    return made


def _read(file: Any, file_size: int) -> LutNetwork:
    try:
        header, arrays = unpack(file, file_size)
        targets = header.get("targets", [])
        texts = [*header["classes"], *header["features"], *targets, header["head"]]
        if not all(isinstance(text, str) for text in texts) or not isinstance(header["meta"], dict):
            raise ModelFileError("its header has the wrong types")
        try:
            checked.check(header["meta"], _META, "meta")
        except checked.Damaged as error:
            raise ModelFileError(f"it is damaged: {error}") from None
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
            _bits(arrays["missing"]) if "missing" in arrays else np.zeros(len(header["features"]), bool),
        )
        if "front_end" in arrays or "front_end" in header:
            features = _with_front_end(features, header["front_end"], arrays["front_end"])
        layers = tuple(
            Layer(
                arrays[f"layer{i}_wiring"],
                arrays[f"layer{i}_tables"],
                arrays.get(f"layer{i}_care"),
                arrays.get(f"layer{i}_counts"),
            )
            for i in range(n_layers)
        )
        reject = arrays.get("head_reject", np.zeros(1, np.int64))
        if reject.shape != (1,):
            raise ModelFileError("its margin to reject below is not one number")
        head = Head(
            header["head"],
            arrays["head_signal"],
            arrays["head_class"],
            arrays["head_weight"],
            arrays["head_bias"],
            arrays.get("head_fraction"),
            int(reject[0]),
        )
        return LutNetwork(
            Encoder(features, arrays["feature"], arrays["threshold"]),
            layers,
            head,
            tuple(header["classes"]),
            header["meta"],
            tuple(targets),
        )
    except (ModelFileError, UsageError, OSError):
        raise
    except MemoryError:
        raise ModelFileError("it needs more memory than there is") from None
    except Exception as error:  # zip, JSON and array readers fail in many ways on damaged files
        raise ModelFileError(f"it is damaged ({type(error).__name__})") from None
