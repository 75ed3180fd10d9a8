"""ABC, by the one door that every yosys has: its pass `abc` with a script.

R. Brayton and A. Mishchenko, "ABC: an academic industrial-strength verification tool", CAV 2010.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lut2hw import tools


def run(
    folder: Path,
    before: str,
    script: Iterable[str],
    after: str = "",
    *,
    options: str = "",
    timeout: float | None = None,
) -> None:
    """Run ABC's commands on what yosys has read.

    Parameters
    ----------
    folder : Path
        To run in: files that the commands name are there.
    before, after : str
        yosys's own commands around them.
    script : iterable of str
        ABC's commands, a line each.
    options : str
        Of yosys's pass `abc`.
    timeout : float, optional
        In seconds.

    Raises
    ------
    ToolError
        Without yosys, if it fails, and after `timeout`.
    """
    (folder / "abc.script").write_text("\n".join(script) + "\n")
    passes = "; ".join(
        part for part in (before, " ".join(["abc", *options.split(), "-script abc.script"]), after) if part
    )
    tools.run("yosys", ["-q", "-p", passes], cwd=folder, timeout=timeout)
