"""Labels to class numbers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import UsageError, unknown_name

MAX_CLASSES = 1024

Groups = tuple[tuple[str, ...], ...]


def as_text(name: str, y: NDArray[Any]) -> NDArray[np.str_]:
    """Labels as strings; whole numbers lose their point. Labels that differ stay different."""
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise UsageError(f"a label of {name} is {y[~np.isfinite(y)][0]}; remove missing labels first")
        if (y != np.rint(y)).any():
            raise UsageError(
                f"a label of {name} is {y[y != np.rint(y)][0]:g}; labels must be classes, not reals, "
                "which --task regression learns"
            )
        if (np.abs(y) >= 2.0**63).any():
            raise UsageError(f"a label of {name} is {np.abs(y).max():g}; labels must be classes, not such numbers")
        y = y.astype(np.int64)
    if y.dtype.kind not in "biuSU":
        raise UsageError(f"labels of {name} must be whole numbers or strings, not {y.dtype}")
    if y.dtype.kind == "S":
        try:
            y = np.char.decode(y, "utf-8")
        except UnicodeDecodeError:
            y = np.char.decode(y, "latin-1")
    values = np.unique(y)
    if len(values) > MAX_CLASSES:
        raise UsageError(
            f"{name} has {len(values)} different labels; at most {MAX_CLASSES} classes are possible, "
            "amounts are learned with --task regression"
        )
    if y.dtype.kind == "U":
        return y
    return values.astype(np.str_)[np.searchsorted(values, y)]


def parse_groups(classes: str | None) -> Groups | None:
    """`0,1:2,3` to groups of labels.

    Raises
    ------
    UsageError
    """
    if classes is None:
        return None
    found: list[list[str]] = [[]]
    for quoted, bare, end in re.findall(r'\s*(?:"((?:[^"]|"")*)"\s*|([^,:]*))([,:]|$)', classes):
        found[-1].append(quoted.replace('""', '"') if quoted else bare.strip())
        if end == ":":
            found.append([])
        if not end:
            break
    groups = tuple(map(tuple, found))
    flat = [label for group in groups for label in group]
    if len(groups) < 2 or not all(flat):
        raise UsageError(f"--classes {classes} must be two or more groups of labels, as in 0,1,2,3,4:5,6,7,8,9")
    if len(set(flat)) < len(flat):
        raise UsageError(f"--classes {classes} names a label twice")
    return groups


def class_names(name: str, labels: list[NDArray[np.str_]], groups: Groups | None) -> tuple[str, ...]:
    """Names of the classes: the labels in natural order, or the groups."""
    known = sorted({str(label) for y in labels for label in np.unique(y)}, key=_natural)
    if groups is None:
        return tuple(known)
    for label in (label for group in groups for label in group):
        if label not in known:
            raise unknown_name(f"label of {name} in --classes", label, known)
    return tuple(",".join(group) for group in groups)


def _natural(label: str) -> tuple[int, int, str]:
    """Whole numbers by value and before other text."""
    try:
        return (0, int(label), label)
    except ValueError:
        return (1, 0, label)


def numbers(name: str, y: NDArray[np.str_], names: tuple[str, ...], groups: Groups | None) -> NDArray[np.int64]:
    """Class numbers; -1 for labels outside every group."""
    members = groups if groups is not None else tuple((each,) for each in names)
    number = {label: i for i, group in enumerate(members) for label in group}
    values = np.unique(y)
    if groups is None:
        for value in values:
            if value not in number:
                raise unknown_name(f"label of {name} for this model", str(value), names)
    return np.array([number.get(str(value), -1) for value in values], np.int64)[np.searchsorted(values, y)]


def looks_like_a_quantity(names: tuple[str, ...]) -> bool:
    """Whether the classes are so many different numbers that they may be amounts of something."""
    if len(names) <= 20:
        return False
    try:
        return all(np.isfinite(float(name)) for name in names)
    except ValueError:
        return False
