"""Modules under the names they had before the package was laid out in rooms.

Scripts written for the first version go on; each import of a former name warns once and says where its content is.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

FORMER = {
    "boards": ("flow",),
    "boards.build": ("flow.build", "flow.flash"),
    "boards.catalogue": ("flow.boards",),
    "boards.chip": ("hdl.emitted", "hdl.linked", "hdl.links.registry", "hdl.convert"),
    "boards.host": ("host.serial",),
    "boards.links": ("hdl.links",),
    "build": ("flow.build",),
    "compile.netlist": ("logic.netlist",),
    "compile.port": ("logic.port",),
    "emit": ("artefact.emit", "artefact.folder"),
    "emit.core": ("hdl.core", "hdl.convert"),
    "emit.folder": ("artefact.folder",),
    "emit.vectors": ("artefact.vectors",),
    "encode": ("model.encoder", "model.features"),
    "imports": ("exchange",),
    "imports.difflogic": ("exchange.checkpoints.difflogic",),
    "imports.dwn": ("exchange.checkpoints.dwn",),
    "imports.trees": ("exchange.trees",),
    "inspect": ("studies.inspection",),
    "reproduce": ("studies.reproduce.run",),
    "sweep": ("studies.sweep",),
}
"""Former name to the modules that have its content now, below `lut2hw`."""

PREFIX = "lut2hw."


class _Former(MetaPathFinder, Loader):
    """Finds former names, and fills their modules when something is asked of them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.removeprefix(PREFIX) not in FORMER or not fullname.startswith(PREFIX):
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        places = [PREFIX + place for place in FORMER[module.__name__.removeprefix(PREFIX)]]
        warnings.warn(f"{module.__name__} is {' and '.join(places)} now", DeprecationWarning, stacklevel=2)

        def getter(name: str) -> Any:
            for place in places if not name.startswith("__") else ():
                try:
                    return getattr(importlib.import_module(place), name)
                except AttributeError:
                    continue
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        module.__dict__["__getattr__"] = getter


def install() -> None:
    """Let Python find the former names, after all that is really there."""
    if not any(isinstance(finder, _Former) for finder in sys.meta_path):
        sys.meta_path.append(_Former())
