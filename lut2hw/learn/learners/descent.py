"""Coordinate descent on the cross-entropy: memorization with credit assignment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lut2hw.learn.descent_options import MAX_K, DescentOptions
from lut2hw.learn.learners.base import Learner

if TYPE_CHECKING:
    from pathlib import Path

    from lut2hw.data.dataset import Dataset
    from lut2hw.model.encoder import Encoder
    from lut2hw.model.network import LutNetwork
    from lut2hw.shards import Place


def learn(
    dataset: Dataset,
    encoder: Encoder,
    options: DescentOptions,
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
    """`lut2hw.learn.descent.train.train_descent`, with its progress as a line."""
    from lut2hw.learn.descent.train import learn

    return learn(
        dataset,
        encoder,
        options=options,
        k=k,
        seed=seed,
        threads=threads,
        progress=progress,
        watch=watch,
        start=start if like is None else like,
        tables_only=like is not None,
        place=place,
        state=state,
    )


LEARNER = Learner("descent", DescentOptions, learn, k=4, max_k=MAX_K)
