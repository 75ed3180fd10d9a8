"""Models and circuits of other tools, in and out."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.exchange.registry import Imported, read_any, read_logic

__all__ = ["Imported", "read_any", "read_logic"]

__getattr__, __dir__ = lazy(__name__, {"Imported": "registry", "read_any": "registry", "read_logic": "registry"})
