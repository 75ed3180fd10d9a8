"""Heads other than one vote, one class: accuracy on held-out MNIST images against the area of the core.

    python benchmarks/heads.py one:150:880 pair:125:735 --json heads.json

A head is HEAD:ROOTS:LUTS. Roots are the tops of the trees, LUTs all that is trained:

one     each root is a vote for one class, as `train_descent` makes them
pair    each root is a vote for one class and, inverted, for another; all pairs in turn
heavy   every second root of a class counts twice
others  each root is an inverted vote for three classes

10,000 training images judge. A root is read by fixed LUTs, wires or inverters, which the compiler removes; the area
is the compiler's estimate in iCE40 cells of what is left.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from pathlib import Path

import numpy as np
from descent_mnist import hold_out

from lut2hw import bits, data, targets
from lut2hw.compile.area import estimate
from lut2hw.learn.descent.moves import Trainer
from lut2hw.learn.descent.problem import Problem, encode_examples
from lut2hw.learn.descent.result import network_of
from lut2hw.learn.descent.schedule import run
from lut2hw.learn.descent.softmax import Softmax, default_tau
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.model import encoder as encode

CLASSES = 10


def counted(head: str, root: int) -> list[tuple[int, bool]]:
    """Where a root counts: classes, and whether inverted."""
    own, turn = root % CLASSES, root // CLASSES
    if head == "pair":
        return [(own, False), ((own + 1 + turn % (CLASSES - 1)) % CLASSES, True)]
    if head == "heavy":
        return [(own, False)] * (1 + turn % 2)
    if head == "others":
        return [((own + step) % CLASSES, True) for step in (0, 1 + turn % 4, 5 + turn % 5)]
    return [(own, False)]


class HeadTrainer(Trainer):
    """A trainer whose votes are wires and inverters that read the roots and stay as they are."""

    def __init__(
        self,
        columns: bits.Packed,
        label: np.ndarray,
        head: str,
        roots: int,
        luts: int,
        *,
        k: int,
        levels: int,
        tau: float,
        seed: int,
        threads: int,
    ) -> None:
        count = [counted(head, root) for root in range(roots)]
        self.fixed = sum(map(len, count))
        most = max(sum(c == each for where in count for each, _ in where) for c in range(CLASSES))
        rng = np.random.default_rng(seed)
        problem = Problem(columns, len(label), rng)
        super().__init__(
            problem,
            Softmax(problem, label, CLASSES, votes=most * CLASSES, tau=tau),
            luts=luts + self.fixed,
            votes=self.fixed,
            k=k,
            rng=rng,
            threads=threads,
            levels=levels + 1,
        )
        self.levels = levels
        patterns, vote = np.arange(1 << k) & 1, 0
        for where in count:
            root = self.graph.add(self.random_inputs(k, 0), np.zeros(1 << k, np.uint8), levels)
            for c, inverted in where:
                self.graph.class_of[vote], self.graph.table[vote] = c, patterns ^ inverted
                self.graph.rewire(vote, np.full(k, self.n_bits + root, np.int32))
                self.update(vote)
                vote += 1
        self.arrange()

    def sweep(self, moves: int = 2, keep: int = 256, restart: bool = False, ordered: bool = False) -> None:
        seed = self.draw_seed()
        for lut in self.fixed + self.rng.permutation(len(self.graph) - self.fixed):
            self.accepted += self.visit(int(lut), moves, keep, restart, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("heads", nargs="+")
    parser.add_argument("-k", type=int, default=4)
    parser.add_argument("--levels", type=int, default=3)
    parser.add_argument("--sweeps", type=int, default=2)
    parser.add_argument("--restarts", type=int, default=1)
    parser.add_argument("--tau", type=float, default=1.0, help="times the default of so many votes")
    parser.add_argument("--augment", default="warp3")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="file to which one JSON object per run is added")
    arguments = parser.parse_args()
    dataset = hold_out(data.load("mnist"), 10_000)
    coder = encode.fixed(dataset.features, 128)
    options = DescentOptions(sweeps=arguments.sweeps, restarts=arguments.restarts, augment=arguments.augment)
    for name in arguments.heads:
        head, *sizes = name.split(":")
        roots, luts = map(int, sizes)
        began = time.process_time()
        examples, _ = encode_examples(dataset, coder, options, np.random.default_rng(arguments.seed))
        votes = sum(len(counted(head, root)) for root in range(roots))
        trainer = HeadTrainer(
            examples.code,
            examples.label,
            head,
            roots,
            luts,
            k=arguments.k,
            levels=arguments.levels,
            tau=arguments.tau * default_tau(votes, CLASSES, arguments.k),
            seed=arguments.seed,
            threads=1,
        )
        current = partial(network_of, trainer, trainer.graph, coder, dataset.class_names)
        graph, _ = run(trainer, luts - roots, options, lambda now: None, 0.0, current)
        network = network_of(trainer, graph, coder, dataset.class_names)
        result = {
            "head": head,
            "roots": roots,
            "luts": luts,
            "votes": votes,
            "seed": arguments.seed,
            "tau": arguments.tau,
            "augment": arguments.augment,
            "levels": arguments.levels,
            "train": round(trainer.loss.score(), 4),
            "held": float((network.predict_integers(dataset.x_test) == dataset.y_test).mean()),
            "cells": estimate(network, targets.get("ice40")),
            "cpu": round(time.process_time() - began, 1),
        }
        print(result, flush=True)
        if arguments.json:
            with arguments.json.open("a") as file:
                print(json.dumps(result), file=file)


if __name__ == "__main__":
    main()
