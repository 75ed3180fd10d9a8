"""Options of the descent learner, quick to import."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from lut2hw import flags
from lut2hw.choices import ClassWeight, Teacher
from lut2hw.errors import UsageError
from lut2hw.flags import flag

PANEL = "Descent in detail"
MAX_K = 8  # patterns are bytes
MAX_LUTS = 10_000_000
DEFAULT_LUTS = 500
COPIES = ("none", "shift1", "shift1x9", "warp1 to warp99", "flip", "vary1 to vary99")


def check_augment(name: str) -> None:
    """Errors: `UsageError` if there is no augmentation of this name."""
    altered = name.removeprefix("flip+")
    known = re.fullmatch(r"none|shift1|shift1x9|flip|warp[1-9]\d?|vary[1-9]\d?", altered)
    if not known or name.endswith("+flip") or name.startswith("flip+vary"):
        raise UsageError(
            f"unknown augmentation {name!r}; choose one of: {', '.join(COPIES)}, or flip+ and one of them"
        )


def varies(name: str) -> int:
    """How many varied copies of sequences this augmentation makes."""
    return int(name.removeprefix("vary")) if name.startswith("vary") else 0


def check_loss(name: str) -> None:
    """Errors: `UsageError` if there is no loss of this name."""
    kind, _, share = name.partition(":")
    try:
        fine = name in ("squared", "absolute") or (kind == "quantile" and 0 < float(share) < 1)
    except ValueError:
        fine = False
    if not fine:
        raise UsageError(f"unknown loss {name!r}; choose squared, absolute or quantile:Q with Q between 0 and 1")


@dataclass(frozen=True)
class DescentOptions:
    """How descent trains; None lets the data choose.

    `levels` and `tau` of "auto", and any `luts` but a number, are chosen by `lut2hw.training.train`.
    """

    luts: int | Literal["auto"] | None = flag(
        None,
        metavar="N|auto",
        help="descent: LUTs in the network; auto tries 10 to 500 by validation and takes few that do as well.",
        shown="500; tables: auto",
        least=1,
        most=MAX_LUTS,
    )
    """Number of LUTs. None: 500 for images, and for data that are no images what "auto" chooses, unless `votes` or
    `time_limit` are given; with a device, what fills it."""
    votes: int | None = flag(
        None,
        panel=PANEL,
        metavar="N",
        help="descent: LUTs that are counted; the others are grown at their inputs.",
        least=1,
        most=MAX_LUTS,
    )
    """Roots of trees; the other LUTs are grown. None: all LUTs (most accuracy per LUT), or with `levels` above 1 a
    fifth of them, half of them for k > 4 (most accuracy per logic cell, since counting votes costs cells, too)."""
    levels: int | Literal["auto"] | None = flag(
        None,
        panel=PANEL,
        metavar="N|auto",
        help="descent: LUTs in a row, at most; auto tries 1 to 3 by validation.",
        least=1,
        most=64,
    )
    """Longest path from an encoder bit to a vote, in LUTs. None: 1 if all LUTs are votes, else 3."""
    share: bool = flag(
        True,
        "--share/--no-share",
        panel=PANEL,
        help="descent: whether several LUTs may read a grown one.",
        shown="share",
    )
    """Whether a hidden LUT may be read by several LUTs, of any class."""
    sweeps: int | None = flag(
        None,
        panel=PANEL,
        metavar="N",
        help="descent: visits of each LUT after each growth.",
        shown="8; tables of classes: 2, unless labels are clean",
        least=1,
        most=100_000,
    )
    """Visits of every LUT after each stage of growth, at most; a stage ends early when nothing improves. None: 8, and
    2 of tables of classes above the default temperature, if all LUTs are votes: more gain nothing there."""
    restarts: int = flag(
        0,
        panel=PANEL,
        metavar="N",
        help="descent: further sweeps that draw each LUT's inputs anew and keep the better.",
        least=0,
        most=100_000,
    )
    """Further sweeps at the end of the last stage that draw the inputs of each LUT anew and keep what is better, each
    followed by a plain sweep."""
    inputs: int | None = flag(
        None,
        panel=PANEL,
        metavar="N",
        help="descent: encoder bits that may be read.",
        shown="all",
        least=0,
        most=1 << 31,
    )
    """Encoder bits that the network may read, the ones a first look reads most; 0 is any number of
    them, and so is None without a device to fill."""
    window: int | None = flag(
        None,
        panel=PANEL,
        metavar="PIXELS",
        help="descent, images: side of the square that a vote reads.",
        shown="the whole image",
        least=0,
        most=1 << 16,
    )
    """For image data, side in pixels of the square that a vote and the LUTs below it read; 0 is the whole image, and
    so is None without a device that needs it. The squares cover the pixels that vary, each half of the next; the
    votes of each class take them in turn. A chip then needs far fewer long wires."""
    subspace: float | None = flag(
        None,
        panel=PANEL,
        metavar="SHARE",
        help="descent: share of the encoder bits that a vote reads.",
        shown="all",
        least=0,
        most=1,
    )
    """Instead, share of the encoder bits that a vote and the LUTs below it read, one of eight random choices; 0 is
    all of them, and so is None without a device that needs less."""
    loss: str | None = flag(
        None,
        panel=PANEL,
        metavar="squared|absolute|quantile:Q",
        help="descent, --task regression: what an error costs; quantile:0.9 is exceeded by a tenth of the values.",
        shown="squared",
        checked=check_loss,
    )
    """For regression, what an error costs: "squared" (the answer is a mean), "absolute" (a median) or "quantile:Q"
    (the value that a share Q of the targets stays below). None: squared."""
    class_weight: ClassWeight | None = flag(  # noqa: RUF009 - makes a field
        None,
        panel=PANEL,
        help="descent: whether classes count the same all together, or each example the same.",
        shown="equal; classes 50 times rarer than another count more",
        what="class weight",
    )
    """"balanced": classes count the same all together; "equal": every example counts the same. None: equal, but where
    a class has less than a fiftieth of the examples of another, classes count by the root of how rare they are."""
    teacher: Teacher | None = flag(  # noqa: RUF009 - makes a field
        None,
        panel=PANEL,
        help="descent, tables of classes: learn from made-up examples, too, as a larger model answers them; auto "
        "takes the likeliest of forest, extra-trees and linear.",
        shown="none",
        what="teacher",
    )
    """Larger model, trained on the same examples, whose answers to made-up ones the network learns as well; see
    `lut2hw.training.teacher`, which `lut2hw.training.train` calls. None: none."""
    proposals: int = flag(
        0, panel=PANEL, metavar="N", help="descent: signals tried at each input; 0 tries all.", least=0, most=1 << 31
    )
    """Signals tried at each input of a LUT when it is visited; 0 is all of them."""
    tau: float | Literal["auto"] | None = flag(
        None,
        panel=PANEL,
        metavar="T|auto",
        help="descent: temperature of the softmax, in votes; auto tries larger ones by validation.",
        least=0.1,
        most=1000,
    )
    """Temperature of the softmax in votes. None: `default_tau`, or more where a quick look at some of the examples
    says that this is better, as with noisy labels. Of tables of classes, more unless the look says less."""
    augment: str = flag(
        "none",
        panel=PANEL,
        metavar="NAME",
        help="descent, images: add copies "
        "moved by one pixel (shift1, shift1x9), N warped ones "
        "(warpN) or mirrored ones (flip, flip+shift1); --sequence: N "
        "with another begin, gain and noise (varyN).",
        checked=check_augment,
    )
    """For image data, altered copies of the training set: shift1, shift1x9, warpN or flip, see `learn.augment`. For
    sequences varyN, see `lut2hw.frontends.altered`."""
    validation: float = flag(
        0.0,
        panel=PANEL,
        metavar="SHARE",
        help="descent: keep the sweep that does best on this share of the training set.",
        least=0,
        below=1,
    )
    """Share of the training examples that is held out; the sweep that does best on it is kept."""
    patience: int = flag(
        3,
        panel=PANEL,
        metavar="N",
        help="descent: sweeps to wait for a better --validation accuracy.",
        least=1,
        most=100_000,
    )
    """Sweeps without a better validation accuracy after which a stage ends."""
    margin: float | None = flag(
        None,
        panel=PANEL,
        metavar="M",
        help="descent: evidence an entry of a table needs, in examples.",
        shown="0; regression: 6; tables of classes: 2, unless labels are clean",
        least=0,
        most=1e6,
    )
    """What an entry of a table must save, in units of the largest effect of one example, to become one. None: 6 for
    numbers, which few examples would else be learned by heart, 2 for tables of classes above the default temperature,
    0 for all else."""
    time_limit: float | None = flag(
        None, panel=PANEL, metavar="SECONDS", help="descent: end with what there is by then.", above=0, most=1e9
    )
    """Seconds after which training ends with what there is."""

    def __post_init__(self) -> None:
        flags.check(self)
        if self.window and self.subspace:
            raise UsageError("--window and --subspace exclude each other; give one")
