"""Detection without end: a network behind a front end looks at the last samples of a stream again and again.

`Detector` is the definition, in integers. After each `every` samples the network answers the last `window` ones as
if they were a sequence of their own. What speaks for the class that is looked for, the *evidence*, is summed over
the last answers. An event begins where the sum reaches `onset` and lasts until it falls below `hold`; after it no
other one begins for `refractory` answers.

Two levels, as in the trigger of A. Trnkoczy, "Understanding and parameter setting of STA/LTA trigger algorithm", New
Manual of Seismological Observatory Practice, 2012.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw import flags
from lut2hw.errors import UsageError, unknown_name
from lut2hw.flags import flag
from lut2hw.frontends.sequences import Sequences

if TYPE_CHECKING:
    from lut2hw.model.network import LutNetwork

MAX_WINDOW, MAX_SUM, MAX_COPIES, MAX_REFRACTORY, MAX_LEVEL = 1 << 24, 256, 64, 1 << 20, 1 << 40
AT_A_TIME = 1 << 21
"""Samples of windows that features are made of at a time."""


@dataclass(frozen=True)
class DetectOptions:
    """How a stream without end is looked at, each field an option `NAME=VALUE` of `--detect`."""

    onset: float = flag(
        0.0, help="Sum of the evidence at which an event begins.", least=-float(MAX_LEVEL), most=float(MAX_LEVEL)
    )
    """Sum of the evidence at which an event begins."""
    hold: float | None = flag(
        None, help="Sum below which it ends.", shown="onset", least=-float(MAX_LEVEL), most=float(MAX_LEVEL)
    )
    """Sum below which it ends; None: `onset`."""
    refractory: int = flag(
        0, help="Answers after an event in which no other one begins.", least=0, most=MAX_REFRACTORY
    )
    """Answers after an event in which no other one begins."""
    every: int | None = flag(
        None, help="Samples from one answer to the next.", shown="window", least=1, most=MAX_WINDOW
    )
    """Samples from one answer to the next; None: `window`."""
    window: int | None = flag(
        None, help="Samples that are looked at.", shown="those that the front end covers", least=1, most=MAX_WINDOW
    )
    """Samples that are looked at; None: those that the front end covers."""
    sum: int = flag(1, help="Answers whose evidence is summed.", least=1, most=MAX_SUM)
    """Answers whose evidence is summed."""
    of: str | None = flag(
        None, help="Class, label or number that is looked for.", shown="the last of two, or the one"
    )
    """Class, label or number that is looked for; None: the second of two classes, the one label or number."""

    def __post_init__(self) -> None:
        flags.check(self)
        if self.hold is not None and self.hold > self.onset:
            raise UsageError(f"detect: hold={self.hold:g} must not be above onset={self.onset:g}")

    @classmethod
    def parse(cls, text: str) -> DetectOptions:
        """Options of "onset=8,every=16,...".

        Parameters
        ----------
        text : str
            Options with their values, separated by commas.

        Raises
        ------
        UsageError
            For an option that there is not, and a value out of range.
        """
        made: DetectOptions = flags.parsed([part.strip() for part in text.split(",")], cls, "detect")
        return made


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector says of recordings, answer by answer."""

    recording: NDArray[np.int64]
    """int64 (n,), the recording that each answer is of, in order."""
    at: NDArray[np.int64]
    """int64 (n,), the sample of the recording after which the answer comes."""
    sum: NDArray[np.int64]
    """int64 (n,), the evidence of the last answers."""
    on: NDArray[np.bool_]
    """bool (n,), an event is going on."""
    begins: NDArray[np.bool_]
    """bool (n,), an event begins with this answer."""

    def __len__(self) -> int:
        return len(self.at)

    def events(self) -> list[tuple[int, int, int]]:
        """Recording, and the samples after which it begins and ends, of each event; one that does not end has the
        recording's last answer.
        """
        out = []
        for first in np.flatnonzero(self.begins).tolist():
            last = first
            while last + 1 < len(self) and self.on[last] and self.recording[last + 1] == self.recording[first]:
                last += 1
            out.append((int(self.recording[first]), int(self.at[first]), int(self.at[last])))
        return out


