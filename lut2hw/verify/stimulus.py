"""What to stream: the emitted vectors, then random ones; and how much of the model they reach."""

from __future__ import annotations

import numpy as np

from lut2hw import bits
from lut2hw.artefact.folder import Manifest
from lut2hw.artefact.stream_vectors import StreamVectors, cut, random_sequences, sequences_of, stream_vectors
from lut2hw.artefact.vectors import Vectors, encoded_bits, expected, random_vectors
from lut2hw.errors import Lut2hwError
from lut2hw.logic.port import InputPort
from lut2hw.model.network import LutNetwork

RANDOM = 1_000
CLOCKS, SAMPLES = 30_000, 200
"""Of a stream: clocks that are simulated, but at least so many samples, half of them random."""


def stimulus(manifest: Manifest, n: int | None, seed: int) -> Vectors:
    """`n` vectors: the emitted ones, then random ones; by default all emitted ones and 1,000 random ones.

    Expected answers come from the golden model; `Lut2hwError` if the folder's own differ from them.
    """
    network, port, output, emitted = manifest.network, manifest.input_port, manifest.output_port, manifest.vectors
    if isinstance(emitted, StreamVectors):
        return _of_stream(manifest, emitted, n, seed)
    golden = expected(network, port, emitted.inputs, output)
    same = golden.classes is None or np.array_equal(golden.classes, emitted.classes)  # type: ignore[arg-type]
    if not same or golden.answers() != emitted.answers():
        raise Lut2hwError(f"vectors.npz and model.lut in {manifest.directory} disagree; emit the core again")
    n = len(emitted) + RANDOM if n is None else n
    emitted = emitted.first(n)
    random = random_vectors(network, port, n - len(emitted), seed, output)
    return Vectors(
        np.concatenate([emitted.inputs, random.inputs]),
        None
        if emitted.classes is None or random.classes is None
        else np.concatenate([emitted.classes, random.classes]),
        None
        if emitted.outputs is None or random.outputs is None
        else np.concatenate([emitted.outputs, random.outputs]),
    )


def _of_stream(manifest: Manifest, emitted: StreamVectors, n: int | None, seed: int) -> StreamVectors:
    """`n` sequences, or as many as are simulated in a while: random ones, then emitted ones, the last cut short."""
    network, code, output = manifest.network, manifest.network_port, manifest.network_output
    detector = manifest.detector
    given = sequences_of(manifest.input_port, emitted.inputs)
    golden = stream_vectors(network, code, given, output, detector)
    if golden.answers() != emitted.answers() or (golden.inputs != emitted.inputs).any():
        raise Lut2hwError(f"vectors.npz and model.lut in {manifest.directory} disagree; emit the core again")
    samples = max(SAMPLES, CLOCKS // manifest.clocks_per_sample)
    random = random_sequences(network, samples // 2, seed)
    if n is not None:
        random = random.take(np.arange(len(random)) < n)
        given = given.take(np.arange(len(given)) < n - len(random))
    elif len(given):
        given = cut(given, samples // 2)
    return stream_vectors(network, code, random.joined(given), output, detector)


def coverage(network: LutNetwork, port: InputPort, vectors: Vectors) -> dict[str, float]:
    """Share of the classes, or of both values of all labels, that are expected answers, and of the LUTs' table
    entries that the vectors look up.
    """
    encoded = encoded_bits(network, port, vectors.inputs)
    signals = network.signals(encoded)
    seen = total = 0
    for layer in network.layers:
        for wires in layer.wiring:
            rows = bits.unpack(signals[wires], len(vectors)).astype(np.int32)
            patterns = (rows << np.arange(layer.k)[:, None]).sum(axis=0) if layer.k else np.zeros(len(vectors), int)
            seen += len(np.unique(patterns))
            total += 1 << layer.k
    reached = {"pattern_coverage": round(seen / total, 4) if total else 1.0}
    if vectors.classes is not None:
        reached["class_coverage"] = round(len(np.unique(vectors.classes)) / len(network.answer_names), 4)
    elif network.head.kind == "labels":
        values = network.predict_packed(encoded, len(vectors))
        reached["label_coverage"] = round(float(np.mean([values.any(axis=0), 1 - values.all(axis=0)])), 4)
    return reached
