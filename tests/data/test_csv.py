"""Tables of text as people and their tools write them: each is read right, or refused in one line that says why."""

from __future__ import annotations

import gzip
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lut2hw import data
from lut2hw.data import csv
from lut2hw.data.table import MAX_CATEGORIES, ReadOptions
from lut2hw.errors import UsageError


def written(tmp_path, text, name="t.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def table(header, rows, end="\n"):
    return end.join([header, *rows]) + end


def rows_of(values, n=40):
    """n rows: a counter modulo 7, one of the values in turn, a label by the counter."""
    return [f"{i % 7},{values[i % len(values)]},{'hot' if i % 7 > 3 else 'cold'}" for i in range(n)]


def refused(path, message, **options):
    with pytest.raises(UsageError, match=message) as caught:
        data.load(path, **options)
    assert "\n" not in str(caught.value)


def column(dataset, name):
    """Raw values of a feature, training examples first."""
    return dataset.raw("all")[:, dataset.features.names.index(name)].tolist()


# --- the first line -----------------------------------------------------------------------------------------------


def test_blanks_around_names_values_and_labels_do_not_count(tmp_path):
    plain = data.load(written(tmp_path, table("a,colour,label", rows_of(["red", "green", "blue"]))))
    blanks = [row.replace(",", " , ") + "  " for row in rows_of(["red", "green", "blue"])]
    spaced = data.load(written(tmp_path, table("a ,\tcolour , label ", blanks), "s.csv"))
    assert spaced.features.names == plain.features.names == ("a", "colour=blue", "colour=green", "colour=red")
    assert spaced.class_names == ("cold", "hot")
    assert (spaced.x_train == plain.x_train).all() and (spaced.y_test == plain.y_test).all()
    tidy = rows_of(["1"])
    tidy[3] = tidy[3].replace(",1,", ", NA ,")
    gap = written(tmp_path, table("a,b,label", tidy), "m.csv")
    refused(
        gap,
        "line 5 has no value in column 'b'.*trained without",
        like=data.load(written(tmp_path, table("a,b,label", rows_of(["1"])), "n.csv")).schema,
    )
    assert data.load(gap).features.missing.tolist() == [False, True]


@pytest.mark.parametrize("header", ["a,label,label", "label,b,label", "a, label ,label"])
def test_a_label_named_twice_is_asked_for_by_position(tmp_path, header):
    path = written(tmp_path, table(header, rows_of(["1"])))
    refused(path, "two columns named 'label'; give the label by its position")
    dataset = data.load(path, label="2", ignore="1")
    assert len(dataset.features) == 1 and dataset.options["label"] == "2"


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("a,a,label", ("a", "a.1")),
        ("a, a ,label", ("a", "a.1")),
        ("a,a,label,a.1,a", ("a", "a.2", "a.1", "a.3")),
        ("a,a,a,label", ("a", "a.1", "a.2")),
    ],
)
def test_features_of_one_name_are_told_apart(tmp_path, header, names):
    columns = len(header.split(","))
    at = header.split(",").index("label")
    rows = [[str((7 * i + j) % 19) for j in range(columns)] for i in range(40)]
    for i, row in enumerate(rows):
        row[at] = "xy"[i % 2]
    path = written(tmp_path, table(header, [",".join(row) for row in rows]))
    dataset = data.load(path)
    assert dataset.features.names == names
    assert sum("two columns are named 'a'" in note for note in dataset.notes) == len(names) - 1 - ("a.1" in header)
    again = data.load(path, like=dataset.schema)
    assert again.features.names == names and (again.x_train == dataset.x_train).all()


