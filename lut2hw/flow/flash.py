"""Onto the board: the programmers that take a bitstream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lut2hw import tools
from lut2hw.errors import ToolError, UsageError
from lut2hw.flow.boards import board


def flash(result: dict[str, Any]) -> str:
    """Write the bitstream of a `build.json` to its board; returns the tool that did it.

    Parameters
    ----------
    result : dict[str, Any]
        What was built.

    Raises
    ------
    ToolError
        If no programmer of the board is installed, or if it fails.
    """
    programmers = board(result["board"]).programmers
    bitstream = Path(result["bitstream"])
    if not bitstream.is_file():
        raise UsageError(f"the bitstream {bitstream} is gone; build it again")
    for tool, *arguments in programmers:
        if tools.find(tool):
            try:
                tools.run(tool, [str(bitstream.resolve()) if word == "{file}" else word for word in arguments])
            except ToolError as error:
                raise ToolError(f"{error}; is the board plugged in, and may you use it?") from None
            return tool
    tools.require(programmers[0][0])  # which says what to install
    raise AssertionError
