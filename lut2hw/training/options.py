"""`TrainOptions`: all that a training can be told, for the command line, sweeps, estimators and reports alike."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Union

from lut2hw import effects, flags
from lut2hw.choices import Family, Link
from lut2hw.data.options import DataOptions
from lut2hw.data.stream_options import StreamOptions
from lut2hw.errors import UsageError
from lut2hw.flags import flag
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.learn.learners.memorize import MemorizeOptions
from lut2hw.learn.registry import LEARNERS, Learner, learner, learner_of

BITS_PANEL, FILL_PANEL = "How values become bits", "Fill a device"
AUTO_BITS = (1, 2, 4, 8, 16, 32)  # thresholds per feature that "auto" tries
MOST_BITS = 256
SEARCHED = ("bits_per_feature", "luts", "levels", "tau")
"""Options that can be chosen by validation, in the order in which they are."""

LearnerOptions = Union[DescentOptions, MemorizeOptions]  # noqa: UP007 - read at run time, too


def _boards() -> list[str]:
    from lut2hw.flow.boards import BOARDS

    return list(BOARDS)


@dataclass(frozen=True)
class Place:
    """Where a network is to fit: a device of a family, in a chip with a link."""

    target: str
    device: str
    link: str


@dataclass(frozen=True)
class TrainOptions:
    """How a network is trained: these options, and those of its learner in `learning`."""

    learning: LearnerOptions = field(default_factory=DescentOptions)
    """Options of the learner; their type says which learner it is."""
    k: int | None = flag(
        None, "-k", metavar="K", help="Inputs of each LUT.", shown="6; descent: 4, or what --target has"
    )
    """Inputs of each LUT."""
    seed: int = flag(0, metavar="N", help="Same seed, same bytes.", least=0, most=(1 << 63) - 1)
    """Of all random numbers."""
    like: str | None = flag(
        None,
        metavar="MODEL",
        help="Learn other tables for the wiring, encoder and head of a model, with its learner; see `lut2hw patch`.",
    )
    """Model file whose tables alone are learned anew; its learner is taken, and data is read as it reads it."""
    threshold: float | None = flag(
        None,
        panel=BITS_PANEL,
        metavar="N",
        help="One bit per feature: value >= N.",
        least=-flags.NOT_INFINITE,
        most=flags.NOT_INFINITE,
    )
    """One bit per feature, value >= threshold."""
    bits_per_feature: tuple[int, ...] | Literal["auto"] | None = flag(
        None,
        panel=BITS_PANEL,
        metavar="N|N,N,...|auto",
        help="Thermometer code with N quantile thresholds, or the best of several by validation.",
        shown="16; images: 3",
        least=1,
        most=MOST_BITS,
    )
    """Thresholds of the thermometer code of each feature, at quantiles of the training examples; of several numbers
    the one that does best on held-out examples is taken."""
    device: str | None = flag(
        None,
        panel=FILL_PANEL,
        metavar="NAME",
        help="descent: without --luts, what fits this device of the --target best, with the chip of `lut2hw build`.",
    )
    """Device to fill."""
    board: str | None = flag(
        None,
        panel=FILL_PANEL,
        metavar="NAME",
        help="descent: instead, what fits the device of a board best, with the chip of `lut2hw build --board`.",
        choices=_boards,
        what="board",
    )
    """Board whose device to fill."""
    link: Link | None = flag(  # noqa: RUF009 - makes a field
        None,
        panel=FILL_PANEL,
        help="Link that the chip has around the core.",
        shown="uart for a board, else shift",
        what="link",
    )
    """Link around the core, whose logic cells are left free."""
    target: Family | None = flag(  # noqa: RUF009 - makes a field
        None, panel=FILL_PANEL, help="FPGA family that --device is of.", shown="ice40", what="target"
    )
    """FPGA family of `device`."""
    utilization: float | None = flag(
        None,
        panel=FILL_PANEL,
        metavar="SHARE",
        help="Share of the device's logic cells to fill.",
        shown="0.85",
        above=0,
        most=1,
    )
    """Share of the device's logic cells to fill at most."""

    def __post_init__(self) -> None:
        flags.check(self)
        mine = self.learner
        if self.k is not None and not 1 <= self.k <= mine.max_k:
            raise UsageError(f"k must be from 1 to {mine.max_k} with --learner {mine.name}, not {self.k}")
        if self.threshold is not None and self.bits_per_feature is not None:
            raise UsageError("give --threshold or --bits-per-feature, not both")
        effects.check("train", self.given())
        if self.device is None and self.board is None:
            return
        name = "--device" if self.board is None else "--board"
        if self.device is not None and self.board is not None:
            raise UsageError("--board has its own device; give --device or --board, not both")
        if not isinstance(self.learning, DescentOptions):
            raise UsageError(f"{name} is an option of --learner descent; leave it out or give --learner descent")
        if self.learning.luts is not None:
            raise UsageError(f"--luts and {name} both choose the size; give one of them")

    @property
    def learner(self) -> Learner:
        """The learner that `learning` belongs to."""
        return learner_of(self.learning)

    @property
    def place(self) -> Place | None:
        """The device to fill, if there is one.

        Raises
        ------
        UsageError
            For an unknown one.
        """
        if self.board is not None:
            from lut2hw.flow.boards import BOARDS
            from lut2hw.targets.registry import get

            board = BOARDS[self.board]
            devices = get(board.target).devices
            fitting = [name for name, each in devices.items() if each.logic_cells == board.logic_cells]
            if not fitting:
                raise UsageError(
                    f"no device of {board.target} is known to be that of the {self.board}; give --device"
                )
            device = min(fitting, key=lambda name: name not in board.description.lower())
            return Place(board.target, device, (self.link or Link.UART).value)
        if self.device is not None:
            return Place((self.target or Family.ICE40).value, self.device, (self.link or Link.SHIFT).value)
        return None

    @classmethod
    def of(cls, learner_name: str | None = None, /, **options: Any) -> TrainOptions:
        """Make options of single ones by name, those of the learner among them.

        Parameters
        ----------
        learner_name : str, optional
            By default the first learner that has all the options, or any of them.
        **options
            Fields of `TrainOptions` and of a learner's options; None is not given.

        Raises
        ------
        UsageError
            If a value is out of range, or an option is another learner's.
        """
        given = {name: value for name, value in options.items() if value is not None}
        own = {name: given.pop(name) for name in list(given) if name in flags.flags(cls)}
        if learner_name is None:
            fitting = [
                each
                for each in LEARNERS.values()
                if not given.keys() - {name for name in given if name in flags.flags(each.Options)}
            ]
            special = [
                each
                for each in LEARNERS.values()
                if any(name in flags.flags(each.Options) and len(owners(name)) == 1 for name in given)
            ]
            mine = (fitting or special[::-1] or list(LEARNERS.values()))[0]
        else:
            mine = learner(learner_name)
        for name in given:
            if name not in flags.flags(mine.Options):
                others = owners(name)
                if not others:
                    raise TypeError(f"a training has no option {name!r}")
                raise UsageError(
                    f"{_flag(name)} is an option of --learner {others[0].name}; leave it out or "
                    f"give --learner {others[0].name}"
                )
        return cls(mine.Options(**given), **own)

    def but(self, **options: Any) -> TrainOptions:
        """The same options with single ones changed, by name."""
        own = {name: options.pop(name) for name in list(options) if name in flags.flags(TrainOptions)}
        return dataclasses.replace(self, learning=dataclasses.replace(self.learning, **options), **own)

    def given(self) -> dict[str, Any]:
        """All options that differ from their defaults, by name, those of the learner among them."""
        return {**flags.given(self.learning), **flags.given(self)}

    def words(self) -> list[str]:
        """Words of a command that give all that differs from the defaults."""
        of_learner = flags.typed(self.learning)
        first = next(iter(LEARNERS.values()))
        named = [] if self.learner is first else ["--learner", self.learner.name]
        return [*named, *of_learner, *flags.typed(self)]

    def command(self, data: str | Mapping[str, Any], output: str | os.PathLike[str]) -> str:
        """The command that trains with these options, as one types it into a shell.

        Parameters
        ----------
        data : str or mapping
            Name or path, or `Dataset.options`.
        output : path
            Model file to write.
        """
        known = {"data": data} if isinstance(data, str) else dict(data)
        words = ["lut2hw", "train", *_data_words(known), *self.words(), "-o", os.fspath(output)]
        return shlex.join(str(word) for word in words)


