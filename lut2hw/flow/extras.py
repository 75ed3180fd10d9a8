"""On a board: links around a core, boards with their pins, and the host's side of the link."""

import importlib.util

from lut2hw.errors import UsageError


def need(*modules: str) -> None:
    """Raise `UsageError` that says what to install unless all `modules` of the extra `boards` are there."""
    for module in modules:
        try:
            there = importlib.util.find_spec(module) is not None
        except ModuleNotFoundError:
            there = False  # not even the package around it
        if not there:
            raise UsageError(f"this needs the Python package {module}; run: pip install 'lut2hw[boards]'")
