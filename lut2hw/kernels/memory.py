"""How much memory there is, asked before it is taken."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from lut2hw.errors import UsageError


def available() -> int:
    """Bytes of memory that this process may hope for: of the machine, or of its control group if that is less."""
    limits = []
    with contextlib.suppress(AttributeError, ValueError, OSError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            limits.append(int(Path(path).read_text()))
    return min(limits, default=1 << 62)


def need(n_bytes: int, what: str, advice: str) -> None:
    """Raise `UsageError` if `what` needs more than the memory there is."""
    if n_bytes > (there := available()):
        raise UsageError(
            f"{what} need{'' if what.endswith('s') else 's'} {n_bytes / 2**30:,.1f} GiB of memory but "
            f"there are {there / 2**30:,.1f} GiB; {advice}"
        )
