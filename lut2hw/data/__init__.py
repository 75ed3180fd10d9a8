"""Datasets: named ones and files, as integer features, class numbers and splits."""

from lut2hw.data.dataset import Dataset, load, recall
from lut2hw.data.named import CATALOGUE

__all__ = ["CATALOGUE", "Dataset", "load", "recall"]
