"""Random networks as programs of folded cores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from helpers.networks import random_network
from lut2hw.fold.compile import Folded, fold_network
from lut2hw.fold.program import Program
from lut2hw.model.network import LutNetwork
from lut2hw.targets.registry import get

OUTPUTS = {
    "argmax": ("class", "class,scores", "margin", "class,margin,scores"),
    "threshold": ("class", "class,margin", "scores"),
    "bit": ("class",),
    "number": ("scores",),
    "labels": ("labels", "labels,scores"),
}
HEADS = (*OUTPUTS, "argmax reject", "threshold reject")


def folded(seed: int, head: str, lanes: int, target: str = "ice40", **options: Any) -> tuple[LutNetwork, Folded]:
    """A random network of any kind as a program."""
    network = random_network(seed, head=head, k_max=9 if seed % 3 == 0 else 5, missing=seed % 4 == 0)
    outputs = OUTPUTS[head.split()[0]]
    options = {"outputs": outputs[seed % len(outputs)], "encoded_inputs": seed % 5 == 1, **options}
    return network, fold_network(network, get(target), fold=lanes, **options)


def changed(program: Program, at: int, **what: Any) -> Program:
    """The same program but for one row."""
    rows = list(program.rows)
    rows[at] = replace(rows[at], **what)
    return Program.of(program.shape, rows)