@pytest.mark.parametrize(
    "first",
    ["30,9,1", "5.1,3.5,setosa", "0,12.5,hot", "3e5,-1,0", "p,x,hot", "1,1,1", "Ann,25,hot", "2024-01-01,7,hot"],
)
def test_a_first_line_that_is_an_example_is_not_taken_for_names(tmp_path, first):
    last = first.split(",")
    others = [1, 2, 3] if last[0][0] in "0123456789" and "-" not in last[0] else ["p", "q", "r"]
    rows = [first, *(f"{others[i % 3]},{last[1]},{last[2]}" for i in range(30))]
    path = written(tmp_path, "\n".join(rows) + "\n")
    refused(path, "looks like an example.*--no-header", label=last[2])
    rows = [*rows, f"{others[0]},{last[1]},other"] * 3
    dataset = data.load(written(tmp_path, "\n".join(rows) + "\n"), label="-1", header=False)
    assert len(dataset.y_train) + len(dataset.y_test) == len(rows)  # the first line is an example like the others
    assert all(name.startswith(("x0", "x1")) for name in dataset.features.names)


@pytest.mark.parametrize(
    "header", ["label,0,1", "0,1,label", "1,2,label", "price 1990,1991,label", "label,a,b", "400.5,401,label"]
)
def test_names_that_hold_numbers_are_names(tmp_path, header):
    rows = [f"{i % 5},{i % 3},{'pq'[i % 2]}" for i in range(40)]
    if header.startswith("label"):
        rows = [",".join(row.split(",")[::-1]) for row in rows]
    dataset = data.load(written(tmp_path, table(header, rows)))
    assert len(dataset.y_train) + len(dataset.y_test) == 40


def test_years_are_names_if_one_says_so(tmp_path):
    path = written(tmp_path, table("1990,1995,2000", [f"{i % 5},{i % 3},{i % 2}" for i in range(40)]))
    refused(path, "looks like an example", label="2000")
    assert data.load(path, label="2000", header=True).features.names == ("1990", "1995")


def test_columns_by_position(tmp_path):
    path = written(tmp_path, table("a,b,kind", rows_of(["3", "4"])))
    for label in ("kind", "2", "-1"):
        assert data.load(path, label=label).features.names == ("a", "b")
    assert data.load(path, label="-1", ignore="0").features.names == ("b",)
    refused(path, "no column '8', by name or position .0 to 2, -1 is the last.", label="8")
    refused(path, "unknown feature .* 'c'", label="kind", ignore="c")
    bare = written(tmp_path, "\n".join(rows_of(["3", "4"])) + "\n", "bare.csv")
    dataset = data.load(bare, label="-1", header=False, ignore="0")
    assert dataset.features.names == ("x1",)
    assert data.load(bare, like=dataset.schema).features.names == ("x1",)
    assert (data.load(bare, like=dataset.schema).x_test == dataset.x_test).all()


def test_commas_in_quoted_names_and_line_breaks_in_them(tmp_path):
    rows = [row.replace(",", ";") for row in rows_of(["3", "4"])]
    path = written(tmp_path, table('"a, scaled";"b\n(mm)";label', rows))
    assert data.load(path).features.names == ("a, scaled", "b\n(mm)")
    rows[6] = rows[6].replace(";3;", ";;")
    gap = written(tmp_path, table('"a, scaled";"b\n(mm)";label', rows), "u.csv")
    refused(gap, r"line 9 has no value in column 'b\\n", like=data.load(path).schema)
    quoted = written(tmp_path, table('"a, scaled",b,label', rows_of(["3", "4"])), "v.csv")
    assert data.load(quoted).features.names == ("a, scaled", "b")
    both = written(tmp_path, table("a (x, y);b;label", [r.replace(",", ";") for r in rows_of(["3"])]), "w.csv")
    assert data.load(both).features.names == ("a (x, y)", "b")


# --- the file -----------------------------------------------------------------------------------------------------

WORDS = table("größe,süß,label", rows_of(["köstlich", "übel", "né"]), "\r\n")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"]
)
def test_encodings(tmp_path, encoding):
    dataset = data.load(written(tmp_path, WORDS, encoding=encoding))
    assert dataset.features.names == ("größe", "süß=köstlich", "süß=né", "süß=übel")
    assert any("not UTF-8" in note for note in dataset.notes) == (encoding in ("latin-1", "cp1252"))


