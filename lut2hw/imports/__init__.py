"""Imports: models and circuits of other tools as networks, ready to compile, verify and build."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lut2hw.errors import UsageError
from lut2hw.imports import aiger, blif, pla
from lut2hw.model import LutNetwork

LOGIC: dict[str, Callable[..., LutNetwork]] = {
    ".blif": blif.read, ".aig": aiger.read, ".aag": aiger.read, ".pla": pla.read,
}
"""Readers of logic files by file ending; options as for `logic.to_network`."""


def read_logic(path: str | Path, **options: Any) -> LutNetwork:
    """A BLIF, AIGER or PLA file as a network. Errors: `UsageError` in one line."""
    reader = LOGIC.get(Path(path).suffix.lower())
    if reader is None:
        raise UsageError(f"cannot tell the format of {path}; logic files end in {', '.join(LOGIC)}")
    return reader(path, **options)
