"""`window`: the last samples of a sequence, each a feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lut2hw import flags
from lut2hw.errors import UsageError
from lut2hw.flags import flag
from lut2hw.frontends.base import FrontEnd, within
from lut2hw.frontends.base import Options as BaseOptions
from lut2hw.frontends.sequences import Sequences
from lut2hw.model.features import Features

MAX_LENGTH = 1 << 14


@dataclass(frozen=True)
class Options(BaseOptions):
    """How a window is fitted."""

    length: int | None = flag(None, help="Samples.", shown="those of most sequences", least=1, most=MAX_LENGTH)
    step: int = flag(1, help="Every how many samples one is taken.", least=1, most=MAX_LENGTH)

    def __post_init__(self) -> None:
        flags.check(self)


@dataclass(frozen=True, eq=False)
class Window(FrontEnd):
    """The last samples of a sequence; what lies before its first sample is 0, or the value of the range next to it.

    In hardware a sample is compared once, and the bits of the comparisons are delayed: the window costs a flip-flop
    for each bit and sample, and comparators for one sample.
    """

    kind: ClassVar[str] = "window"
    description: ClassVar[str] = "the last samples themselves"
    columns: ClassVar[tuple[str, ...]] = ("channel", "age")
    options_type: ClassVar[type[BaseOptions]] = Options

    @classmethod
    def fit(cls, options: Options, sequences: Sequences, samples: Features, seed: int = 0) -> Window:
        length = options.length
        if length is None:
            length = int(np.quantile(sequences.length, 0.95, method="higher"))
            if length > MAX_LENGTH:
                raise UsageError(f"sequences of {length:,} samples are too long for a window; give its length=N")
        ages = np.arange(0, length, options.step)[::-1]
        return cls(samples, np.array([(c, age) for age in ages for c in range(len(samples))], np.int64))

    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.samples.names[c]}[-{age}]" for c, age in self.rows.tolist())

    def ranges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        channel = self.rows[:, 0]
        return self.samples.low[channel], self.samples.high[channel]

    @property
    def before(self) -> NDArray[np.int64]:
        """int64 (channels,), what lies before the first sample."""
        return np.asarray(self.samples.clip(np.zeros((1, len(self.samples)), np.int64))[0], np.int64)

    @property
    def span(self) -> int:
        return int(self.rows[:, 1].max()) + 1

    @property
    def looks_back(self) -> int:
        return self.span

    def _transform(self, sequences: Sequences) -> NDArray[np.int64]:
        channel, age = self.rows.T
        at = (sequences.start + sequences.length - 1)[:, None] - age[None]
        there = at >= sequences.start[:, None]
        found = np.where(there, sequences.values[np.maximum(at, 0), channel], self.before[channel])
        return np.asarray(found, np.int64)

    def parameters(self) -> dict[str, Any]:
        return {}

    @classmethod
    def of_parameters(cls, samples: Features, rows: NDArray[np.int64], parameters: dict[str, Any]) -> Window:
        within(rows[:, 0], 0, len(samples) - 1, "channel")
        within(rows[:, 1], 0, MAX_LENGTH, "age")
        return cls(samples, rows)