def test_compressed(tmp_path):
    text = WORDS.encode("utf-8-sig")
    plain = data.load(written(tmp_path, WORDS))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text))
    for name, inner in (("b.zip", "inner.csv"), ("c.csv.zip", "data"), ("d.zip", "folder/e.tsv")):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(inner, text.replace(b",", b"\t") if inner.endswith("tsv") else text)
            archive.writestr("__MACOSX/._" + inner, b"what macOS adds")
    for name in ("a.csv.gz", "b.zip", "c.csv.zip", "d.zip"):
        dataset = data.load(tmp_path / name)
        assert dataset.features.names == plain.features.names and (dataset.x_test == plain.x_test).all()
    whole = (tmp_path / "a.csv.gz").read_bytes()
    (tmp_path / "a.csv.gz").write_bytes(whole[:-9])
    refused(tmp_path / "a.csv.gz", "damaged or cut short")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", text)
        archive.writestr("b.csv", text)
    refused(tmp_path / "two.zip", "holds 2 files")
    (tmp_path / "b.zip").write_bytes(b"PK\3\4 nothing")
    refused(tmp_path / "b.zip", "not a readable zip")
    (tmp_path / "c.csv.zip").write_bytes(b"PK\3\4 nothing")
    refused(tmp_path / "c.csv.zip", "damaged or cut short")


def test_line_numbers_are_those_of_an_editor(tmp_path):
    lines = ["a,b,label", "", "  ", "1,2,x", '"3",4,', *["1,2,x", "3,4,y"] * 9]
    refused(written(tmp_path, "\n".join(lines)), "line 5 has no value in column 'label'")
    lines[4] = '3,"two\nlines",y'
    lines[7] = "1,2,x,9"
    refused(written(tmp_path, "\n".join(lines)), "line 9 has 4 values, which is more than the header has names .3.")
    lines[7] = "1,hello,x"
    lines[4] = "3,4,y"
    refused(written(tmp_path, "\n".join(lines)), "line 8: column 'b' holds 'hello' among numbers")


CELLS = st.sampled_from(["{}", " {}", "{} ", '"{}"', ' "{}"'])


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(-999, 999),
            st.decimals(-99, 99, places=2),
            st.sampled_from(["süß", "a;b", "c,d", "e\tf", "x y"]),
            st.sampled_from(["yes", "no"]),
        ),
        min_size=8,
        max_size=40,
    ).filter(lambda rows: len({row[3] for row in rows}) == 2),
    separator=st.sampled_from(",;\t"),
    decimal_comma=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r", "\n\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"]),
    suffix=st.sampled_from([".csv", ".csv.gz", ".tsv"]),
    cells=st.lists(CELLS, min_size=4, max_size=4),
)
def test_a_table_is_the_same_in_any_form(
    tmp_path_factory, rows, separator, decimal_comma, end, encoding, suffix, cells
):
    """However numbers, texts, separators, quotes, blanks and line ends are written, and in whatever encoding."""

    def lines(separator, decimal, cells, quoted):
        for row in [("whole", "réal", "text", "label"), *rows]:
            texts = [
                str(value).replace(".", decimal) if i == 1 and row in rows else str(value)
                for i, value in enumerate(row)
            ]
            shown = []
            for text, cell in zip(texts, cells, strict=True):
                needed = quoted or any(each in text for each in ",;\t")
                shown.append(f'"{text}"' if needed else cell.format(text))
            yield separator.join(shown)

    folder = tmp_path_factory.mktemp("form")
    plain = folder / "plain.csv"
    plain.write_bytes("\n".join(lines(",", ".", ["{}"] * 4, False)).encode())
    form = folder / f"form{suffix}"
    decimal = "," if decimal_comma else "."
    content = end.join([*lines(separator, decimal, cells, separator == ","), ""]).encode(encoding)
    form.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    expected, found = data.load(plain, test_split=0.4), data.load(form, test_split=0.4)
    assert found.features.names == expected.features.names and found.class_names == expected.class_names
    assert (found.raw("all") == expected.raw("all")).all()
    assert (found.y_train == expected.y_train).all() and (found.y_test == expected.y_test).all()


