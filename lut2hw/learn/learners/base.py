"""What a learner is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from lut2hw.data.dataset import Dataset
    from lut2hw.model.encoder import Encoder
    from lut2hw.model.network import LutNetwork
    from lut2hw.shards import Place


class Learn(Protocol):
    """Turn a data set and an encoder into a network.

    progress(what, steps done, steps in all) is called now and then; watch, with its state, after every sweep of a
    learner that has some, and True ends training with what there is.
    start: a network to go on with. like: a network whose tables are learned, and nothing else. threads: None for all
    that numba is set to use; the network does not depend on it. place: where the examples are held, in shards. state:
    a file for the state after each sweep, and whether to go on from there. Errors: `UsageError`.
    """

    def __call__(
        self,
        dataset: Dataset,
        encoder: Encoder,
        options: Any,
        *,
        k: int,
        seed: int,
        threads: int | None = None,
        progress: Callable[[str, int, int], None] | None = None,
        watch: Callable[[Any], bool | None] | None = None,
        start: LutNetwork | None = None,
        like: LutNetwork | None = None,
        place: Place | None = None,
        state: tuple[Path, bool] | None = None,
    ) -> LutNetwork: ...


@dataclass(frozen=True)
class Learner:
    """A way to learn, with the options that it has besides those of every training."""

    name: str
    Options: type
    """A frozen dataclass; its fields are made with `lut2hw.flags.flag`."""
    learn: Learn
    k: int
    """Inputs of each LUT by default."""
    max_k: int

    def __call__(
        self,
        dataset: Dataset,
        encoder: Encoder,
        *,
        k: int | None = None,
        seed: int = 0,
        threads: int | None = None,
        progress: Callable[[str, int, int], None] | None = None,
        **options: Any,
    ) -> LutNetwork:
        """Learn with options by name."""
        return self.learn(
            dataset,
            encoder,
            self.Options(**options),
            k=self.k if k is None else k,
            seed=seed,
            threads=threads,
            progress=progress,
        )
