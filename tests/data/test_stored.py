"""Formats beside tables of text: the same examples give the same data set, whatever they are stored in."""

from __future__ import annotations

import datetime
import gzip

import numpy as np
import pytest
from helpers import needs

from lut2hw import data
from lut2hw.errors import UsageError

N = 60


def csv_of(folder, name="t.csv"):
    lines = [f"{i % 7},{'' if i % 6 == 0 else i / 4},{('red', 'a b', 'blue')[i % 3]},{i % 2}" for i in range(N)]
    path = folder / name
    path.write_text("\n".join(["a,b,colour,label", *lines]) + "\n")
    return path


def refused(path, message, **options):
    with pytest.raises(UsageError, match=message) as caught:
        data.load(path, **options)
    assert "\n" not in str(caught.value)


def same(path, expected, **options):
    found = data.load(path, **options)
    assert found.features.names == expected.features.names and found.class_names == expected.class_names
    assert (found.features.missing == expected.features.missing).all()
    for name in ("x_train", "x_test", "y_train", "y_test"):
        assert (np.asarray(getattr(found, name)) == np.asarray(getattr(expected, name))).all()
    again = data.load(path, like=found.schema)
    assert (np.asarray(again.x_test) == np.asarray(found.x_test)).all()
    return found


# --- ARFF ---------------------------------------------------------------------------------------------------------


def arff(folder, rows, header=None, name="t.arff"):
    path = folder / name
    header = header or [
        "% a comment",
        "@RELATION 'some thing'",
        "",
        "@attribute a numeric",
        "@attribute 'b' REAL",
        '@attribute colour {red, "a b", blue}',
        "@attribute label {0,1}",
        "@DATA",
    ]
    path.write_text("\n".join([*header, *rows]) + "\n")
    return path


def test_arff(tmp_path):
    expected = data.load(csv_of(tmp_path))
    rows = [
        f"{i % 7}, {'?' if i % 6 == 0 else i / 4},{('red', repr('a b'), 'blue')[i % 3]},{i % 2}" for i in range(N)
    ]
    found = same(arff(tmp_path, [*rows[:5], "% in between", "", *rows[5:]]), expected)
    assert "the label is the attribute 'label'; --label NAME takes another one" in found.notes
    sparse = []
    for i in range(N):
        entries = [
            f"0 {i % 7}" if i % 7 else "",
            "1 ?" if i % 6 == 0 else f"1 {i / 4}",
            f"2 '{('red', 'a b', 'blue')[i % 3]}'" if i % 3 else "",
            f"3 {i % 2}" if i % 2 else "",
        ]
        sparse.append("{" + ", ".join(entry for entry in entries if entry) + "}")
    same(arff(tmp_path, sparse, name="s.arff"), expected)
    other = arff(tmp_path, rows, name="o.arff")
    assert data.load(other, task="regression", label="a").target_names == ("a",)


def test_arff_quotes_and_escapes(tmp_path):
    header = [
        "@relation r",
        r"@attribute 'it\'s, x' numeric",
        "@attribute t {'a,b', \"c'd\"}",
        "@attribute class {y,n}",
    ]
    rows = [
        f"{i},{(repr('a,b'), chr(34) + 'c' + chr(39) + 'd' + chr(34))[i % 2]},{'yn'[i % 3 > 0]}" for i in range(40)
    ]
    dataset = data.load(arff(tmp_path, rows, [*header, "@data"]))
    assert dataset.features.names == ("it's, x", "t=c'd") and dataset.class_names == ("n", "y")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["1,2,red"], "line 9 has 3 values for 4 attributes"),
        (["1,x,red,0"], "line 9: 'x' is no number, which attribute 'b' holds"),
        (["1,2,'red,0"], "line 9: .* a quote is not closed"),
        (["{9 1}"], "line 9: '9 1' is no attribute's number"),
        ([], "no examples"),
    ],
)
def test_bad_arff(tmp_path, rows, message):
    refused(arff(tmp_path, rows), message)


def test_what_is_no_arff(tmp_path):
    refused(arff(tmp_path, [], ["@relation r", "@attribute a relational", "@data"]), "type 'relational' are not read")
    refused(arff(tmp_path, [], ["hello"]), "line 1: 'hello' is none of @relation")
    refused(arff(tmp_path, [], ["@relation r", "@data"]), "no @attribute")
    refused(arff(tmp_path, [], ["@attribute a real", "@attribute a real"]), "two attributes named 'a'")