# --- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("separator", "texts", "numbers"),
    [
        (";", ["3,5", "-0,25", "4", "1e0"], None),
        (";", ["3,5", "-0,25", "4"], [3.5, -0.25, 4]),
        (";", ["1.234,5", "7,25"], [1234.5, 7.25]),
        (";", ["1,234", "2,345"], [1.234, 2.345]),
        ("\t", ["3,5", ",5"], [3.5, 0.5]),
        (",", ['"3,5"', '"2,25"'], [3.5, 2.25]),
    ],
)
def test_decimal_commas(tmp_path, separator, texts, numbers):
    rows = [f"{i % 7}{separator}{texts[i % len(texts)]}{separator}{i % 2}" for i in range(40)]
    path = written(tmp_path, table(separator.join(["a", "b", "label"]), rows))
    if numbers is None:
        refused(path, "'b' holds")
        return
    dataset = data.load(path)
    assert set(column(dataset, "b")) == set(numbers)
    assert "column 'b' has decimal commas: read as numbers" in dataset.notes
    assert sum(column(dataset, "b")) == pytest.approx(sum(numbers[i % len(numbers)] for i in range(40)))


@pytest.mark.parametrize("text", ["1,234", "1,234,567"])
def test_commas_between_thousands_are_asked_about(tmp_path, text):
    rows = [f'{i % 7},"{text}",{i % 2}' for i in range(40)]
    refused(written(tmp_path, table("a,b,label", rows)), f"column 'b' .*{text}.*write {text.replace(',', '')}")


def test_a_semicolon_table_of_decimal_commas_without_a_header(tmp_path):
    rows = [f"{i % 7},5;{i % 3},25;{'hot' if i % 7 > 3 else 'cold'}" for i in range(40)]
    dataset = data.load(written(tmp_path, "\n".join(rows) + "\n"), header=False, label="-1")
    assert dataset.features.names == ("x0", "x1")
    assert set(column(dataset, "x1")) == {0.25, 1.25, 2.25}


def test_what_excel_writes_first_and_separators_at_the_end(tmp_path):
    rows = [row.replace(",", ";") for row in rows_of(["3", "4"])]
    rows[4] = rows[4].replace("cold", "").replace("hot", "")
    path = written(tmp_path, "sep=;\r\n" + table("a,x;b;label", rows, "\r\n"))
    refused(path, "line 7 has no value in column 'label'")
    assert data.load(path, drop_missing=True).features.names == ("a,x", "b")
    ends = written(tmp_path, table("a,b,label,", [row + "," for row in rows_of(["3", "4"])]), "ends.csv")
    dataset = data.load(ends)
    assert dataset.features.names == ("a", "b")
    assert "column 'Unnamed: 3' is left out: it has no values" in dataset.notes


def test_names_with_commas_and_colons_can_be_given(tmp_path):
    labels = ("10:30", "a,b", 'say ""x""')
    rows = [f'{i % 7};{i % 3};"{labels[i % 3]}"' for i in range(60)]
    path = written(tmp_path, table('"a, scaled";b;label', rows))
    assert data.load(path, ignore='"a, scaled"').features.names == ("b",)
    dataset = data.load(path, classes='"10:30", "a,b" : "say ""x"""')
    assert len(dataset.class_names) == 2 and set(dataset.split("all")[1].tolist()) == {0, 1}
    assert sorted(np.bincount(dataset.split("all")[1])) == [20, 40]
    again = data.load(path, like=dataset.schema)
    assert (again.y_test == dataset.y_test).all()


def test_truth_values_with_gaps_are_still_truth_values(tmp_path):
    whole = data.load(written(tmp_path, table("on,b,label", [f"{i % 3 == 0},{i % 5},{i % 2}" for i in range(60)])))
    assert whole.features.names == ("on", "b")
    path = written(tmp_path, table("on,b,label", ["TRUE,1,0", ",2,1", "False,3,1"]), "gaps.csv")
    found = data.load(path, like=whole.schema, drop_missing=True)
    assert found.x_test.tolist() == [[1, 1], [0, 3]]


