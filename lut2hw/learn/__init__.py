"""Learners: each turns a `Dataset` and an `Encoder` into a `LutNetwork`."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.learn.registry import LEARNERS, learner

__all__ = ["LEARNERS", "learner"]

__getattr__, __dir__ = lazy(__name__, {"LEARNERS": "registry", "learner": "registry"})
