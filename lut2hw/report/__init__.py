"""The report: one HTML page on a model and its hardware."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.report.page import make

__all__ = ["make"]

__getattr__, __dir__ = lazy(__name__, {"make": "page"})
