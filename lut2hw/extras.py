"""Optional dependencies: what is asked for by name where it is needed, with the command that installs it."""

from __future__ import annotations

import importlib.util

from lut2hw.errors import Lut2hwError, UsageError


def need(*modules: str, extra: str, error: type[Lut2hwError] = UsageError) -> None:
    """Raise unless all of some modules are installed.

    Parameters
    ----------
    *modules : str
        Names of importable modules.
    extra : str
        Extra of this package that brings them.
    error : type, default=UsageError
        What to raise; its one line says what to install.
    """
    for module in modules:
        try:
            there = importlib.util.find_spec(module) is not None
        except ModuleNotFoundError:
            there = False  # not even the package around it
        if not there:
            raise error(f"this needs the Python package {module}; run: pip install 'lut2hw[{extra}]'")
