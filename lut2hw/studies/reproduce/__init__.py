"""The experiments of "Learning and Memorization"."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.studies.reproduce.run import run

__all__ = ["run"]

__getattr__, __dir__ = lazy(__name__, {"run": "run"})
