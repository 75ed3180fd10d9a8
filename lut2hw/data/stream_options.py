"""`StreamOptions`: how sequences are read, and which front end reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lut2hw import flags
from lut2hw.choices import FrontEndKind
from lut2hw.flags import AUTO, flag

if TYPE_CHECKING:
    from lut2hw.data.options import DataOptions
    from lut2hw.data.sequences import SequenceDataset

PANEL = "Sequences"


def check_front_end(text: str) -> None:
    """Raise `UsageError` unless a text names a front end, with options that it has, or is "auto"."""
    if text != AUTO:
        from lut2hw.frontends.registry import parse

        parse(text)


@dataclass(frozen=True)
class StreamOptions:
    """Options of sequences, beside those of `lut2hw.data.options.DataOptions`."""

    sequence: bool = flag(
        False, "--sequence", panel=PANEL, help="Examples are sequences of samples, which a front end reads."
    )
    front_end: str | None = flag(
        None,
        panel=PANEL,
        metavar="NAME[,OPTION=VALUE...]|auto",
        help=f"What is made of the samples: {', '.join(FrontEndKind)}; auto takes the best by validation.",
        shown="auto",
        checked=check_front_end,
    )
    sequence_id: str | None = flag(
        None, panel=PANEL, metavar="COLUMN", help="Column of a .csv that says which sequence a sample belongs to."
    )
    time: str | None = flag(
        None,
        panel=PANEL,
        metavar="COLUMN",
        help="Column of a .csv that samples are ordered by.",
        shown="as they stand",
    )
    group: str | None = flag(
        None,
        panel=PANEL,
        metavar="NAME",
        help="Column or array of groups, such as speakers, that splits do not divide.",
    )
    test_group: str | None = flag(
        None, panel=PANEL, metavar="VALUE,...", help="Groups to test with.", shown="drawn by --test-split"
    )

    def __post_init__(self) -> None:
        flags.check(self)

    def by_name(self) -> dict[str, Any]:
        """The options that read data, as keywords of `lut2hw.data.load_sequences`."""
        return {name: getattr(self, name) for name in ("sequence_id", "time", "group", "test_group")}

    def load(self, data: str, options: DataOptions) -> SequenceDataset:
        """The sequences of a path, read with these options.

        Parameters
        ----------
        data : str
            As of `lut2hw.data.load_sequences`.
        options : DataOptions
            Those of all data.
        """
        from lut2hw.data.sequences import load_sequences

        given = {name: value for name, value in options.by_name().items() if value != getattr(type(options)(), name)}
        return load_sequences(data, **self.by_name(), **given)
