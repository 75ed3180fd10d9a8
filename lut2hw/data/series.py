"""Files with sequences: arrays, recordings, long tables, and the .ts files of the UCR and UEA archives."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lut2hw.data import idx, pictures
from lut2hw.data.formats import read
from lut2hw.data.named import CATALOGUE
from lut2hw.data.npz import array_names, open_npz
from lut2hw.data.source import suffix_of, text_of
from lut2hw.data.table import MAX_BYTES, ReadOptions, Table, some
from lut2hw.errors import UsageError, shown
from lut2hw.files import open_regular
from lut2hw.frontends.sequences import Sequences


@dataclass(frozen=True)
class SeriesOptions:
    """How to read a file; a format refuses those it has no use for."""

    label: str | None = None
    sequence_id: str | None = None
    time: str | None = None
    group: str | None = None
    ignore: tuple[str, ...] = ()
    channels: tuple[str, ...] | None = None
    """Those that a model reads."""
    labelled: bool = True


@dataclass(eq=False)
class Series:
    """Sequences and labels as they stand in the source."""

    name: str
    train: Sequences
    y_train: NDArray[Any]
    test: Sequences | None = None
    """The source's own test split, or None if it has none."""
    y_test: NDArray[Any] | None = None
    channels: tuple[str, ...] | None = None
    """Names of the channels if the source has them."""
    group: NDArray[np.str_] | None = None
    """Groups of the training sequences, if they were asked for."""
    low: int | None = None
    """The range that every channel is known to have, whatever the samples show; None: seen in the data."""
    high: int | None = None
    """The range that every channel is known to have, whatever the samples show; None: seen in the data."""
    notes: tuple[str, ...] = field(default=())


def read_series(path: Path, options: SeriesOptions) -> Series:
    """Read a file or folder of sequences.

    Parameters
    ----------
    path : Path
        The name of a dataset of pictures, a folder of pictures or idx files, a .npz, .csv, .tsv or .ts file (text
        also as .gz or .zip), or a folder of .wav files.
    options : SeriesOptions
        How.

    Raises
    ------
    UsageError
        In one line that names the file and what is wrong.
    """
    try:
        if str(path) in CATALOGUE:
            _refuse(path, options, "dataset", ())
            return _of_pictures(CATALOGUE[str(path)].reader(str(path)))
        if idx.holds_idx(path) or pictures.holds_pictures(path):
            _refuse(path, options, "folder of pictures", ())
            return _of_pictures(read(path, ReadOptions(labelled=options.labelled)))
        if path.is_dir():
            _refuse(path, options, "folder of recordings", ())
            return _read_recordings(path, options)
        if not path.is_file():
            raise UsageError(f"no file or folder with sequences at {path}")
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path} is larger than {MAX_BYTES >> 30} GiB; give a sample of it")
        suffix = suffix_of(path)
        if suffix not in _READERS:
            raise UsageError(
                f"cannot read sequences of {path}; give a {', '.join(_READERS)} file, or a folder with a folder of "
                ".wav files for each class"
            )
        reader, heeded = _READERS[suffix]
        _refuse(path, options, f"{suffix} file", heeded)
        return reader(path, options)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    except MemoryError:
        raise UsageError(f"{path} needs more memory than there is; give a sample of it") from None


def _refuse(path: Path, options: SeriesOptions, what: str, heeded: tuple[str, ...]) -> None:
    for name in ("label", "sequence_id", "time", "group", "ignore"):
        if name not in heeded and getattr(options, name):
            raise UsageError(f"--{name.replace('_', '-')} is not for a {what}, which {path} is; leave it out")


