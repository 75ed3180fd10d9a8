"""Data sets, named ones and files, as integer features, class numbers and splits."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.data.dataset import Dataset, Examples, Schema, load, load_examples, majority_accuracy
    from lut2hw.data.named import CATALOGUE
    from lut2hw.data.sequences import SequenceDataset, load_sequences

__all__ = [
    "CATALOGUE",
    "Dataset",
    "Examples",
    "Schema",
    "SequenceDataset",
    "load",
    "load_examples",
    "load_sequences",
    "majority_accuracy",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "CATALOGUE": "named",
        "Dataset": "dataset",
        "Examples": "dataset",
        "Schema": "dataset",
        "SequenceDataset": "sequences",
        "load_sequences": "sequences",
        "load": "dataset",
        "load_examples": "dataset",
        "majority_accuracy": "dataset",
    },
)
