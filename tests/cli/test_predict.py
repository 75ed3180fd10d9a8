"""Data with surprises, from the command line; and answers for data without labels."""

import csv
import json
import shlex

import numpy as np
import pytest
from helpers.networks import two_features

from lut2hw.cli import main
from lut2hw.errors import UsageError
from lut2hw.model.network import LutNetwork
from lut2hw.report.page import train_command
from lut2hw.studies.inspection import inspect
from lut2hw.studies.predict import predict
from lut2hw.training.recall import recall


def write(path, header, rows):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def rows(n=80, modes=("eco", "fast"), labels=("hot", "cold")):
    return [f"{i % 17}.5,{modes[i % len(modes)]},{labels[(i % 17 > 8) % len(labels)]}" for i in range(n)]


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "t.csv", "heat,mode,label", rows())
    return tmp_path


def run(capsys, *words):
    """Exit code, standard output, standard error."""
    code = main([str(word) for word in words])
    out = capsys.readouterr()
    return code, out.out, out.err


def trained(capsys, *words):
    code, out, err = run(capsys, "train", "--luts", 10, "--sweeps", 1, "-o", "t.lut", "--json", *words)
    assert code == 0, err
    return json.loads(out), err


@pytest.mark.parametrize("labels", [("hot", "cold"), ("hot", "cold", "mild")])
def test_predict_is_the_network(work, capsys, labels):
    classes = [labels[i % len(labels)] for i in range(90)]
    write(work / "t.csv", "heat,mode,label", [f"{i % 45}.25,eco,{name}" for i, name in enumerate(classes)])
    trained(capsys, "--data", "t.csv")
    network = LutNetwork.load("t.lut")
    heat = np.arange(60) / 2
    write(work / "new.csv", "mode,heat", [f"eco,{value}" for value in heat.tolist()])
    code, out, err = run(capsys, "predict", "t.lut", "--data", "new.csv", "-o", "a.csv", "--json")
    assert code == 0 and err == ""
    assert json.loads(out)["answered"] == json.loads(out)["rows"] == 60
    table = list(csv.DictReader((work / "a.csv").open()))
    x = np.array([[value, 1] for value in heat])[:, : len(network.features)]
    scores = network.scores(x)
    assert [row["class"] for row in table] == [network.class_names[i] for i in network.predict(x)]
    names = ["score"] if len(labels) == 2 else [f"score {name}" for name in network.class_names]
    assert [[int(row[name]) for name in names] for row in table] == scores.tolist()
    top = np.sort(scores, axis=1)
    margin = top[:, -1] - top[:, -2] if len(labels) > 2 else np.maximum(scores[:, 0], -1 - scores[:, 0])
    assert [int(row["margin"]) for row in table] == margin.tolist()
    code, out, err = run(capsys, "predict", "t.lut", "--data", "new.csv")
    assert code == 0 and out == (work / "a.csv").read_text() == predict(network, "new.csv").to_csv()


def test_rows_without_an_answer_keep_their_place(work, capsys):
    trained(capsys, "--data", "t.csv")
    write(work / "new.csv", "heat,mode,label", ["1.5,eco,?", ",eco,hot", "9.5,turbo,"])
    code, _, err = run(capsys, "predict", "t.lut", "--data", "new.csv")
    assert code == 2 and "line 3 has no value in column 'heat'" in err
    code, out, err = run(capsys, "predict", "t.lut", "--data", "new.csv", "--drop-missing")
    lines = out.splitlines()
    assert code == 0 and len(lines) == 4 and lines[2] == ",," and lines[1].startswith("hot,")
    assert "1 of 3 rows have missing values" in err and "'turbo' (1 row)" in err


