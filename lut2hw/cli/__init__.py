"""The command line: it parses, calls and prints."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.cli.entry import app, main

__all__ = ["app", "main"]

__getattr__, __dir__ = lazy(__name__, {"app": "entry", "main": "entry"})
