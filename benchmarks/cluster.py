"""Descent on a Dask cluster: what a round costs, two workers against one process, and many workers by simulation.

    python benchmarks/cluster.py                      measure, then simulate with what was measured
    python benchmarks/cluster.py --examples 1000000   on as many examples

Data are made up, 28 numbers an example with a label that a few of them tell, from a seeded generator; 8 thresholds a
feature. One process has one thread, and so has each of the two workers. Wall seconds only mean something on a machine
with two free cores; CPU seconds stand beside them: `expected` is what the wall would be on free cores, the largest
of the workers' CPU seconds and the deciding process's.

The simulation: a round takes what a worker needs for its share of the examples (CPU seconds an example and round,
measured), the latency of a round of no examples (measured), and the transfer of all answers through the one network
link of the deciding process (bytes measured; --gigabits) and their adding up (measured).
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from lut2hw.cluster import Cluster, Remote, connect
from lut2hw.data import Dataset
from lut2hw.learn.descent.train import train_descent
from lut2hw.model import encoder as encode
from lut2hw.model.features import quantize
from lut2hw.model.network import to_bytes

FEATURES = 28


def examples(n: int) -> Dataset:
    """Made-up events: two classes, told by products of some of the numbers."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, FEATURES)).astype(np.float32)
    tells = x[:, 0] * x[:, 1] + x[:, 2] - 0.5 * np.abs(x[:, 3]) + 0.5 * rng.normal(size=n).astype(np.float32)
    features = quantize(x[:100_000], tuple(f"x{i}" for i in range(FEATURES)))
    return Dataset(
        "events",
        features,
        ("0", "1"),
        features.integers_of(x),
        (tells > 0).astype(np.int64),
        x[:0].astype(int),
        np.zeros(0, int),
    )


def cpu_of_workers(cluster: Cluster) -> list[float]:
    """CPU seconds of each worker's process until now."""
    return list(cluster.client.run(time.process_time).values())


class Counted(Cluster):
    """A cluster that keeps what it has spread."""

    last: Remote

    def spread(self, recipes: Any) -> Remote:
        """As of `Cluster`."""
        self.last = Remote(self, recipes)
        return self.last


def run(n: int, luts: int, k: int, sweeps: int) -> dict[str, float]:
    """Costs of a training of `luts` votes by one process and by two workers."""
    dataset = examples(n)
    coder = encode.thermometer(dataset.features, dataset.x_train[:100_000], 8)
    options: dict[str, Any] = {"luts": luts, "k": k, "sweeps": sweeps, "tau": 3.0, "threads": 1, "seed": 1}
    train_descent(dataset.training(np.arange(5000)), coder, **options)
    wall, cpu = time.perf_counter(), time.process_time()
    one = to_bytes(train_descent(dataset, coder, **options))
    wall_one, cpu_one = time.perf_counter() - wall, time.process_time() - cpu
    with connect("local:2") as local:
        cluster = Counted(local.client)
        train_descent(dataset.training(np.arange(5000)), coder, place=cluster, **options)
        began = time.perf_counter()
        empty = 50
        for _ in range(empty):
            cluster.last.ask("total")
        latency = (time.perf_counter() - began) / empty
        wall, cpu, before = time.perf_counter(), time.process_time(), cpu_of_workers(cluster)
        two = to_bytes(train_descent(dataset, coder, place=cluster, **options))
        wall_two, cpu_here = time.perf_counter() - wall, time.process_time() - cpu
        work = [after - each for after, each in zip(cpu_of_workers(cluster), before, strict=True)]
        rounds = cluster.last.rounds
    assert one == two, "the bytes differ"
    width = 32 * -(-len(coder) // 192) * 6
    return {
        "examples": n,
        "one process, wall s": wall_one,
        "one process, CPU s": cpu_one,
        "two workers, wall s": wall_two,
        "two workers, CPU s each": max(work),
        "deciding process, CPU s": cpu_here,
        "expected, s": max(max(work), cpu_here),
        "faster, wall": wall_one / wall_two,
        "faster, expected": cpu_one / max(max(work), cpu_here),
        "rounds": rounds,
        "latency of a round, ms": 1e3 * latency,
        "bytes of an answer": (1 << k) * (4 * width + 8),
        "CPU ns an example and round": 1e9 * sum(work) / rounds / n,
        "adding up an answer, ms": 1e3 * adding(1 << k, width),
    }


def adding(patterns: int, width: int) -> float:
    """CPU seconds for the answer of one shard, of 64 that are put side by side and added up."""
    answers = [np.zeros((1, patterns, width), np.int32) for _ in range(64)]
    began = time.process_time()
    for _ in range(5):
        np.concatenate(answers).sum(axis=0, dtype=np.int64)
    return (time.process_time() - began) / 5 / 64


def simulated(found: dict[str, float], workers: int, n: float, gigabits: float) -> dict[str, float]:
    """Milliseconds of a round, and the share of the workers' time that is spent on sums."""
    work = found["CPU ns an example and round"] * n / workers / 1e6
    transfer = workers * found["bytes of an answer"] * 8 / gigabits / 1e6
    added = workers * found["adding up an answer, ms"]
    rest = {"latency": found["latency of a round, ms"], "transfer": transfer, "adding up": added}
    return {"sums": work, **rest, "efficiency": work / (work + sum(rest.values()))}


def main() -> None:
    parser = argparse.ArgumentParser(description="Descent on a Dask cluster.")
    parser.add_argument("--examples", type=int, default=200_000)
    parser.add_argument("--luts", type=int, default=40)
    parser.add_argument("-k", type=int, default=6)
    parser.add_argument("--sweeps", type=int, default=8)
    parser.add_argument("--gigabits", type=float, default=10.0)
    arguments = parser.parse_args()
    found = run(arguments.examples, arguments.luts, arguments.k, arguments.sweeps)
    for name, value in found.items():
        print(f"{name}: {value:,.4g}")
    print("\n| workers | examples | sums, ms | latency | transfer | adding up | efficiency |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for workers, n in ((2, 1e6), (8, 1e8), (64, 1e8), (64, 1e9)):
        row = simulated(found, workers, n, arguments.gigabits)
        cells = [f"{row[name]:.1f}" for name in ("sums", "latency", "transfer", "adding up")]
        print(f"| {workers} | {n:,.0f} | {' | '.join(cells)} | {row['efficiency']:.2f} |")


if __name__ == "__main__":
    main()
