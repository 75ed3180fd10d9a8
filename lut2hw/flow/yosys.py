"""Synthesis: the one place of the flow that calls yosys."""

from __future__ import annotations

from pathlib import Path

from lut2hw import tools
from lut2hw.errors import Lut2hwError
from lut2hw.flow.nextpnr import read_json
from lut2hw.targets.base import Flow

LOG = "yosys.log"


def synthesize(
    flow: Flow, top: str, read: str, command: str, *, cwd: Path, timeout: float | None, seconds: dict[str, float]
) -> dict[str, int]:
    """Synthesize one module; leaves TOP.json and `LOG` in the folder.

    Parameters
    ----------
    flow : Flow
        Of the family.
    top : str
        Module to synthesize.
    read : str
        Yosys commands that read it.
    command : str
        Yosys command that maps it to the family.
    cwd : Path
        Folder of all files.
    timeout : float, optional
        Seconds it may take.
    seconds : dict
        Gets the time that it took added, by tool.

    Returns
    -------
    dict of str to int
        Counts of the primitives after synthesis, by the names of `Flow.count`.

    Raises
    ------
    ToolError
        If yosys is missing, fails or makes no netlist.
    """
    script = f"{read} {command}; write_json {top}.json; tee -q -o stat.json stat -json"
    stat = cwd / "stat.json"
    stat.unlink(missing_ok=True)
    # YoWASP's yosys is silent after its first call of ABC; the log file is not.
    try:
        makes = [f"{top}.json", stat.name]
        run = tools.run("yosys", ["-q", "-l", LOG, "-p", script], cwd=cwd, timeout=timeout, makes=makes)
    except Lut2hwError as error:
        raise type(error)(_with_log(str(error), cwd / LOG)) from None
    seconds["yosys"] = seconds.get("yosys", 0) + run.seconds
    return flow.primitives(read_json(stat, "yosys")["design"]["num_cells_by_type"])


def _with_log(message: str, log: Path) -> str:
    if "it last said" in message or not log.is_file():
        return message
    return f"{message}; it last said: {tools.last_words(log.read_text(errors='replace'))}"
