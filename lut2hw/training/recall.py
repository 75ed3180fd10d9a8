"""The data that a model was trained on, and other data as the model reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lut2hw.choices import Task
from lut2hw.data.dataset import Dataset, Examples, Schema, load, load_examples
from lut2hw.data.sequences import SequenceDataset, load_sequences, sequence_examples
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
    schema = schema_of(network)
    if network.front_end is not None:
        return load_sequences(data, like=schema, **options).through(network.front_end)
    return load(data, like=schema, **options)


def examples_like(
    data: str | Path, network: LutNetwork, *, drop_missing: bool | None = None, header: bool | None = None
) -> Examples:
    """Load data without labels as `network` reads it.

    Parameters
    ----------
    data : str | Path
        As of `lut2hw.data.load_examples`, or sequences for a model with a front end.
    network : LutNetwork
        The model that will read the data.
    drop_missing, header : bool, optional
        As of `lut2hw.data.load`; not of sequences.

    Raises
    ------
    UsageError
        In one line.
    """
    schema = schema_of(network)
    if network.front_end is None:
        return load_examples(data, schema, drop_missing=drop_missing, header=header)
    if drop_missing or header is not None:
        raise UsageError("--drop-missing and --header are not for sequences; leave them out")
    return sequence_examples(data, schema)


def load_sequences_like(data: str | Path, network: LutNetwork, **options: Any) -> SequenceDataset:
    """Load sequences as the front end of `network` reads them.

    Parameters
    ----------
    data : str | Path
        As of `lut2hw.data.load_sequences`.
    network : LutNetwork
        With a front end.
    options : Any
        As of `lut2hw.data.load_sequences`.

    Raises
    ------
    UsageError
        In one line.
    """
    return load_sequences(data, like=schema_of(network), **options)


def recall_sequences(network: LutNetwork) -> SequenceDataset:
    """The sequences that a network with a front end was trained on, by the options in its meta.

    Parameters
    ----------
    network : LutNetwork
        A model with its data options in its meta.

    Raises
    ------
    UsageError
        In one line.
    """
    schema = schema_of(network)
    data = schema.options.get("data")
    if not isinstance(data, str):
        raise UsageError("the model does not say which data it was trained on; give --data")
    return load_sequences(data, like=schema)


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