def test_labels_may_be_na(tmp_path):
    rows = [f"{i % 7},{i % 3},{('NA', 'EU', 'null')[i % 3]}" for i in range(42)]
    dataset = data.load(written(tmp_path, table("a,b,label", rows)))
    assert dataset.class_names == ("EU", "NA", "null")
    assert "the label 'NA' (14 rows) is a class like the others" in dataset.notes
    for absent in ("", "?", "nan"):
        refused(
            written(tmp_path, table("a,b,label", [*rows, f"1,2,{absent}"])), "line 44 has no value in column 'label'"
        )
    numbers = [f"{i % 7},{i % 3},{i % 2}" for i in range(42)]
    path = written(tmp_path, table("a,b,label", [*numbers, "1,2,NA"]))
    refused(path, "line 44 has no value in column 'label'")  # no number is called NA
    assert data.load(path, drop_missing=True).class_names == ("0", "1")


def test_labels_that_differ_stay_different(tmp_path):
    names = {
        ("7", "007", "8"): ("7", "007", "8"),
        ("07", "08", "09"): ("7", "8", "9"),
        ("9007199254740993", "9007199254740992"): ("9007199254740992", "9007199254740993"),
        ("1.0", "2.0"): ("1", "2"),
        ("True", "false"): ("False", "True"),
        ("18446744073709551617", "18446744073709551616"): ("18446744073709551616", "18446744073709551617"),
    }
    for texts, classes in names.items():
        rows = [f"{i % 7},{i % 3},{texts[i % len(texts)]}" for i in range(60)]
        found = data.load(written(tmp_path, table("a,b,label", [*rows, f"1,,{texts[0]}"])), drop_missing=True)
        assert set(found.class_names) == set(classes)
    np.savez(tmp_path / "t.npz", x_train=np.arange(40).reshape(20, 2), y_train=np.array([b"\xff", b"\xfe"] * 10))
    assert data.load(tmp_path / "t.npz").class_names == ("þ", "ÿ")
    np.savez(tmp_path / "t.npz", x_train=np.arange(40).reshape(20, 2), y_train=np.array([1e19, 1e20] * 10))
    refused(tmp_path / "t.npz", "labels must be classes")


# --- columns of text ----------------------------------------------------------------------------------------------


def test_many_texts_become_the_most_frequent_and_the_others(tmp_path):
    texts = ["tcp"] * 30 + ["udp"] * 20 + [f"p{i}" for i in range(25)]
    rows = [f"{i % 7},{texts[i % 75]},{'hot' if i % 7 > 3 else 'cold'}" for i in range(150)]
    path = written(tmp_path, table("a,proto,label", rows))
    usual = data.load(path)
    assert len(usual.features) == 1 + MAX_CATEGORIES + 1
    few = data.load(path, max_categories=2)
    assert few.features.names == ("a", "proto=tcp", "proto=udp", "proto: other")
    x, _ = few.split("all")
    assert x[:, 1:].sum(axis=0).tolist() == [60, 40, 50] and (x[:, 1:].sum(axis=1) == 1).all()
    (note,) = (note for note in few.notes if "proto" in note)
    assert "text of 27 values" in note and "(50 of 150 rows)" in note and "--max-categories" in note
    assert "--ignore proto" in note
    assert len(data.load(path, max_categories=30).features) == 1 + 27
    again = data.load(path, like=few.schema)
    assert (again.x_test == few.x_test).all()
    new = written(tmp_path, table("a,proto,label", ["1,sctp,hot", "2,udp,cold"]), "n.csv")
    assert data.load(new, like=few.schema).x_test[:, 1:].tolist() == [[0, 0, 1], [0, 1, 0]]
    refused(path, "at least 1", max_categories=0)


