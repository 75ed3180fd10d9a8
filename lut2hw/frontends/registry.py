"""The front ends, and the one way from text and from JSON to one of them. A new one is a file of this
package and its line in `lut2hw.choices.FrontEndKind`.
"""

from __future__ import annotations

import importlib
from typing import Any

from lut2hw import checked, flags
from lut2hw.choices import FrontEndKind
from lut2hw.errors import unknown_name
from lut2hw.frontends.base import FrontEnd
from lut2hw.frontends.sequences import Sequences
from lut2hw.model.features import Features

FRONT_ENDS: dict[str, type[FrontEnd]] = {
    kind.value: getattr(importlib.import_module(f"lut2hw.frontends.{kind.value}"), kind.value.capitalize())
    for kind in FrontEndKind
}
"""By name, in the order of help texts; each is the class of its module that has its name."""


def parse(text: str) -> tuple[type[FrontEnd], Any]:
    """Class and options of "NAME,option=value,...".

    Parameters
    ----------
    text : str
        As in "window,length=16".

    Raises
    ------
    UsageError
        For unknown names, and values out of range.
    """
    name, *given = [part.strip() for part in text.split(",")]
    if name not in FRONT_ENDS:
        raise unknown_name("front end", name, FRONT_ENDS)
    kind = FRONT_ENDS[name]
    return kind, flags.parsed(given, kind.options_type, f"the front end {name}")


def fit(text: str, sequences: Sequences, samples: Features, seed: int = 0) -> FrontEnd:
    """A front end for such data.

    Parameters
    ----------
    text : str
        "NAME,option=value,...".
    sequences : Sequences
        Training sequences, integers.
    samples : Features
        Their channels.
    seed : int
        Of what is drawn.

    Raises
    ------
    UsageError
    """
    kind, options = parse(text)
    return kind.fit(options, sequences, samples, seed)


def from_json(data: Any) -> FrontEnd:
    """Undo `FrontEnd.as_json`.

    Parameters
    ----------
    data : Any
        JSON values from anybody.

    Raises
    ------
    UsageError
        Or `checked.Damaged`, for what is no front end.
    """
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind not in FRONT_ENDS:
        raise checked.Damaged(f"front_end is of no kind that is known, {str(kind)[:40]!r}")
    return FRONT_ENDS[kind].of_json(data)
