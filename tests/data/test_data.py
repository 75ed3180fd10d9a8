"""Datasets: every format, splits, groups, and every bad input refused in one line."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lut2hw import data
from lut2hw.data.formats import read
from lut2hw.data.named import CATALOGUE
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.learn.memorize import learn
from lut2hw.model import encoder as encode
from lut2hw.model.features import Features, quantize
from lut2hw.training.recall import load_like, recall


def write_csv(path, rows, header="a,b,kind"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def good_rows(n=40):
    return [f"{i % 7},{i * 0.25},{'even' if i % 2 == 0 else 'odd'}" for i in range(n)]


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(int(side).to_bytes(4, "big") for side in array.shape)
    return gzip.compress(header + array.astype(np.uint8).tobytes())


def write_idx_folder(folder, n=30, side=5):
    rng = np.random.default_rng(0)
    folder.mkdir()
    for stem in ("train", "t10k"):
        x, y = rng.integers(0, 256, (n, side, side)), np.arange(n) % 3
        (folder / f"{stem}-images-idx3-ubyte.gz").write_bytes(idx(x))
        (folder / f"{stem}-labels-idx1-ubyte.gz").write_bytes(idx(y))
    return folder


def refused(path, message, **options):
    with pytest.raises(UsageError, match=message) as caught:
        data.load(path, **options)
    assert "\n" not in str(caught.value)


def test_digits_are_those_of_scikit_learn_without_importing_it():
    from sklearn.datasets import load_digits

    table = CATALOGUE["digits"].reader("digits")
    x, y = load_digits(return_X_y=True)
    assert (table.x_train == x).all()
    assert (table.y_train == y).all()
    code = "import sys; from lut2hw import data; data.load('digits'); sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_digits():
    digits = data.load("digits")
    assert digits.x_train.shape == (1347, 64)
    assert digits.x_test.shape == (450, 64)
    assert digits.class_names == tuple("0123456789")
    assert digits.features.image_shape == (8, 8)
    assert (digits.features.high == 16).all()
    assert (np.bincount(digits.y_test) > 40).all()
    again = data.load("digits", test_split=0.25)
    assert (again.x_test == digits.x_test).all()
    assert len(data.load("digits", test_split=0.5).y_test) == pytest.approx(898, abs=10)


def test_groups_become_classes():
    two = data.load("digits", classes="0,1,2,3,4:5,6,7,8,9")
    assert two.class_names == ("0,1,2,3,4", "5,6,7,8,9")
    assert len(two.y_train) + len(two.y_test) == 1797
    pair = data.load("digits", classes="3:8")
    assert set(pair.y_train) == {0, 1}
    assert len(pair.y_train) + len(pair.y_test) == 183 + 174
    for classes, message in (
        ("3", "two or more groups"),
        ("3:3", "twice"),
        ("3:", "two or more"),
        ("3:x", "unknown label"),
    ):
        refused("digits", message, classes=classes)


def test_csv(tmp_path):
    table = data.load(write_csv(tmp_path / "t.csv", good_rows()), label="kind")
    assert table.class_names == ("even", "odd")
    assert table.features.names == ("a", "b")
    assert table.features.scale.tolist() == [1, 100]  # quarters have two decimals
    assert len(table.y_test) == 10
    assert set(np.concatenate([table.x_train, table.x_test])[:, 1]) == {i * 25 for i in range(40)}


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (["1,2,", *good_rows()], "a,b,kind", "line 2 has no value in column 'kind'"),
        (["1,inf,even", *good_rows()], "a,b,kind", "inf"),
        ([*good_rows(), "1,2,"], "a,b,kind", "no value in column 'kind'"),
        (["red,2,even", *good_rows()], "a,b,kind", "line 2: column 'a' holds 'red' among numbers"),
        (
            [f"2024-01-{i:02},c{i},even" for i in range(1, 29)],
            "a,b,kind",
            "no column to learn from: 'a' holds another",
        ),
        (["x,1,even", "y,1,odd", "z,2,odd"], "a,a=x,kind", "'a=x' beside"),
        ([",,even", "NaN,?,odd"] * 9, "a,b,kind", "no values to train on"),
        (["1,2,3,4,5", *good_rows()], "a,b,kind", "not a readable CSV"),
        ([], "a,b,kind", "no examples"),
        (["1,2,even"] * 9, "a,b,kind", "single class"),
        (good_rows(), "a,b,kin", "did you mean 'kin'"),
        (["even"] * 5, "kind", "no column beside the label"),
        ([f"1,{i},{i}.5" for i in range(9)], "a,b,kind", "real"),
        ([f"1,{i},{i}" for i in range(3000)], "a,b,kind", "different labels"),
    ],
)
def test_bad_csv(tmp_path, rows, header, message):
    refused(write_csv(tmp_path / "t.csv", rows, header), message, label="kind")


def mixed_rows(n):
    return [
        f"{i % 7},{'' if i % 10 == 3 else i / 4},{('red', 'green', 'blue')[i % 3]},{'no yes'.split()[i % 2]},{i},"
        f"{'even' if i % 2 else 'odd'}"
        for i in range(n)
    ]


def test_columns_of_text_missing_values_and_columns_to_leave_out(tmp_path):
    header = "a,b,colour,on,date,kind"
    path = write_csv(tmp_path / "t.csv", mixed_rows(60), header)
    dataset = data.load(path, label="kind", ignore="date", drop_missing=True)
    assert dataset.features.names == ("a", "b", "colour=blue", "colour=green", "colour=red", "on=yes")
    assert len(dataset.y_train) + len(dataset.y_test) == 54
    assert dataset.notes == (
        "6 of 60 rows have missing values and are left out",
        "column 'colour' is text: a bit for each of its 3 values",
        "column 'on' is text: a bit for 'yes'",
        "only 14 examples to test with: an accuracy on so few says little",
    )
    x, y = dataset.split("all")
    assert (x[:, 2:5].sum(axis=1) == 1).all()
    assert (x[:, 5] == (y == dataset.class_names.index("even"))).all()
    model = train_on(dataset)
    again = recall(model)
    assert (again.x_test == dataset.x_test).all() and (again.y_test == dataset.y_test).all()
    # Other data: an unknown colour is none of the known ones; columns that the model does not read do not matter.
    rows = ["odd,1,purple,3,yes,text 1", "even,2,red,1.5,no,text 2"]
    other = load_like(write_csv(tmp_path / "o.csv", rows, "kind,a,colour,b,on,more"), model)
    assert other.x_test.tolist() == [[1, 300, 0, 0, 0, 1], [2, 150, 0, 0, 1, 0]]
    for option in ({"ignore": "a"}, {"drop_missing": True}):
        with pytest.raises(UsageError, match=r"for \.csv, \.tsv, .* files, which digits is not"):
            data.load("digits", **option)
    refused(path, "did you mean 'date'", label="kind", ignore="dat")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators(tmp_path, separator):
    path = tmp_path / "t.csv"
    path.write_text("\n".join(row.replace(",", separator) for row in ["a,b,kind", *good_rows()]) + "\n")
    assert data.load(path, label="kind").features.names == ("a", "b")


def test_csv_label_must_be_named(tmp_path):
    refused(write_csv(tmp_path / "t.csv", good_rows()), "give --label NAME")
    assert data.load(write_csv(tmp_path / "u.csv", good_rows(), "a,b,label")).class_names == ("even", "odd")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00\x01binary", b"\x00" * 100])
def test_csv_that_is_none(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    refused(tmp_path / "t.csv", "t.csv", label="kind")


def test_npz(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 200, (20, 4, 4), np.uint8),
        "y_train": np.arange(20) % 2,
        "x_test": rng.integers(0, 200, (6, 4, 4), np.uint8),
        "y_test": np.arange(6) % 2,
    }
    np.savez(tmp_path / "t.npz", **arrays)
    table = data.load(tmp_path / "t.npz")
    assert table.x_train.shape == (20, 16)
    assert table.features.image_shape == (4, 4)
    assert (table.features.high == 255).all()
    refused(tmp_path / "t.npz", "split of its own", test_split=0.2)
    np.savez(tmp_path / "u.npz", x_train=arrays["x_train"], y_train=arrays["y_train"])
    assert len(data.load(tmp_path / "u.npz", test_split=0.2).y_test) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_train": np.arange(19)}, "shapes"),
        ({"x_train": np.zeros(20)}, "shapes"),
        ({"x_train": np.full((20, 16), np.nan)}, "nan"),
        ({"y_train": np.zeros(20)}, "single class"),
        ({"y_train": np.full(20, np.nan)}, "label"),
        ({"x_train": np.array(["a"] * 20)}, "must hold numbers"),
        ({"x_train": np.zeros((20, 16), complex)}, "must hold numbers"),
        ({"x_train": np.zeros((0, 16)), "y_train": []}, "empty"),
        ({"x_test": np.zeros((4, 9)), "y_test": np.zeros(4)}, "different features"),
        ({"x_test": np.zeros((4, 16))}, "only one"),
        ({"x_train": np.full((20, 16), 1 << 63, np.uint64)}, "62 bits"),
    ],
)
def test_bad_npz(tmp_path, change, message):
    arrays = {"x_train": np.arange(320).reshape(20, 16), "y_train": np.arange(20) % 2, **change}
    np.savez(tmp_path / "t.npz", **arrays)
    refused(tmp_path / "t.npz", message)


def test_untrusted_npz(tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, x_train=np.array([{}], object), y_train=np.zeros(1), allow_pickle=True)
    refused(path, "Python objects")
    np.savez(path, x=np.zeros(3))
    refused(path, "no arrays x_train and y_train .it has: x.; name that of the labels")
    path.write_bytes(b"PK\3\4 nothing")
    refused(path, "not a readable NumPy archive")
    np.savez_compressed(path, x_train=np.arange(900).reshape(30, 30), y_train=np.arange(30) % 2)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, "not a readable NumPy archive")
    # A header that claims far more than there is.
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 8)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train.npy", member.getvalue())
        archive.writestr("y_train.npy", member.getvalue())
    refused(path, "size its header says")


def test_idx_folder(tmp_path):
    folder = write_idx_folder(tmp_path / "set")
    table = data.load(folder)
    assert table.x_train.shape == (30, 25)
    assert table.class_names == ("0", "1", "2")
    images = folder / "train-images-idx3-ubyte.gz"
    whole = images.read_bytes()
    for content, message in (
        (whole[:-20], "cut short"),
        (b"", "first bytes"),
        (b"\x1f\x8b" + bytes(30), "damaged"),
        (gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12), "claims"),
        (gzip.compress(b"\0\0\x08\x03" + bytes([0, 0, 0, 9] * 3) + bytes(5)), "header says"),
        (gzip.compress(b"\0\0\x08\x01" + bytes([0, 0, 0, 9]) + bytes(1 << 24)), "header says"),
    ):
        images.write_bytes(content)
        refused(folder, message)
    images.unlink()
    refused(folder, "has no train-images")


def test_pla(tmp_path):
    path = tmp_path / "f.pla"
    path.write_text(
        ".i 3\n.o 2\n.ilb a b c\n.ob f g\n.type fr\n.p 8\n"
        + "".join(f"{p:03b} {p % 2}{'-' if p == 0 else p // 4}\n" for p in range(8))
        + ".e\n"
    )
    f = data.load(path, label="f", test_split=0.3)
    assert f.features.names == ("a", "b", "c")
    assert len(f.y_train) + len(f.y_test) == 8
    x = np.concatenate([f.x_train, f.x_test])
    assert (x[:, 2] == np.concatenate([f.y_train, f.y_test])).all()
    g = data.load(path, label="g", test_split=0.3)
    assert len(g.y_train) + len(g.y_test) == 7  # an unspecified output is no example
    refused(path, "choose one with --label")
    refused(path, "unknown output .* choose one of: f, g", label="h")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no examples"),
        (".i 2\n.o 1\n.e\n", "no examples"),
        ("01 1\n", "must come before"),
        (".i 2\n.o 1\n0- 1\n", "expand cubes"),
        (".i 2\n.o 1\n011 1\n", "expected 2 inputs"),
        (".i x\n", "needs its value"),
        (".i\n", "needs its value"),
        (".i 2\n.o 1\n01 x\n", "outputs must be"),
        (".foo\n", "unknown keyword"),
        (".i 2\n.o 1\n01 1\n11 1\n", "single class"),
        (".i 0\n.o 1\n1\n", "at least one"),
    ],
)
def test_bad_pla(tmp_path, content, message):
    (tmp_path / "f.pla").write_text(content)
    refused(tmp_path / "f.pla", message)


def test_what_is_not_there(tmp_path):
    refused("digitz", "did you mean 'digits'")
    refused(tmp_path / "none.csv", "no data file")
    (tmp_path / "t.xyz").write_text("")
    refused(tmp_path / "t.xyz", "cannot tell the format")
    refused("digits", "between 0 and 1", test_split=1.5)


def test_named_set_from_the_folder(tmp_path, monkeypatch):
    write_idx_folder(tmp_path / "mnist")
    monkeypatch.setenv("LUT2HW_DATA", str(tmp_path))
    assert data.load("mnist").x_train.shape == (30, 25)
    assert "mnist" in data.CATALOGUE["mnist"].source


def test_named_set_that_cannot_be_had(tmp_path, monkeypatch):
    monkeypatch.setenv("LUT2HW_DATA", str(tmp_path))

    def no_network(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", no_network)
    with pytest.raises(Lut2hwError, match=r"neither in LUT2HW_DATA .* nor could it be downloaded .* set LUT2HW_DATA"):
        data.load("fashion-mnist")


def test_openml_images_come_in_the_right_order(tmp_path, monkeypatch):
    """OpenML keeps CIFAR-10's channels in front; the project's images are (height, width, channel)."""

    class Answer:
        data = np.arange(50003 * 3072, dtype=np.uint8).reshape(50003, 3072)
        target = np.array(["0", "1"] * 25001 + ["1"])

    monkeypatch.delenv("LUT2HW_DATA", raising=False)
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda *a, **k: Answer)
    cifar = data.load("cifar10")
    assert cifar.features.image_shape == (32, 32, 3)
    assert len(cifar.y_test) == 3
    assert (cifar.x_train[7, :3] == Answer.data[7, [0, 1024, 2048]]).all()


def test_jpeg_archive(tmp_path, monkeypatch):
    from PIL import Image

    blobs = []
    for i in range(6):
        out = io.BytesIO()
        Image.fromarray(np.full((32, 32, 3), 40 * i, np.uint8)).save(out, "JPEG")
        blobs.append(np.frombuffer(out.getvalue(), np.uint8))
    offset = np.cumsum([0, *map(len, blobs)])
    good = {
        "jpeg": np.concatenate(blobs),
        "offset": offset,
        "label": np.arange(6, dtype=np.uint8) % 2,
        "train_count": np.int64(4),
    }
    monkeypatch.setenv("LUT2HW_DATA", str(tmp_path))
    np.savez(tmp_path / "cifar10_jpeg.npz", **good)
    cifar = data.load("cifar10")
    assert cifar.x_train.shape == (4, 3072)
    assert abs(cifar.x_train[:, 0].astype(int) - [0, 40, 80, 120]).max() <= 3
    for change in (
        {"offset": offset[::-1].copy()},
        {"offset": offset[:-1]},
        {"jpeg": good["jpeg"][::-1].copy()},
        {"train_count": np.int64(9)},
    ):
        np.savez(tmp_path / "cifar10_jpeg.npz", **{**good, **change})
        refused("cifar10", "damaged")


def train_on(dataset, bits_per_feature=3):
    encoder = encode.thermometer(dataset.features, dataset.x_train, bits_per_feature)
    return learn(dataset, encoder, layers=[20], k=3).with_meta(data=dataset.options)


def test_a_model_reads_other_data_its_own_way(tmp_path):
    path = write_csv(tmp_path / "t.csv", good_rows())
    dataset = data.load(path, label="kind", test_split=0.3)
    model = train_on(dataset)
    again = recall(model)
    assert (again.x_test == dataset.x_test).all()
    assert (again.y_train == dataset.y_train).all()
    # Other column order, one column more, the classes in another order of appearance: matched by name.
    rows = [",".join([row.split(",")[2], "0", *row.split(",")[1::-1]]) for row in good_rows()[::-1]]
    other = load_like(write_csv(tmp_path / "o.csv", rows, "kind,more,b,a"), model)
    assert len(other.y_train) == 0  # not the data of training: all of it is for testing
    assert len(other.y_test) == 40
    everything = np.concatenate([dataset.x_train, dataset.x_test])
    assert sorted(map(tuple, other.x_test.tolist())) == sorted(map(tuple, everything.tolist()))
    refuse = write_csv(tmp_path / "r.csv", ["1,even"], "a,kind")
    with pytest.raises(UsageError, match="no column 'b'"):
        load_like(refuse, model)
    with pytest.raises(UsageError, match="unknown label"):
        load_like(write_csv(tmp_path / "l.csv", ["1,2,evn"]), model)
    with pytest.raises(UsageError, match="has 64 features but the model reads 2"):
        load_like("digits", model)


def test_groups_are_remembered():
    model = train_on(data.load("digits", classes="3:8"))
    again = recall(model)
    assert again.class_names == ("3", "8")
    assert len(again.y_test) == pytest.approx(89, abs=2)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.decimals(-999, 999, places=3), min_size=2, max_size=30))
def test_decimals_stay_exact(values):
    column = np.array([[float(v)] for v in values])
    features = quantize(column, ("x",))
    got = features.integers_of(column)[:, 0]
    assert got.tolist() == [round(v * int(features.scale[0])) for v in values]
    assert features.offset[0] == 0
    assert features.low[0] == got.min()
    assert features.high[0] == got.max()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=30))
def test_any_reals_become_integers_in_order(values):
    column = np.array(values)[:, None]
    features = quantize(column, ("x",))
    got = features.integers_of(column)[:, 0]
    assert (got >= features.low).all()
    assert (got <= features.high).all()
    assert features.high[0] - features.low[0] < 1 << 26
    order = np.argsort(column[:, 0])
    assert (np.diff(got[order]) >= 0).all()


def test_thresholds():
    features = Features.integers([0, 0, 3], [9, 1, 3])
    assert encode.fixed(features, 1).feature.tolist() == [0, 1]
    with pytest.raises(UsageError, match="outside the range"):
        encode.fixed(features, 10)
    scaled = quantize(np.array([[0.1], [0.7], [0.9]]), ("x",))
    assert encode.fixed(scaled, 0.7).threshold.tolist() == [7]
    code = encode.thermometer(features, np.array([[0, 0, 3], [5, 1, 3], [9, 1, 3]]), 4)
    assert code.feature.tolist() == [0, 0, 1]
    assert code.threshold.tolist() == [5, 9, 1]
    with pytest.raises(UsageError, match="every feature is constant"):
        encode.thermometer(features, np.zeros((4, 3), int), 2)


def test_reader_gives_up_on_odd_paths(tmp_path):
    with pytest.raises(UsageError):
        read(tmp_path / "a" / "b.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"MNIST-style files .train-images"):
        read(tmp_path / "empty")


def test_tables_of_few_columns_get_more_thresholds():
    def bits(columns: int) -> tuple[int, int]:
        features = encode.Features.integers(np.zeros(columns), np.ones(columns))
        return encode.usual_bits(features), encode.few_bits(features)

    assert [bits(n) for n in (2, 32, 33, 256, 512, 5000)] == [(16, 8), (16, 8), (16, 3), (16, 3), (8, 3), (3, 3)]
    digits = data.load("digits").features
    assert encode.usual_bits(digits) == encode.few_bits(digits) == 3


def test_errors_point_to_what_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_csv(tmp_path / "pumps.csv", good_rows())
    refused("pumps", r"did you mean the file pumps\.csv")
    model = train_on(data.load("pumps.csv", label="kind"))
    path.unlink()
    with pytest.raises(UsageError, match=r"no data file at pumps\.csv; .*--data gives other"):
        recall(model)


def test_an_archive_with_other_names_says_how_to_name_the_labels(tmp_path):
    x, y = np.arange(80.0).reshape(40, 2), np.arange(40) % 2
    np.savez(tmp_path / "d.npz", x=x, y=y)
    refused(tmp_path / "d.npz", r"\(it has: x, y\); name that of the labels, --label y")
    assert data.load(tmp_path / "d.npz", label="y").raw("all").shape == x.shape
