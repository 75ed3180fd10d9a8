"""The formats of other tools: the one list that `read`, `export` and the help of the command line share.

A format is a module of this package with `read(path, **options) -> LutNetwork`, with
`write(network, WriteOptions) -> bytes`, or with both, and one line here.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from lut2hw.errors import UsageError, unknown_name


@dataclass(frozen=True)
class WriteOptions:
    """What a writer may need to know.

    Attributes
    ----------
    path : Path
        Of the file to be.
    encoded_inputs : bool
        Inputs are the bits of the code instead of the features.
    dont_cares : bool
        Leave open what training cannot have shown.
    """

    path: Path
    encoded_inputs: bool = False
    dont_cares: bool = False


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes
    ----------
    name : str
        As `--format` has it.
    endings : tuple of str
        Of its files, in lower case; the first is the usual one.
    title : str
        For people.
    module : str
        Of this package, imported when it is needed.
    kind : str
        "logic", "trees", "checkpoint" or "text".
    reads, writes : bool
    dont_cares : bool
        It can leave open what training cannot have shown.
    """

    name: str
    endings: tuple[str, ...]
    title: str
    module: str
    kind: str
    reads: bool = True
    writes: bool = True
    dont_cares: bool = False

    def load(self) -> ModuleType:
        """The module that reads and writes it."""
        return importlib.import_module(f"lut2hw.exchange.{self.module}")


FORMATS = {
    each.name: each
    for each in (
        Format("blif", (".blif",), "BLIF", "blif", "logic"),
        Format("aiger", (".aig", ".aag"), "AIGER", "aiger", "logic"),
        Format("pla", (".pla",), "PLA", "pla", "logic", dont_cares=True),
        Format("verilog", (".v",), "behavioural Verilog", "verilog", "text", reads=False),
        Format("c", (".h",), "C99 header", "c", "text", reads=False),
        Format(
            "trees",
            (".json", ".txt", ".onnx"),
            "trees of XGBoost, LightGBM, CatBoost, ONNX or scikit-learn",
            "trees.file",
            "trees",
            writes=False,
        ),
        Format(
            "checkpoint",
            (".pt", ".pth", ".npz"),
            "difflogic or DWN models or truth tables",
            "checkpoints.file",
            "checkpoint",
            writes=False,
        ),
    )
}
"""By name, in the order of help texts."""


def readable() -> list[Format]:
    """The formats that are read."""
    return [each for each in FORMATS.values() if each.reads]


def writable() -> list[Format]:
    """The formats that are written."""
    return [each for each in FORMATS.values() if each.writes]


def listed(formats: list[Format]) -> str:
    """Titles with endings, for help texts and messages."""
    return ", ".join(f"{each.title} ({', '.join(each.endings)})" for each in formats)


def of_path(path: str | Path, formats: list[Format]) -> Format | None:
    """The one of the formats that the file's ending names."""
    suffix = Path(path).suffix.lower()
    return next((each for each in formats if suffix in each.endings), None)


def named(name: str, formats: list[Format]) -> Format:
    """The one of the formats of that name.

    Raises
    ------
    UsageError
        If there is none.
    """
    for each in formats:
        if each.name == name:
            return each
    raise unknown_name("format", name, [each.name for each in formats])


def for_reading(path: str | Path) -> Format:
    """The format that a file is read as, by its ending.

    Raises
    ------
    UsageError
        If no format has it.
    """
    form = of_path(path, readable())
    if form is None:
        hint = (
            "; save XGBoost and CatBoost models as .json"
            if Path(path).suffix.lower() in (".ubj", ".model", ".bin", ".cbm")
            else ""
        )
        raise UsageError(f"cannot tell the format of {path}; read are {listed(readable())}{hint}")
    return form


def for_writing(path: str | Path, name: str | None = None) -> Format:
    """The format that a file is written in: the one called `name`, or by the file's ending.

    Raises
    ------
    UsageError
        If there is none.
    """
    if name is not None:
        return named(name, writable())
    form = of_path(path, writable())
    if form is None:
        endings = ", ".join(each.endings[0] for each in writable())
        raise UsageError(f"cannot tell the format of {path}; end it in {endings} or give --format")
    return form
