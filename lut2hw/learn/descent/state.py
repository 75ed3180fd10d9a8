"""The state of a training after a sweep, in a file from which it goes on to the same bytes."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import UsageError
from lut2hw.files import read_bytes, write_beside
from lut2hw.learn.descent.moves import Trainer
from lut2hw.learn.graph import Graph

_MOST = 1 << 32  # bytes of a file
_LISTS = ("class_of", "level", "region", "weight")


@dataclass
class Position:
    """Where a training is."""

    stage: int = 0
    sweep: int = -1
    """The last sweep of the stage that was made."""
    ended: bool = False
    """Whether it was the stage's last."""
    last: int | None = None
    """The loss after it."""
    waited: int = 0
    """Sweeps since the best one."""
    best: float | None = None
    """The held-out score of that."""
    graph: Graph | None = None
    """Its network."""
    curve: list[list[Any]] = field(default_factory=list)
    """What was reported of each sweep."""


def digest(trainer: Trainer, what: Any) -> str:
    """What a state must agree with: the examples, and JSON values that say how they are learned."""
    text = json.dumps([what, trainer.n, trainer.n_train, trainer.total_loss(), trainer.score()], sort_keys=True)
    return hashlib.sha256(text.encode() + trainer.problem.signal.tobytes()).hexdigest()


class Kept:
    """The file of a training's state.

    Parameters
    ----------
    path : Path
        Written after each sweep, whole or not at all.
    key : str
        The `digest` of the training.
    resume : bool
        Whether it is to go on from there.
    """

    def __init__(self, path: Path, key: str, resume: bool) -> None:
        self.path, self.key, self.resume = path, key, resume

    def save(self, trainer: Trainer, position: Position) -> None:
        """Write the state."""
        header = {
            "key": self.key,
            "rng": trainer.rng.bit_generator.state,
            **{
                name: getattr(position, name)
                for name in ("stage", "sweep", "ended", "last", "waited", "best", "curve")
            },
        }
        arrays = {"header": np.frombuffer(json.dumps(header).encode(), np.uint8), "bias": trainer.loss.bias}
        arrays |= _arrays("now", trainer.graph)
        if position.graph is not None:
            arrays |= _arrays("best", position.graph)
        out = io.BytesIO()
        np.savez_compressed(out, **arrays)  # type: ignore[arg-type]
        write_beside(self.path, out.getvalue())

    def load(self, trainer: Trainer) -> Position:
        """Bring a new trainer to where the state is; where the training began if it is not to go on.

        Raises
        ------
        UsageError
            If the file is not there, not whole, or of another training.
        """
        if not self.resume:
            return Position()
        try:
            with np.load(io.BytesIO(read_bytes(self.path, _MOST)), allow_pickle=False) as stored:
                arrays = dict(stored)
            header = json.loads(arrays["header"].tobytes())
            key = header["key"]
            best = _graph("best", arrays, trainer.n_bits) if "best_wiring" in arrays else None
            position = Position(
                **{name: header[name] for name in ("stage", "sweep", "ended", "last", "waited", "best", "curve")},
                graph=best,
            )
            graph, bias, rng = _graph("now", arrays, trainer.n_bits), arrays["bias"], header["rng"]
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            why = getattr(error, "strerror", None) or "it is not whole"
            raise UsageError(f"no state to go on from at {self.path} ({why}); leave --resume out") from None
        if key != self.key:
            raise UsageError(
                f"{self.path} is the state of another training; give the same data and options, or leave --resume out"
            )
        trainer.restore(graph, bias, rng)
        return position

    def remove(self) -> None:
        """Remove the file: the training is done."""
        self.path.unlink(missing_ok=True)


def _arrays(name: str, graph: Graph) -> dict[str, NDArray[Any]]:
    n = len(graph)
    lists = {f"{name}_{each}": np.array(getattr(graph, each), np.int64) for each in _LISTS}
    return {f"{name}_wiring": graph.wiring[:n], f"{name}_table": graph.table[:n], **lists}


def _graph(name: str, arrays: dict[str, NDArray[Any]], n_bits: int) -> Graph:
    wiring, table = arrays[f"{name}_wiring"].astype(np.int32), arrays[f"{name}_table"].astype(np.uint8)
    class_of, level, region, weight = (arrays[f"{name}_{each}"].tolist() for each in _LISTS)
    readers: list[list[int]] = [[] for _ in wiring]
    for lut, inputs in enumerate(wiring.tolist()):
        for signal in inputs:
            if signal >= n_bits:
                readers[signal - n_bits].append(lut)
    return Graph(n_bits, wiring, table, class_of, level, region, weight, readers)
