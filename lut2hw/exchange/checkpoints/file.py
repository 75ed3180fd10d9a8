"""Files of networks trained with PyTorch: what `torch.save` wrote, or a NumPy archive."""

from __future__ import annotations

from pathlib import Path

from lut2hw.errors import UsageError
from lut2hw.exchange.checkpoints import arrays, difflogic, dwn, torchfile
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork


def read(
    path: str | Path, features: Features | None = None, class_names: tuple[str, ...] | None = None
) -> LutNetwork:
    """Read a difflogic or DWN model, whichever it is.

    Parameters
    ----------
    path : str or Path
        A .npz file, or one of `torch.save`.
    features : Features, optional
        Of the data it is for; see `arrays.inputs` for what None means.
    class_names : tuple of str, optional
        One for each class number.

    Raises
    ------
    UsageError
        If it is damaged, or neither.
    """
    archive = Path(path).suffix.lower() == ".npz"
    value = arrays.read_npz(path) if archive else torchfile.load(path)
    try:
        found = value if archive else torchfile.arrays_of(value)
        reader = dwn if any(name.endswith(".luts") for name in found) else difflogic
        network: LutNetwork = reader.parse(found, features, class_names)
        return network
    except UsageError as error:
        raise UsageError(f"cannot use {path}: {error}") from None