@dataclass(frozen=True, eq=False)
class Detector:
    """A network with a front end that looks at a stream without end."""

    network: LutNetwork
    """With a front end."""
    every: int
    """Samples from one answer to the next."""
    window: int
    """Samples that are looked at; the first answer comes when there are so many."""
    sum: int
    """Answers whose evidence is summed, fewer of the first ones."""
    onset: int
    """Sum at which an event begins."""
    hold: int
    """Sum below which it ends."""
    refractory: int
    """Answers after an event in which no other one begins."""
    of: int
    """Number of the class, label or target that is looked for."""

    @classmethod
    def of_network(cls, network: LutNetwork, options: DetectOptions | str) -> Detector:
        """The detector of a network.

        Parameters
        ----------
        network : LutNetwork
            With a front end.
        options : DetectOptions or str
            Or their text, as `DetectOptions.parse` reads it.

        Raises
        ------
        UsageError
            If the options do not fit the network.
        """
        asked = DetectOptions.parse(options) if isinstance(options, str) else options
        front_end, head = network.front_end, network.head
        if front_end is None:
            raise UsageError("detect looks at samples, but the model has no front end; train it with --sequence")
        window = asked.window or front_end.span
        if window is None:
            raise UsageError(f"{front_end.kind} takes sequences of any length; say how many samples: detect window=N")
        every = asked.every or window
        if every > window:
            raise UsageError(f"detect: every={every} must not be above window={window}, or samples are not looked at")
        names = network.class_names or network.target_names
        if asked.of is None and len(names) > (2 if head.classifies else 1):
            raise UsageError(f"say what to detect, of={names[0]} or another of {len(names)}")
        if asked.of is not None and asked.of not in names:
            raise unknown_name("class to detect" if head.classifies else "answer to detect", asked.of, names)
        of = len(names) - 1 if asked.of is None else names.index(asked.of)
        # a level between two integers is reached with the upper one
        unit = 2.0 ** int(head.fraction[of]) if head.fraction is not None else 1.0
        hold = asked.onset if asked.hold is None else asked.hold
        onset, low = ceil(asked.onset * unit), ceil(hold * unit)
        if max(abs(onset), abs(low)) > MAX_LEVEL:
            raise UsageError("detect: onset and hold are beyond what the model's numbers can be")
        made = cls(network, every, window, asked.sum, onset, low, asked.refractory, of)
        if not made.slides and window % every:
            raise UsageError(
                f"detect: window={window} must be a multiple of every={every}, as {front_end.kind} starts anew for "
                "each window"
            )
        if made.copies > MAX_COPIES:
            raise UsageError(
                f"detect: window={window} every {every} samples takes {made.copies} copies of {front_end.kind}, at "
                f"most {MAX_COPIES} are made; give a larger every"
            )
        return made

    @property
    def slides(self) -> bool:
        """Whether one front end that never starts anew makes the features of every window."""
        back = self.network.front_end.looks_back
        return back is not None and back <= self.window

    @property
    def copies(self) -> int:
        """Front ends in hardware, each for every so many windows."""
        return 1 if self.slides else -(-self.window // self.every)

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the network puts out for the detector, names of `lut2hw.logic.port.OUTPUTS`."""
        return ("class",) if self.network.head.kind == "bit" else ("scores",)

    def evidence(self, scores: NDArray[np.int64]) -> NDArray[np.int64]:
        """What speaks for what is looked for: of classes and labels not negative exactly where it is the answer.

        Parameters
        ----------
        scores : NDArray[np.int64]
            int64 (n, len(head.bias)), as `LutNetwork.scores` gives them.

        Returns
        -------
        NDArray[np.int64]
            int64 (n,). Of several classes the score less the best other one, and less 1 where a tie is the other's;
            of two with one score that score, or -1 less it for the first class; of one bit 0 or -1. Where the head
            rejects, less the margin that it asks for. Of labels and numbers the score.
        """
        head, of = self.network.head, self.of
        if head.kind == "bit":
            value = np.where(scores[:, 0] == of, 0, -1)
        elif head.kind == "threshold":
            value = (scores[:, 0] if of else -1 - scores[:, 0]) - head.reject
        elif head.kind == "argmax":
            value = scores[:, of] - (scores + self.ties)[:, self._others].max(axis=1) - head.reject
        else:
            value = scores[:, of]
        return np.asarray(value, np.int64)

    @property
    def _others(self) -> list[int]:
        return [c for c in range(len(self.network.head.bias)) if c != self.of]

    @property
    def ties(self) -> NDArray[np.int64]:
        """What is added to the other classes' scores, so that a tie is theirs where it is; none is where the head
        rejects, which asks for a margin of at least one.
        """
        classes = np.arange(len(self.network.head.bias))
        return ((classes < self.of) & (self.network.head.reject == 0)).astype(np.int64)

    @property
    def evidence_range(self) -> tuple[int, int]:
        """Bounds of the evidence, inclusive."""
        head, of = self.network.head, self.of
        low, high = head.score_range
        if head.kind == "bit":
            return -1, 0
        if head.kind == "argmax":
            others = self._others
            worst, best = (low + self.ties)[others].max(), (high + self.ties)[others].max()
            return int(low[of] - best) - head.reject, int(high[of] - worst) - head.reject
        if head.kind == "threshold" and not of:
            return -1 - int(high[0]) - head.reject, -1 - int(low[0]) - head.reject
        of = 0 if head.kind == "threshold" else of
        return int(low[of]) - head.reject, int(high[of]) - head.reject

    @property
    def sum_range(self) -> tuple[int, int]:
        """Bounds of the sum, inclusive: of one answer, or of up to `sum`."""
        low, high = self.evidence_range
        return min(low, low * self.sum), max(high, high * self.sum)

    def ends(self, length: int) -> NDArray[np.int64]:
        """The samples of a recording after which answers come.

        Parameters
        ----------
        length : int
            Samples of the recording.
        """
        return np.arange(self.window - 1, length, self.every, dtype=np.int64)

    def windows(self, sequences: Sequences) -> Iterator[tuple[Sequences, NDArray[np.int64], NDArray[np.int64]]]:
        """Windows of recordings in order, some at a time, with the recording and the last sample of each.

        Parameters
        ----------
        sequences : Sequences
            The recordings.
        """
        ends = [self.ends(length) for length in sequences.length.tolist()]
        recording = np.repeat(np.arange(len(ends)), [len(each) for each in ends])
        at = np.concatenate([np.zeros(0, np.int64), *ends])
        several = max(1, AT_A_TIME // self.window)
        for first in range(0, len(at), several):
            of, last = recording[first : first + several], at[first : first + several]
            rows = (sequences.start[of] + last)[:, None] + np.arange(1 - self.window, 1)
            yield Sequences(sequences.values[rows.ravel()], np.full(len(of), self.window, np.int64)), of, last

    def examples(self, sequences: Sequences) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Features of each window.

        Parameters
        ----------
        sequences : Sequences
            Integers; values beyond the range of a channel saturate.

        Returns
        -------
        tuple of NDArray[np.int64]
            Features (n, n_features), the recording (n,) of each, and its last sample (n,) there.
        """
        parts = [(self.network.front_end.transform(windows), of, at) for windows, of, at in self.windows(sequences)]
        none = np.zeros(0, np.int64)
        if not parts:
            return np.zeros((0, len(self.network.features)), np.int64), none, none
        x, of, at = (np.concatenate(each) for each in zip(*parts, strict=True))
        return x, of, at

    def decide(self, scores: NDArray[np.int64], recording: NDArray[np.int64], at: NDArray[np.int64]) -> Detections:
        """Events, of the network's scores.

        Parameters
        ----------
        scores : NDArray[np.int64]
            int64 (n, len(head.bias)), of the windows in order.
        recording, at : NDArray[np.int64]
            int64 (n,) each, as of `examples`. Each recording begins without an event and without evidence.
        """
        evidence = self.evidence(scores)
        sums, on, begins = np.zeros(len(at), np.int64), np.zeros(len(at), bool), np.zeros(len(at), bool)
        before = -1
        going, left, total = False, 0, 0
        for n, (of, value) in enumerate(zip(recording.tolist(), evidence.tolist(), strict=True)):
            if of != before:
                before, first = of, n
                going, left, total = False, 0, 0
            total += value - (int(evidence[n - self.sum]) if n - self.sum >= first else 0)
            if going:
                going = total >= self.hold
                left = 0 if going else self.refractory
            elif left:
                left -= 1
            else:
                going = begins[n] = total >= self.onset
            sums[n], on[n] = total, going
        return Detections(recording, at, sums, on, begins)

    def run(self, recordings: Sequences | ArrayLike) -> Detections:
        """Look at recordings: the definition of what hardware answers.

        Parameters
        ----------
        recordings : Sequences or array_like
            Integers, as `Sequences.of` takes them, each a stream of its own.

        Raises
        ------
        UsageError
            For other numbers of channels, or numbers that are not whole.
        """
        x, recording, at = self.examples(Sequences.of(recordings))
        return self.decide(self.network.scores_integers(x), recording, at)

    def as_json(self) -> dict[str, Any]:
        """JSON values of all of it but the network."""
        head, names = self.network.head, self.network.class_names or self.network.target_names
        unit = 2.0 ** int(head.fraction[self.of]) if head.fraction is not None else 1.0
        return {
            "every": self.every,
            "window": self.window,
            "sum": self.sum,
            "onset": _level(self.onset, unit),
            "hold": _level(self.hold, unit),
            "refractory": self.refractory,
            "of": names[self.of],
            "copies": self.copies,
        }


def _level(level: int, unit: float) -> float | int:
    value = level / unit
    return floor(value) if value == floor(value) else value
