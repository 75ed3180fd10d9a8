"""Imports: models and circuits of other tools as networks, ready to compile, verify and build."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lut2hw.errors import UsageError
from lut2hw.exchange import aiger, blif, pla
from lut2hw.exchange.checkpoints import arrays as checkpoints
from lut2hw.exchange.checkpoints import difflogic, dwn, torchfile
from lut2hw.exchange.trees import ensemble as trees
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork

__all__ = ["LOGIC", "Imported", "read_any", "read_logic"]

LOGIC: dict[str, Callable[..., LutNetwork]] = {
    ".blif": blif.read,
    ".aig": aiger.read,
    ".aag": aiger.read,
    ".pla": pla.read,
}
"""Readers of logic files by file ending; options as for `logic.to_network`."""
TORCH = (".pt", ".pth")
"""Endings of files that `torch.save` writes."""


@dataclass(frozen=True, eq=False)
class Imported:
    """network: what was read. source: its kind in words. original: the model as its library computes it, in floating
    point, if the network rounds; None if the network is exact.
    """

    network: LutNetwork
    source: str
    original: trees.TreeEnsemble | None = None


def read_logic(path: str | Path, **options: Any) -> LutNetwork:
    """A BLIF, AIGER or PLA file as a network. Errors: `UsageError` in one line."""
    reader = LOGIC.get(Path(path).suffix.lower())
    if reader is None:
        raise UsageError(f"cannot tell the format of {path}; logic files end in {', '.join(LOGIC)}")
    return reader(path, **options)


def read_any(
    path: str | Path,
    *,
    features: Features | None = None,
    class_names: Sequence[str] | None = None,
    outputs: str = "auto",
    output: str | None = None,
    leaf_bits: int = 8,
    k: int = 6,
) -> Imported:
    """Any file that can be imported, by its ending and content.

    features: of the data that the model is for, for .json, .npz and .pt; see `trees.to_network` and
    `checkpoints.inputs`. class_names: one per class. outputs, output: for logic files, see `logic.to_network`.
    leaf_bits, k: for trees.
    """
    suffix = Path(path).suffix.lower()
    names = None if class_names is None else tuple(class_names)
    if suffix in LOGIC:
        return Imported(read_logic(path, outputs=outputs, output=output, class_names=names), suffix[1:].upper())
    if suffix == ".json":
        ensemble = trees.load(path)
        if names is not None:
            ensemble = ensemble.renamed(names)
        return Imported(
            trees.to_network(ensemble, features, leaf_bits=leaf_bits, k=k),
            f"{ensemble.source or 'trees'}, {len(ensemble.trees)} trees",
            ensemble,
        )
    if suffix in (".npz", *TORCH):
        value = torchfile.load(path) if suffix in TORCH else checkpoints.read_npz(path)
        try:
            arrays = torchfile.arrays_of(value) if suffix in TORCH else value
            reader = dwn if any(name.endswith(".luts") for name in arrays) else difflogic
            return Imported(reader.parse(arrays, features, names), reader.NAME)
        except UsageError as error:
            raise UsageError(f"cannot use {path}: {error}") from None
    raise UsageError(
        f"cannot tell the format of {path}; {', '.join(LOGIC)} are logic, .json trees or XGBoost "
        "models, .pt or .npz difflogic or DWN models"
    )
