"""lut2hw: from labelled data to FPGA logic.

data -> encode -> model -> learn -> compile -> emit -> build, with verify beside it.
"""

from typing import Any

__version__ = "0.1.0"
__all__ = ["DescentClassifier", "LutNetwork", "MemorizeClassifier", "__version__"]

_WHERE = {"LutNetwork": "lut2hw.model", "MemorizeClassifier": "lut2hw.sklearn", "DescentClassifier": "lut2hw.sklearn"}


def __getattr__(name: str) -> Any:
    """Import the public classes when they are first asked for, so that the command line starts fast."""
    if name not in _WHERE:
        raise AttributeError(f"module 'lut2hw' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_WHERE[name]), name)