def test_values_never_seen_in_training_are_named_and_counted(tmp_path):
    two = data.load(written(tmp_path, table("heat,mode,label", rows_of(["eco", "fast"]))))
    rows = [f"{i},{('ECO', 'turbo', 'fast', 'eco')[i % 4]},hot" for i in range(40)]
    path = written(tmp_path, table("heat,mode,label", rows), "new.csv")
    (note,) = data.load(path, like=two.schema).notes
    assert "'mode'" in note and "20 of 40 rows" in note and "'ECO' (10 rows), 'turbo' (10 rows)" in note
    assert data.load_examples(path, two.schema).notes == (note,)
    three = data.load(written(tmp_path, table("heat,mode,label", rows_of(["eco", "fast", "x"]))))
    (note,) = data.load(path, like=three.schema).notes
    assert "'ECO' (10 rows), 'turbo' (10 rows)" in note
    seen = written(tmp_path, table("heat,mode,label", rows_of(["fast", "eco"])), "seen.csv")
    assert not data.load(seen, like=two.schema).notes and not data.load(seen, like=three.schema).notes


def test_text_where_the_model_reads_numbers_is_refused(tmp_path):
    dataset = data.load(written(tmp_path, table("a,b,label", rows_of(["3", "4"]))))
    path = written(tmp_path, table("a,b,label", ["1,three,hot", "2,four,cold"]), "o.csv")
    with pytest.raises(UsageError, match="line 2: column 'b' holds 'three' where the model reads numbers"):
        data.load(path, like=dataset.schema)
    # Numbers where the model knows texts are texts that happen to be numbers.
    texts = data.load(
        written(tmp_path, table("a,b,label", rows_of(["x", "7", "y"]).copy()[:0] + rows_of(["x", "y"])))
    )
    found = data.load(written(tmp_path, table("a,b,label", ["1,7,hot", "2,8,cold"]), "p.csv"), like=texts.schema)
    assert found.x_test[:, 1].tolist() == [0, 0] and "'7' (1 row), '8' (1 row)" in found.notes[0]


@pytest.mark.parametrize("value", ["{} mV", "{}%", "${}.50", "€ -{}", "{},5 °C"])
def test_numbers_with_a_unit_are_refused(tmp_path, value):
    rows = [f'"{value.format(i % 30)}",{"hot" if i % 7 > 3 else "cold"}' for i in range(60)]
    refused(
        written(tmp_path, table("c,label", rows)),
        "'c' .*numbers with a unit; write the numbers alone, or .*--ignore c",
    )
    few = [f'"{value.format(i % 3)}",{"hot" if i % 7 > 3 else "cold"}' for i in range(60)]
    assert len(data.load(written(tmp_path, table("c,label", few), "few.csv")).features) == 3


def test_dates_with_dots_are_dates_and_with_slashes_text(tmp_path):
    rows = [f"{1 + i % 5}.3.2024,{1 + i % 2}/{1 + i % 3}/2024,{'xy'[i % 2]}" for i in range(60)]
    dataset = data.load(written(tmp_path, table("day,when,label", rows)))
    assert sorted(set(column(dataset, "day"))) == [19783 + i for i in range(5)]
    assert dataset.features.names[1] == "when=1/1/2024"
    assert any(
        "'when' is text: dates are read as numbers if they are written as 2024-01-31" in n for n in dataset.notes
    )


def test_bars_separate_and_an_open_quote_is_told(tmp_path):
    path = written(tmp_path, table("a|b|label", [row.replace(",", "|") for row in rows_of(["1", "2"])]))
    assert data.load(path).features.names == ("a", "b")
    refused(
        written(tmp_path, table("a,b,label", [*rows_of(["1"]), '1,2,"hot']), "q.csv"), "quote in line 42 is never"
    )


