"""Vectors: what goes into the core's input port and the word that must come out.

File format: a NumPy zip archive with `inputs`, uint8 (n, ceil(width / 8)), bit i of the port in bit i % 8 of byte
i // 8, and `classes`, int32 (n,), of a model whose answer is a class. A core that does not put out the class alone
has `outputs` as well, uint8 (n, ceil(width / 8)), the whole words in the same order of bits.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.errors import Lut2hwError
from lut2hw.files import npz_bytes, read_bytes
from lut2hw.logic.port import InputPort, OutputPort, words_of
from lut2hw.model.network import LutNetwork


@dataclass(frozen=True, eq=False)
class Vectors:
    """inputs: uint8 (n, ceil(width / 8)), the port's bits. classes: int32 (n,), the golden model's answers; None of a
    model whose answer is no class.

    outputs: uint8 (n, ceil(width / 8)), the output port's bits; None where the core puts out the class alone.
    """

    inputs: NDArray[np.uint8]
    classes: NDArray[np.int32] | None
    outputs: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def words(self) -> list[int]:
        """One Python integer per example, bit i of it bit i of the port."""
        return words_of(self.inputs)

    @property
    def network(self) -> Vectors:
        """What the network gets, and its answers: these vectors, but for a core with a front end before it."""
        return self

    @property
    def starts(self) -> list[int] | None:
        """The words after which a core that was reset can go on; None if that is each one."""
        return None

    def expected(self) -> list[int | None]:
        """For each of `words` the word that must come out, None where none does."""
        return list(self.answers())

    def answers(self) -> list[int]:
        """The word that must come out for each example, bit i of it bit i of the output port."""
        return words_of(self.outputs) if self.outputs is not None else self._classes.tolist()

    def answer_rows(self, width: int) -> NDArray[np.uint8]:
        """The same as uint8 (n, ceil(width / 8)) for a port of `width` bits."""
        if self.outputs is not None:
            return self.outputs
        return self._classes.astype("<i4").view(np.uint8).reshape(len(self), 4)[:, : -(-width // 8)]

    @property
    def _classes(self) -> NDArray[np.int32]:
        assert self.classes is not None, "what comes out is a class or has words"
        return self.classes

    def first(self, n: int) -> Vectors:
        """At most `n` of them."""
        classes, outputs = (None if each is None else each[:n] for each in (self.classes, self.outputs))
        return Vectors(self.inputs[:n], classes, outputs)  # type: ignore[arg-type]

    def to_bytes(self) -> bytes:
        """The file; the same vectors give the same bytes."""
        arrays: list[tuple[str, NDArray[Any]]] = [("inputs", self.inputs)]
        if self.classes is not None:
            arrays.append(("classes", self.classes.astype("<i4")))
        return npz_bytes(arrays if self.outputs is None else [*arrays, ("outputs", self.outputs)])

    @classmethod
    def load(
        cls, path: Path, count: int, width: int, output_width: int | None = None, *, classes: bool = True
    ) -> Vectors:
        """Read `count` vectors of `width` bits, no more.

        Parameters
        ----------
        output_width : int, optional
            Bits of the words that must come out; None for the class alone.
        classes : bool
            The model's answers are classes.

        Raises
        ------
        Lut2hwError
            For any other content.
        """
        try:
            data = read_bytes(path)
        except OSError as error:
            raise Lut2hwError(f"cannot read {path}: {error.strerror or error}") from None
        return cls.from_bytes(data, path, count, width, output_width, classes=classes)

    @classmethod
    def from_bytes(
        cls, data: bytes, path: Path, count: int, width: int, output_width: int | None = None, *, classes: bool = True
    ) -> Vectors:
        """`load` of the content of the file `path`."""
        wanted: list[tuple[str, str, tuple[int, ...]]] = [("inputs", "|u1", (count, -(-width // 8)))]
        if classes:
            wanted.append(("classes", "<i4", (count,)))
        if output_width is not None:
            wanted.append(("outputs", "|u1", (count, -(-output_width // 8))))
        arrays = read_arrays(data, wanted)
        if arrays is None:
            raise Lut2hwError(f"{path} does not hold {count} vectors of {width} bits; emit the core again")
        return cls(arrays["inputs"], arrays["classes"].astype(np.int32) if classes else None, arrays.get("outputs"))


def read_arrays(data: bytes, wanted: list[tuple[str, str, tuple[int, ...]]]) -> dict[str, NDArray[Any]] | None:
    """Arrays of an archive, each with its name, dtype and shape; None if it holds anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            arrays: dict[str, NDArray[Any]] = {}
            for name, dtype, shape in wanted:
                info = archive.getinfo(f"{name}.npy")
                if info.file_size > np.dtype(dtype).itemsize * int(np.prod(shape, dtype=object)) + 4096:
                    return None
                with archive.open(info) as file:
                    array = np.lib.format.read_array(file, allow_pickle=False, max_header_size=4096)
                if array.dtype.str != dtype or array.shape != shape:
                    return None
                arrays[name] = array
    except Exception:  # zip and array readers fail in many ways on damaged files
        return None
    return arrays


