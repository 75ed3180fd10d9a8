"""A detector: the definition against plain Python, and its hardware against the definition."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.fast import first
from helpers.streams import network_over, random_front_end, random_sequences, simulate, words_of

from lut2hw.errors import UsageError
from lut2hw.frontends.registry import FRONT_ENDS
from lut2hw.frontends.sequences import Sequences
from lut2hw.hdl.stream import create
from lut2hw.logic.port import InputPort, OutputPort
from lut2hw.logic.port import words_of as words_in
from lut2hw.model.detect import DetectOptions, Detector

HEADS = ("argmax", "threshold", "bit", "number", "labels", "argmax reject", "threshold reject")


def random_detector(kind: str, head: str, seed: int) -> tuple[Detector, Sequences]:
    """A detector, and recordings of one sample, two and more; its levels are such that there are events."""
    rng = np.random.default_rng(seed)
    front_end, sequences = random_front_end(kind, seed)
    network = network_over(front_end, head, seed, front_end.transform(sequences))
    every, copies = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    window = every * copies
    names = network.class_names or network.target_names
    base = f"every={every},window={window},sum={rng.integers(1, 4)},refractory={rng.integers(0, 3)}"
    base += f",of={names[rng.integers(len(names))]}"
    recordings = random_sequences(seed + 1, len(front_end.samples), longest=40, n=4)
    found = Detector.of_network(network, base).run(recordings)
    unit = 2.0 ** int(network.head.fraction[Detector.of_network(network, base).of]) if head == "number" else 1.0
    levels = np.sort(rng.choice(found.sum, 2)) / unit if len(found) else np.zeros(2)
    return Detector.of_network(network, f"{base},onset={levels[1]},hold={levels[0]}"), recordings


def by_hand(detector: Detector, x: np.ndarray) -> list[tuple[int, bool, bool]]:
    """Sum, on and begins of one recording, by the definition."""
    network, out, evidence = detector.network, [], []
    on, rest = False, 0
    for end in range(detector.window, len(x) + 1, detector.every):
        (scores,) = network.scores(Sequences.of([x[end - detector.window : end]])).tolist()
        (answer,) = network.head.answer(np.array([scores], np.int64)).tolist()
        head, of = network.head, detector.of
        if head.kind in ("number", "labels"):
            value = scores[of]
        elif head.kind == "bit":
            value = 0 if answer == of else -1
        elif head.kind == "threshold":
            value = (scores[0] if of == 1 else -1 - scores[0]) - head.reject
        else:
            rivals = [s + (c < of and not head.reject) for c, s in enumerate(scores) if c != of]
            value = scores[of] - max(rivals) - head.reject
        if head.classifies:
            assert (value >= 0) == (answer == of)
        low, high = detector.evidence_range
        assert low <= value <= high
        evidence.append(value)
        total = sum(evidence[-detector.sum :])
        begins = not on and rest == 0 and total >= detector.onset
        if on and total < detector.hold:
            on, rest = False, detector.refractory
        elif begins:
            on = True
        elif not on and rest:
            rest -= 1
        out.append((total, on, begins))
    return out


@pytest.mark.parametrize("head", HEADS)
def test_definition(head):
    events = 0
    for seed in range(6):
        detector, recordings = random_detector(("window", "differences")[seed % 2], head, seed)
        found = detector.run(recordings)
        for n, x in enumerate(recordings):
            mine = found.recording == n
            got = list(
                zip(found.sum[mine].tolist(), found.on[mine].tolist(), found.begins[mine].tolist(), strict=True)
            )
            assert got == by_hand(detector, x)
            assert found.at[mine].tolist() == detector.ends(len(x)).tolist()
        events += len(found.events())
        assert len(found.events()) == found.begins.sum()
        assert all(begin <= end for _, begin, end in found.events())
    assert events


CASES = [(kind, head) for kind in FRONT_ENDS for head in HEADS]


@pytest.mark.parametrize(("kind", "head"), first([("window", "argmax"), ("differences", "number")], CASES))
def test_component(kind, head):
    """Stalls on both sides, full speed, recordings that are dropped, and a reset in the middle."""
    for seed in (0, 3):
        detector, recordings = random_detector(kind, head, seed)
        found = detector.run(recordings)
        expected = words_in(OutputPort.of_detector(detector).rows_of_detections(found))
        network = detector.network
        names = network.class_names or network.target_names
        unit = 2.0 ** int(network.head.fraction[detector.of]) if head == "number" else 1.0
        text = (
            f"every={detector.every},window={detector.window},sum={detector.sum},of={names[detector.of]},"
            f"refractory={detector.refractory},onset={detector.onset / unit},hold={detector.hold / unit}"
        )
        samples = network.front_end.samples
        port = InputPort.of_samples(samples)

        def core(text=text, network=network):
            return create(network, "ice40", fields=False, detect=text)

        words = words_of(port, samples, recordings)
        got, _ = simulate(core(), words, len(expected), seed=seed)
        assert got == expected, text
        # without marks but the last ones, and at full speed
        words = words_of(port, samples, recordings, first=False)
        got, _ = simulate(core(), words, len(expected), seed=seed, stall=0)
        assert got == expected, text
        # recordings that never end, each begun by its first sample
        last = 1 << port.width - 1
        words = [word & ~last for word in words_of(port, samples, recordings)]
        got, _ = simulate(core(), words, len(expected), seed=seed)
        assert got == expected, text
        # a reset in the middle of the last one, which is sent again
        *_, whole = recordings
        again = Sequences.of([*recordings, whole])
        repeated = words_in(OutputPort.of_detector(detector).rows_of_detections(detector.run(again)))
        cut = len(recordings.values)
        n = len(repeated) - len(expected)
        unmarked = [word & ~last for word in words_of(port, samples, again, first=False)]
        words = words_of(port, samples, recordings)[: -len(whole)] + unmarked[cut - len(whole) :]
        got, _ = simulate(core(), words, len(repeated), seed=seed, reset_at=cut, after_reset=n)
        assert got == repeated, text


@pytest.mark.slow
def test_a_million_samples():
    detector, _ = random_detector("window", "argmax", 0)
    rng = np.random.default_rng(0)
    samples = detector.network.front_end.samples
    x = rng.integers(samples.low, samples.high, (10**6, len(samples)), endpoint=True)
    found = detector.run(Sequences.of([x]))
    assert len(found) == len(detector.ends(10**6))
    some = found.at < 3000
    part = detector.run(Sequences.of([x[:3000]]))
    assert (found.on[some] == part.on).all() and (found.sum[some] == part.sum).all()


def test_what_is_refused():
    front_end, sequences = random_front_end("differences", 1)
    network = network_over(front_end, "argmax", 1, front_end.transform(sequences))
    names = network.class_names
    for text, message in (
        ("every=3,window=4", "must be a multiple of every=3"),
        ("every=5,window=4", "must not be above window=4"),
        ("onset=1,hold=2", "hold=2 must not be above onset=1"),
        ("of=nobody,window=4", "class to detect"),
        ("sum=0", "sum 0 must be"),
        ("length=3", "option of detect"),
        ("every", "a value, as in every=4"),
        ("every=1,window=100", "100 copies"),
    ):
        of = "" if "of=" in text or "=" not in text else f",of={names[0]}"
        with pytest.raises(UsageError, match=message):
            Detector.of_network(network, text + of)
    if len(names) > 2:
        with pytest.raises(UsageError, match="say what to detect"):
            Detector.of_network(network, "window=4")
    assert DetectOptions.parse("onset=2") == DetectOptions(onset=2.0)