def _read_arrays(path: Path, options: SeriesOptions) -> Series:
    """`x` (n, time[, channels]) or `samples` and `length`; `x_train`, `x_test` and so on; labels `y` or `label`."""
    there = array_names(path)
    arrays = open_npz(path, (), there)
    splits = [name for name in ("_train", "_test") if f"x{name}" in there or f"samples{name}" in there] or [""]
    found: list[tuple[Sequences, NDArray[Any], NDArray[np.str_] | None]] = []
    for split in splits:
        x = _of_arrays(path, arrays, split)
        y: NDArray[Any] = np.zeros(0, np.int64)
        if options.labelled:
            names = [f"{options.label}{split}", options.label] if options.label else [f"y{split}", f"label{split}"]
            name = next((name for name in names if name in arrays), None)
            if name is None:
                raise UsageError(f"{path} has no array {names[0]!r} of labels (it has: {some(there)}); give --label")
            y = arrays[name]
            if y.ndim == 2 and y.shape[1] == 1:
                y = y[:, 0]
            if len(y) != len(x):
                raise UsageError(f"{path} has {len(x)} sequences but {len(y)} labels {name!r}")
        group = None
        if options.group:
            name = next((each for each in (f"{options.group}{split}", options.group) if each in arrays), None)
            if name is None or arrays[name].shape != (len(x),):
                raise UsageError(f"{path} has no array {options.group!r} with a group for each of {len(x)} sequences")
            group = arrays[name].astype(np.str_)
        found.append((x, y, group))
    train, y_train, group = found[0]
    if splits == ["_test"] and options.labelled:
        raise UsageError(f"{path} has sequences to test with alone; give x_train and y_train, too")
    made = Series(str(path), train, y_train, group=group)
    if len(found) > 1:
        made = replace(made, test=found[1][0], y_test=found[1][1])
        if made.test is not None and made.test.channels != train.channels:
            raise UsageError(f"the splits of {path} have {train.channels} and {made.test.channels} channels")
    return made


def _of_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], split: str) -> Sequences:
    if f"x{split}" in arrays:
        made = arrays[f"x{split}"]
        if made.ndim not in (2, 3) or 0 in made.shape:
            raise UsageError(f"x{split} of {path} has shape {made.shape}; expected (n, time) or (n, time, channels)")
        out = Sequences.of(np.ascontiguousarray(made))
    elif f"samples{split}" in arrays and f"length{split}" in arrays:
        values, length = arrays[f"samples{split}"], arrays[f"length{split}"]
        if length.ndim != 1 or length.dtype.kind not in "iu" or values.ndim not in (1, 2):
            raise UsageError(
                f"samples{split} and length{split} of {path} are not samples end to end and their numbers"
            )
        try:
            out = Sequences(values.reshape(len(values), -1), length.astype(np.int64))
        except UsageError as error:
            raise UsageError(f"cannot use {path}: {error}") from None
    else:
        raise UsageError(
            f"{path} has no sequences; save x with shape (n, time, channels), or samples and length, beside y"
        )
    if out.values.dtype.kind not in "biuf":
        raise UsageError(f"samples of {path} must be numbers, not {out.values.dtype}")
    return out.mapped(out.values.astype(out.values.dtype.newbyteorder("="), copy=False))


def _of_pictures(table: Table) -> Series:
    """Pictures as sequences of pixels, row by row as a camera sends them."""
    shape = table.image_shape
    if shape is None:
        raise UsageError(f"{table.name} has neither sequences nor pictures; leave --sequence out")

    def pixels(x: NDArray[Any]) -> Sequences:
        return Sequences.of(np.ascontiguousarray(x).reshape(len(x), shape[0] * shape[1], -1))

    channels = ("red", "green", "blue") if shape[2:] == (3,) else None
    test = None if table.x_test is None else pixels(table.x_test)
    return Series(
        table.name, pixels(table.x_train), table.y_train, test, table.y_test, channels, low=table.low, high=table.high
    )


