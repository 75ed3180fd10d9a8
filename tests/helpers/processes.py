"""The real program in a process of its own: begun, ended by a signal, and what it left."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

MARK = "LUT2HW_TEST_MARK"


def wait_for(sign: Any, seconds: float = 100) -> bool:
    """Whether sign() comes true, asked ten times a second; a busy machine may take its time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if sign():
            return True
        time.sleep(0.1)
    return False


def marked(mark: str) -> list[int]:
    """Processes that inherited the mark, but for zombies, which only wait for whoever started them."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and f"{MARK}={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


@contextlib.contextmanager
def started(
    arguments: Sequence[str], cwd: Path, sign: str, *, before: Sequence[str] = (), **env: str
) -> Iterator[subprocess.Popen]:
    """`lut2hw ARGUMENTS` in `cwd`, from when its progress shows `sign`; stderr has the progress no more.

    It has a terminal's progress bar, whose words come when the work has begun, and a session of its own, of which
    nothing is left. The attribute `mark` finds its children by `marked`.
    """
    mark = f"{os.getpid()}-{time.monotonic_ns()}"
    process = subprocess.Popen(
        [*before, sys.executable, "-m", "lut2hw", *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1", "COLUMNS": "200", MARK: mark, **env},
    )
    process.mark = mark  # type: ignore[attr-defined]
    assert process.stderr is not None
    said = b""
    try:
        while sign.encode() not in said:
            ready, _, _ = select.select([process.stderr], [], [], 300)
            more = os.read(process.stderr.fileno(), 4096) if ready else b""
            assert more, f"no {sign!r} in {said.decode(errors='replace')!r}"
            said += more
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def last_line(stderr: bytes) -> str:
    """The last line that a terminal would show, without what moves its cursor."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stderr.decode())
    return text.replace("\r", "\n").strip().splitlines()[-1]