def packed_port(port: InputPort, inputs: NDArray[np.uint8]) -> bits.Packed:
    """Bits of the port, uint8 (n, ceil(width / 8)), as packed signals uint64 (width, n_words)."""
    return bits.pack(np.unpackbits(inputs, axis=1, count=port.width, bitorder="little").T)


def _examples(network: LutNetwork, port: InputPort, inputs: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Integers (n, n_features) that the port's bits stand for; features that are not in the port are at their low."""
    x = np.tile(network.features.low, (len(inputs), 1))
    rows = np.unpackbits(inputs, axis=1, count=port.width, bitorder="little")
    for field in port.fields:
        value = np.zeros(len(inputs), np.int64)
        for bit in range(field.width):
            value |= rows[:, field.offset + bit].astype(np.int64) << bit
        if field.signed:
            value -= rows[:, field.offset + field.width - 1].astype(np.int64) << field.width
        x[:, field.index] = value
    return x


def encoded_bits(network: LutNetwork, port: InputPort, inputs: NDArray[np.uint8]) -> bits.Packed:
    """The model's encoder bits, uint64 (n_bits, n_words), for bits of the port, uint8 (n, ceil(width / 8))."""
    if not port.encoded:
        return network.encoder(_examples(network, port, inputs))
    encoded = np.zeros((len(network.encoder), bits.n_words(len(inputs))), np.uint64)
    encoded[[field.index for field in port.fields]] = packed_port(port, inputs)
    return encoded


def answers(network: LutNetwork, port: InputPort, inputs: NDArray[np.uint8]) -> NDArray[np.int32]:
    """The golden model's classes int32 (n,) for bits of the port, uint8 (n, ceil(width / 8))."""
    return network.predict_packed(encoded_bits(network, port, inputs), len(inputs)).astype(np.int32)


def expected(
    network: LutNetwork, port: InputPort, inputs: NDArray[np.uint8], output: OutputPort | None = None
) -> Vectors:
    """Vectors with the golden model's answers to bits of the port, uint8 (n, ceil(width / 8)).

    Parameters
    ----------
    output : OutputPort, optional
        What the core puts out; None for the answer alone.
    """
    return answered(network, inputs, encoded_bits(network, port, inputs), output)


def answered(
    network: LutNetwork, inputs: NDArray[np.uint8], encoded: bits.Packed, output: OutputPort | None
) -> Vectors:
    """Vectors of bits of the port, with the answers to packed encoder bits."""
    output = OutputPort.of(network) if output is None else output
    if output.classes_alone:
        return Vectors(inputs, network.predict_packed(encoded, len(inputs)).astype(np.int32))
    scores = network.scores_packed(encoded, len(inputs))
    classes = network.head.answer(scores).astype(np.int32) if network.head.classifies else None
    return Vectors(inputs, classes, output.rows_of(network.head, scores))


def vectors_of(
    network: LutNetwork, port: InputPort, x: NDArray[np.int64], output: OutputPort | None = None
) -> Vectors:
    """Vectors of integers (n, n_features).

    Parameters
    ----------
    output : OutputPort, optional
        What the core puts out; None for the answer alone.
    """
    rows = bits.unpack(port.bits_of(network, x), len(x))
    inputs = np.packbits(rows, axis=0, bitorder="little").T.copy()
    return answered(network, inputs, network.encoder(x), output)


def random_vectors(
    network: LutNetwork, port: InputPort, n: int, seed: int, output: OutputPort | None = None
) -> Vectors:
    """Random vectors: any code with encoded inputs, else values that crowd around the thresholds and range ends.

    Parameters
    ----------
    output : OutputPort, optional
        What the core puts out; None for the answer alone.
    """
    rng = np.random.default_rng(seed)
    if port.encoded:
        rows = rng.integers(0, 2, (n, port.width), np.uint8)
        inputs = np.packbits(rows, axis=1, bitorder="little")
        return expected(network, port, inputs, output)
    features, encoder = network.features, network.encoder
    x = np.tile(features.low, (n, 1))
    for field in port.fields:
        low, high = int(features.low[field.index]), int(features.high[field.index])
        thresholds = encoder.threshold[encoder.feature == field.index]
        special = np.concatenate([[low, high], thresholds, thresholds - 1])
        x[:, field.index] = np.where(
            rng.random(n) < 0.5, rng.choice(special, n), rng.integers(low, high, n, endpoint=True)
        )
    return vectors_of(network, port, x, output)
