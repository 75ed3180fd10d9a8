"""The report: complete, self-contained, and without errors in a browser."""

from __future__ import annotations

import html
import json
import re
import shlex
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn.datasets import load_iris

from lut2hw.cli import main
from lut2hw.errors import Lut2hwError
from lut2hw.exchange import trees
from lut2hw.model.features import quantize
from lut2hw.model.network import LutNetwork
from lut2hw.report import timing
from lut2hw.report.page import make, train_command
from lut2hw.studies.metrics import wilson

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

NEXTPNR = """Info: Critical path report for clock 'clk$SB_IO_IN_$glb_clk' (posedge -> posedge):
Info:       type curr  total name
Info:   clk-to-q  1.39  1.39 Source core.ff_12_LC.O
Info:    routing  2.00  3.39 Net core.a (1,1) -> (2,2)
Info:                          Sink core.lut_9_LC.I0
Info:      logic  1.00  4.39 Source core.lut_9_LC.O
Info:    routing  3.00  7.39 Net core.b (1,1) -> (2,2)
Info:                          Sink core.lut_10_LC.CIN
Info:      logic  0.28  7.67 Source core.lut_10_LC.COUT
Info:      setup  0.33  8.00 Source core.lut_11_LC.I3
Info: 3.00 ns logic, 5.00 ns routing

Info: Critical path report for cross-domain path '<async>' -> 'posedge clk':
Info:   clk-to-q  9.39  9.39 Source other.O
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model of digits, emitted, verified, and what build would leave."""
    base = tmp_path_factory.mktemp("report")
    assert (
        main(
            [
                "train",
                "--data",
                "digits",
                "--luts",
                "40",
                "--sweeps",
                "2",
                "--validation",
                "0.1",
                "-o",
                str(base / "d.lut"),
            ]
        )
        == 0
    )
    assert main(["emit", str(base / "d.lut"), "-o", str(base / "core")]) == 0
    assert main(["verify", str(base / "core"), "--engine", "golden"]) == 0
    counts = {"logic_cells": 321, "lut4": 300, "carry": 20, "ff": 40, "ram": 0}
    (base / "core" / "build.json").write_text(
        json.dumps(
            {
                "device": "up5k",
                "package": "sg48",
                "target": "ice40",
                "core": counts,
                "chip": {**counts, "lut4": 333},
                "fmax_mhz": 50.0,
                "latency_cycles": 3,
                "latency_ns": 60.0,
                "classifications_per_second": 50000000,
                "seed": 1,
                "freq_mhz": 50.0,
                "bitstream": None,
            }
        )
    )
    (base / "core" / "nextpnr.log").write_text(NEXTPNR)
    return base / "core"


