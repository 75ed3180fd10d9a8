"""Descent that starts with the tables of `memorize`, beside descent that starts empty: after each sweep.

    python benchmarks/initialisation.py --luts 500 -k 4
    python benchmarks/initialisation.py --luts 1000 -k 6

MNIST, one bit a pixel; a sixth of the training set is held out. Starts:

    empty       all tables 0; the first sweep moves every input until it cannot improve (the learner as it is)
    memorized   random wiring, tables by counting corrected for the class prior; then the same sweeps
    refined     the same start, but without a long first sweep: two moves a visit from the beginning
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numba
import numpy as np

from lut2hw import bits, data
from lut2hw.learn.descent.moves import Trainer
from lut2hw.learn.descent.problem import Problem
from lut2hw.learn.descent.softmax import Softmax, default_tau
from lut2hw.learn.memorize import memorize
from lut2hw.model import encoder as encode

STARTS = ("empty", "memorized", "refined")


def start_with(trainer: Trainer, wiring: np.ndarray, tables: np.ndarray) -> None:
    """Give the votes wiring (n, k), by encoder bit, and tables (n, 2**k)."""
    column = np.full(int(trainer.problem.signal.max()) + 1, -1)
    column[trainer.problem.signal] = np.arange(trainer.n_bits)
    for vote in trainer.graph.votes:
        trainer.rewire(vote, column[wiring[vote]].astype(np.int32))
        trainer.graph.table[vote] = tables[vote]
        trainer.update(vote)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--luts", type=int, default=500)
    parser.add_argument("-k", type=int, default=4)
    parser.add_argument("--sweeps", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--examples", type=int, default=60_000)
    parser.add_argument("--starts", nargs="*", choices=STARTS, default=STARTS)
    parser.add_argument("--json", type=Path, help="file to which one JSON object per sweep is added")
    arguments = parser.parse_args()
    luts, k = arguments.luts, arguments.k
    mnist = data.load("mnist")
    order = np.random.default_rng(0).permutation(len(mnist.y_train))[: arguments.examples]
    coder = encode.fixed(mnist.features, 128)
    columns, label, held = coder(mnist.x_train[order]), mnist.y_train[order], arguments.examples // 6
    print("| start | sweep | loss | train | validation | moves | CPU seconds |\n| --- " + "| --- " * 6 + "|")
    for start in arguments.starts:
        rng = np.random.default_rng(arguments.seed)
        problem = Problem(columns, len(label), rng, held)
        trainer = Trainer(
            problem,
            Softmax(problem, label, 10, votes=luts, tau=default_tau(luts, 10, k)),
            luts=luts,
            votes=luts,
            k=k,
            rng=rng,
            threads=numba.get_num_threads(),
        )
        began = time.process_time()
        if start != "empty":
            some = (
                columns[trainer.problem.signal] & problem.valid
            )  # what the trainer may read, of its training examples
            some = bits.pack(bits.unpack(some, len(label))[:, : trainer.n_train])
            network = memorize(
                coder, some, label[: trainer.n_train], mnist.class_names, layers=[luts], k=k, seed=arguments.seed
            )
            layer, at = network.layers[0], np.argsort(trainer.graph.class_of, kind="stable")
            own = np.empty(luts, np.int64)  # one learner has the votes class by class, the other deals them in turn
            own[at] = np.argsort(network.head.class_of, kind="stable")
            start_with(trainer, trainer.problem.signal[layer.wiring[own]], bits.unpack_tables(layer.tables[own], k))
        for sweep in range(arguments.sweeps + 1):
            trainer.accepted = 0
            if sweep == 1 and start != "refined":
                trainer.sweep(2 * k, trainer.sample)
            elif sweep:
                trainer.sweep()
            row = {
                "start": start,
                "sweep": sweep,
                "luts": luts,
                "k": k,
                "seed": arguments.seed,
                "loss": round(trainer.loss.mean(trainer.total_loss()), 4),
                "train": round(trainer.loss.score(), 4),
                "validation": round(trainer.loss.score(held=True), 4),
                "moves": trainer.accepted,
                "seconds": round(time.process_time() - began, 1),
            }
            print(
                f"| {start} | {sweep} | {row['loss']:.4f} | {row['train']:.4f} | {row['validation']:.4f} | "
                f"{row['moves']:,} | {row['seconds']} |",
                flush=True,
            )
            if arguments.json:
                with arguments.json.open("a") as file:
                    print(json.dumps(row), file=file)


if __name__ == "__main__":
    main()
