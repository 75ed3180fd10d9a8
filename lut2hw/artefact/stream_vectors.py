"""Vectors of a stream: samples with their marks, and the word that must come out after each sequence.

File format: that of `lut2hw.artefact.vectors`, with a row of `inputs` for each sample and a row of `classes` and
`outputs` for each sequence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.artefact.vectors import Vectors, answered, read_arrays
from lut2hw.errors import Lut2hwError
from lut2hw.frontends.sequences import Sequences
from lut2hw.logic.port import InputPort, OutputPort
from lut2hw.model.detect import Detector
from lut2hw.model.network import LutNetwork


@dataclass(frozen=True, eq=False)
class StreamVectors(Vectors):
    """`inputs` has a row for each sample, `classes` and `outputs` have one for each answer."""

    ends: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """int64 (n,), the sample after which each answer comes: that which ends a sequence, or a detector's window."""
    code: Vectors | None = None
    """What the network behind the front end gets for each answer, and what it answers; None if it is not known."""
    first_bit: int = 0
    """Bit of `inputs` that marks the first sample of a sequence."""

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def network(self) -> Vectors:
        assert self.code is not None, "what the network gets is known where a model made the vectors"
        return self.code

    def expected(self) -> list[int | None]:
        out: list[int | None] = [None] * len(self.inputs)
        for at, answer in zip(self.ends.tolist(), self.answers(), strict=True):
            out[at] = answer
        return out

    def first(self, n: int) -> StreamVectors:
        """At most `n` of the answers, and the samples up to the last of them."""
        n = min(n, len(self))
        samples = int(self.ends[n - 1]) + 1 if n else 0
        classes, outputs = (None if each is None else each[:n] for each in (self.classes, self.outputs))
        code = None if self.code is None else self.code.first(n)
        return StreamVectors(self.inputs[:samples], classes, outputs, self.ends[:n], code, self.first_bit)  # type: ignore[arg-type]

    @property
    def starts(self) -> list[int]:
        """The samples that begin a sequence."""
        return np.flatnonzero(_bit(self.inputs, self.first_bit)).tolist() if len(self.inputs) else []

    def within(self, samples: int) -> StreamVectors:
        """The first sequences that have so many samples in all, at least one."""
        return self.first(max(1, int(np.searchsorted(self.ends, samples))))

    @classmethod
    def of_bytes(
        cls,
        data: bytes,
        path: Path,
        count: int,
        samples: int,
        port: InputPort,
        output_width: int | None,
        classes: bool,
        detector: Detector | None = None,
    ) -> StreamVectors:
        """Read sequences with so many samples and `count` answers in all.

        Raises
        ------
        Lut2hwError
            For any other content.
        """
        wanted: list[tuple[str, str, tuple[int, ...]]] = [("inputs", "|u1", (samples, -(-port.width // 8)))]
        classes = classes and detector is None
        if classes:
            wanted.append(("classes", "<i4", (count,)))
        if output_width is not None:
            wanted.append(("outputs", "|u1", (count, -(-output_width // 8))))
        arrays = read_arrays(data, wanted)
        if arrays is not None:
            ends = np.flatnonzero(_bit(arrays["inputs"], port.width - 1))
            whole = not samples or ends[-1:].tolist() == [samples - 1]
            if whole and detector is not None:
                ends = _answered(np.diff(ends, prepend=-1).astype(np.int64), detector)
            if len(ends) == count and whole:
                given = arrays["classes"].astype(np.int32) if classes else None
                return cls(arrays["inputs"], given, arrays.get("outputs"), ends, first_bit=port.width - 2)
        raise Lut2hwError(f"{path} does not hold {count} answers to {samples} samples; emit the core again")


def _answered(length: NDArray[np.int64], detector: Detector) -> NDArray[np.int64]:
    """Samples of recordings, end to end, after which a detector answers."""
    start = np.cumsum(length) - length
    ends = [first + detector.ends(n) for first, n in zip(start.tolist(), length.tolist(), strict=True)]
    return np.concatenate([np.zeros(0, np.int64), *ends])


def _bit(rows: NDArray[np.uint8], bit: int) -> NDArray[np.uint8]:
    return np.asarray(rows[:, bit // 8] >> (bit % 8) & 1, np.uint8)


def sample_rows(port: InputPort, sequences: Sequences) -> NDArray[np.uint8]:
    """Samples in range as bits of the port, uint8 (samples, ceil(width / 8)), each first and last one marked."""
    marks = np.zeros((len(sequences.values), 2), np.int64)
    marks[sequences.start, 0] = 1
    marks[sequences.start + sequences.length - 1, 1] = 1
    values = np.concatenate([sequences.values, marks], axis=1)
    rows = [values[:, each.index] >> bit & 1 for each in port.fields for bit in range(each.width)]
    return np.packbits(np.array(rows, np.uint8), axis=0, bitorder="little").T.copy()


def sequences_of(port: InputPort, rows: NDArray[np.uint8]) -> Sequences:
    """Undo `sample_rows`."""
    given = np.unpackbits(rows, axis=1, count=port.width, bitorder="little").astype(np.int64)
    columns = []
    for each in port.fields[:-2]:
        column = (given[:, each.offset : each.offset + each.width] << np.arange(each.width)).sum(axis=1)
        columns.append(column - (column >> each.width - 1 << each.width if each.signed else 0))
    ends = np.flatnonzero(given[:, port.width - 1])
    return Sequences(np.stack(columns, 1), np.diff(ends, prepend=-1).astype(np.int64))


def stream_vectors(
    network: LutNetwork, code: InputPort, sequences: Sequences, output: OutputPort, detector: Detector | None = None
) -> StreamVectors:
    """Vectors of sequences, with the golden model's answers.

    Parameters
    ----------
    network : LutNetwork
        With a front end.
    code : InputPort
        Encoder bits that its netlist reads.
    sequences : Sequences
        Integers; values beyond the range of a channel saturate.
    output : OutputPort
        What the network puts out.
    detector : Detector, optional
        What makes events of it; sequences are recordings then.
    """
    front_end = network.front_end
    clipped = sequences.mapped(front_end.samples.clip(sequences.values))
    port = InputPort.of_samples(front_end.samples)
    recording = at = ends = clipped.start + clipped.length - 1
    if detector is None:
        x = front_end.transform(clipped)
    else:
        x, recording, at = detector.examples(clipped)
        ends = clipped.start[recording] + at
    encoded = network.encoder(x)
    rows = np.packbits(bits.unpack(code.bits_of(network, x), len(x)), axis=0, bitorder="little").T.copy()
    inner = answered(network, rows, encoded, output)
    classes, outputs = inner.classes, inner.outputs
    if detector is not None:
        found = detector.decide(network.scores_packed(encoded, len(x)), recording, at)
        classes, outputs = None, OutputPort.of_detector(detector).rows_of_detections(found)
    return StreamVectors(sample_rows(port, clipped), classes, outputs, ends, inner, port.width - 2)


def cut(sequences: Sequences, samples: int) -> Sequences:
    """The first sequences, of so many samples in all; the last of them may be cut short."""
    if samples >= len(sequences.values):
        return sequences
    n = int(np.searchsorted(sequences.start, samples))
    length = sequences.length[:n].copy()
    length[-1] = samples - sequences.start[n - 1]
    return Sequences(sequences.values[:samples], length)


def random_sequences(network: LutNetwork, samples: int, seed: int) -> Sequences:
    """Sequences of so many samples in all: of one, of two, and longer ones; noise, walks, and ends of the ranges."""
    rng = np.random.default_rng(seed)
    low, high = network.front_end.samples.low, network.front_end.samples.high
    parts: list[NDArray[np.int64]] = []
    left = samples
    while left > 0:
        n = min(left, (1, 2, int(rng.integers(1, 12)), int(rng.integers(1, 100)))[len(parts) % 4])
        noise = rng.integers(low, high, (n, len(low)), endpoint=True)
        walk = low + (high - low) // 2 + np.cumsum(rng.normal(0, 0.1, (n, len(low))) * (high - low), axis=0)
        ends = np.where(rng.random((n, len(low))) < 0.5, low, high)
        kind = int(rng.integers(3))
        parts.append(np.clip((noise, walk.astype(np.int64), ends)[kind], low, high))
        left -= n
    return Sequences.of(parts) if parts else Sequences(np.zeros((0, len(low)), np.int64), np.zeros(0, np.int64))
