"""The learners as scikit-learn estimators."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.sklearn.classifiers import DescentClassifier, MemorizeClassifier
    from lut2hw.sklearn.history import Sweep

__all__ = ["DescentClassifier", "MemorizeClassifier", "Sweep"]

__getattr__, __dir__ = lazy(
    __name__, {"DescentClassifier": "classifiers", "MemorizeClassifier": "classifiers", "Sweep": "history"}
)
