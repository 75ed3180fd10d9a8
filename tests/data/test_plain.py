"""Tables of plain numbers are read to the bit as pandas reads them, or left to it."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lut2hw.data import load, plain

number = st.one_of(
    st.from_regex(r"-?[0-9]{1,14}", fullmatch=True),
    st.from_regex(r"-?[0-9]{0,6}\.[0-9]{1,6}", fullmatch=True),
    st.from_regex(r"0\.[0-9]{13}", fullmatch=True),
    st.from_regex(r"[0-9]{1,13}\.", fullmatch=True),
)


@pytest.fixture(autouse=True)
def no_table_is_small(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plain, "FEW", 0)
    monkeypatch.setattr(plain, "_BLOCK", 64)


def both(text: str, header: bool = True) -> tuple[pd.DataFrame | None, pd.DataFrame]:
    names = [f"{i}" for i in range(text.split("\n")[0].count(",") + 1)]
    slow = pd.read_csv(
        io.BytesIO(text.encode()),
        header=0 if header else None,
        names=names,
        dtype={names[-1]: str},
        keep_default_na=False,
        low_memory=False,
    )
    return plain.read_plain(text.encode(), names, names[-1:], ",", header=header), slow


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 30), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_numbers_are_the_same_to_the_bit(data: st.DataObject, n: int, end: str, header: bool):
    rows = [[data.draw(number), data.draw(number), str(data.draw(st.integers(0, 3)))] for _ in range(n)]
    text = '"a, b",c,label'.replace("a, b", "a") + end if header else ""
    text += "".join(",".join(row) + end for row in rows)
    fast, slow = both(text, header)
    assert fast is not None
    for name in slow:
        assert fast[name].tolist() == slow[name].tolist()
        if name != "2":
            assert fast[name].dtype == slow[name].dtype
            assert (fast[name].to_numpy().view(np.int64) == slow[name].to_numpy().view(np.int64)).all()


ODD = [
    "",
    "NA",
    "x",
    "+1",
    "1e5",
    "0x10",
    '"1"',
    " 1",
    "nan",
    "inf",
    "2020-01-01",
    "1-2",
    "1.2.3",
    "-",
    "1/2",
    "#",
    "True",
]


@pytest.mark.parametrize("cell", [*ODD, "1234567890.123456"])
def test_anything_else_is_left_to_pandas(cell: str):
    assert both(f"a,b,label\n1,2,0\n1,{cell},1\n")[0] is None


@pytest.mark.parametrize(
    "text", ["a,b,c\n1,2,3,4\n", "a,b,c\n1,2\n", "\na,b,c\n1,2,3\n", 'a,"b,c\n1,2",3\n', "a,b,c\n1,2,3\r1,2,3\n"]
)
def test_odd_rows_are_left_to_pandas(text: str):
    assert plain.read_plain(text.encode(), ["0", "1", "2"], [], ",", header=True) is None


def test_long_numbers_are_seen_over_the_ends_of_blocks():
    for at in range(140):
        text = "1," * (at // 2) + "1" * (at % 2) + "1234567890123456\n"
        assert not plain.is_plain(text.encode())
        assert plain.is_plain(text.replace("1234567890123456", "12345678901").encode())


def test_a_table_is_the_same_either_way(tmp_path, monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    data = pd.DataFrame(np.round(rng.normal(size=(300, 3)), 4), columns=list("abc"))
    data.assign(n=rng.integers(0, 9, 300), label=rng.integers(0, 2, 300)).to_csv(tmp_path / "t.csv", index=False)
    fast = load(tmp_path / "t.csv")
    monkeypatch.setattr(plain, "FEW", 1 << 40)
    slow = load(tmp_path / "t.csv")
    assert fast.options == slow.options and (fast.x_train == slow.x_train).all() and fast.notes == slow.notes
