"""How good a detector is on recordings with labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.data.sequences import SequenceDataset
from lut2hw.errors import UsageError
from lut2hw.frontends.sequences import Sequences
from lut2hw.model.detect import Detections, DetectOptions, Detector
from lut2hw.model.network import LutNetwork
from lut2hw.studies.evaluate import Metric


@dataclass(frozen=True, eq=False)
class Detection:
    """What a detector finds in a split of recordings."""

    detector: Detector
    """The definition."""
    split: str
    """"train", "test" or "all"."""
    found: Detections
    """Answer by answer."""
    length: NDArray[np.int64]
    """int64 (n,), samples of each recording."""
    wanted: NDArray[np.bool_] | None
    """bool (n,), the recording is of what is looked for; None where the answer is a number."""

    @property
    def events(self) -> list[tuple[int, int, int]]:
        """As of `Detections.events`."""
        return self.found.events()

    @property
    def looked_at(self) -> NDArray[np.bool_]:
        """bool (n,), the recording is long enough for an answer."""
        return self.length >= self.detector.window

    def metrics(self) -> dict[str, float | int | None]:
        """By name: recordings, answers, events; unless the answer is a number also the share of recordings of what is
        looked for that have an event, samples from their begin to the first one (median), events in other recordings
        (false alarms), and those per million samples. None where there are no such recordings.
        """
        events = self.events
        values: dict[str, float | int | None] = {
            "recordings": len(self.length),
            "too_short": int((~self.looked_at).sum()),
            "answers": len(self.found),
            "events": len(events),
        }
        if self.wanted is None:
            return values
        first: dict[int, int] = {}
        for recording, begin, _ in events:
            first.setdefault(recording, begin)
        right = np.flatnonzero(self.wanted & self.looked_at)
        delays = [first[r] + 1 for r in right.tolist() if r in first]
        alarms = sum(not self.wanted[recording] for recording, _, _ in events)
        others = int(self.length[~self.wanted].sum())
        return values | {
            "detected": round(len(delays) / len(right), 6) if len(right) else None,
            "delay": float(np.median(delays)) if delays else None,
            "false_alarms": alarms,
            "false_alarms_per_million": round(alarms * 1e6 / others, 3) if others else None,
        }

    def table(self) -> list[Metric]:
        """The metrics, each with what it says, for people."""
        found = self.metrics()
        rows = [
            Metric("events", found["events"], f"in {found['recordings']:,} recordings, {found['answers']:,} answers")
        ]
        if self.wanted is None:
            return rows
        names = self.detector.network.class_names or self.detector.network.target_names
        name = names[self.detector.of]
        looked = int((self.wanted & self.looked_at).sum())
        return [
            *rows,
            Metric("detected", found["detected"], f"share of {looked:,} recordings of {name} with an event"),
            Metric("delay", found["delay"], "samples from their begin to the first event, median"),
            Metric("false alarms", found["false_alarms"], "events in other recordings"),
            Metric("per million samples", found["false_alarms_per_million"], "false alarms"),
        ]

    def as_json(self) -> dict[str, Any]:
        """JSON values of all of it: the detector's options, the metrics, and events with recording, begin and end."""
        return {
            "split": self.split,
            "detect": self.detector.as_json(),
            **self.metrics(),
            "found": [dict(zip(("recording", "begin", "end"), each, strict=True)) for each in self.events],
        }


def detect(
    network: LutNetwork, data: SequenceDataset, options: DetectOptions | str, split: str | None = None
) -> Detection:
    """Look at recordings as a detector does.

    Parameters
    ----------
    network : LutNetwork
        With a front end.
    data : SequenceDataset
        Each sequence is a recording; of `lut2hw.training.recall.recall_sequences` or `load_sequences_like`.
    options : DetectOptions or str
        As of `lut2hw emit --detect`.
    split : str, optional
        "train", "test" or "all". None: test.

    Returns
    -------
    Detection

    Raises
    ------
    UsageError
        In one line.
    """
    detector = Detector.of_network(network, options)
    split = split or "test"
    parts: dict[str, tuple[Sequences, NDArray[Any]]] = {
        "train": (data.train, data.y_train),
        "test": (data.test, data.y_test),
    }
    if split == "all":
        given = [each for each in parts.values() if len(each[1])]
        sequences, y = given[0]
        for more, labels in given[1:]:
            sequences, y = sequences.joined(more), np.concatenate([y, labels])
    else:
        sequences, y = parts[split]
    if not len(y):
        raise UsageError(f"{data.name} has no {split} split; give --split all")
    wanted: NDArray[np.bool_] | None = None
    if network.head.classifies:
        wanted = y == detector.of
    elif network.head.kind == "labels":
        wanted = y[:, detector.of] == 1
    return Detection(detector, split, detector.run(sequences), sequences.length, wanted)
