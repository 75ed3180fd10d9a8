"""Memorization, as in the paper: each table holds the majority of the labels that it saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lut2hw import flags
from lut2hw.errors import UsageError
from lut2hw.flags import flag
from lut2hw.learn.learners.base import Learner

if TYPE_CHECKING:
    from pathlib import Path

    from lut2hw.data.dataset import Dataset
    from lut2hw.model.encoder import Encoder
    from lut2hw.model.network import LutNetwork
    from lut2hw.shards import Place


@dataclass(frozen=True)
class MemorizeOptions:
    """Options of `lut2hw.learn.memorize` alone."""

    layers: tuple[int, ...] = flag(
        (256, 256, 256),
        metavar="N,N,...|none",
        help="memorize: LUTs in each layer, or none. Two-class tasks end in one more LUT.",
        shown="256,256,256",
        least=1,
        words={"none": ()},
        stated=True,
    )
    clip_k: bool = flag(
        False,
        "--clip-k/--no-clip-k",
        help="memorize: let a layer of fewer signals than -k be read whole, which is refused otherwise.",
    )

    def __post_init__(self) -> None:
        flags.check(self)


def learn(
    dataset: Dataset,
    encoder: Encoder,
    options: MemorizeOptions,
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
) -> LutNetwork:
    """`lut2hw.learn.memorize.memorize` on the training split of a data set."""
    from lut2hw.learn import memorize

    if start is not None:
        raise UsageError("memorize never changes a layer, so that there is nothing to go on with; start anew")
    if state is not None and state[1]:
        raise UsageError("memorize is done in one pass and keeps no state; leave --resume out")
    if like is not None:
        return memorize.recount(dataset, like, seed=seed, progress=progress)
    return memorize.learn(
        dataset, encoder, layers=options.layers, clip_k=options.clip_k, k=k, seed=seed, progress=progress, place=place
    )


LEARNER = Learner("memorize", MemorizeOptions, learn, k=6, max_k=20)
