"""Names that a package offers from its modules, imported when they are first asked for (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from lut2hw import former

former.install()  # here, since a package's face has no code


def lazy(package: str, where: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make `__getattr__` and `__dir__` of a package, so that importing one of its modules loads no other.

    Parameters
    ----------
    package : str
        Full name of the package.
    where : mapping of str to str
        Name to the module, relative to the package, that defines it.
    """

    def getter(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{where[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return getter, lambda: sorted({*vars(sys.modules[package]), *where})