# --- libsvm -------------------------------------------------------------------------------------------------------


def test_libsvm(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, (N, 5)) * (rng.random((N, 5)) < 0.5)
    y = np.where(x[:, 0] > x[:, 1], 1, -1)
    lines = [
        " ".join([f"{b:+d}", *(f"{j + 1}:{v}" for j, v in enumerate(row) if v)]) for row, b in zip(x, y, strict=True)
    ]
    (tmp_path / "t.svm").write_text("\n".join(lines) + "\n")
    (tmp_path / "t.libsvm.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    np.savez(tmp_path / "t.npz", x_train=x, y_train=y)
    expected = data.load(tmp_path / "t.npz")
    for name in ("t.svm", "t.libsvm.gz"):
        found = data.load(tmp_path / name)
        assert (found.x_test == expected.x_test).all() and (found.y_test == expected.y_test).all()
        assert found.class_names == ("-1", "1")
    (tmp_path / "o.svm").write_text("1 1:3\n-1 2:1\n")  # the last features are 0 here
    assert data.load(tmp_path / "o.svm", like=found.schema).x_test.tolist() == [[3, 0, 0, 0, 0], [0, 1, 0, 0, 0]]
    (tmp_path / "m.svm").write_text(
        "\n".join(f"{'1,3' if i % 2 else '3' if i % 3 else '7'} 1:{i}" for i in range(40))
    )
    several = data.load(tmp_path / "m.svm", task="multilabel")
    assert several.target_names == ("y1", "y3", "y7") and several.y_train.shape == (30, 3)
    (tmp_path / "r.svm").write_text("\n".join(f"{i / 4} 1:{i} 2:{i % 3}" for i in range(40)))
    assert data.load(tmp_path / "r.svm", task="regression").y_train.dtype == np.float64
    (tmp_path / "b.svm").write_text("1 hello\n")
    refused(tmp_path / "b.svm", "not a readable libsvm file")


# --- arrays -------------------------------------------------------------------------------------------------------


def test_arrays_in_files_of_their_own(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 9, (N, 3)), rng.integers(0, 2, N)
    np.savez(tmp_path / "t.npz", x_train=x, y_train=y)
    expected = data.load(tmp_path / "t.npz")
    folder = tmp_path / "arrays"
    folder.mkdir()
    np.save(folder / "x.npy", x)
    refused(folder / "x.npy", "which file has the labels")
    np.save(folder / "y.npy", y)
    np.save(folder / "target.npy", y)
    same(folder / "x.npy", expected)
    same(folder / "x.npy", expected, label="target.npy")
    same(folder / "x.npy", expected, label=str(folder / "target.npy"))
    same(folder, expected)
    refused(folder / "x.npy", "no array at .*gone.npy", label="gone.npy")
    split = tmp_path / "split"
    split.mkdir()
    for name, array in (("x_train", x[:40]), ("y_train", y[:40]), ("x_test", x[40:]), ("y_test", y[40:])):
        np.save(split / f"{name}.npy", array)
    for path in (split, split / "x_train.npy"):
        found = data.load(path)
        assert (found.x_train == x[:40]).all() and (found.y_test == y[40:]).all()
    assert data.load_examples(split / "x_test.npy", found.schema).x.tolist() == x[40:].tolist()
    np.save(folder / "o.npy", np.array([{}], object), allow_pickle=True)
    refused(folder / "o.npy", "Python objects", label="y.npy")
    whole = (folder / "x.npy").read_bytes()
    (folder / "cut.npy").write_bytes(whole[:-8])
    refused(folder / "cut.npy", "size its header says", label="y.npy")
    (folder / "cut.npy").write_bytes(b"nothing")
    refused(folder / "cut.npy", "not a readable NumPy array", label="y.npy")


def test_archives_with_other_names(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 9, (N, 4, 4), np.uint8), rng.normal(size=N)
    np.savez(tmp_path / "t.npz", energy=x, score=y)
    dataset = data.load(tmp_path / "t.npz", label="score", task="regression")
    assert dataset.features.image_shape == (4, 4) and len(dataset.y_train) == 45
    again = data.load(tmp_path / "t.npz", like=dataset.schema)
    assert (again.y_test == dataset.y_test).all()
    refused(tmp_path / "t.npz", "no array 'scores'.*energy", label="scores")
    np.savez(tmp_path / "u.npz", a=x, b=x, score=y)
    refused(tmp_path / "u.npz", "has 2 arrays of examples for the labels 'score'", label="score")


# --- Parquet and Arrow --------------------------------------------------------------------------------------------

needs_arrow = needs.module("pyarrow")


def arrow_table():
    import pyarrow

    return pyarrow.table(
        {
            "a": [i % 7 for i in range(N)],
            "b": pyarrow.array([None if i % 6 == 0 else i / 4 for i in range(N)]),
            "colour": pyarrow.array([("red", "a b", "blue")[i % 3] for i in range(N)]).dictionary_encode(),
            "label": pyarrow.array([i % 2 for i in range(N)], pyarrow.int8()),
        }
    )


@needs_arrow
def test_parquet_and_arrow(tmp_path):
    import pyarrow
    import pyarrow.feather
    import pyarrow.parquet

    expected = data.load(csv_of(tmp_path))
    table = arrow_table()
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    pyarrow.feather.write_feather(table, tmp_path / "t.feather")
    with pyarrow.OSFile(str(tmp_path / "t.arrow"), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as out:
        out.write_table(table)
    for name in ("t.parquet", "t.feather", "t.arrow"):
        same(tmp_path / name, expected)
        whole = (tmp_path / name).read_bytes()
        (tmp_path / f"cut.{name}").write_bytes(whole[: len(whole) // 2])
        refused(tmp_path / f"cut.{name}", "damaged or cut short")


@needs_arrow
def test_types_of_arrow(tmp_path):
    import decimal

    import pyarrow
    import pyarrow.parquet

    day = datetime.date(2024, 1, 1)
    columns = {
        "money": [decimal.Decimal(i) / 4 for i in range(N)],
        "on": [None if i % 9 == 0 else i % 2 == 0 for i in range(N)],
        "day": [day + datetime.timedelta(days=i // 3) for i in range(N)],
        "lists": [[i] for i in range(N)],
        "label": [i % 3 > 0 for i in range(N)],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    refused(tmp_path / "t.parquet", "column 'lists' .* holds list<.*--ignore")
    dataset = data.load(tmp_path / "t.parquet", ignore="lists")
    assert dataset.features.names == ("money", "on", "day") and dataset.class_names == ("False", "True")
    assert dataset.features.missing.tolist() == [False, True, False]
    assert sorted(set(dataset.raw("all")[:, 2])) == [19723 + i for i in range(20)]
    assert (data.load(tmp_path / "t.parquet", like=dataset.schema).x_test == dataset.x_test).all()


def test_without_pyarrow_one_line_says_what_to_install(tmp_path, monkeypatch):
    from importlib import util

    found = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name, *more: None if name == "pyarrow" else found(name, *more))
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    refused(tmp_path / "t.parquet", r"pip install 'lut2hw\[parquet\]'")


# --- pictures -----------------------------------------------------------------------------------------------------

needs_pictures = needs.module("PIL")


def pictures(folder, n=20, size=(6, 4), classes=("cat", "dog")):
    from PIL import Image

    rng = np.random.default_rng(0)
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for i in range(n):
            pixels = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
            pixels[..., number] //= 4
            Image.fromarray(pixels).save(folder / name / f"{i:03}.png")
    return folder


@needs_pictures
def test_pictures(tmp_path):
    folder = pictures(tmp_path / "all")
    (folder / "cat" / ".hidden.png").write_bytes(b"")
    (folder / "cat" / "notes.txt").write_text("no picture")
    grey = data.load(folder)
    assert grey.class_names == ("cat", "dog") and grey.features.image_shape == (4, 6)
    assert len(grey.split("all")[1]) == 40 and (grey.features.high == 255).all() and (grey.features.low == 0).all()
    colour = data.load(folder, colour=True, size="3x2")
    assert colour.features.image_shape == (2, 3, 3)
    assert (data.load(folder, like=colour.schema).x_test == colour.x_test).all()
    unlabelled = tmp_path / "new"
    unlabelled.mkdir()
    for i, path in enumerate(sorted((folder / "dog").iterdir())[:3]):
        path.rename(unlabelled / f"{i}.png")
    assert data.load_examples(unlabelled, colour.schema).x.shape == (3, 18)
    split = tmp_path / "split"
    pictures(split / "train", 10)
    pictures(split / "test", 5)
    found = data.load(split)
    assert len(found.y_train) == 20 and len(found.y_test) == 10 and found.class_names == ("cat", "dog")


@needs_pictures
def test_bad_pictures(tmp_path):
    folder = pictures(tmp_path / "all")
    pictures(tmp_path / "more", 2, (9, 9), ("bird",))
    (tmp_path / "more" / "bird").rename(folder / "bird")
    refused(folder, r"different sizes, 9x9 \(000.png\), 6x4 \(000.png\); give --size")
    assert data.load(folder, size="5x5").features.image_shape == (5, 5)
    refused(folder, "--size 5 must be WIDTHxHEIGHT", size="5")
    (folder / "cat" / "zz.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    refused(folder, "zz.png is not a readable picture", size="5x5")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "holds no data that is known")
    with pytest.raises(UsageError, match="--size is for a folder of pictures, which digits is not"):
        data.load("digits", size="3x3")


# --- text that is not .csv ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_comments_and_blanks_between_values(tmp_path, end):
    rows = [f"{i % 7}  {i / 4}   {i % 2}" for i in range(40)]
    csv = [f"{i % 7},{i / 4},{i % 2}" for i in range(40)]

    def file(name, lines):
        (tmp_path / name).write_bytes(end.join([*lines, ""]).encode())
        return tmp_path / name

    expected = data.load(file("plain.csv", ["a,b,label", *csv]))
    marked = ["# made by hand, 2024", "#", "% or by a tool"]
    same(file("a.txt", [*marked, "a b label", *rows]), expected)
    same(file("b.txt", ["# a b label", *rows]), expected)  # as numpy.savetxt writes it
    same(file("c.data", [*marked, "  a   b label  ", *rows[:9], "# a pause", *rows[9:]]), expected)
    same(file("d.csv", [*marked, "a,b,label", *csv, "# the end"]), expected)
    same(file("e.txt", [*marked, "# a,b,label", *csv]), expected)
    bare = data.load(file("f.data", ["# no names", *rows]), header=False, label="-1")
    assert bare.features.names == ("x0", "x1") and len(bare.split("all")[1]) == 40
    refused(file("g.data", rows), "looks like an example.*--no-header", label="-1")
    refused(file("h.csv", [*marked, "a,b,label", *csv[:3], "1,x,0", *csv[3:]]), "line 8: column 'b' holds 'x'")


def test_what_only_looks_like_a_comment(tmp_path):
    rows = [f"{i % 7},#{'0f'[i % 2]}0,{i % 2}" for i in range(40)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["#,Colour,label", *rows]))
    assert data.load(path).features.names == ("#", "Colour=#f0")
    path.write_text("\n".join(["code,b,label", *(f"#{i % 2},{i % 5},{i % 2}" for i in range(40))]))
    assert data.load(path).features.names == ("code=#1", "b")
    path.write_text("\n".join(["a,b,label", *(f'{i % 5},"text\n# {i % 2} more",{i % 2}' for i in range(40))]))
    assert len(data.load(path).split("all")[1]) == 40


def test_dates_and_columns_that_never_change(tmp_path):
    path = tmp_path / "t.csv"
    rows = [f"2024-{1 + i % 3:02}-01,2024/1/{1 + i % 5} {6 * (i % 4)}:00,5,x,{i % 2}" for i in range(60)]
    path.write_text("\n".join(["day,time,five,ex,label", *rows]))
    dataset = data.load(path)
    assert dataset.features.names == ("day", "time", "five", "ex=x")
    raw = dataset.raw("all")
    assert sorted(set(raw[:, 0])) == [19723, 19754, 19783]
    assert np.allclose(sorted(set(raw[:, 1]))[:3], [19723, 19723.25, 19723.5], atol=1e-3)
    assert any(
        "'day' holds dates" in note and "leave the column out with --ignore day" in note for note in dataset.notes
    )
    assert "the same in every row, so that nothing is learned from it: five, ex=x" in dataset.notes
    assert (data.load(path, like=dataset.schema).x_test == dataset.x_test).all()
