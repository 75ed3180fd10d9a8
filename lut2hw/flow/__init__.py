"""From an emitted folder to a bitstream: yosys, nextpnr, packers, boards."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.flow.build import build

__all__ = ["build"]

__getattr__, __dir__ = lazy(__name__, {"build": "build"})
