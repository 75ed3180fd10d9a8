"""What every front end is: parameters, a definition in integers, and hardware of the same.

The definition is `transform`: integers in, integers out, with saturation and rounding that hardware repeats bit for
bit. What the hardware puts out is not the features but what the network asks of them, the bits
`feature >= threshold` of its encoder: a comparator stands where it is cheapest, and what no bit needs is not built.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw import checked
from lut2hw.checked import List, Real, Text, Whole
from lut2hw.errors import UsageError
from lut2hw.frontends.sequences import Sequences
from lut2hw.model.features import Features

MAX_ROWS = 1 << 22
MOST = 1 << 40


@dataclass(frozen=True)
class Options:
    """How a front end is fitted, each field an option `NAME=VALUE` behind its name."""


@dataclass(frozen=True, eq=False)
class FrontEnd(ABC):
    """A front end: integers of samples to integers of features, in software and in hardware."""

    samples: Features
    """The channels of a sample: names, ranges, and how real numbers become integers."""
    rows: NDArray[np.int64]
    """int64 (n_features, columns), what each feature is; the class says what the columns are."""

    kind: ClassVar[str]
    """Its name."""
    description: ClassVar[str]
    """What it is, in a phrase."""
    columns: ClassVar[tuple[str, ...]]
    """What the columns of `rows` are."""
    options_type: ClassVar[type[Options]]
    """How it is fitted."""

    def __post_init__(self) -> None:
        if self.samples.missing.any():
            raise UsageError("samples of a stream cannot be missing; fill them in first")
        if not np.array_equal(self.samples.low, self.samples.clip(self.samples.low[None])[0]):
            raise UsageError("the range of a channel is empty")
        if self.rows.shape != (len(self.rows), len(self.columns)) or not 0 < len(self.rows) <= MAX_ROWS:
            raise UsageError(f"a front end of {self.kind} has features of {', '.join(self.columns)}")
        self.rows.flags.writeable = False

    @classmethod
    @abstractmethod
    def fit(cls, options: Any, sequences: Sequences, samples: Features, seed: int = 0) -> Self:
        """The front end for such data.

        Parameters
        ----------
        options : Options
            Of this class.
        sequences : Sequences
            Training sequences, integers.
        samples : Features
            Their channels.
        seed : int
            Of what is drawn.

        Raises
        ------
        UsageError
            If the options do not fit the data.
        """

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """One per feature."""

    @abstractmethod
    def ranges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Least and greatest value of each feature, int64 (n_features,)."""

    @abstractmethod
    def _transform(self, sequences: Sequences) -> NDArray[np.int64]:
        """Features int64 (n, n_features) of samples that are in range."""

    def transform(self, sequences: Sequences | ArrayLike) -> NDArray[np.int64]:
        """Features of whole sequences: the definition of what hardware computes.

        Parameters
        ----------
        sequences : Sequences or array_like
            Integers, as `Sequences.of` takes them; values beyond the range of a channel saturate.

        Returns
        -------
        NDArray[np.int64]
            Integers (n, n_features).

        Raises
        ------
        UsageError
            For other numbers of channels, or numbers that are not whole.
        """
        given = Sequences.of(sequences)
        self._check_channels(given)
        if given.values.dtype.kind not in "iub":
            raise UsageError(f"the front end reads integers, not {given.values.dtype}")
        return self._transform(given.mapped(self.samples.clip(given.values)))

    def _check_channels(self, sequences: Sequences) -> None:
        if sequences.channels != len(self.samples):
            raise UsageError(
                f"samples have {sequences.channels} channels but the front end reads {len(self.samples)}"
            )

    def features_of(self, x: Any) -> NDArray[np.int64] | None:
        """Features of sequences of real numbers, int64 (n, n_features); None of what does not look like sequences.

        Parameters
        ----------
        x : Any
            `Sequences`, an array of three dimensions, or a list of arrays of one or two, not all of one length.

        Raises
        ------
        UsageError
            For samples of other channels, and what is no finite number.
        """
        if not isinstance(x, Sequences):
            if isinstance(x, np.ndarray):
                if x.ndim != 3:
                    return None
            elif not isinstance(x, list) or not x:
                return None
            elif {np.ndim(each) for each in x} == {1}:
                if len({len(each) for each in x}) == 1:
                    return None
            elif not all(isinstance(each, np.ndarray) for each in x):
                return None
        given = Sequences.of(x)
        self._check_channels(given)
        return self.transform(given.mapped(self.samples.integers_of(given.values)))

    def features(self) -> Features:
        """What comes out, as the features that a network reads."""
        low, high = self.ranges()
        made = Features.integers(low, high, self.names())
        return replace(made, front_end=self)

    def only(self, features: NDArray[np.integer]) -> Self:
        """The same front end with some of its features alone.

        Parameters
        ----------
        features : NDArray
            Their numbers.
        """
        return replace(self, rows=np.ascontiguousarray(self.rows[features]))

    def clocks_per_sample(self, feature: NDArray[np.integer], threshold: NDArray[np.integer]) -> int:
        """Clocks from one sample to the next while nothing stalls, at most, inside a sequence.

        Parameters
        ----------
        feature, threshold : NDArray
            What the hardware is made for, as of `create`.
        """
        return 1

    def clocks_at_end(self, feature: NDArray[np.integer], threshold: NDArray[np.integer]) -> int:
        """Clocks from the last sample of a sequence to the first one of the next while nothing stalls, at most.

        Parameters
        ----------
        feature, threshold : NDArray
            What the hardware is made for, as of `create`.
        """
        return self.clocks_per_sample(feature, threshold)

    @property
    def span(self) -> int | None:
        """Samples of a sequence that features look at, at most; None if they look at all of any length."""
        return None

    @property
    def looks_back(self) -> int | None:
        """Samples that features look at, however long the sequence has been; None if that depends on its start."""
        return None

    def create(self, feature: NDArray[np.integer], threshold: NDArray[np.integer]) -> Any:
        """The Amaranth component: a sample a transfer in, at the end of a sequence the bits out.

        Parameters
        ----------
        feature, threshold : NDArray
            int (n_bits,): bit b of the answer is feature[b] >= threshold[b]. What no bit needs is not built.

        Returns
        -------
        lut2hw.hdl.frontends.base.FrontEndCore
        """
        # By name and without types, as `LutNetwork.create`: hardware stands above.
        made = importlib.import_module(f"lut2hw.hdl.frontends.{self.kind}").CORE
        return made(self, np.asarray(feature, np.int64), np.asarray(threshold, np.int64))

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """JSON values of what is not a feature's own."""

    @classmethod
    @abstractmethod
    def of_parameters(cls, samples: Features, rows: NDArray[np.int64], parameters: dict[str, Any]) -> Self:
        """Undo `parameters`.

        Parameters
        ----------
        samples : Features
            The channels.
        rows : NDArray
            int64 (n_features, columns).
        parameters : dict
            JSON values from anybody.

        Raises
        ------
        UsageError
            Or `checked.Damaged`, for what no front end has.
        """

    def as_json(self) -> dict[str, Any]:
        """JSON values of all of it; `lut2hw.frontends.from_json` reads them."""
        samples = self.samples
        return {
            "kind": self.kind,
            "samples": {
                "names": list(samples.names),
                "low": samples.low.tolist(),
                "high": samples.high.tolist(),
                "scale": samples.scale.tolist(),
                "offset": samples.offset.tolist(),
            },
            "parameters": self.parameters(),
            "rows": self.rows.tolist(),
        }

    @classmethod
    def of_json(cls, data: Any) -> Self:
        """Undo `as_json`.

        Parameters
        ----------
        data : Any
            JSON values from anybody.

        Raises
        ------
        UsageError
            Or `checked.Damaged`, for what is no front end of this kind.
        """
        whole = List(Whole(-MOST, MOST), 1)
        shape = {
            "kind": Text(40),
            "samples": {
                "names": List(Text(), 1),
                "low": whole,
                "high": whole,
                "scale": List(Real(), 1),
                "offset": List(Real(), 1),
            },
            "rows": List(List(Whole(-MOST, MOST)), 1),
        }
        checked.check(data, shape, "front_end")
        samples, rows = data["samples"], data["rows"]
        sizes = {len(each) for each in samples.values()} | {len(row) for row in rows} - {len(cls.columns)}
        if len(sizes) > 1 or any(a > b for a, b in zip(samples["low"], samples["high"], strict=True)):
            raise checked.Damaged("front_end holds tables of different sizes")
        features = Features(
            tuple(samples["names"]),
            np.array(samples["low"], np.int64),
            np.array(samples["high"], np.int64),
            np.array(samples["scale"], np.float64),
            np.array(samples["offset"], np.float64),
        )
        return cls.of_parameters(features, np.array(rows, np.int64), data["parameters"])

    def channel_prefix(self, channel: int) -> str:
        """What the name of a feature of that channel begins with: nothing, where there is one channel.

        Parameters
        ----------
        channel : int
            Its number.
        """
        return f"{self.samples.names[channel]}." if len(self.samples) > 1 else ""


def within(values: NDArray[np.integer], low: int, high: int, what: str) -> None:
    """Raise `checked.Damaged` unless the values of a column lie from low to high.

    Parameters
    ----------
    values : NDArray
        Integers.
    low, high : int
        Inclusive.
    what : str
        The column.
    """
    if len(values) and not (low <= int(values.min()) and int(values.max()) <= high):
        raise checked.Damaged(f"front_end has a {what} that is not from {low} to {high}")


def whole_numbers(text: str, what: str, least: int, most: int) -> tuple[int, ...]:
    """Numbers of an option, separated by `/`.

    Parameters
    ----------
    text : str
        As in "1/2/4".
    what : str
        The option, for errors.
    least, most : int
        Inclusive.

    Raises
    ------
    UsageError
    """
    try:
        numbers = tuple(int(part) for part in text.split("/"))
    except ValueError:
        numbers = ()
    if not numbers or not all(least <= number <= most for number in numbers):
        raise UsageError(f"{what}={text} must be whole numbers from {least} to {most:,}, separated by /, as in 1/2/4")
    return tuple(sorted(set(numbers)))
