"""Names and files from people who mean ill or are out of luck: each either works or is refused in one line."""

from __future__ import annotations

import numpy as np
import pytest

from lut2hw import cli, data, tools
from lut2hw.errors import UsageError
from lut2hw.files import atomic_write, replace_files, write_text

ROWS = [f"{i % 7},{i % 5},{'x' if i % 7 > 3 else 'y'}" for i in range(60)]
GOOD = "\n".join(["a,b,label", *ROWS]) + "\n"


def loaded(tmp_path, content: str | bytes):
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return data.load(path)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.encode("utf-16"),
        GOOD.encode("utf-16-be"),
        GOOD.encode("utf-32"),
        GOOD.replace(",", ", "),
        GOOD.replace(",", " ,").replace("\n", " \n"),
        "a,b,label\n" + "\n".join(f'"{row.split(",")[0]}",{row.split(",")[1]},"{row.split(",")[2]}"' for row in ROWS),
    ],
    ids="mark CRLF CR UTF-16 UTF-16-without-mark UTF-32 spaces-before spaces-after quotes".split(),
)
def test_the_same_table_in_other_clothes(tmp_path, content):
    plain, other = loaded(tmp_path, GOOD), loaded(tmp_path, content)
    assert other.class_names == plain.class_names and other.features.names == plain.features.names
    assert np.array_equal(other.x_train, plain.x_train) and np.array_equal(other.y_test, plain.y_test)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not a readable CSV"),
        ("a,b,label\n", "no examples"),
        ("a,b,label\n1,2,x\n3,4,y\n", "no example to test with"),
        (GOOD + "inf,1,x\n", "is inf"),
        (GOOD + "1e400,1,x\n", "is inf"),
        (GOOD + "9" * 30 + ",1,x\n", "beyond 64 bits"),
        (GOOD + "1\n", "no value"),
        (GOOD + "1,2,x,4\n", "not a readable CSV"),
        (GOOD + '"1,2,x\n', "not a readable CSV"),
        (GOOD.encode("utf-16")[:-1], "not text"),
        (b"\xef\xbb\xbfa,b,label\n" + b"1,2,\xe9\n" * 9, "not text"),
        (GOOD + "1,\0,x\n", "not text"),
        (GOOD + "hello,1,x\n", "line 62: column 'a' holds 'hello'"),
        ("a,b,label\n" + "1,2,x\n" * 9, "single class"),
        ("label\n" + "x\ny\n" * 9, "no column beside"),
        (GOOD + "1,2,\n", "no value in column 'label'"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, message):
    with pytest.raises(UsageError, match=message) as error:
        loaded(tmp_path, content)
    assert "\n" not in str(error.value)


def test_a_value_that_is_missing_is_one_of_its_own(tmp_path):
    dataset = loaded(tmp_path, GOOD + "NaN,1,x\n")
    assert dataset.features.missing.tolist() == [True, False]
    assert (dataset.split("all")[0][:, 0] == dataset.features.low[0]).sum() == 1


@pytest.mark.parametrize(
    "rows",
    [
        [f"5,{i % 3},{i % 2}" for i in range(40)],  # a constant feature
        [f"{i % 3},{i % 2},{'xy'[i // 6 % 2]}" for i in range(48)],  # classes that nothing tells apart
        [*ROWS, "3,3,rare"],  # a class with one example
        [f"{i % 7},{i % 5},{'n' * 20_000}{i % 2}" for i in range(40)],
        [f"{i % 7},{i % 5},{['begin', 'end;$finish', '`include'][i % 3]}" for i in range(60)],
    ],
    ids=["constant", "identical classes", "one example", "long names", "Verilog"],
)
def test_odd_but_whole_tables_are_learned_and_emitted(tmp_path, rows, capsys):
    (tmp_path / "t.csv").write_text("\n".join(["module,b,label", *rows]) + "\n")
    model, core = str(tmp_path / "m.lut"), str(tmp_path / "core")
    assert cli.main(["train", "--data", str(tmp_path / "t.csv"), "--layers", "8", "-k", "2", "-o", model]) == 0
    assert cli.main(["emit", model, "-o", core]) == 0
    assert cli.main(["verify", core, "--engine", "golden"]) == 0
    assert not {"$finish", "include"} & set((tmp_path / "core" / "core.v").read_text().replace("`", " ").split())


def test_folders_with_names_that_a_shell_would_read(tmp_path, capsys):
    folder = tmp_path / "a b'c\"d$(touch owned)`e\u00fc\nf;g"
    folder.mkdir()
    (folder / "t.csv").write_text(GOOD)
    model, core = str(folder / "m 'o\".lut"), str(folder / "co're\"")
    assert cli.main(["train", "--data", str(folder / "t.csv"), "--layers", "8", "-k", "3", "-o", model]) == 0
    assert cli.main(["emit", model, "-o", core]) == 0
    engines = "golden,cocotb,formal" if tools.find("iverilog") else "golden,formal"
    assert cli.main(["verify", core, "--engine", engines, "--vectors", "20"]) == 0
    assert not list(tmp_path.rglob("owned"))


def test_links_and_devices_as_outputs(tmp_path, capsys):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"
    for path in ("/dev/null", str(tmp_path)):
        with pytest.raises(UsageError, match="not a regular file"), atomic_write(path):
            pass
    (tmp_path / "t.csv").write_text(GOOD)
    model = str(tmp_path / "m.lut")
    assert cli.main(["train", "--data", str(tmp_path / "t.csv"), "--layers", "4", "-k", "3", "-o", model]) == 0
    assert cli.main(["emit", model, "-o", str(tmp_path / "core")]) == 0
    (tmp_path / "other").symlink_to("core")
    capsys.readouterr()
    assert cli.main(["emit", model, "-o", str(tmp_path / "other")]) == 2
    assert "symbolic link" in capsys.readouterr().err and (tmp_path / "other").is_symlink()


def test_files_that_belong_together(tmp_path, monkeypatch):
    """All are written or none, and the one that vouches for the others is away while they change."""
    replace_files(tmp_path, {"a": b"1", "seal": b"1", "b": b"1"}, "seal")
    seen = []
    rename = type(tmp_path).replace

    def watched(path, to):
        seen.append((to.name, (tmp_path / "seal").exists()))
        return rename(path, to)

    monkeypatch.setattr(type(tmp_path), "replace", watched)
    replace_files(tmp_path, {"seal": b"2", "a": b"2", "b": b"2"}, "seal")
    assert seen == [("b", False), ("a", False), ("seal", False)]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"2", "b": b"2", "seal": b"2"}
