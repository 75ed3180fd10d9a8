"""Passes of the compiler: from a netlist to a better one that computes the same."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.passes.base import Context, Pass
    from lut2hw.passes.registry import PASSES

__all__ = ["PASSES", "Context", "Pass"]

__getattr__, __dir__ = lazy(__name__, {"Context": "base", "PASSES": "registry", "Pass": "base"})