@pytest.mark.parametrize(
    ("name", "value", "left_out"),
    [
        ("id", lambda i: i + 1, True),
        ("PassengerId", lambda i: 1000 + 7 * i, True),
        ("patient_id", lambda i: (i * 7919) % 100_003, True),
        ("", lambda i: i, True),
        ("flow", lambda i: (1 << 60) + 17 * (i * 31 % 41), True),
        ("serial", lambda i: f"S{i:04}", True),
        ("date", lambda i: f"2024-{1 + i // 28:02}-{1 + i % 28:02}", True),
        ("index", lambda i: (i * 31) % 41, False),
        ("time", lambda i: 1_700_000_000 + 60 * i, False),
        ("x", lambda i: i, False),
        ("id", lambda i: i // 2, False),
        ("acid", lambda i: i, False),
        ("id", lambda i: i + 0.5, False),
        ("depth", lambda i: i / 8, False),
        ("price", lambda i: f'"{i},5"', False),
    ],
)
def test_columns_that_only_name_the_row_are_left_out(tmp_path, name, value, left_out):
    rows = [f"{value(i)},{i % 7},{'hot' if i % 7 > 3 else 'cold'}" for i in range(41)]
    dataset = data.load(written(tmp_path, table(f"{name},a,label", rows)))
    assert (dataset.features.names == ("a",)) == left_out
    assert any("is left out" in note for note in dataset.notes) == left_out


def test_a_counter_may_be_all_there_is(tmp_path):
    path = written(tmp_path, table("id,label", [f"{i},{i // 20}" for i in range(40)]))
    assert data.load(path).features.names == ("id",)
    path = written(tmp_path, table("name,label", [f"n{i},{i // 20}" for i in range(40)]))
    refused(path, "no column to learn from: 'name' holds another text in every row")


# --- splits and cautions ------------------------------------------------------------------------------------------


def test_the_last_rows_are_the_test_split(tmp_path):
    path = written(tmp_path, table("a,b,label", [f"{i},{i % 3},{i % 2}" for i in range(50)]))
    dataset = data.load(path, test_split="last:0.2")
    assert dataset.x_test[:, 0].tolist() == list(range(40, 50))
    assert dataset.x_train[:, 0].tolist() == list(range(40))
    assert dataset.options["test_split"] == "last:0.2"
    again = data.load(path, like=dataset.schema)
    assert (again.x_test == dataset.x_test).all() and (again.x_train == dataset.x_train).all()
    for bad, message in (("first:0.2", "last:0.2 for the last"), ("last:2", "between 0 and 1"), ("x", "a share")):
        refused(path, message, test_split=bad)
    sorted_ = written(tmp_path, table("a,b,label", [f"{i},{i % 3},{i // 40}" for i in range(50)]), "s.csv")
    refused(sorted_, "have one class", test_split="last:0.2")


def test_a_separate_file_to_test_with(tmp_path):
    path = written(tmp_path, table("a,mode,label", rows_of(["eco", "fast"])))
    rows = ["hot,fast,3", "cold,eco,2", "cold,turbo,1"]
    other = written(tmp_path, table("label,mode,a", rows), "test.csv")
    dataset = data.load(path, test_data=other)
    assert len(dataset.y_train) == 40 and dataset.x_test.tolist() == [[3, 1], [2, 0], [1, 0]]
    assert dataset.y_test.tolist() == [1, 0, 0]
    assert any("'turbo' (1 row)" in note for note in dataset.notes)
    again = data.load(path, like=dataset.schema)
    assert len(again.y_train) == 40 and (again.x_test == dataset.x_test).all()
    refused(path, "not both", test_data=other, test_split=0.2)
    with pytest.raises(UsageError, match="test split of its own"):
        np.savez(
            tmp_path / "t.npz", **{f"{a}_{b}": np.arange(4).reshape(-1, 1) for a in "xy" for b in ("train", "test")}
        )
        data.load(tmp_path / "t.npz", test_data=other)


def test_cautions(tmp_path):
    few = data.load(written(tmp_path, table("a,b,label", rows_of(["3", "4"], 20))))
    assert [note for note in few.notes if "says little" in note] == [
        "only 15 examples to train on: an accuracy on so few says little",
        "only 5 examples to test with: an accuracy on so few says little",
    ]
    enough = data.load(written(tmp_path, table("a,b,label", rows_of(["3", "4"], 200))))
    assert enough.notes == ()
    many = data.load(written(tmp_path, table("a,b,label", [f"{i % 7},{i % 11},{i % 28}" for i in range(400)])))
    assert any("28 different numbers" in note and "--classes" in note for note in many.notes)


def test_the_accuracy_of_the_most_frequent_class():
    assert data.majority_accuracy(np.array([0, 1, 1, 2])) == 0.5
    assert data.majority_accuracy(np.array([], np.int64)) == 0.0


# --- examples without labels --------------------------------------------------------------------------------------


def test_examples_without_labels(tmp_path):
    dataset = data.load(written(tmp_path, table("a,mode,label", rows_of(["eco", "fast"]))))
    path = written(tmp_path, table("mode,more,a", ["fast,x,1.5", "eco,y,NA", "fast,z,4"]), "p.csv")
    with pytest.raises(UsageError, match="line 3 has no value in column 'a'"):
        data.load_examples(path, dataset.schema)
    found = data.load_examples(path, dataset.schema, drop_missing=True)
    assert found.kept.tolist() == [True, False, True] and found.x[:, 1].tolist() == [1, 1]
    lacking = written(tmp_path, table("more,a", ["x,1"]), "q.csv")
    with pytest.raises(UsageError, match="no column 'mode=fast'"):
        data.load_examples(lacking, dataset.schema)


@pytest.mark.parametrize("header", ["nan,2,label", "1e999,2,label", "²,٣,label"])
def test_names_that_are_odd_numbers(tmp_path, header):
    path = written(tmp_path, table(header, rows_of(["1", "2"])))
    assert data.load(path, header=True).features.names == tuple(header.split(",")[:2])
    try:
        data.load(path)
    except UsageError as error:
        assert "first line" in str(error)


def test_numbers_of_many_digits(tmp_path):
    """Python makes no integer of more than 4,300 digits."""
    many = "1" * 5000
    refused(written(tmp_path, table("a,b,label", rows_of([many, "7"]))), "'b'")
    labels = written(tmp_path, table("a,label", [f"{i},{many if i % 2 else 2}" for i in range(40)]), "l.csv")
    assert set(data.load(labels).class_names) == {many, "2"}
    with pytest.raises(UsageError):
        data.load(written(tmp_path, table("a,b,label", rows_of(["1"]))), ignore=many)


# --- a piece at a time --------------------------------------------------------------------------------------------

CELLS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(1 << 64), 1 << 65).map(str),
    st.sampled_from(
        [
            "1",
            "0",
            "007",
            " 3 ",
            "2.5 ",
            "",
            "NA",
            "nan",
            "?",
            "inf",
            "-1e400",
            "True",
            "false",
            "0x1f",
            "1_0",
            "1,5",
            "red",
            "grün",
            '"a\nb"',
            '"1"',
            "#",
            "2024-01-31",
            "+4",
            ".5",
            "5.",
            "1e-320",
        ]
    ),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=6), min_size=1, max_size=4), st.integers(60, 90), st.data())
