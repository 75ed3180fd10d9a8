"""Data in parts: the same data sets and models as of the same data in memory, for any parts and formats; faults."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import fast
from hypothesis import given, settings
from hypothesis import strategies as st

from lut2hw.data import Dataset, arrow, csv, load, rows
from lut2hw.errors import UsageError
from lut2hw.model.features import quantize, quantize_pieces
from lut2hw.model.network import to_bytes
from lut2hw.training.options import TrainOptions
from lut2hw.training.train import train

N = 700


def frame(seed: int = 0, n: int = N) -> pd.DataFrame:
    """Columns of all kinds: reals, decimals, counters, text, gaps, and labels that they tell something about."""
    rng = np.random.default_rng(seed)
    real = rng.normal(size=n)
    return pd.DataFrame(
        {
            "real": real,
            "single": rng.normal(size=n).astype(np.float32),
            "count": rng.integers(0, 50, n),
            "cents": np.where(rng.random(n) < 0.1, np.nan, np.round(rng.normal(size=n), 2)),
            "colour": rng.choice(["red", "green", "blue"], n),
            "maybe": rng.choice(["yes", "no", ""], n),
            "true": rng.random(n) < 0.3,
            "row": np.arange(n) + 5,
            "same": 7,
            "label": np.where(real + rng.normal(size=n) / 2 > 0.8, "signal", "background"),
        }
    )


def parquet(path: Path, part: pd.DataFrame) -> None:
    part.replace({"maybe": {"": None}}).to_parquet(path, row_group_size=100)


def feather(path: Path, part: pd.DataFrame) -> None:
    part.replace({"maybe": {"": None}}).reset_index(drop=True).to_feather(path, chunksize=100)


def table(path: Path, part: pd.DataFrame) -> None:
    part.to_csv(path, index=False)


def archive(path: Path, part: pd.DataFrame) -> None:
    np.savez(path, x_train=part[["real", "count", "cents"]].to_numpy(np.float32), y_train=part.label.to_numpy(str))


FORMATS: dict[str, Callable[[Path, pd.DataFrame], None]] = {
    ".parquet": parquet,
    ".csv": table,
    ".npz": archive,
    ".feather": feather,
}


def write(path: Path, data: pd.DataFrame, cuts: list[int] | None = None) -> None:
    """A file, or a folder of the same name with parts that end at `cuts`."""
    save = FORMATS[path.suffix]
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if cuts is None:
        save(path, data)
        return
    path.mkdir()
    for number, (first, last) in enumerate(zip([0, *cuts], [*cuts, len(data)], strict=True)):
        save(path / f"part-{number:04}{path.suffix}", data.iloc[first:last])


def shown(dataset: Dataset) -> list[object]:
    """All that a data set says, its integers as the encoder tells them apart."""
    features = dataset.features
    return [
        (features.names, dataset.class_names, dataset.target_names, dataset.notes, dataset.options),
        [each.tolist() for each in (features.low, features.high, features.scale, features.offset, features.missing)],
        [features.clip(np.asarray(x)).tolist() for x in (dataset.x_train, dataset.x_test)],
        [dataset.y_train.tolist(), dataset.y_test.tolist()],
        None if dataset.weight_train is None else dataset.weight_train.tolist(),
    ]


HOW = [
    {},
    {"drop_missing": True},
    {"task": "regression", "label": "real"},
    {"task": "anomaly", "label": "label", "normal": "background"},
    {"weight": "count", "ignore": "same,row", "test_split": "last:0.3"},
    {"task": "multilabel", "label": "true"},
]


@pytest.mark.parametrize("how", fast.first(HOW[:2], HOW))
@pytest.mark.parametrize("suffix", FORMATS)
def test_parts_are_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, how: dict[str, str]):
    if suffix == ".npz" and how and "drop_missing" not in how:
        pytest.skip("options of tables")
    for module in (arrow, csv):
        monkeypatch.setattr(module, "PIECE_ROWS", 128)
    data, path, scratch = frame(), tmp_path / f"data{suffix}", tmp_path / "scratch"
    scratch.mkdir()
    write(path, data)
    whole = shown(load(path, **how))
    assert shown(load(path, scratch=scratch, **how)) == whole
    cuts = sorted(np.random.default_rng(len(how)).choice(N - 1, 3, replace=False) + 1)
    write(path, data, cuts)
    assert shown(load(path, **how)) == whole and shown(load(path, scratch=scratch, **how)) == whole
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("name", ["arrays", "arrays/x.npy"])
def test_mapped_arrays_are_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    """Images of bytes, whose range is that of bytes; with a test split of their own."""
    rng = np.random.default_rng(3)
    monkeypatch.setattr(rows, "PIECE", 999)
    (tmp_path / "arrays").mkdir()
    for part, n in (("x", 90), ("x_train", 50), ("x_test", 30)) if name == "arrays" else (("x", 90),):
        np.save(tmp_path / "arrays" / f"{part}.npy", rng.integers(0, 200, (n, 4, 5)).astype(np.uint8))
        np.save(tmp_path / "arrays" / f"{part.replace('x', 'y')}.npy", rng.integers(0, 3, n))
    whole, parts = load(tmp_path / name), load(tmp_path / name, scratch=tmp_path)
    assert shown(whole) == shown(parts) and parts.features.high.max() == 255 and len(parts.x_test)


def test_dask_collections_are_the_whole(tmp_path: Path):
    """But for their name."""
    frames, arrays = pytest.importorskip("dask.dataframe"), pytest.importorskip("dask.array")
    data = frame().replace({"maybe": {"": None}})
    write(tmp_path / "data.parquet", data)
    write(tmp_path / "data.npz", data)
    with np.load(tmp_path / "data.npz") as archive:
        x, y = archive["x_train"], archive["y_train"]
    for path, collection in (
        ("data.parquet", frames.from_pandas(data, npartitions=3)),
        ("data.npz", (arrays.from_array(x, chunks=(77, 2)), arrays.from_array(y, chunks=50))),
    ):
        whole, parts = load(tmp_path / path), load(collection)
        whole.options.pop("data"), parts.options.pop("data")
        assert shown(whole) == shown(parts)
    refused((arrays.from_array(x, chunks=77), y[:5]), "one label per example")


@pytest.mark.parametrize("suffix", fast.first([".parquet"], list(FORMATS)))
@pytest.mark.parametrize(
    "options", [{"luts": 12, "validation": 0.2}, {"learner_name": "memorize", "layers": (20,), "k": 4}]
)
def test_models_have_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, options: dict[str, object]
):
    monkeypatch.setattr(rows, "PIECE", 1)  # parts of the training examples go into files, too
    given = {name: value for name, value in options.items() if name != "learner_name"}
    options = TrainOptions.of(options.get("learner_name"), **given)
    path = tmp_path / f"data{suffix}"
    write(path, frame())
    whole = to_bytes(train(load(path), options).network)
    for cuts in ([1, 650], [64, 128, 300]):
        write(path, frame(), cuts)
        assert to_bytes(train(load(path), options).network) == whole
        assert to_bytes(train(load(path, scratch=tmp_path), options).network) == whole
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 40), max_size=4), dtype=st.sampled_from("fd"))
def test_ranges_do_not_depend_on_parts(seed: int, cuts: list[int], dtype: str):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 3)) * 10.0 ** rng.integers(-8, 12, 3)
    x[:, 0] = np.round(x[:, 0], int(rng.integers(0, 8)))
    x[:5, 1] = np.nan
    x = x.astype(dtype)
    names = ("a", "b", "c")
    whole, parts = quantize(x, names), quantize_pieces(lambda: iter(np.split(x, sorted(cuts))), names)
    for field in ("low", "high", "scale", "offset", "missing"):
        assert np.array_equal(getattr(whole, field), getattr(parts, field))
    for i in range(3):  # exact decimals are the numbers times a power of ten
        column, scale = x[:, i][~np.isnan(x[:, i])], whole.scale[i]
        if scale in 10.0 ** np.arange(7) and whole.offset[i] == 0:
            assert ((np.rint(column * scale) / scale).astype(dtype) == column).all()


def refused(path: object, match: str, **how: object) -> None:
    with pytest.raises(UsageError, match=match) as error:
        load(path, **how)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_damaged_part(tmp_path: Path, suffix: str):
    path = tmp_path / f"data{suffix}"
    write(path, frame(), [300, 500])
    part = path / f"part-0001{suffix}"
    part.write_bytes(part.read_bytes()[:200] if suffix != ".csv" else b'real,single\n"1,2\n3')
    refused(path, rf"part-0001{suffix} (cannot be read|is not a readable)")


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_part_with_other_columns(tmp_path: Path, suffix: str):
    path = tmp_path / f"data{suffix}"
    write(path, frame(), [300, 500])
    part = frame().rename(columns={"single": "double"})
    if suffix == ".npz":
        np.savez(path / "part-0001.npz", x_train=np.zeros((5, 2), np.float32), y_train=["signal"] * 5)
    else:
        FORMATS[suffix](path / f"part-0001{suffix}", part)
    refused(path, rf"part-0001{suffix} has other (columns|features) than .*part-0000{suffix}")


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".npz"])
def test_a_part_with_other_dtypes(tmp_path: Path, suffix: str):
    path = tmp_path / f"data{suffix}"
    write(path, frame(), [300, 500])
    if suffix == ".npz":
        np.savez(path / "part-0001.npz", x_train=np.zeros((5, 3), np.float64), y_train=["signal"] * 5)
    else:
        FORMATS[suffix](path / f"part-0001{suffix}", frame().astype({"count": str}))
    refused(path, rf"part-0001{suffix} has other .* than .*part-0000{suffix}")


def test_no_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "data.parquet"
    write(path, frame())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    refused(path, "No space left on device.*give a folder with room", scratch=tmp_path)
    refused(path, "is no folder", scratch=tmp_path / "none")
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_missing_values_are_refused_where_a_whole_table_refuses_them(tmp_path: Path):
    """Of labels, and of features that a model knows without gaps: the same row and number of rows."""
    path, data = tmp_path / "data.parquet", frame()
    write(path, data.drop(columns=["cents", "maybe"]))
    like = load(path).schema
    data.loc[[400, 600], "count"] = None
    data.loc[500, "label"] = None
    for labels in (True, False):
        found = []
        for cuts in (None, [250, 450]):
            write(path, data if labels else data.assign(label="signal"), cuts)
            with pytest.raises(UsageError) as error:
                load(path, like=None if labels else like)
            found.append(str(error.value))
        assert found[0] == found[1] and f"row {501 if labels else 401} has no value" in found[0]
