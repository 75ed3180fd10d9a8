"""libsvm's format, which svmlight introduced: a label and the features that are not zero in each line."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from lut2hw.choices import Task
from lut2hw.data.source import content_of
from lut2hw.data.table import MAX_BYTES, Format, ReadOptions, Table
from lut2hw.errors import UsageError


def read_svmlight(path: Path, options: ReadOptions) -> Table:
    """Lines `LABEL INDEX:VALUE ...`, indices from 1, or from 0 if one of them is; what is not there is 0.

    With `Task.MULTILABEL` a line begins with the numbers of its labels, separated by commas.
    """
    from sklearn.datasets import load_svmlight_file

    several = options.task is Task.MULTILABEL
    width = None if options.wanted is None else len(options.wanted)
    try:
        x, y = load_svmlight_file(io.BytesIO(content_of(path)), multilabel=several)
    except UsageError:
        raise
    except Exception as error:  # a parser for numbers that are there
        raise UsageError(f"{path} is not a readable libsvm file ({' '.join(str(error).split())[:100]})") from None
    n, found = x.shape
    if not n:
        raise UsageError(f"{path} has no examples")
    if n * max(found, width or 0) * 8 > MAX_BYTES:
        raise UsageError(
            f"{path} has {n:,} examples of {found:,} features, too many for memory where most are 0; choose features"
        )
    dense = x.toarray()
    if width is not None and found != width:  # the last features of a file may be 0 in every line
        dense = np.pad(dense, ((0, 0), (0, max(0, width - found))))[:, :width]
    if np.array_equal(np.rint(dense), dense) and np.abs(dense).max(initial=0) < 2**53:
        dense = dense.astype(np.int64)
    names: tuple[str, ...] | None = None
    if several:
        labels = sorted({label for each in y for label in each})
        names = tuple(f"y{label:g}" for label in labels)
        y = np.array([[label in each for label in labels] for each in y], np.int64).reshape(n, len(labels))
    if not options.labelled:
        y = np.zeros(n, np.int64)
    return Table(str(path), dense, y, target_names=names)


FORMAT = Format("libsvm", (".libsvm", ".svmlight", ".svm"), read_svmlight)
