"""Arrays as NumPy has them, and logic tables as their tools write them."""

import subprocess
import sys

import numpy as np
import pytest

from lut2hw import data
from lut2hw.errors import UsageError

RNG = np.random.default_rng(0)
X = RNG.integers(0, 200, (60, 5))
Y = np.arange(60) % 3


def saved(tmp_path, **arrays):
    np.savez(tmp_path / "t.npz", **arrays)
    return tmp_path / "t.npz"


@pytest.mark.parametrize(
    "change",
    [
        lambda x, y: (x.astype(">i4"), y),
        lambda x, y: (x.astype(">f8"), y.astype(">i8")),
        lambda x, y: (np.asfortranarray(x), y.astype(">U3")),
        lambda x, y: (x.astype("<u2"), y.astype("S1")),
        lambda x, y: (x.astype(np.float16), y.astype(np.float32)),
        lambda x, y: (x.astype(np.longdouble), y[:, None]),
        lambda x, y: (x[::-1][::-1], y.astype(np.uint64)),
    ],
)
def test_any_byte_order_layout_and_width(tmp_path, change):
    plain = data.load(saved(tmp_path, x_train=X, y_train=Y))
    x, y = change(X, Y)
    other = data.load(saved(tmp_path, x_train=x, y_train=y))
    assert other.class_names == plain.class_names
    assert sorted(map(tuple, np.asarray(other.split("all")[0]).tolist())) == sorted(
        map(tuple, plain.split("all")[0].tolist())
    )
    assert all(part.dtype.isnative and part.flags.c_contiguous for part in (other.x_train, other.x_test))


def test_python_objects_are_refused_with_a_way_out(tmp_path):
    np.savez(tmp_path / "t.npz", x_train=X.astype(object), y_train=Y, allow_pickle=True)
    with pytest.raises(UsageError, match=r"Python objects.*\.astype\(float\)"):
        data.load(tmp_path / "t.npz")


def test_examples_of_an_archive_without_labels(tmp_path):
    schema = data.load(saved(tmp_path, x_train=X, y_train=Y)).schema
    assert (data.load_examples(saved(tmp_path, x_train=X[:7]), schema).x == X[:7]).all()
    assert (data.load_examples(saved(tmp_path, x_train=X, x_test=X[:3]), schema).x == X[:3]).all()
    with pytest.raises(UsageError, match="neither x_test nor x_train"):
        data.load_examples(saved(tmp_path, z=X), schema)


def test_the_label_of_a_table_is_not_that_of_an_archive(tmp_path):
    path = saved(tmp_path, x_train=X, y_train=Y)
    with pytest.raises(UsageError, match=r"--label is for \.csv, \.tsv, .* files, which digits is not"):
        data.load("digits", label="kind")
    with pytest.raises(UsageError, match="no array 'kind'"):
        data.load(path, label="kind")
    table = tmp_path / "t.csv"
    rows = [",".join(map(str, [*x, y])) for x, y in zip(X.tolist(), Y.tolist(), strict=True)]
    table.write_text("\n".join(["x0,x1,x2,x3,x4,kind", *rows]) + "\n")
    schema = data.load(table, label="kind").schema  # whose label is not for archives
    assert (data.load(path, like=schema).x_test == data.load(table, like=schema).x_test).all()


def pla(tmp_path, body, head=".i 2\n.o 2\n.ob f g\n"):
    path = tmp_path / "f.pla"
    path.write_text(head + body)
    return path


def test_every_value_that_espresso_writes_is_read(tmp_path):
    """espresso(5): 4 is 1, 3 is 0, 2 and - are open, ~ says nothing."""
    path = pla(tmp_path, "00 1~\n01 4-\n10 32\n11 03\n" * 5)
    f = data.load(path, label="f")
    rows = [(*x, y) for x, y in zip(f.split("all")[0].tolist(), f.split("all")[1].tolist(), strict=True)]
    assert {tuple(row) for row in rows} == {(0, 0, 1), (0, 1, 1), (1, 0, 0), (1, 1, 0)} and len(rows) == 20


def test_rows_left_out_are_counted(tmp_path):
    path = pla(tmp_path, "00 10\n01 1-\n10 01\n11 0~\n" * 5)
    g = data.load(path, label="-1")
    assert len(g.y_train) + len(g.y_test) == 10
    assert "10 of 20 rows leave output 'g' open, the first in line 5, and are left out" in g.notes


def test_white_space_and_line_breaks_do_not_count(tmp_path):
    plain = data.load(pla(tmp_path, "00 10\n01 10\n10 01\n11 01\n" * 5), label="f")
    broken = data.load(pla(tmp_path, "0 0\n|1 0\n01 1\n0\n1 0 0 1\n1\n1\n0\n1\n" * 5), label="f")
    assert (plain.x_train == broken.x_train).all() and (plain.y_test == broken.y_test).all()
    with pytest.raises(UsageError, match="line 4: 3 characters"):
        data.load(pla(tmp_path, "001\n.e\n"), label="f")


def test_reading_data_loads_neither_numba_nor_a_network():
    code = (
        "import sys; import lut2hw.data.dataset, lut2hw.data.formats; from lut2hw import data; data.load('digits');"
        "print([m for m in sys.modules if m.split('.')[0] in ('numba', 'llvmlite') or m == 'lut2hw.model.network'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