def _read_recordings(path: Path, options: SeriesOptions) -> Series:
    """`CLASS/*.wav`, or `train/CLASS/*.wav` and `test/CLASS/*.wav`, in the order of their names."""
    splits = [path / "train", path / "test"] if (path / "train").is_dir() else [path]
    found = []
    rates: dict[int, Path] = {}
    for folder in splits:
        if not folder.is_dir():
            raise UsageError(f"there are recordings to train on in {path}, but no folder {folder.name} of others")
        classes = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
        files = [(file, each.name) for each in classes for file in _wav_files(each)]
        if not options.labelled and not files:
            files = [(file, "") for file in _wav_files(folder)]
        if not files:
            raise UsageError(
                f"{folder} has no folders with .wav files; put those of a class into a folder of its name"
            )
        parts = []
        for file, _ in files:
            rate, samples = _recording(file)
            rates.setdefault(rate, file)
            parts.append(samples)
        if len({part.shape[1] for part in parts}) > 1:
            raise UsageError(f"some recordings of {folder} are mono and some are stereo; make them alike first")
        found.append((Sequences.of(parts), np.array([label for _, label in files])))
    if len(rates) > 1:
        named = [f"{rate} Hz ({file.name})" for rate, file in rates.items()]
        raise UsageError(
            f"the recordings of {path} have different sample rates, {some(named)}; make them alike first"
        )
    test, y_test = found[1] if len(found) > 1 else (None, None)
    return Series(str(path), *found[0], test, y_test, low=-(1 << 15), high=(1 << 15) - 1)


def _wav_files(folder: Path) -> list[Path]:
    return sorted(
        file for file in folder.iterdir() if file.suffix.lower() == ".wav" and not file.name.startswith(".")
    )


def _recording(file: Path) -> tuple[int, NDArray[np.int64]]:
    """Sample rate, and samples (time, channels) of 16 bits."""
    try:
        with open_regular(file) as source, wave.open(source, "rb") as recording:
            width, channels = recording.getsampwidth(), recording.getnchannels()
            data = recording.readframes(recording.getnframes())
            rate = recording.getframerate()
    except (wave.Error, EOFError) as error:
        raise UsageError(f"{file} is not a readable .wav file of plain samples ({error})") from None
    whole = len(data) // (width * channels) * width * channels
    raw = np.frombuffer(data[:whole], np.uint8).reshape(-1, width)
    if not len(raw):
        raise UsageError(f"{file} has no sample; take it away")
    if width == 1:  # unsigned, of all widths alone
        values = (raw[:, 0].astype(np.int64) - 128) << 8
    else:
        values = raw[:, -2:].copy().view("<i2")[:, 0].astype(np.int64)
    return rate, values.reshape(-1, channels)


