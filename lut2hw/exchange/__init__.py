"""Models and circuits of other tools, in and out."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.exchange.reading import Imported, read
    from lut2hw.exchange.registry import FORMATS, Format
    from lut2hw.exchange.writing import export

__all__ = ["FORMATS", "Format", "Imported", "export", "read"]

__getattr__, __dir__ = lazy(
    __name__,
    {"FORMATS": "registry", "Format": "registry", "Imported": "reading", "export": "writing", "read": "reading"},
)
