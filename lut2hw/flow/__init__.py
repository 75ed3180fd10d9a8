"""From an emitted folder to a bitstream: yosys, nextpnr, packers, boards."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.flow.build import BuildOptions, build
    from lut2hw.flow.result import BuildResult

__all__ = ["BuildOptions", "BuildResult", "build"]

__getattr__, __dir__ = lazy(__name__, {"BuildOptions": "build", "BuildResult": "result", "build": "build"})