def _read_table(path: Path, options: SeriesOptions) -> Series:
    """A row for each sample; the label, and the group, of a sequence are those of its rows."""
    text, notes = text_of(path)
    try:
        frame = pd.read_csv(io.StringIO(text), sep="\t" if suffix_of(path) == ".tsv" else ",", skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise UsageError(f"{path} is not a readable table ({str(error).splitlines()[0]})") from None
    names = [str(name) for name in frame.columns]
    frame.columns = pd.Index(names)
    if options.sequence_id is None:
        raise UsageError(f"which column of {path} says what sequence a sample belongs to? give --sequence-id COLUMN")
    label = (options.label or "label") if options.labelled else options.label
    special = {
        "--sequence-id": options.sequence_id,
        "--time": options.time,
        "--label": label,
        "--group": options.group,
    }
    for option, name in special.items():
        if name is not None and name not in names and (options.labelled or option in ("--sequence-id", "--time")):
            raise UsageError(f"{path} has no column {name!r} for {option} (it has: {some(names)})")
    left_out = {*options.ignore, *(name for name in special.values() if name)}
    channels = list(options.channels) if options.channels else [name for name in names if name not in left_out]
    if not channels or (lacking := [name for name in channels if name not in names]):
        raise UsageError(f"{path} has no column {(lacking or ['of samples'])[0]!r} (it has: {some(names)})")
    key = frame[options.sequence_id]
    if key.isna().any():
        raise UsageError(f"row {int(key.isna().argmax()) + 1} of {path} has no {options.sequence_id}")
    order = np.arange(len(frame))
    if options.time is not None:
        if not pd.api.types.is_numeric_dtype(frame[options.time]):
            raise UsageError(f"column {options.time!r} of {path} must hold numbers to order samples by")
        order = np.argsort(frame[options.time].to_numpy(), kind="stable")
    number, ids = pd.factorize(key)  # in the order of their first rows
    order = order[np.argsort(number[order], kind="stable")]
    first = np.flatnonzero(np.diff(number[order], prepend=-1))
    values = []
    for name in channels:
        if not pd.api.types.is_numeric_dtype(frame[name]) or pd.api.types.is_bool_dtype(frame[name]):
            raise UsageError(f"column {name!r} of {path} must hold numbers; name others with --ignore")
        values.append(frame[name].to_numpy()[order])
    length = np.bincount(number, minlength=len(ids))
    train = Sequences(np.stack(values, 1), length.astype(np.int64))

    def of_sequence(name: str | None) -> NDArray[Any]:
        column = frame[name].to_numpy()[order]
        if (column != np.repeat(column[first], length)).any():
            at = int((column != np.repeat(column[first], length)).argmax())
            raise UsageError(
                f"sequence {ids[number[order[at]]]} of {path} has several values of {name!r}, which must be the same "
                "in all of its rows"
            )
        return np.asarray(column[first])

    y = of_sequence(label) if options.labelled else np.zeros(0, np.int64)
    if y.dtype.kind == "O":
        y = y.astype(np.str_)
    group = of_sequence(options.group).astype(np.str_) if options.group and options.labelled else None
    return Series(str(path), train, y, channels=tuple(channels), group=group, notes=notes)


def _read_ts(path: Path, options: SeriesOptions) -> Series:
    """A .ts file; beside X_TRAIN.ts, X_TEST.ts is the test split."""
    made = _one_ts(path, options)
    other = path.with_name(path.name.replace("_TRAIN", "_TEST"))
    if options.labelled and options.channels is None and other != path and other.is_file():
        test = _one_ts(other, options)
        if test.train.channels != made.train.channels:
            raise UsageError(f"{path} and {other} have {made.train.channels} and {test.train.channels} channels")
        made = replace(made, test=test.train, y_test=test.y_train)
    return made


def _one_ts(path: Path, options: SeriesOptions) -> Series:
    text, notes = text_of(path)
    parts, ys = [], []
    labelled, data = False, False
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith(("#", "%")):
            continue
        if not data:
            word, _, rest = line.partition(" ")
            if word.lower() == "@classlabel":
                labelled = rest.split()[:1] == ["true"]
            elif word.lower() == "@timestamps" and rest.strip().lower() == "true":
                raise UsageError(f"{path} has time stamps, which are not read; give samples at one rate")
            data = word.lower() == "@data"
            continue
        dimensions = line.split(":")
        if labelled:
            ys.append(dimensions.pop().strip())
        try:
            channels = [np.array(each.split(","), np.float64) for each in dimensions]
            parts.append(np.stack(channels, 1))
        except ValueError:
            raise UsageError(f"line {number} of {path} is not of numbers, {shown(line)}") from None
        if not np.isfinite(parts[-1]).all():
            raise UsageError(f"line {number} of {path} lacks a sample; fill it in first")
    if not parts:
        raise UsageError(f"{path} has no sequence after @data")
    if options.labelled and not labelled:
        raise UsageError(f"{path} has no labels; its head does not say @classLabel true")
    return Series(str(path), Sequences.of(parts), np.array(ys), notes=notes)


_READERS: dict[str, tuple[Callable[[Path, SeriesOptions], Series], tuple[str, ...]]] = {
    ".npz": (_read_arrays, ("label", "group")),
    ".csv": (_read_table, ("label", "sequence_id", "time", "group", "ignore")),
    ".tsv": (_read_table, ("label", "sequence_id", "time", "group", "ignore")),
    ".ts": (_read_ts, ()),
}
"""By the ending of a file, its reader and the options that it heeds."""
