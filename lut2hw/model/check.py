"""Whether the arrays of a network have their documented dtypes, shapes and ranges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lut2hw.errors import UsageError
from lut2hw.model.encoder import Encoder
from lut2hw.model.parts import KINDS, Head, Layer

MAX_K = 20
MAX_BIAS = 1 << 40
"""No bias and no margin to reject below is as large."""
MAX_FRACTION = 512
"""Most bits after the binary point, and before the last one that is zero: every value is a finite float64."""


def check(
    encoder: Encoder,
    layers: Sequence[Layer],
    head: Head,
    class_names: Sequence[str],
    target_names: Sequence[str] = (),
) -> None:
    """Raise `UsageError` unless every array of the network has its documented dtype, shape and range."""
    features = encoder.features

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
    array("missing", features.missing, np.bool_, (n,))
    need((features.low < features.high)[features.missing].all(), "a feature with missing values has none beside them")
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
    for number, layer in enumerate(layers):
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
    c, t = len(class_names), len(target_names)
    need(head.kind in KINDS, f"unknown head {head.kind!r}")
    if head.classifies:
        need(c >= 2, "there must be at least two classes")
        need(t == 0, f"a {head.kind} head has classes, no targets")
    else:
        need(c == 0, f"a {head.kind} head has targets, no classes")
        need(t >= 1, "there must be at least one target")
    array("head signal", head.signal, np.int32, (votes,))
    array("head class", head.class_of, np.int32, (votes,))
    array("head weight", head.weight, np.int32, (votes,))
    scores = c if head.kind == "argmax" else 1 if head.classifies else t
    array("head bias", head.bias, np.int64, (scores,))
    need(head.kind == "argmax" or not head.classifies or c == 2, f"a {head.kind} head has two classes, not {c}")
    need(((head.signal >= 0) & (head.signal < first)).all(), "the head reads a signal that is not there")
    need(((head.class_of >= 0) & (head.class_of < scores)).all(), "a vote is for a class that is not there")
    need((head.bias > -MAX_BIAS).all() and (head.bias < MAX_BIAS).all(), "biases must be below 2**40")
    if head.kind == "bit":
        need(votes == 1 and head.weight[0] == 1 and head.bias[0] == 0, "a bit head is one signal")
    if head.kind == "number":
        fraction: Any = head.fraction
        array("head fraction", fraction, np.int64, (scores,))
        need(
            ((fraction >= -MAX_FRACTION) & (fraction <= MAX_FRACTION)).all(),
            f"fractions must be from -{MAX_FRACTION} to {MAX_FRACTION}",
        )
    else:
        need(head.fraction is None, f"a {head.kind} head has no fraction")
    need(type(head.reject) is int and 0 <= head.reject < MAX_BIAS, "a margin to reject below is from 0 to 2**40")
    need(head.has_margin or not head.reject, f"a {head.kind} head rejects nothing: its answers have no margin")