class Page(HTMLParser):
    """Balanced tags, figures with their content, and every address that the page would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.figures: list[set[str]] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)
        if tag == "figure":
            self.figures.append(set())
        elif "figure" in self.open:
            self.figures[-1].add(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in ("meta", "link", "img", "br"):
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_of_a_folder(folder):
    text = make(folder)
    page = Page(text)
    assert all(load.startswith(("data:", "#")) for load in page.loads)
    assert "<script" not in text and "@import" not in text and "url(http" not in text
    assert all(tags & {"path", "td", "img"} for tags in page.figures)
    titles = re.findall(r"<h2>(.*?)</h2>", text)
    for title in (
        "Confusion matrix",
        "Margins",
        "Learning curve",
        "Inputs read",
        "LUT usage by layer",
        "Area by part",
        "Device utilization",
        "Area and timing",
        "Verification",
        "Wrong answers",
        "To repeat this",
    ):
        assert title in titles
    assert "Not in this report" not in titles
    network = LutNetwork.load(folder / "model.lut")
    assert f"{network.meta['test_accuracy']:.2%}" in text
    assert "takes 8.0 ns: 3.0 ns in 1 LUT and 1 carry step, 5.0 ns (62%) in wires" in text
    assert "321 of 5,280" in text and "wrapper 33" in text
    commands = re.sub(r"<.*?>", "", text[text.index("<pre>") : text.index("</pre>")].replace("</div>", "\n"))
    for command in ("train", "emit", "verify", "build", "report"):
        assert f"\nlut2hw {command} " in f"\n{commands}"
    assert re.search(r"numpy \d", text)
    assert make(folder) == text  # same bytes


def test_chips_for_boards_are_on_the_page(folder, tmp_path):
    copy = tmp_path / "core"
    shutil.copytree(folder, copy)
    (copy / "icebreaker").mkdir()
    built = json.loads((copy / "build.json").read_text())
    built |= {
        "board": "icebreaker",
        "baud": 500_000,
        "clock_mhz": 12.0,
        "examples_per_second": 1234,
        "fmax_mhz": 31.5,
    }
    (copy / "icebreaker" / "build.json").write_text(json.dumps(built))
    for alone in (False, True):
        if alone:
            (copy / "build.json").unlink()
        text = make(copy)
        Page(text)
        row = re.search(r"<tr>\s*<t[dh][^>]*>icebreaker</t[dh]>.*?</tr>", text, re.DOTALL)
        assert re.sub(r"<.*?>", " ", row[0]).split() == "icebreaker up5k-sg48 321 321 31.5 12 500,000 1,234".split()
        assert "--board icebreaker --seed 1 --baud 500000" in re.sub(r"<.*?>", "", text)
        assert "run lut2hw build" not in text  # nothing is missing


def test_confusion_matrix_is_right(folder):
    from lut2hw.training.recall import recall

    network = LutNetwork.load(folder / "model.lut")
    dataset = recall(network)
    answer = network.predict(dataset.x_test)
    cells = [int(c) for c in re.findall(r'<td class="cell[^>]*>(\d+)</td>', make(folder))]
    expected = [int(((dataset.y_test == a) & (answer == b)).sum()) for a in range(10) for b in range(10)]
    assert cells == expected


def test_train_command_repeats_the_training(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = LutNetwork.load(folder / "model.lut")
    words = shlex.split(train_command(network, "again.lut"))
    assert words[:2] == ["lut2hw", "train"]
    assert main(words[1:]) == 0
    assert (tmp_path / "again.lut").read_bytes() == (folder / "model.lut").read_bytes()


def test_tabular_model_with_hostile_names(tmp_path):
    x, y = load_iris(return_X_y=True)
    from sklearn.tree import DecisionTreeClassifier

    names = ("<script>alert(1)</script>", "a&b", "$x_1$", "d")
    rows = [",".join((*(f'"{name}"' for name in names), "label"))]
    rows += [",".join((*map(str, row), f"<b>{label}</b>")) for row, label in zip(x, y, strict=True)]
    (tmp_path / "iris.csv").write_text("\n".join(rows) + "\n")
    ensemble = trees.from_sklearn(DecisionTreeClassifier(max_depth=2, random_state=0).fit(x, y))
    network = trees.to_network(ensemble.renamed(["<b>0</b>", "<b>1</b>", "<b>2</b>"]), quantize(x, names))
    network.save(tmp_path / "iris.lut")
    text = make(tmp_path / "iris.lut", data=str(tmp_path / "iris.csv"))
    Page(text)
    assert "<script" not in text and "<b>0" not in text
    assert "&lt;b&gt;1&lt;/b&gt;" in text and "imported from scikit-learn" in text
    without = make(tmp_path / "iris.lut")
    assert "Not in this report" in without and "Confusion" not in without


def test_two_class_memorize(tmp_path):
    assert (
        main(
            [
                "train",
                "--data",
                "digits",
                "--learner",
                "memorize",
                "--layers",
                "16,16",
                "-k",
                "4",
                "--classes",
                "0,1,2,3,4:5,6,7,8,9",
                "-o",
                str(tmp_path / "m.lut"),
            ]
        )
        == 0
    )
    text = make(tmp_path / "m.lut")
    assert "Learning by layer" in text
    Page(text)


def test_bad_input(capsys, tmp_path, folder):
    for arguments, says in (
        (["report", str(tmp_path / "no")], "does not exist"),
        (["report", str(folder), "-o", str(tmp_path / "x" / "y.html")], "does not exist"),
        (["report", str(tmp_path)], "is no emitted folder"),
        (["report", str(tmp_path / "no.lut")], "no model file"),
    ):
        assert main(arguments) == 2
        assert says in capsys.readouterr().err
    damaged = tmp_path / "core"
    shutil.copytree(folder, damaged)
    (damaged / "build.json").write_text("{")
    with pytest.raises(Lut2hwError, match=r"build\.json is damaged"):
        make(damaged)


def test_wilson():
    low, high = wilson(950, 1000)
    assert (round(low, 4), round(high, 4)) == (0.9347, 0.9619)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(10, 10)[1] <= 1


def test_timing_in_words():
    assert timing.critical_path("nothing") is None
    assert "in the wrapper" in timing.critical_path(NEXTPNR.replace("core.", "shift_"))


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: scripts/setup-browser, or `apt-get install chromium`")
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser(folder, tmp_path, width):
    """No console errors, nothing loaded, nothing wider than the window, every figure drawn."""
    probe = """<script>addEventListener("load", () => {
      const figures = [...document.querySelectorAll("figure")].map(f => {
        const s = f.querySelector("svg, table, img"), b = s.getBoundingClientRect();
        const ink = s.tagName == "svg" ? s.querySelectorAll("path, use").length : s.tagName == "IMG" ?
          s.naturalWidth : s.querySelectorAll("td").length;
        return {title: f.querySelector("h2").textContent, width: b.width, height: b.height, ink}; });
      parent.document.documentElement.dataset.probe = JSON.stringify({figures, width: innerWidth,
        wide: document.documentElement.scrollWidth - innerWidth,
        loaded: performance.getEntriesByType("resource").filter(r => !r.name.startsWith("data:")).length}); });
      </script></body>"""
    # A frame is the window, since Chromium has none that is narrower than 500 pixels.
    page = html.escape(make(folder).replace("</body>", probe))
    (tmp_path / "page.html").write_text(
        f'<!DOCTYPE html><title>test</title><link rel="icon" href="data:,">'
        f'<iframe width="{width}" height="2000" srcdoc="{page}"></iframe>'
    )
    run = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1400,2000",
            "--enable-logging=stderr",
            "--dump-dom",
            (tmp_path / "page.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "CONSOLE" not in run.stderr
    found = re.search(r'data-probe="(.*?)"', run.stdout)
    assert found, run.stderr[-2000:]
    probe_result = json.loads(found[1].replace("&quot;", '"'))
    assert probe_result["width"] == width
    assert probe_result["loaded"] == 0 and probe_result["wide"] <= 0
    assert len(probe_result["figures"]) >= 10
    for figure in probe_result["figures"]:
        assert figure["ink"] >= 2 and figure["width"] > 60 and figure["height"] > 20, figure


def test_heat_is_transparent_at_zero():
    import base64
    import io

    from PIL import Image

    from lut2hw.report.figures import heat

    uri = heat(np.array([[0, 1], [2, 4]]))
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))
    assert pixels[..., 3].tolist() == [[0, 64], [128, 255]]
