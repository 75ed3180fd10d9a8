"""Growth: inputs replaced by LUTs of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lut2hw.learn.descent.moves import Trainer


def grow(trainer: Trainer, count: int) -> None:
    """Replace `count` inputs by LUTs of their own, those where a trial saves most."""
    graph, n_bits = trainer.graph, trainer.n_bits
    trials: list[tuple[int, NDArray[np.int32], int, int]] = []
    for lut in range(len(graph)):
        if graph.level[lut] < 2:
            continue
        for slot in np.flatnonzero(graph.wiring[lut] < n_bits).tolist():
            trainer.step()
            trials.append((*_trial(trainer, lut, slot), lut, slot))
    trials.sort(key=lambda trial: (-trial[0], trial[2], trial[3]))
    for _, inputs, lut, j in trials[:count]:
        wire = (np.arange(1 << trainer.k) & 1).astype(np.uint8)  # from input 0
        new = graph.add(inputs, wire, graph.level[lut] - 1, region=graph.region[lut])
        trainer.follow([new])
        wiring = graph.wiring[lut].copy()
        wiring[j] = n_bits + new
        graph.rewire(lut, wiring)
        trainer.step()
        trainer.accepted += trainer.visit(new)
    trainer.arrange()


def _trial(trainer: Trainer, lut: int, j: int) -> tuple[int, NDArray[np.int32]]:
    """What a LUT at input j would save, and its wiring. Nothing changes."""
    graph, k, region = trainer.graph, trainer.k, trainer.graph.region[lut]
    wiring = np.append(graph.wiring[lut, j], trainer.random_inputs(k - 1, region)).astype(np.int32)
    trainer.lister(lut, j)(wiring, trainer.sample, trainer.draw_seed())
    trainer.improve(graph.level[lut] - 1, region, wiring, range(1, k), k - 1, int(graph.wiring[lut, j]))
    return int(trainer.now - np.minimum(trainer.saved, 0).sum()), wiring
