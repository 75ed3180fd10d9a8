"""Names from anybody: shown as text in tables, errors, figures and pages, and names that languages have elsewhere."""

from __future__ import annotations

import re
import warnings
from xml.etree import ElementTree

import pytest

from lut2hw import cli, quote
from lut2hw.cli.render import print_table, report
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.report import figures

ESCAPE = "\x1b]0;owned\x07\x9b31m\u202eabc"


def test_what_would_steer_a_terminal_is_text():
    assert quote.plain("plain é 你好 ☃") == "plain é 你好 ☃"
    assert quote.plain("a\nb\x1b[31m\x07") == "a\nb\\x1b[31m\\x07"
    assert quote.line(" a\n\tb\r\nc ") == "a b c" and quote.line("abcdef", 3) == "abc"
    for error in (Lut2hwError, UsageError):
        assert str(error(f"no file\n{ESCAPE}")).isprintable()


def test_tables_and_texts(capsys):
    print_table(ESCAPE, ["x", ESCAPE], [[1, ESCAPE], [2, "b"]])
    report({}, False, f"{ESCAPE}\nsecond line")
    shown = capsys.readouterr().out
    assert all(line.isprintable() for line in shown.splitlines()) and shown.count("\\x1b]0;owned") == 4


def test_dollars_are_no_mathematics():
    names = ["price in $ and $x^{2$", "$\\frac{1}{2}$", "a_$b$_c", ESCAPE]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that no font has
        svg = figures.bars(names, [("reads", [1.0, 2.0, 3.0, 4.0])], "names", "Names")
    text = "".join(ElementTree.fromstring(re.sub(r"xlink:href", "href", svg)).itertext())
    assert all(name in text for name in names[:3]) and "\\x1b]0;owned" in text


@pytest.mark.parametrize("name", ["a$b$c", "x\nendmodule", "1st", "", "é", ESCAPE, "a b"])
def test_names_for_languages(name):
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", quote.identifier(name), re.ASCII)


def test_names_of_a_table_in_every_command(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{i % 7},{i % 5},{ESCAPE if i % 7 > 3 else 'y$1$'}" for i in range(60)]
    (tmp_path / "t.csv").write_text("\n".join([f"$a$ $b$,b{ESCAPE},label", *rows]) + "\n")
    words = ["--layers", "8", "-k", "2", "-o", "m.lut"]
    assert cli.main(["train", "--data", "t.csv", *words]) == 0
    assert cli.main(["eval", "m.lut", "--data", "t.csv"]) == 0
    assert cli.main(["report", "m.lut", "-o", "r.html"]) == 0
    assert cli.main(["train", "--data", "t.csv", "--label", f"x{ESCAPE}", *words]) == 2
    said = capsys.readouterr()
    assert all(line.isprintable() for line in (said.out + said.err).splitlines())
    page = (tmp_path / "r.html").read_text()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", page) and "$a$ $b$" in page
