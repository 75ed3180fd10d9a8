"""iCE40 bitstreams read back: the circuit that the bits describe, and what its block RAM holds.

`iceunpack` and `icebox_vlog` (C. Wolf, M. Lasser, "Project IceStorm") turn the bits back into Verilog. Of what a
build left nothing but the bits is used, and names of pins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lut2hw import tools
from lut2hw.errors import ToolError
from lut2hw.files import read_bytes, read_text, scratch
from lut2hw.targets.base import simulation_model

MAX_BITSTREAM = 1 << 22
"""Bytes of an iCE40's bitstream, at most."""
MAX_ASC = 1 << 26
"""Bytes of what nextpnr writes for it, at most."""
RAM_ROWS, RAM_BITS = 256, 16
"""Of a block RAM."""
TOP = "chip"
"""Module that `icebox_vlog` writes."""

PIN = r"(\w+(?:\[\d+\])?)\$SB_IO_(?:IN|OUT)(?:_\$glb_\w+)?"
"""What nextpnr calls the net of a pin, also where it made it a global one."""


@dataclass(frozen=True)
class ReadBack:
    """A chip read back from its bitstream.

    Attributes
    ----------
    asc : str
        Its configuration bits, tile by tile, as `iceunpack` writes them, without comments.
    verilog : str
        Module `TOP` that does what they say.
    ports : dict of str to str
        "input", "output" or "inout" by port of that module.
    pins : dict of str to str
        Port of that module by what the pin is, such as ``result[0]``.
    """

    asc: str
    verilog: str
    ports: Mapping[str, str]
    pins: Mapping[str, str]

    @property
    def models(self) -> list[Path]:
        """Simulation models that its Verilog needs: logic comes back as equations, block RAM as what it is."""
        return [simulation_model("ice40/cells_sim.v")] if "SB_RAM40" in self.verilog else []


def unpack(binary: Path, timeout: float | None = None) -> str:
    """The configuration bits of a bitstream as text.

    Parameters
    ----------
    binary : Path
        What icepack wrote.
    timeout : float, optional
        Seconds for the tool.

    Returns
    -------
    str
        The `.asc` form, without what the bitstream says of itself, which may be anything.

    Raises
    ------
    ToolError
    """
    with scratch() as work:
        try:
            (work / "chip.bin").write_bytes(read_bytes(binary, MAX_BITSTREAM))
        except FileNotFoundError:
            raise ToolError(f"the bitstream {binary} is gone; build it again") from None
        except OSError as error:
            raise ToolError(f"cannot read {binary}: {error.strerror or error}; build it again") from None
        tools.run("iceunpack", ["chip.bin", "chip.asc"], cwd=work, timeout=timeout, makes=["chip.asc"])
        text = (work / "chip.asc").read_text(errors="replace")
    return re.sub(r"^\.comment\b.*\n(?:(?!\.).*\n)*", "", text, flags=re.M)


def block_rams(asc: str) -> dict[tuple[int, int], NDArray[np.uint16]]:
    """What the block RAMs of a chip hold at power-up.

    Parameters
    ----------
    asc : str
        `unpack` of its bitstream.

    Returns
    -------
    dict of (int, int) to ndarray of uint16 (256,)
        By column and row of the RAM's lower tile, word 0 first, bit 0 the least significant; RAMs of zeros alone may
        be left out.
    """
    out = {}
    for x, y, body in re.findall(r"^\.ram_data (\d{1,4}) (\d{1,4})\n((?:[0-9a-f]+\n)*)", asc + "\n", re.M):
        digits = RAM_BITS // 4
        words = [int(line[at : at + digits], 16) for line in body.split() for at in range(0, len(line), digits)]
        rows = np.array(words, np.uint16).reshape(-1, RAM_BITS)[:, ::-1]  # the last word of a line is its first row
        out[int(x), int(y)] = rows.reshape(-1)
    return out


def read_back(asc: str, pins: Mapping[str, str], package: str, timeout: float | None = None) -> ReadBack:
    """A chip whose pins are known.

    Parameters
    ----------
    asc : str
        `unpack` of its bitstream.
    pins : mapping of str to str
        Pin of the package by what it is.
    package : str
        As icebox spells it.
    timeout : float, optional
        Seconds for the tool.

    Raises
    ------
    ToolError
    """
    constraints = "".join(f"set_io {name} {pin}\n" for name, pin in pins.items())
    verilog, ports = _verilog(asc, ["-p", "pins.pcf", "-d", package], timeout, {"pins.pcf": constraints})
    return ReadBack(asc, verilog, ports, {name: name for name in ports if name in pins})


def read_back_by_names(asc: str, routed: Path, timeout: float | None = None) -> ReadBack:
    """A chip whose pins have the names that nextpnr left in its .asc file, of which nothing else is used.

    Parameters
    ----------
    asc : str
        `unpack` of its bitstream.
    routed : Path
        nextpnr's file.
    timeout : float, optional
        Seconds for the tool.

    Raises
    ------
    ToolError
    """
    try:
        symbols = read_text(routed, MAX_ASC, errors="replace")
    except OSError as error:
        raise ToolError(f"cannot read {error.filename}: {error.strerror or error}; build again") from None
    names = [match[0] for match in re.finditer(rf"^\.sym \d{{1,9}} {PIN}$", symbols, re.MULTILINE | re.ASCII)]
    verilog, ports = _verilog("\n".join([asc, *names, ""]), ["-L"], timeout)
    # icebox makes a name that several nets have unique by underscores; the net that is a pin counts
    pins = {match[1]: match[2] for match in re.finditer(rf"^wire \\_{PIN}_* = (io_\w+);", verilog, re.MULTILINE)}
    pins |= {f"{name}[0]": pins.pop(name) for name in ("result",) if name in pins}
    return ReadBack(asc, verilog, ports, {name: port for name, port in pins.items() if port in ports})


def _verilog(
    asc: str, arguments: Sequence[str], timeout: float | None, files: Mapping[str, str] | None = None
) -> tuple[str, dict[str, str]]:
    """What `icebox_vlog` makes of a chip, and the ports of that."""
    with scratch() as work:
        (work / "chip.asc").write_text(asc)
        for name, text in (files or {}).items():
            (work / name).write_text(text)
        said = tools.run("icebox_vlog", ["-s", *arguments, "chip.asc"], cwd=work, timeout=timeout).output
    found = re.search(rf"^module {TOP} \((.*?)\);$", said, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ToolError(f"icebox_vlog printed no module; it last said: {tools.last_words(said)}")
    return said[found.start() :], {name: way for way, name in re.findall(r"(input|output|inout) (\w+)", found[1])}
