"""`DataOptions`: how a data set is read, for every command that takes one to learn from."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from lut2hw import flags
from lut2hw.choices import Task
from lut2hw.flags import flag

if TYPE_CHECKING:
    from lut2hw.data.dataset import Dataset

PANEL = "Data"


@dataclass(frozen=True)
class DataOptions:
    """Options of `lut2hw.data.load`, which explains them."""

    task: Task = flag(  # noqa: RUF009 - makes a field
        Task.CLASSIFICATION,
        panel=PANEL,
        help="What to learn: one of several classes, numbers, several labels of 0 and 1, or what is normal.",
        what="task",
    )
    classes: str | None = flag(
        None, panel=PANEL, metavar="A,B:C,D", help="Group labels into classes; other labels are left out."
    )
    label: str | None = flag(
        None,
        panel=PANEL,
        metavar="COLUMN",
        help="Label column of a .csv, by name (else `label`) or position (-1 is the last), or output of a .pla; "
        "several, with commas between, for regression and multilabel.",
    )
    normal: str | None = flag(
        None, panel=PANEL, metavar="VALUE", help="--task anomaly: label of normal rows; without, all rows are normal."
    )
    weight: str | None = flag(
        None,
        panel=PANEL,
        metavar="COLUMN",
        help="Column of the weights of the rows in training, by name or position.",
    )
    test_split: str | None = flag(
        None,
        panel=PANEL,
        metavar="SHARE|last:SHARE",
        help="Share to test with, of data without a test split; the last rows, for data in the order of time.",
        shown="0.25",
    )
    test_data: str | None = flag(
        None, panel=PANEL, metavar="NAME|FILE", help="Other data to test with; columns are matched by name."
    )
    ignore: str | None = flag(
        None, panel=PANEL, metavar="COLUMN,...", help="Columns of a .csv to leave out, by name or position."
    )
    drop_missing: bool = flag(
        False,
        "--drop-missing",
        panel=PANEL,
        help="Leave out rows with missing values, a value of their own otherwise.",
    )
    header: bool | None = flag(
        None,
        "--header/--no-header",
        panel=PANEL,
        help="Whether the first line of a .csv holds names.",
        shown="it does",
    )
    size: str | None = flag(
        None, panel=PANEL, metavar="WIDTHxHEIGHT", help="Size of pictures in a folder.", shown="their own"
    )
    colour: bool = flag(
        False, "--colour", panel=PANEL, help="Pictures in red, green and blue; shades of grey otherwise."
    )
    max_categories: int | None = flag(
        None,
        panel=PANEL,
        metavar="N",
        help="Values of a column of text that become bits; the rarer ones share one.",
        shown="20",
        least=1,
        most=1 << 16,
    )
    scratch: str | None = flag(
        None,
        panel=PANEL,
        metavar="DIR",
        help="Folder on a disk for what is made of data larger than memory, which is then read in parts; folders of "
        ".parquet, .arrow, .csv or .npz files, and files beyond 256 MiB, always are.",
        shown="LUT2HW_SCRATCH, or memory",
    )

    def __post_init__(self) -> None:
        flags.check(self)

    def by_name(self) -> dict[str, Any]:
        """The options as keywords of `lut2hw.data.load`."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def load(self, data: str) -> Dataset:
        """The data set of a name or a path, read with these options."""
        from lut2hw.data import load

        return load(data, **self.by_name())
