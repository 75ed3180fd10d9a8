"""How wiring proposals are drawn: signals valued, and seconds, until a training loss is reached.

    python benchmarks/proposals.py --json proposals.json
    python benchmarks/proposals.py --examples 10000 --luts 200

MNIST, one bit a pixel, flat votes. `exhaustive` values every signal at every input of a visited LUT in one pass over
the examples, and `run N` a random run of N signals that lie side by side, as `--proposals` does: seconds are those of
the learner as it is. The other samplers draw their signals one by one:

    uniform N      any signal alike
    useful N       a signal in proportion to how many inputs read it by now
    near N         half of them within two pixels of the signals that the LUT reads, half uniform
    effect N       by the correlation of each signal with the effects, measured on 1,000 examples

Signals drawn one by one cannot be valued side by side, so these take the values from an exhaustive pass and look at
those drawn alone; their seconds are not the sampler's and are left out. Signals valued are counted for every input.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from lut2hw import bits, data
from lut2hw.learn.descent.moves import Trainer
from lut2hw.learn.descent.problem import Problem
from lut2hw.learn.descent.softmax import Softmax, default_tau
from lut2hw.model import encoder as encode

SIDE = 28
Draw = Callable[["Counting", NDArray[np.int32], int], NDArray[np.int64]]


class Counting(Trainer):
    """Counts the signals valued. `draw` says which of them a visit may move to; None is all that it scans."""

    draw: Draw | None = None
    count = 0
    valued = 0
    visited = 0

    def visit(self, lut: int, *args: Any, **options: Any) -> int:
        self.visited = lut
        return super().visit(lut, *args, **options)

    def scan(self, first: int, last: int, signal: int = -1) -> None:
        """Leave the values of the signals drawn."""
        super().scan(first, last, signal)
        last_signal = min(32 * last, self.n_bits)
        if self.draw is None:
            self.valued += self.k * (last_signal - 32 * first)
            return
        chosen = self.draw(self, self.graph.wiring[self.visited], self.shard.listing.n)
        self.valued += self.k * len(chosen)
        others = np.ones(self.n_bits, bool)
        others[chosen] = False
        self.value[:, : self.n_bits][:, others] = 1


def uniform(trainer: Counting, wiring: NDArray[np.int32], n: int) -> NDArray[np.int64]:
    return trainer.rng.choice(trainer.n_bits, trainer.count, replace=False)


def _weighted(trainer: Counting, weight: NDArray[np.floating]) -> NDArray[np.int64]:
    return trainer.rng.choice(trainer.n_bits, trainer.count, replace=False, p=weight / weight.sum())


def useful(trainer: Counting, wiring: NDArray[np.int32], n: int) -> NDArray[np.int64]:
    reads = np.bincount(trainer.graph.wiring.ravel(), minlength=trainer.n_bits)
    return _weighted(trainer, reads[: trainer.n_bits] + 0.1)


def near(trainer: Counting, wiring: NDArray[np.int32], n: int) -> NDArray[np.int64]:
    y, x = np.divmod(trainer.problem.signal, SIDE)
    close = np.zeros(trainer.n_bits, bool)
    for signal in wiring:
        close |= (abs(y - y[signal]) <= 2) & (abs(x - x[signal]) <= 2)
    around = np.flatnonzero(close)
    half = min(len(around), trainer.count // 2)
    rest = np.flatnonzero(~close)
    return np.concatenate(
        [
            trainer.rng.choice(around, half, replace=False),
            trainer.rng.choice(rest, min(len(rest), trainer.count - half), replace=False),
        ]
    )


def effect(trainer: Counting, wiring: NDArray[np.int32], n: int) -> NDArray[np.int64]:
    some = trainer.rng.integers(0, n, min(n, 1000)) if n else np.zeros(1, np.int64)
    at = trainer.shard.listing.index[some]
    on = trainer.shard.columns[: trainer.n_bits, at >> 6] >> (at & 63).astype(np.uint64) & np.uint64(1)
    d = trainer.shard.listing.effect[some].astype(np.float64)
    return _weighted(trainer, np.abs(on @ d - on.mean(axis=1) * d.sum()) + 1)


SAMPLERS = {"uniform": uniform, "useful": useful, "near": near, "effect": effect}
LINES = ["exhaustive", "run 192", *(f"{name} {n}" for n in (32, 128) for name in SAMPLERS)]


def run(
    line: str, columns: bits.Packed, label: NDArray, held: int, luts: int, k: int, sweeps: int, seed: int
) -> list[dict[str, Any]]:
    name, _, number = line.partition(" ")
    rng = np.random.default_rng(seed)
    problem = Problem(columns, len(label), rng, held)
    trainer = Counting(
        problem,
        Softmax(problem, label, 10, votes=luts, tau=default_tau(luts, 10, k)),
        luts=luts,
        votes=luts,
        k=k,
        rng=rng,
        threads=numba.get_num_threads(),
        proposals=int(number) if name == "run" else 0,
    )
    if name in SAMPLERS:
        trainer.draw, trainer.count = SAMPLERS[name], int(number)
    rows, began = [], time.process_time()
    for sweep in range(sweeps):
        if sweep == 0:
            trainer.sweep(2 * k, trainer.sample)
        else:
            trainer.sweep()
        seconds = time.process_time() - began
        rows.append(
            {
                "line": line,
                "luts": luts,
                "k": k,
                "seed": seed,
                "sweep": sweep + 1,
                "valued": trainer.valued,
                "seconds": round(seconds, 2) if name not in SAMPLERS else None,
                "loss": round(trainer.loss.mean(trainer.total_loss()), 5),
                "train": round(trainer.loss.score(), 4),
                "validation": round(trainer.loss.score(held=True), 4),
            }
        )
    return rows


def first_reach(rows: list[dict[str, Any]], goal: float) -> dict[str, Any] | None:
    return next((row for row in rows if row["loss"] <= goal), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--luts", type=int, default=500)
    parser.add_argument("-k", type=int, default=4)
    parser.add_argument("--sweeps", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lines", nargs="*", choices=LINES, default=LINES)
    parser.add_argument("--json", type=Path, help="file to which one JSON object per sweep is added")
    arguments = parser.parse_args()
    mnist = data.load("mnist")
    order = np.random.default_rng(0).permutation(len(mnist.y_train))[: arguments.examples]
    held = arguments.examples // 5
    columns = encode.fixed(mnist.features, 128)(mnist.x_train[order])
    label = mnist.y_train[order]
    run("exhaustive", columns[:, :16], label[:1000], 200, 20, arguments.k, 1, 0)  # compile the kernels
    results = {}
    for line in arguments.lines:
        results[line] = run(line, columns, label, held, arguments.luts, arguments.k, arguments.sweeps, arguments.seed)
        if arguments.json:
            with arguments.json.open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in results[line])
    goals = [results[arguments.lines[0]][at]["loss"] for at in (0, min(2, arguments.sweeps - 1), -1)]
    print(
        f"MNIST, {arguments.examples - held:,} examples, {arguments.luts} LUT{arguments.k}; millions of signals "
        f"valued and CPU seconds until the loss is at most that of {arguments.lines[0]} after its first, third and "
        "last sweep"
    )
    print("| sampler | " + " | ".join(f"loss {goal:.4f}" for goal in goals) + " | loss in the end | validation |")
    print("| --- " * (len(goals) + 3) + "|")
    for line, rows in results.items():
        cells = []
        for goal in goals:
            row = first_reach(rows, goal)
            time_ = "" if row is None or row["seconds"] is None else f", {row['seconds']:.1f} s"
            cells.append("not reached" if row is None else f"{row['valued'] / 1e6:.1f} M{time_}")
        print(f"| {line} | " + " | ".join(cells) + f" | {rows[-1]['loss']:.4f} | {rows[-1]['validation']:.4f} |")


if __name__ == "__main__":
    main()
