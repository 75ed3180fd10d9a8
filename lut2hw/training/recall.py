"""The data that a model was trained on, and other data as the model reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lut2hw.choices import Task
from lut2hw.data.dataset import Dataset, Schema, load
from lut2hw.errors import UsageError
from lut2hw.model.network import LutNetwork


def schema_of(network: LutNetwork) -> Schema:
    """How `network` reads data.

    Parameters
    ----------
    network : LutNetwork
        A model with its data options in its meta.
    """
    options = network.meta.get("data")
    options = options if isinstance(options, dict) else {}
    task = options.get("task")
    return Schema(
        network.features,
        network.class_names,
        options,
        Task(task) if task in list(Task) else Task.CLASSIFICATION,
        network.target_names,
    )


def load_like(data: str | Path, network: LutNetwork, **options: Any) -> Dataset:
    """Load data as `network` reads it: its features, classes and, where not given in `options`, data options.

    Parameters
    ----------
    data : str | Path
        As of `lut2hw.data.load`. Data that the network was not trained on and that has no test split of its own is
        given whole, as the test split. Values of text that training has never seen are in `Dataset.notes`.
    network : LutNetwork
        The model that will read the data.
    options : Any
        As of `lut2hw.data.load`. Data that the network was not trained on and that has no test split of its own is
        given whole, as the test split. Values of text that training has never seen are in `Dataset.notes`.

    Raises
    ------
    UsageError
        In one line.
    """
    return load(data, like=schema_of(network), **options)


def recall(network: LutNetwork) -> Dataset:
    """The dataset that `network` was trained on, by the options in its meta.

    Parameters
    ----------
    network : LutNetwork
        A model with its data options in its meta.

    Raises
    ------
    UsageError
        In one line.
    """
    data = schema_of(network).options.get("data")
    if not isinstance(data, str):
        raise UsageError("the model does not say which data it was trained on; give --data")
    try:
        return load_like(data, network)
    except UsageError as error:
        raise UsageError(f"{error}; the model was trained on it, --data gives other data") from None
