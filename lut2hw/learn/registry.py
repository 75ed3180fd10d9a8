"""Learners: each turns a `Dataset` and an `Encoder` into a `LutNetwork`."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from lut2hw.errors import unknown_name
from lut2hw.model.network import LutNetwork

LEARNERS = {"memorize": "lut2hw.learn.memorize", "descent": "lut2hw.learn.descent"}
"""Name to module; the module has `learn(dataset, encoder, *, seed, meta, progress, ...) -> LutNetwork`."""


def learner(name: str) -> Callable[..., LutNetwork]:
    """The `learn` function of a learner, imported when it is asked for."""
    if name not in LEARNERS:
        raise unknown_name("learner", name, LEARNERS)
    return importlib.import_module(LEARNERS[name]).learn
