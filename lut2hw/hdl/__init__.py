"""Hardware made with Amaranth: the core, links around it, their Verilog."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.hdl.convert import VerilogPlatform
    from lut2hw.hdl.core import Core, create
    from lut2hw.hdl.emitted import EmittedCore
    from lut2hw.hdl.linked import LinkedCore
    from lut2hw.hdl.links.registry import make_link

__all__ = ["Core", "EmittedCore", "LinkedCore", "VerilogPlatform", "create", "make_link"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Core": "core",
        "create": "core",
        "EmittedCore": "emitted",
        "LinkedCore": "linked",
        "VerilogPlatform": "convert",
        "make_link": "links.registry",
    },
)
