"""The formats of data files, and the one way to read any of them. A new format is a module and a line here."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from lut2hw.data import arff, arrow, csv, idx, npy, npz, pictures, pla, svmlight
from lut2hw.data.parts import in_parts, part_files
from lut2hw.data.source import suffix_of
from lut2hw.data.table import MAX_BYTES, Format, ReadOptions, Table
from lut2hw.errors import UsageError

_IN_PARTS = (arrow.PARQUET, arrow.ARROW, csv.FORMAT, npz.FORMAT)
"""Formats of which a folder of files is one table."""


def _is_of(kind: Format, folder: Path) -> bool:
    return bool(part_files(folder, kind.suffixes))


def _read_folder(kind: Format, folder: Path, options: ReadOptions) -> Table:
    assert kind.read_parts is not None
    return kind.read_parts(folder, part_files(folder, kind.suffixes), options)


FORMATS: tuple[Format, ...] = (
    csv.FORMAT,
    arff.FORMAT,
    arrow.PARQUET,
    arrow.ARROW,
    svmlight.FORMAT,
    npz.FORMAT,
    npy.PAIR,
    pla.FORMAT,
    idx.FORMAT,
    npy.FOLDER,
    *(
        Format(f"folder of {kind.name} files", (), partial(_read_folder, kind), kind.options, partial(_is_of, kind))
        for kind in _IN_PARTS
    ),
    pictures.FORMAT,
)

_FLAGS = {
    "label": "--label",
    "weight": "--weight",
    "ignore": "--ignore",
    "drop_missing": "--drop-missing",
    "header": "--header and --no-header",
    "max_categories": "--max-categories",
    "size": "--size",
    "colour": "--colour",
}


def read(path: Path, options: ReadOptions | None = None) -> Table:
    """Read a data file or folder.

    Raises
    ------
    UsageError
        In one line that names the file and what is wrong.
    """
    options = options or ReadOptions()
    try:
        if path.is_dir():
            kind = _folder(path)
            refuse_options(str(path), options, kind.options)
            return kind.read(path, options)
        if not path.exists():
            raise UsageError(f"no data file at {path}")
        if not path.is_file():
            raise UsageError(f"{path} is not a regular file")
        suffix = suffix_of(path)
        for kind in FORMATS:
            if suffix in kind.suffixes:
                refuse_options(str(path), options, kind.options)
                if kind.read_parts is not None and in_parts(path, options):
                    return kind.read_parts(path, [path], options)
                if path.stat().st_size > MAX_BYTES:
                    raise UsageError(f"{path} is larger than {MAX_BYTES >> 30} GiB; give a sample of it")
                return kind.read(path, options)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    except MemoryError:
        raise UsageError(f"{path} needs more memory than there is; give a sample of it") from None
    known = [suffix for kind in FORMATS for suffix in kind.suffixes]
    raise UsageError(
        f"cannot tell the format of {path}; data files end in {', '.join(known[:-1])} or {known[-1]} (text also in "
        ".gz or .zip after that), or are a folder of MNIST-style idx.gz files, of .npy arrays, of pictures, or of "
        ".parquet, .arrow, .csv or .npz files that are parts of one table"
    )


def heeded(path: Path) -> frozenset[str]:
    """Fields of `ReadOptions` that the format of such a file, which need not exist, has a use for."""
    suffix = suffix_of(path)
    if path.is_dir():
        return next((kind.options for kind in FORMATS if kind.holds is not None and kind.holds(path)), frozenset())
    return next((kind.options for kind in FORMATS if suffix in kind.suffixes), frozenset())


def is_named_as_data(path: Path) -> bool:
    """Whether the name of a file ends as that of a data file does."""
    return any(suffix_of(path) in kind.suffixes for kind in FORMATS)


def _folder(path: Path) -> Format:
    """The format of a folder."""
    for kind in FORMATS:
        if kind.holds is not None and kind.holds(path):
            return kind
    raise UsageError(
        f"folder {path} holds no data that is known: MNIST-style files ({idx.NAMES['x_train']}.gz and three more), "
        "arrays (x_train.npy and y_train.npy), parts of a table (.parquet, .arrow, .csv or .npz files alone), or "
        "pictures in a folder for each class"
    )


def refuse_options(name: str, options: ReadOptions, heeded: frozenset[str] = frozenset()) -> None:
    """Raise `UsageError` if options are given that the format of `name` has no use for."""
    for option, words in _FLAGS.items():
        if option not in heeded and getattr(options, option) != getattr(ReadOptions(), option):
            endings = [ending for kind in FORMATS if option in kind.options for ending in kind.suffixes]
            listed = " and ".join([", ".join(endings[:-1]), endings[-1]] if len(endings) > 1 else endings)
            listed = f"{listed} files" if endings else f"a {pictures.FORMAT.name}"
            raise UsageError(f"{words} is for {listed}, which {name} is not; leave it out")
