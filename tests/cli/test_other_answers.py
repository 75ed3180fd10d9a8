"""Models whose answer is numbers, labels or none of the classes, from the command line to a chip."""

import json

import numpy as np
import pytest
from helpers import needs
from helpers.networks import two_features

from lut2hw.cli import main

TASK = {"number": "regression", "labels": "multilabel", "argmax reject": "classification"}


@pytest.fixture(params=list(TASK))
def folder(request, tmp_path):
    """A data set, a model that says it was trained on it, and its core."""
    head = request.param
    network = two_features(head)
    x = np.array([[i % 21, i % 4] for i in range(60)])
    answers = network.predict(x)
    if head == "argmax reject":
        labels, names = [[("cold", "hot", "mild")[answer % 3]] for answer in answers], "state"
    else:
        wrong = np.arange(60) % 7 == 0  # some are not right
        labels, names = np.where(wrong[:, None], 1 - answers, answers).tolist(), "power,flow"
    lines = [",".join(map(str, [*row, *label])) for row, label in zip(x.tolist(), labels, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join([f"heat,mode,{names}", *lines]) + "\n")
    options = {"data": str(tmp_path / "t.csv"), "label": names}
    if head != "argmax reject":
        options["task"] = TASK[head]
    network.with_meta(data=options).save(tmp_path / "m.lut")
    assert main(["emit", str(tmp_path / "m.lut"), "-o", str(tmp_path / "core")]) == 0
    return head, tmp_path / "core", answers, labels


def test_the_report_has_what_the_answers_are(folder, tmp_path, capsys):
    head, core, _, _ = folder
    assert main(["verify", str(core), "--engine", "golden"]) == 0
    for source in (core, tmp_path / "m.lut"):
        assert main(["report", str(source), "-o", str(tmp_path / "page.html")]) == 0
        page = (tmp_path / "page.html").read_text()
        shown = {
            "number": ("R2, test", "RMSE", "weighted sums of 4 votes", "2: power, flow"),
            "labels": ("test accuracy", "a threshold of weighted votes for each label", "answered", "2: power, flow"),
            "argmax reject": ("Confusion matrix", "none", "below a margin of 1", "3: cold, hot, mild"),
        }[head]
        assert all(text in page for text in shown)
    capsys.readouterr()


@pytest.mark.slow
@needs.tool("iverilog")
def test_run_against_the_simulated_chip(folder, capsys):
    head, core, answers, labels = folder
    capsys.readouterr()
    assert main(["run", str(core), "--port", "sim", "--split", "all", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["examples"], result["mismatches"]) == (60, 0)
    if head == "number":
        y = np.array(labels, float)
        right = 1 - ((y - answers) ** 2).sum(axis=0) / ((y - y.mean(axis=0)) ** 2).sum(axis=0)
        assert result["accuracy"] is None and abs(result["golden_r2"] - right.mean()) < 1e-6
    else:
        names = ("cold", "hot", "mild", "none")
        said = [[names[answer]] for answer in answers] if head == "argmax reject" else answers.tolist()
        share = np.mean([one == other for one, other in zip(said, labels, strict=True)])
        assert result["accuracy"] == result["golden_accuracy"] == round(share, 6) < 1