def test_predict_refuses(work, capsys):
    trained(capsys, "--data", "t.csv")
    before = (work / "t.csv").read_bytes(), (work / "t.lut").read_bytes()
    for words, message in (
        (["--data", "t.csv", "-o", "t.csv"], "is what is read"),
        (["--data", "t.csv", "-o", "t.lut"], "is what is read"),
        (["--data", "t.csv", "--json"], "-o FILE"),
        (["--data", "none.csv"], "no data file"),
        (["--data", "digits"], "has 64 features but the model reads 2"),
    ):
        code, _, err = run(capsys, "predict", "t.lut", *words)
        assert code == 2 and message in err and err.count("\n") == 1
    assert before == ((work / "t.csv").read_bytes(), (work / "t.lut").read_bytes())
    write(work / "bare.csv", "heat,mode", ["1.5,eco", "9.5,fast"])
    code, _, err = run(capsys, "eval", "t.lut", "--data", "bare.csv")
    assert code == 2 and "lut2hw predict" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--data", "t.csv", "-o", "t.csv"], "is what is read"),
        (["train", "--data", "t.csv", "--test-data", "other.csv", "-o", "other.csv"], "is what is read"),
        (["train", "--data", "t.csv", "-o", "link.csv"], "is what is read"),
        (["predict", "t.lut", "--data", "t.csv", "-o", "t.lut"], "is what is read"),
        (["report", "t.lut", "-o", "t.lut"], "is what is read"),
        (["report", "t.lut", "-o", "t.csv"], "is a file of data"),
        (["tune", "t.lut", "--reject", "1", "-o", "t.csv"], "is a file of data"),
        (["train", "--data", "digits", "-o", "other.csv"], "is a file of data"),
        (["report", "t.lut", "--data", "t.csv", "-o", "./t.csv"], "is what is read"),
        (["export", "t.lut", "--format", "blif", "-o", "t.lut"], "is what is read"),
        (["import", "t.blif", "--data", "t.csv", "-o", "t.csv"], "is what is read"),
        (["import", "t.blif", "-o", "t.blif"], "is what is read"),
    ],
)
def test_no_command_overwrites_what_it_reads(work, capsys, words, message):
    trained(capsys, "--data", "t.csv")
    assert run(capsys, "export", "t.lut", "-o", "t.blif")[0] == 0
    write(work / "other.csv", "heat,mode,label", rows())
    (work / "link.csv").symlink_to("t.csv")
    before = {path.name: path.read_bytes() for path in work.iterdir() if path.is_file()}
    code, _, err = run(capsys, *words)
    assert code == 2 and message in err and err.count("\n") == 1
    assert before == {path.name: path.read_bytes() for path in work.iterdir() if path.is_file()}


def test_the_report_says_what_is_odd_about_the_data(work, capsys):
    trained(capsys, "--data", "t.csv")
    write(work / "new.csv", "heat,mode,label", rows(40, ("ECO", "fast")))
    code, _, err = run(capsys, "report", "t.lut", "--data", "new.csv", "-o", "page.html")
    assert code == 0, err
    assert "never seen in training, in 20 of 40 rows" in (work / "page.html").read_text()


def test_unknown_values_are_noted_by_every_command_that_reads_them(work, capsys):
    trained(capsys, "--data", "t.csv")
    write(work / "new.csv", "heat,mode,label", rows(40, ("ECO", "turbo", "fast", "eco")))
    for words in (["eval", "t.lut"], ["emit", "t.lut", "-o", "e"], ["inspect", "t.lut"], ["predict", "t.lut"]):
        code, _, err = run(capsys, *words, "--data", "new.csv")
        assert code == 0 and "'ECO' (10 rows), 'turbo' (10 rows)" in err and "'mode'" in err, words
        assert err.count("\n") == 1
    summary = (work / "e" / "summary.txt").read_text()
    assert "new.csv" in summary and "test split" not in summary  # all of it, since it has no splits


def test_the_majority_stands_beside_the_accuracy(work, capsys):
    write(work / "t.csv", "heat,mode,label", rows(400, labels=("hot", "cold")))
    made, err = trained(capsys, "--data", "t.csv")
    assert err == "column 'mode' is text: a bit for 'fast'\n"
    y = recall(LutNetwork.load("t.lut")).y_test
    assert made["majority_accuracy"] == pytest.approx(max(np.bincount(y)) / len(y), abs=1e-6)
    code, out, _ = run(capsys, "eval", "t.lut", "--json")
    assert code == 0 and json.loads(out)["majority_accuracy"] == made["majority_accuracy"]
    code, out, _ = run(capsys, "eval", "t.lut")
    assert f"majority class {made['majority_accuracy']:.4f}" in out


@pytest.mark.parametrize(
    "words",
    [
        ["--label", "-1", "--no-header"],
        ["--label", "hot", "--header"],
        ["--label", "x2", "--no-header", "--test-split", "last:0.3", "--ignore", "1"],
        ["--label", "-1", "--no-header", "--max-categories", "2", "--classes", "hot:cold"],
        ["--label", "-1", "--no-header", "--test-data", "more.csv", "--drop-missing"],
    ],
)
def test_the_data_of_any_options_can_be_loaded_again(work, capsys, words):
    write(work / "bare.csv", "4.5,eco,hot", [*rows(120, ("eco", "fast", "off", "on"))])
    write(work / "more.csv", "4.5,eco,hot", rows(40, ("fast", "eco")))
    trained(capsys, "--data", "bare.csv", *words)
    first = (work / "t.lut").read_bytes()
    again = shlex.split(train_command(LutNetwork.load("t.lut"), "t.lut"))
    (work / "t.lut").unlink()
    assert main(again[1:]) == 0
    assert (work / "t.lut").read_bytes() == first


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--test-split", "2"], "between 0 and 1"),
        (["--test-split", "first:0.2"], "last:0.2"),
        (["--test-data", "none.csv"], "no data file at none.csv"),
        (["--test-data", "t.csv", "--test-split", "0.2"], "not both"),
        (["--max-categories", "0"], "--max-categories 0 must be"),
        (["--label", "8"], "no column '8'"),
    ],
)
def test_wrong_options_of_data_are_one_line(work, capsys, words, message):
    code, _, err = run(capsys, "train", "--data", "t.csv", "-o", "w.lut", *words)
    assert code == 2 and message in err and err.count("\n") == 1
    assert not (work / "w.lut").exists()


