"""What a test needs that not every machine has: else it is skipped, or fails with LUT2HW_REQUIRE=all."""

from __future__ import annotations

import importlib.util
import os
import shutil

import pytest

from lut2hw import tools

REQUIRED = os.environ.get("LUT2HW_REQUIRE", "") == "all"


def missing(*names: str) -> str:
    """What to install to have all of these programs; empty if they are there."""
    hints = {name: tools.install_hint(name) for name in names if tools.find(name) is None}
    return "; ".join(f"needs {name}: {hint}" for name, hint in hints.items())


def tool(*names: str) -> pytest.MarkDecorator:
    """Mark of a test that needs all of these programs."""
    why = missing(*names)
    return pytest.mark.skipif(bool(why), reason=why)


def module(name: str) -> pytest.MarkDecorator:
    """Mark of a test that needs a Python package."""
    return pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=f"needs the Python package {name}")


def skip_without(*names: str) -> None:
    """Skip the test that calls this if one of these programs is missing."""
    if why := missing(*names):
        pytest.skip(why)


def have(*names: str) -> bool:
    """Whether all of these programs are there, for a test that checks more with them."""
    why = missing(*names)
    if why and REQUIRED:
        pytest.fail(why)
    return not why


def without_rights() -> list[str]:
    """Start of a command line that runs a program to which permissions of files apply, the superuser's too."""
    if os.geteuid():
        return []
    if not shutil.which("setpriv"):
        pytest.skip("needs setpriv: install it (Debian, Ubuntu: `apt-get install util-linux`) or be another user")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"]
