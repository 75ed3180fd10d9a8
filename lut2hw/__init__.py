"""lut2hw: from labelled data to FPGA logic.

data -> encode -> model -> learn -> compile -> emit -> build, with verify beside it.
"""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.model.network import LutNetwork
    from lut2hw.sklearn import DescentClassifier, DescentOutlierDetector, DescentRegressor, MemorizeClassifier

__version__ = "0.1.0"
__all__ = [
    "DescentClassifier",
    "DescentOutlierDetector",
    "DescentRegressor",
    "LutNetwork",
    "MemorizeClassifier",
    "__version__",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "DescentClassifier": "sklearn",
        "DescentOutlierDetector": "sklearn",
        "DescentRegressor": "sklearn",
        "LutNetwork": "model.network",
        "MemorizeClassifier": "sklearn",
    },
)