@pytest.mark.parametrize("head", ["number", "labels", "argmax reject"])
def test_values_labels_and_none_in_the_table(work, capsys, head):
    network = two_features(head)
    network.save("m.lut")
    write(work / "new.csv", "mode,heat", [f"{i % 4},{i % 21}" for i in range(40)])
    code, out, err = run(capsys, "predict", "m.lut", "--data", "new.csv", "-o", "a.csv", "--json")
    assert code == 0 and err == ""
    table, said = list(csv.DictReader((work / "a.csv").open())), json.loads(out)
    x = np.array([[i % 21, i % 4] for i in range(40)])
    answers, scores = network.predict(x), network.scores(x)
    if head == "argmax reject":
        names = (*network.class_names, "none")
        assert [row["class"] for row in table] == [names[i] for i in answers]
        assert [int(row["score mild"]) for row in table] == scores[:, 2].tolist()
        assert said["classes"] == {name: int((answers == i).sum()) for i, name in enumerate(names)}
        assert said["classes"]["none"]
    elif head == "number":
        assert [[float(row[name]) for name in ("power", "flow")] for row in table] == answers.tolist()
        assert list(table[0]) == ["power", "flow"] and (answers % 1 != 0).any()
        assert said["targets"]["power"]["mean"] == answers[:, 0].mean()
    else:
        assert [[int(row[name]) for name in ("power", "flow")] for row in table] == answers.tolist()
        assert [int(row["score flow"]) for row in table] == scores[:, 1].tolist()
        assert said["labels"] == {"power": int(answers[:, 0].sum()), "flow": int(answers[:, 1].sum())}


def test_outputs_by_either_name(work, capsys):
    two_features("argmax reject").save("m.lut")
    for words in (
        ("--output", "class,margin,scores", "-o", "core"),
        ("-o", "core", "--output", "scores,margin,class"),
        ("--outputs", "class,margin,scores", "--output", "core"),
        ("--outputs", "class,margin,scores", "-o", "core"),
    ):
        code, out, err = run(capsys, "emit", "m.lut", "--json", *words)
        assert code == 0, err
        assert json.loads(out)["outputs"] == ["class", "margin", "scores"]
        assert json.loads(out)["directory"] == "core"
    code, out, _ = run(capsys, "emit", "m.lut", "--output", "class", "--json")
    assert (json.loads(out)["directory"], json.loads(out)["outputs"]) == ("build/m", ["class"])
    for words, says in (
        (("--output", "class", "--outputs", "scores"), "both say what the core puts out"),
        (("--output", "one", "-o", "two"), "both name a folder"),
    ):
        code, _, err = run(capsys, "emit", "m.lut", *words)
        assert code == 2 and says in err and err.count("\n") == 1
    two_features("number").save("n.lut")
    code, _, err = run(capsys, "emit", "n.lut", "--outputs", "class")
    assert code == 2 and "leave --outputs at scores" in err
    code, out, _ = run(capsys, "emit", "n.lut", "--json")
    assert json.loads(out)["outputs"] == ["scores"]


def test_evidence_is_for_classes(work, capsys):
    two_features("number").save("n.lut")
    write(work / "t.csv", "heat,mode,label", [f"{i % 21},{i % 4},{i % 3}" for i in range(40)])
    network = LutNetwork.load("n.lut")
    with pytest.raises(UsageError, match="answers none"):
        inspect(network, np.zeros((3, 2), np.int64), np.zeros(3, np.int64))


@pytest.mark.parametrize("labels", [("hot", "cold"), ("hot", "cold", "mild")])
def test_probabilities_beside_the_answers(work, capsys, labels):
    classes = [labels[i % len(labels)] for i in range(90)]
    write(work / "t.csv", "heat,mode,label", [f"{i % 45}.25,eco,{name}" for i, name in enumerate(classes)])
    trained(capsys, "--data", "t.csv")
    code, out, err = run(capsys, "predict", "t.lut", "--data", "t.csv", "--probabilities")
    assert code == 0, err
    network, table = LutNetwork.load("t.lut"), list(csv.DictReader(out.splitlines()))
    shares = np.array([[float(row[f"probability {name}"]) for name in network.class_names] for row in table])
    x = np.array([[float(f"{i % 45}.25"), 1] for i in range(90)])[:, : len(network.features)]
    np.testing.assert_allclose(shares, network.predict_proba(x), rtol=1e-5)
    assert [network.class_names[i] for i in shares.argmax(axis=1)] == [row["class"] for row in table]
    run(capsys, "train", "--data", "t.csv", "--learner", "memorize", "-o", "m.lut")
    code, _, err = run(capsys, "predict", "m.lut", "--data", "t.csv", "--probabilities")
    assert code == (2 if len(labels) > 2 else 0) and (len(labels) == 2 or "tune --temperature" in err)
