"""Data sets, named ones and files, as integer features, class numbers and splits."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.data.dataset import Dataset, load, recall
    from lut2hw.data.named import CATALOGUE

__all__ = ["CATALOGUE", "Dataset", "load", "recall"]

__getattr__, __dir__ = lazy(
    __name__, {"CATALOGUE": "named", "Dataset": "dataset", "load": "dataset", "recall": "dataset"}
)
