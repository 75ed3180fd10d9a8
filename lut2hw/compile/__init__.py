"""The compiler: from a LutNetwork to a netlist of cells that the target has."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.compile.compiler import Compiled, compile_network
    from lut2hw.compile.options import CompileOptions

__all__ = ["CompileOptions", "Compiled", "compile_network"]

__getattr__, __dir__ = lazy(
    __name__, {"CompileOptions": "options", "Compiled": "compiler", "compile_network": "compiler"}
)
