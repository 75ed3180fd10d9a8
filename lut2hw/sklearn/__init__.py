"""The learners as scikit-learn estimators."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.sklearn.classifiers import DescentClassifier, MemorizeClassifier
    from lut2hw.sklearn.history import Sweep
    from lut2hw.sklearn.outliers import DescentOutlierDetector
    from lut2hw.sklearn.regressors import DescentRegressor
    from lut2hw.sklearn.streams import StreamClassifier

__all__ = [
    "DescentClassifier",
    "DescentOutlierDetector",
    "DescentRegressor",
    "MemorizeClassifier",
    "StreamClassifier",
    "Sweep",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "DescentClassifier": "classifiers",
        "DescentOutlierDetector": "outliers",
        "DescentRegressor": "regressors",
        "MemorizeClassifier": "classifiers",
        "StreamClassifier": "streams",
        "Sweep": "history",
    },
)
