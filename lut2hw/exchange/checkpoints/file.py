"""Files of networks trained with PyTorch: what `torch.save` wrote, or a NumPy archive."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import FormatError, UsageError
from lut2hw.exchange.checkpoints import arrays, difflogic, dwn, tables, torchfile
from lut2hw.exchange.checkpoints.torchfile import About
from lut2hw.exchange.trees.thresholds import features_of
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a file holds.

    Attributes
    ----------
    path : str or Path
    arrays : dict of str to ndarray
        As `difflogic.parse` and `dwn.parse` take them.
    about : About
        What else it says of classes, features and their units.
    """

    path: str | Path
    arrays: dict[str, NDArray[Any]]
    about: About = field(default_factory=About)

    def scaled(self, x: NDArray[Any]) -> bool:
        """Whether data have been through the file's scaler already, by their means and deviations.

        Parameters
        ----------
        x : ndarray (n, n_features)
            Of the same features in the same order.
        """
        if self.about.mean is None or self.about.scale is None or x.shape[1] != len(self.about.mean):
            return False
        mean, deviation = np.nanmean(x, axis=0), np.nanstd(x, axis=0) + 1e-12

        def far(centre: NDArray[Any] | float, width: NDArray[Any] | float) -> float:
            return float(np.median(np.abs(mean - centre) / width + np.abs(np.log(deviation / width))))

        return far(0.0, 1.0) < far(self.about.mean, self.about.scale)

    def network(
        self, features: Features | None = None, class_names: tuple[str, ...] | None = None, *, scaled: bool = False
    ) -> LutNetwork:
        """The model as a network.

        Parameters
        ----------
        features : Features, optional
            Of the data it is for, in the model's order; None: of ranges that hold every threshold, under the file's
            names.
        class_names : tuple of str, optional
            One for each class number; by default those of the file.
        scaled : bool
            Features are those that the model saw, after the file's scaler, and not raw ones.

        Raises
        ------
        UsageError
            If the arrays make no model.
        """
        found, about = dict(self.arrays), self.about
        names = class_names or about.class_names
        try:
            reader: Any = difflogic
            for ending, other in ((".luts", dwn), (".tables", tables)):
                reader = other if any(name.endswith(ending) for name in found) else reader
            if about.mean is not None and about.scale is not None and not scaled:
                thresholds = arrays.need(found, "thresholds", ndim=2)
                if len(thresholds) != len(about.mean):
                    raise FormatError(f"its scaler has {len(about.mean)} features, its thresholds {len(thresholds)}")
                # (x - mean) / scale > threshold, for a scale above zero
                found["thresholds"] = about.mean[:, None] + about.scale[:, None] * thresholds.astype(np.float64)
            if features is None and about.feature_names is not None and "thresholds" in found:
                thresholds = arrays.need(found, "thresholds", ndim=2)
                if len(about.feature_names) != len(thresholds):
                    raise FormatError(
                        f"it names {len(about.feature_names)} features and has thresholds of {len(thresholds)}"
                    )
                at = np.repeat(np.arange(len(thresholds)), thresholds.shape[1])
                features = features_of(len(thresholds), at, thresholds.reshape(-1), about.feature_names)
            network: LutNetwork = reader.parse(found, features, names)
            return network
        except UsageError as error:
            raise UsageError(f"cannot use {self.path}: {error}") from None


def load(path: str | Path) -> Checkpoint:
    """Read a file.

    Parameters
    ----------
    path : str or Path
        A .npz file, or one of `torch.save`.

    Raises
    ------
    UsageError
        If it is damaged.
    """
    if Path(path).suffix.lower() == ".npz":
        return Checkpoint(path, arrays.read_npz(path))
    value = torchfile.load(path)
    try:
        return Checkpoint(path, torchfile.arrays_of(value), torchfile.about(value))
    except UsageError as error:
        raise UsageError(f"cannot use {path}: {error}") from None


def read(
    path: str | Path, features: Features | None = None, class_names: tuple[str, ...] | None = None
) -> LutNetwork:
    """Read a difflogic or DWN model or truth tables, whichever it is.

    Parameters
    ----------
    path : str or Path
        A .npz file, or one of `torch.save`.
    features : Features, optional
        Of the data it is for; see `arrays.inputs` for what None means. Raw ones, where the file has a scaler.
    class_names : tuple of str, optional
        One for each class number; by default those of the file.

    Raises
    ------
    UsageError
        If it is damaged, or neither.
    """
    return load(path).network(features, class_names)
