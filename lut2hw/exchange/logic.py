"""Logic files: what BLIF, AIGER and PLA readers share, and how a circuit's outputs become classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lut2hw.errors import UsageError, unknown_name
from lut2hw.exchange.builder import Builder
from lut2hw.files import open_regular
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head

MAX_FILE = 1 << 28
MAX_PORTS = 1 << 20
MAX_NODES = 1 << 23
MAX_INPUTS = 1 << 17
MAX_BINARY = 10  # bits of a binary class number: 1024 classes

OUTPUTS = ("auto", "binary", "one-hot")


@dataclass(frozen=True, eq=False)
class Logic:
    """LUTs over named inputs. nodes of `builder`: input i is node i; `outputs` are nodes."""

    builder: Builder
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    outputs: tuple[int, ...]


def read_bytes(path: str | Path) -> bytes:
    """The file, if it is there, regular and of a size that makes sense."""
    path = Path(path)
    try:
        if not path.is_file():
            raise UsageError(f"{path} is not a file" if path.exists() else f"no file at {path}")
        if path.stat().st_size > MAX_FILE:
            raise UsageError(f"{path} is larger than {MAX_FILE >> 20} MiB")
        with open_regular(path, MAX_FILE) as file:
            return file.read()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None


def to_network(
    logic: Logic,
    *,
    outputs: str = "auto",
    output: str | None = None,
    class_names: Sequence[str] | None = None,
    classes: int | None = None,
) -> LutNetwork:
    """A network whose features are the inputs, 0 or 1 each.

    Parameters
    ----------
    outputs : str, default='auto'
        What the outputs mean: "binary", the class number, first output least significant; "one-hot", one output for
        each class, the lowest of several that are one wins, and if none is one class 0; "auto", binary for one output
        or if they are named `class[BIT]` as lut2hw exports them, else one-hot.
    output : str, optional
        The name of the one output to take; the others are left out.
    class_names : Sequence[str], optional
        One per class; "0", "1" and so on if None, or the outputs' names if one-hot. Fewer names than a binary number
        has values mean that higher values do not occur (they read as class 0).
    classes : int, optional
        How many values of a binary number occur, where no names are given; all of them if None.
    """
    names, nodes = list(logic.output_names), list(logic.outputs)
    if output is not None:
        if output not in names:
            raise unknown_name("output", output, names)
        nodes, names = [nodes[names.index(output)]], [output]
    if outputs not in OUTPUTS:
        raise unknown_name("meaning of outputs", outputs, OUTPUTS)
    if not logic.input_names or not nodes:
        raise UsageError("a circuit without inputs or without outputs cannot be a model")
    if outputs == "auto":
        outputs = (
            "binary"
            if len(nodes) == 1 or all(name == f"class[{bit}]" for bit, name in enumerate(names))
            else "one-hot"
        )
    if outputs == "one-hot" and len(nodes) == 1:
        raise UsageError("one output cannot be one-hot; choose binary")
    builder = logic.builder
    if outputs == "binary":
        if len(nodes) > MAX_BINARY:
            raise UsageError(
                f"a binary class number has at most {MAX_BINARY} bits, not {len(nodes)}; "
                "choose one of them, or one-hot"
            )
        class_names = tuple(class_names or map(str, range(classes or 1 << len(nodes))))
        if not 2 <= len(class_names) <= 1 << len(nodes):
            raise UsageError(
                f"{len(nodes)} binary outputs make 2 to {1 << len(nodes)} classes, "
                f"and {len(class_names)} names are given"
            )
        if len(nodes) > 1:
            votes = [builder.lut(nodes, 1 << number) for number in range(len(class_names))]
    else:
        class_names = tuple(class_names or names)
        if len(class_names) != len(nodes):
            raise UsageError(f"{len(nodes)} one-hot outputs need as many class names, not {len(class_names)}")
        votes = nodes
    layers, signal = builder.layers()
    if outputs == "binary" and len(nodes) == 1:
        head = Head.bit(int(signal[nodes[0]]))
    else:
        head = Head.argmax(signal[votes], np.arange(len(votes)), len(votes))
    n = len(logic.input_names)
    features = Features.integers(np.zeros(n), np.ones(n), logic.input_names)
    encoder = Encoder(features, np.arange(n, dtype=np.int32), np.ones(n, np.int64))
    return LutNetwork(encoder, layers, head, tuple(class_names))
