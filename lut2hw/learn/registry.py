"""Learners by name. A new one is a file in `lut2hw/learn/learners/` and its name here."""

from __future__ import annotations

from typing import Any

from lut2hw.errors import unknown_name
from lut2hw.learn.learners import descent, memorize
from lut2hw.learn.learners.base import Learner

__all__ = ["LEARNERS", "Learner", "learner", "learner_of"]

LEARNERS: dict[str, Learner] = {each.name: each for each in (descent.LEARNER, memorize.LEARNER)}
"""By name; the first is the one that is taken by default."""


def learner(name: str) -> Learner:
    """The learner of that name.

    Raises
    ------
    UsageError
        That suggests the nearest known one.
    """
    if name not in LEARNERS:
        raise unknown_name("learner", name, LEARNERS)
    return LEARNERS[name]


def learner_of(options: Any) -> Learner:
    """The learner whose options these are."""
    for each in LEARNERS.values():
        if type(options) is each.Options:
            return each
    raise TypeError(f"{type(options).__name__} holds the options of no learner")