def _data_words(known: Mapping[str, Any]) -> list[str]:
    """Words of a command that give data, by `Dataset.options`."""
    try:
        options = DataOptions(
            **{name: known[name] for name in flags.flags(DataOptions) if known.get(name) is not None}
        )
    except UsageError:  # of a model from anybody
        options = DataOptions()
    if "fingerprint" not in known:  # its split is its own
        options = dataclasses.replace(options, test_split=None)
    words = ["--data", str(known["data"]), *flags.typed(options)]
    if known.get("sequence"):
        with contextlib.suppress(UsageError):
            given = {name: known[name] for name in flags.flags(StreamOptions) if known.get(name) is not None}
            words += flags.typed(StreamOptions(**given))
    return words


def owners(name: str) -> list[Learner]:
    """The learners that have this option."""
    return [each for each in LEARNERS.values() if name in flags.flags(each.Options)]


def _flag(name: str) -> str:
    return flags.flags(owners(name)[0].Options)[name].name


def learner_flags() -> dict[str, flags.Flag]:
    """Options of all learners by name, in order; the first learner that has one describes it."""
    out: dict[str, flags.Flag] = {}
    for each in LEARNERS.values():
        for name, described in flags.flags(each.Options).items():
            out.setdefault(name, described)
    return out


def all_flags() -> dict[str, flags.Flag]:
    """Options of every training by name: those of the learners, then the others."""
    return {**learner_flags(), **flags.flags(TrainOptions)}