def test_what_is_read_in_pieces_is_what_is_read_at_once(tmp_path_factory, columns, n, drawn):
    """Same values, names, notes and errors, whichever way pandas goes; pieces are made small enough to differ."""
    turn = drawn.draw(
        st.sampled_from([1, n // 3])
    )  # rows of one kind together, so that pieces are of different kinds
    lines = [",".join(column[i // turn % len(column)] for column in columns) + f",{i % 2}" for i in range(n)]
    path = tmp_path_factory.mktemp("pieces") / "t.csv"
    path.write_text("\n".join([",".join([*(f"c{i}" for i in range(len(columns))), "label"]), *lines]) + "\n")
    found: list[object] = []
    for most in (0, 1 << 30):  # lines that the start has to have to be read in pieces
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(csv, "PLAIN_LINES", most)
            patch.setattr("pandas._libs.parsers.DEFAULT_BUFFER_HEURISTIC", 64)
            try:
                table = csv.read_csv(path, ReadOptions())
                values = (table.x_train.dtype, table.x_train.tobytes(), table.y_train.tolist())
                found.append((*values, table.names, table.notes, table.categories))
            except UsageError as error:
                found.append(str(error))
    assert found[0] == found[1]


def test_a_plain_table_is_read_in_pieces(tmp_path, monkeypatch):
    path = written(tmp_path, table("a,b,label", [f"{i / 7},{i},{i % 2}" for i in range(200)]))
    monkeypatch.setattr(csv._Text, "frame", None)
    dataset = data.load(path)
    assert column(dataset, "b") and set(dataset.raw("all")[:, 1]) == set(range(200))
