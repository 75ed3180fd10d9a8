"""The compiler: from a LutNetwork to a netlist of cells that the target has."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.compile.compiler import Compiled, compile_network

__all__ = ["Compiled", "compile_network"]

__getattr__, __dir__ = lazy(__name__, {"Compiled": "compiler", "compile_network": "compiler"})
