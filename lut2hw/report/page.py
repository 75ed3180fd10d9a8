"""The report: one HTML page on a model and, if it was emitted, on its hardware. No network, no script needed."""

from __future__ import annotations

import contextlib
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from lut2hw import __version__, bits, quote
from lut2hw.artefact.emit import Manifest
from lut2hw.artefact.emit import load as load_folder
from lut2hw.artefact.folder import in_words_of
from lut2hw.artefact.results import read_build, read_verify
from lut2hw.compile.area import estimate_netlist
from lut2hw.compile.compiler import compile_network
from lut2hw.data import Dataset
from lut2hw.errors import Lut2hwError
from lut2hw.extras import need
from lut2hw.files import read_text
from lut2hw.flow.projects import VendorResult, results
from lut2hw.flow.result import built_for
from lut2hw.logic.netlist import PARTS
from lut2hw.model.network import LutNetwork
from lut2hw.report import figures, quality
from lut2hw.report.timing import PART_NAMES, critical_path
from lut2hw.studies import metrics
from lut2hw.studies.metrics import wilson
from lut2hw.studies.tune import commands as tune_commands
from lut2hw.targets.registry import get as get_target
from lut2hw.targets.vendors import VENDORS
from lut2hw.training.recall import load_like, recall
from lut2hw.training.train import options_of

MAX_EXAMPLES = 60_000
MAX_PICTURES = 24
MAX_CLASSES_SHOWN = 24
ESTIMATE_FOR = "ice40"


@dataclass
class Figure:
    """title, and what it shows in a sentence; `body` is SVG or an `<img>`; or `rows` with a header is a table."""

    title: str
    text: str
    body: str = ""
    head: list[str] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)
    shaded: bool = False
    wide: bool = False


@dataclass
class _Scores:
    """A split: classes, answers, and scores (n, len(bias))."""

    x: NDArray[np.integer]
    y: NDArray[Any]
    answer: NDArray[Any]
    scores: NDArray[np.int64]

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """bool (n,): the class, or every label, is the right one."""
        n = len(self.y)
        return np.asarray((self.y.reshape(n, -1) == self.answer.reshape(n, -1)).all(axis=1))

    @property
    def right(self) -> int:
        return int(self.is_right.sum())


def make(path: str | Path, *, data: str | None = None, title: str | None = None) -> str:
    """The page for a model file, or for a folder that `emit` wrote, with what `verify` and `build` left in it.

    Parameters
    ----------
    path : str | Path
        Model file, or folder that `emit` wrote.
    data : str, optional
        Dataset to evaluate on, as `lut2hw eval` takes it; None for what the model was trained on, if it is to be had.
    title : str, optional
        Of the page; None: the model's name.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    UsageError
        And the like for what cannot be read; parts that are not there are left out and named at the end of the page.
    """
    need("matplotlib", "PIL", extra="report")
    path = Path(path)
    is_folder = path.is_dir() or not (path.exists() or path.suffix == ".lut")
    manifest = load_folder(path) if is_folder else None
    network = manifest.network if manifest is not None else LutNetwork.load(path)
    missing: list[str] = []
    dataset = None
    if data is not None:
        dataset = load_like(data, network)
    else:
        try:
            dataset = recall(network)
        except Lut2hwError as error:
            missing.append(f"accuracy, confusion, margins and examples: {error}")
    build = verify = None
    boards: dict[str, dict[str, Any]] = {}
    if manifest is not None:
        build, verify = read_build(path), read_verify(path)
        boards = {name: read_build(path / name) or {} for name in built_for(manifest)}
        missing += [f"area and timing on a device: run lut2hw build {path}"] * (build is None and not boards)
        missing += [f"verification: run lut2hw verify {path}"] * (verify is None)
    else:
        missing.append(f"hardware: run lut2hw emit {path}, verify and build, then report the folder")

    tiles: list[tuple[str, str, str]] = []
    shown: list[Figure] = []
    test = train = None
    if dataset is not None:
        test, train = (_scores(network, *dataset.split(split)) for split in ("test", "train"))
        tiles += (_error_tiles if network.head.kind == "number" else _accuracy_tiles)(test, train)
    votes = len(network.head.signal)
    tiles.append(
        (
            f"{network.n_luts:,}",
            "lookup tables",
            f"{len(network.encoder):,} encoder bits, {votes:,} vote{'s' * (votes != 1)}",
        )
    )
    if dataset is not None:
        scored = test if test is not None else train
        if scored is not None:
            answers = _answers if network.head.classifies else _targets
            shown += answers(network, scored, "test" if test is not None else "training")
            shown += _quality(network, scored, "test" if test is not None else "training")
    shown += _learning(network, train, test)
    shown += [_inputs(network), _usage(network)]
    if manifest is not None:
        tiles += _hardware_tiles(manifest, build, verify)
        shown += _hardware(manifest, build, verify) + _boards(boards) + _vendors(results(manifest.directory))
    else:
        shown.append(_estimate(network))
    scored = test if test is not None else train
    if scored is not None and network.head.classifies:
        shown += _mistakes(network, scored)
    _fill(shown)
    if tune_commands(network, path.name) is None:
        missing.append("how the operating point was tuned: the model does not say on which data")
    page = {
        "title": title or f"{_data_name(network, dataset)}: report of {path.name}",
        "version": __version__,
        "facts": _facts(network, dataset, manifest),
        "tiles": tiles,
        "figures": shown,
        "commands": _commands(network, manifest, path, build, verify, boards),
        "versions": _versions(),
        "missing": missing,
    }
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: quote.plain(value) if type(value) is str else value,
    )
    template = (resources.files("lut2hw.report") / "report.html.j2").read_text()
    return environment.from_string(template).render(page)


def _fill(shown: list[Figure]) -> None:
    """Two columns without a hole: the last of an odd number of narrow figures is wide."""
    narrow = 0
    for at, figure in enumerate([*shown, Figure("", "", wide=True)]):
        if not figure.wide:
            narrow += 1
            continue
        if narrow % 2:
            shown[at - 1].wide = True
        narrow = 0


# --- parts ------------------------------------------------------------------------------------------------------


def _scores(network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any]) -> _Scores | None:
    if not len(y):
        return None
    x, y = x[:MAX_EXAMPLES], y[:MAX_EXAMPLES]
    scores = network.scores_integers(x)
    return _Scores(x, y, network.head.answer(scores), scores)


def _accuracy_tiles(test: _Scores | None, train: _Scores | None) -> list[tuple[str, str, str]]:
    out = []
    for name, split in (("test", test), ("training", train)):
        if split is not None:
            note = f"{split.right:,} of {len(split.y):,}"
            if split is test:
                low, high = wilson(split.right, len(split.y))
                note += f"; 95% confidence {low:.2%} to {high:.2%}"
            out.append((f"{split.right / len(split.y):.2%}", f"{name} accuracy", note))
    return out


def _error_tiles(test: _Scores | None, train: _Scores | None) -> list[tuple[str, str, str]]:
    out = []
    for name, split in (("test", test), ("training", train)):
        if split is not None:
            value = split.answer.reshape(split.y.shape)
            note = f"RMSE {metrics.rmse(split.y, value):.4g} on {len(split.y):,} examples"
            out.append((f"{metrics.r2(split.y, value):.4f}", f"R2, {name}", note))
    return out


def _targets(network: LutNetwork, split: _Scores, name: str) -> list[Figure]:
    """How good each number or label is."""
    answers = split.answer.reshape(split.y.shape)
    columns = list(zip(network.target_names, split.y.T, answers.T, strict=True))
    if network.head.kind == "number":
        rows: list[list[Any]] = [
            [
                target,
                *(f"{metric(y, value):.4g}" for metric in (metrics.r2, metrics.rmse, metrics.mae)),
                f"{y.min():.4g} to {y.max():.4g}",
            ]
            for target, y, value in columns
        ]
        text = f"Of the {name} set: share of the variance that is explained, and errors."
        return [Figure("Numbers", text, head=["target", "R2", "RMSE", "MAE", "values"], rows=rows)]
    rows = [
        [label, f"{(y == answer).mean():.1%}", int(y.sum()), int(answer.sum()), int((y & answer).sum())]
        for label, y, answer in columns
    ]
    text = f"Of the {name} set: share of right answers, and examples that have the label, are answered so, or both."
    return [Figure("Labels", text, head=["label", "right", "have it", "answered", "both"], rows=rows)]


def _answers(network: LutNetwork, split: _Scores, name: str) -> list[Figure]:
    """Confusion matrix and margins."""
    n, names = network.n_classes, network.answer_names
    m = len(names)  # with "none", where the model rejects
    confusion = np.bincount(split.y * m + split.answer, minlength=n * m).reshape(n, m)
    out = []
    if n <= MAX_CLASSES_SHOWN:
        totals = np.maximum(confusion.sum(axis=1), 1)
        rows = [
            [label, *((int(count), math.sqrt(count / total)) for count in row), f"{row[i] / total:.1%}"]
            for i, (label, row, total) in enumerate(zip(network.class_names, confusion, totals, strict=True))
        ]
        out.append(
            Figure(
                "Confusion matrix",
                f"Rows are the {name} set's labels, columns the answers; the last "
                "column is the share of the label that is answered right.",
                shaded=True,
                wide=n > 6,
                head=["", *names, "right"],
                rows=rows,
            )
        )
    else:
        wrong = confusion * (1 - np.eye(n, m, dtype=np.int64))
        order = np.argsort(-wrong, axis=None, kind="stable")[:12]
        pairs = [[names[at // m], names[at % m], int(wrong.flat[at])] for at in order if wrong.flat[at]]
        out.append(
            Figure(
                "Most frequent confusions",
                f"Of the {name} set.",
                head=["label", "answer", "examples"],
                rows=pairs or [["none", "", 0]],
            )
        )
    scores = split.scores
    if network.head.has_margin:
        if network.head.kind == "argmax":
            what = "The winner's score less the runner-up's; 0 is a tie, which the lowest class wins."
        else:
            what = "Distance of the score from the threshold."
        margin = network.head.margin(scores)
        right = split.y == split.answer
        close = margin <= np.median(margin)
        share = (~right & close).sum() / max((~right).sum(), 1)
        out.append(
            Figure(
                "Margins",
                f"{what} {share:.0%} of the wrong answers are in the half of the {name} set "
                "with the smaller margins.",
                figures.margins(margin[right], margin[~right]),
            )
        )
    return out


def _quality(network: LutNetwork, split: _Scores, name: str) -> list[Figure]:
    """Curves of all thresholds, probabilities, errors."""
    shown = quality.figures_of(network, split.y, split.answer, split.scores, name)
    return [Figure(each.title, each.text, each.body) for each in shown]


AXES = {"number": ("loss, % of a constant answer's", "training loss"), "labels": ("wrong labels, %",)}
"""Axes of the learning curve, where they are not those of classes."""


def _learning(network: LutNetwork, train: _Scores | None, test: _Scores | None) -> list[Figure]:
    curve = network.meta.get("curve")
    if curve is not None and _is_curve(curve):
        text = "Error and loss after each sweep over all tables"
        text += "; dotted lines are where LUTs were grown." if len({entry[0] for entry in curve}) > 1 else "."
        return [Figure("Learning curve", text, figures.curve(curve, *AXES.get(network.head.kind, ())))]
    split = test or train
    if split is None:
        return []
    if not network.head.classifies:
        return []
    if network.head.kind == "bit" and len(network.layers) > 1:
        signals = bits.unpack(network.signals(network.encoder(split.x)), len(split.y))
        rows = [
            (number + 1, (signals[first : first + len(layer)] == split.y).mean(axis=1))
            for number, (layer, first) in enumerate(zip(network.layers, network.first_signal, strict=True))
            if len(layer)
        ]
        return [
            Figure(
                "Learning by layer",
                "Every LUT is an answer of its own; this is how good they are.",
                figures.layers_curve(rows, "test" if test else "training"),
            )
        ]
    if len(network.head.signal) < 4:
        return []
    return [_votes(network, train, test)]


def _is_curve(curve: Any) -> bool:
    def number(value: Any) -> bool:
        return isinstance(value, int | float) and math.isfinite(value)

    return (
        isinstance(curve, list)
        and 0 < len(curve) <= 10_000
        and all(
            isinstance(e, list)
            and len(e) == 5
            and isinstance(e[0], str)
            and all(map(number, e[1:4]))
            and (e[4] is None or number(e[4]))
            for e in curve
        )
    )


def _votes(network: LutNetwork, train: _Scores | None, test: _Scores | None) -> Figure:
    """Accuracy when only the first votes of each class count."""
    head = network.head
    rank = np.zeros(len(head.signal), np.int64)  # position of a vote among those of its class
    for c in range(len(head.bias)):
        own = head.class_of == c
        rank[own] = np.arange(own.sum())
    most = int(rank.max()) + 1
    steps = sorted({max(1, round(most * share)) for share in np.linspace(0.05, 1, 12)})
    accuracy: dict[str, list[float]] = {}
    for name, split in (("train", train), ("test", test)):
        if split is None:
            continue
        x, y = split.x[:5000], split.y[:5000]
        signals = bits.unpack(network.signals(network.encoder(x))[head.signal], len(y)).astype(np.int64)
        for step in steps:
            scores = np.tile(head.bias, (len(y), 1))
            for c in range(len(head.bias)):
                use = np.flatnonzero((head.class_of == c) & (rank < step))
                scores[:, c] += head.weight[use].astype(np.int64) @ signals[use]
            accuracy.setdefault(name, []).append(float((head.answer(scores) == y).mean()))
    counts = [int((rank < step).sum()) for step in steps]
    return Figure(
        "Accuracy by votes",
        "What the first so many votes of each class would answer alone (of 5,000 examples at most).",
        figures.votes_curve(counts, accuracy.get("train"), accuracy.get("test")),
    )


def _reads(network: LutNetwork) -> NDArray[np.int64]:
    """int64 (n_features,): inputs of LUTs, and votes, that read a bit of the feature."""
    read = np.concatenate([network.head.signal, *(layer.wiring.ravel() for layer in network.layers)])
    per_signal = np.bincount(read, minlength=network.n_signals)[: len(network.encoder)]
    return np.bincount(network.encoder.feature, weights=per_signal, minlength=len(network.features)).astype(np.int64)


def _inputs(network: LutNetwork) -> Figure:
    reads, features = _reads(network), network.features
    used = int((reads > 0).sum())
    text = f"{used:,} of {len(features):,} features are read, by {reads.sum():,} inputs of LUTs."
    shape = features.image_shape
    if shape is not None and len(shape) >= 2 and min(shape[:2]) > 1:
        values = reads.reshape(shape).reshape(shape[0], shape[1], -1).sum(axis=2)
        image = f'<img class="pixels" alt="Reads of each pixel" src="{figures.heat(values)}">'
        text += f" The stronger the colour, the more often; at most {values.max():,} times."
        return Figure("Inputs read", text, image)
    order = np.argsort(-reads, kind="stable")[:20]
    return Figure(
        "Inputs read",
        text + " The most read ones:",
        figures.bars(
            [features.names[i] for i in order],
            [("reads", reads[order].tolist())],
            "inputs",
            "Inputs read",
            "inputs of LUTs",
        ),
    )


def _usage(network: LutNetwork) -> Figure:
    live = np.zeros(network.n_signals, bool)
    live[network.head.signal] = True
    names: list[str] = []
    rows: list[tuple[int, int]] = []
    text = ""
    for number, (layer, first) in reversed(list(enumerate(zip(network.layers, network.first_signal, strict=True)))):
        own = live[first : first + len(layer)]
        live[layer.wiring[own].ravel()] = True
        names.append(f"{number + 1}: {layer.k} input{'s' * (layer.k != 1)}")
        rows.append((len(layer), int(own.sum())))
    names, rows = names[::-1], rows[::-1]
    if len(rows) > 24:  # deep imported logic: neighbours together
        size = -(-len(rows) // 24)
        names = [f"{at + 1} to {min(at + size, len(names))}" for at in range(0, len(names), size)]
        rows = [
            (sum(r[0] for r in rows[at : at + size]), sum(r[1] for r in rows[at : at + size]))
            for at in range(0, len(rows), size)
        ]
    seen = [(int(layer.care_bits.sum()), layer.care_bits.size) for layer in network.layers if layer.care is not None]
    if seen:
        share = sum(s for s, _ in seen) / max(sum(n for _, n in seen), 1)
        text = f" Training showed {share:.0%} of the entries of their tables."
    used = sum(row[1] for row in rows)
    if not rows:
        return Figure(
            "LUT usage by layer", "The network has no LUTs; its head reads the code.", head=["layer"], rows=[["none"]]
        )
    return Figure(
        "LUT usage by layer",
        f"{used:,} of {network.n_luts:,} LUTs have a way to the answer.{text}",
        figures.bars(
            names,
            [("learned", [r[0] for r in rows]), ("used", [r[1] for r in rows])],
            "usage",
            "LUT usage by layer",
            "LUTs",
        ),
    )


def _rate(manifest: Manifest) -> str:
    if manifest.stream:
        clocks = manifest.clocks_per_sample
        return "one sample per clock" if clocks == 1 else f"a sample every {clocks:,} clocks at most"
    return f"an example every {manifest.clocks:,} clocks" if manifest.folded else "one example per clock"


def _hardware_tiles(
    manifest: Manifest, build: dict[str, Any] | None, verify: dict[str, Any] | None
) -> list[tuple[str, str, str]]:
    cycles = manifest.latency
    if build is None:
        cells = manifest.data["cells"]
        out = [(f"{cells.get('lut', 0):,}", f"LUTs on {manifest.target}", f"latency {cycles} cycles")]
        if manifest.folded:
            lanes = manifest.data["fold"]["lanes"]
            what = f"program on {manifest.target}, {lanes} table{'s' * (lanes > 1)} a clock"
            out = [(f"{len(manifest.program):,} rows", what, f"latency {cycles} cycles; {_rate(manifest)}")]
    else:
        out = [
            (
                f"{build['core']['logic_cells']:,}",
                f"logic cells, core on {build['device']}",
                f"whole chip {build['chip']['logic_cells']:,}",
            )
        ]
        if build["fmax_mhz"]:
            out += [
                (
                    f"{build['fmax_mhz']:.1f} MHz",
                    "Fmax",
                    f"{build['classifications_per_second']:,} "
                    f"{'samples' if manifest.stream else 'classifications'} per second",
                ),
                (f"{build['latency_ns']:.0f} ns", "latency", f"{cycles} cycles; {_rate(manifest)}"),
            ]
    if verify is not None:
        out.append(
            (
                "PASS" if verify["passed"] else "FAIL",
                "against the golden model",
                f"{verify['vectors']:,} vectors, {verify['mismatches']:,} mismatches",
            )
        )
    return out


def _part_luts(parts: Mapping[str, Mapping[str, int]]) -> list[tuple[str, float]]:
    return [
        (PART_NAMES[part], sum(parts[part].get(kind, 0) for kind in ("lut", "mux")))
        for part in PARTS
        if part in parts
    ]


def _estimate(network: LutNetwork) -> Figure:
    """What the core of a model that is not emitted would take."""
    target = get_target(ESTIMATE_FOR)
    netlist = compile_network(network, target, pipeline="none").netlist
    return Figure(
        "Area by part",
        f"LUTs of the core if it were emitted for {target.name} without pipeline; about "
        f"{estimate_netlist(netlist, target):,} logic cells in all.",
        figures.stacked(_part_luts(netlist.count_parts()), "LUTs"),
    )


def _hardware(manifest: Manifest, build: dict[str, Any] | None, verify: dict[str, Any] | None) -> list[Figure]:
    out = []
    parts = _part_luts(manifest.data["parts"])
    text = "LUTs of the compiled core"
    if build is not None:
        wrapper = build["chip"]["lut4"] - build["core"]["lut4"]
        parts.append(("wrapper", max(wrapper, 0)))
        text += "; the wrapper feeds it through few pins"
    rest = {kind: count for kind, count in manifest.data["cells"].items() if kind != "lut"}
    if rest:
        text += ", not counting " + ", ".join(f"{count:,} {_KINDS.get(kind, kind)}" for kind, count in rest.items())
    out.append(Figure("Area by part", text + ".", figures.stacked(parts, "LUTs")))
    if build is not None:
        out += _built(manifest, build)
    if verify is not None:
        rows = [
            [
                engine["engine"],
                {True: "PASS", False: "FAIL", None: "could not say"}[engine["passed"]],
                f"{engine['vectors']:,}" if engine["vectors"] else "proof",
                engine["mismatches"],
                engine["note"] or "; ".join(engine["errors"]),
                f"{engine['seconds']:.1f} s",
            ]
            for engine in verify["engines"]
        ]
        head = ["engine", "result", "vectors", "mismatches", "note", "time"]
        if not any(row[4] for row in rows):
            head, rows = head[:4] + head[5:], [row[:4] + row[5:] for row in rows]
        out.append(
            Figure("Verification", "The emitted core against the golden model.", wide=True, head=head, rows=rows)
        )
    return out


_COUNTS = {"logic_cells": "logic cells", "lut4": "LUT4s", "carry": "carries", "ff": "flip-flops", "ram": "block RAMs"}
_KINDS = {"carry": "carries", "ff": "flip-flops", "mux": "hard multiplexers", "ram": "block RAMs"}


def _built(manifest: Manifest, build: dict[str, Any]) -> list[Figure]:
    device = get_target(manifest.target).devices.get(build["device"])
    out = []
    chip, core = build["chip"], build["core"]
    if device is not None:
        rows = [("chip", chip["logic_cells"], device.logic_cells), ("core", core["logic_cells"], device.logic_cells)]
        if device.ram and chip["ram"]:
            rows.append(("block RAM", chip["ram"], device.ram))
        out.append(
            Figure(
                "Device utilization", f"Logic cells of {build['device']}-{build['package']}.", figures.shares(rows)
            )
        )
    counts = list(core)
    rows_ = [[what, *(f"{build[what][count]:,}" for count in counts)] for what in ("core", "chip")]
    words = None
    with contextlib.suppress(OSError):
        log = read_text(manifest.directory / "nextpnr.log", 1 << 28, errors="replace")
        words = None if manifest.folded else critical_path(log, manifest.netlist)
    out.append(
        Figure("Area and timing", words or "", head=["", *(_COUNTS.get(c, c) for c in counts)], rows=rows_, wide=True)
    )
    return out


def _boards(boards: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    """A table of the chips for boards, by the board's name."""

    def number(value: Any, form: str = ",") -> str:
        return format(value, form) if isinstance(value, int | float) else "-"

    rows = []
    for name, built in boards.items():
        areas = [built[what] if isinstance(built.get(what), dict) else {} for what in ("core", "chip")]
        rows.append(
            [
                name,
                f"{built.get('device', '-')}-{built.get('package', '-')}",
                *(number(area.get("logic_cells")) for area in areas),
                number(built.get("fmax_mhz"), ".1f"),
                number(built.get("clock_mhz"), "g"),
                number(built.get("baud")),
                number(built.get("examples_per_second")),
            ]
        )
    head = ["board", "device", "core, cells", "chip, cells", "Fmax, MHz", "clock, MHz", "baud", "examples per second"]
    text = "The core behind a UART, in the clock of the board."
    return [Figure("Chips for boards", text, head=head, rows=rows, wide=True)] if rows else []


def _vendors(found: Sequence[VendorResult]) -> list[Figure]:
    """A table of what vendors' reports say."""

    def number(value: float | None, form: str = ",") -> str:
        return "-" if value is None else format(value, form)

    rows = [
        [
            VENDORS[each.tool].title,
            each.part,
            *(number(count) for count in (each.luts, each.registers, each.carries, each.ram)),
            number(each.clock_mhz, "g"),
            number(each.slack_ns, ".3f"),
            number(each.fmax_mhz, ".1f"),
        ]
        for each in found
    ]
    head = ["tool", "part", "LUTs", "registers", "carries", "RAMs", "asked, MHz", "slack, ns", "Fmax, MHz"]
    text = "The core, as the vendor's tool reports it."
    return [Figure("Vendors' tools", text, head=head, rows=rows, wide=True)] if rows else []


def _mistakes(network: LutNetwork, split: _Scores) -> list[Figure]:
    wrong = np.flatnonzero(split.y != split.answer)
    if not len(wrong):
        return [Figure("Wrong answers", "There are none on these examples.", head=["wrong answers"], rows=[[0]])]
    names, features = network.answer_names, network.features
    # Spread over the set, so that sorted data show every class.
    chosen = wrong[np.unique(np.linspace(0, len(wrong) - 1, MAX_PICTURES).astype(np.int64))]
    shape = features.image_shape
    if shape is not None and len(shape) >= 2:
        low, high = features.low.min(), features.high.max()
        pictures = []
        text = f"{len(chosen)} of {len(wrong):,} wrong answers: label → answer."
        for i in chosen:
            pixels = np.rint((split.x[i] - low) * (255 / max(high - low, 1))).astype(np.uint8).reshape(shape)
            if pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4):
                pixels = pixels[..., 0]
            caption = jinja2.utils.markupsafe.escape(quote.line(f"{names[split.y[i]]} → {names[split.answer[i]]}"))
            pictures.append(
                f'<span class="example"><img class="pixels" alt="{caption}" src="{figures.png(pixels)}">'
                f"{caption}</span>"
            )
        return [Figure("Wrong answers", text, f'<div class="examples">{"".join(pictures)}</div>', wide=True)]
    columns = np.argsort(-_reads(network), kind="stable")[:6]
    raw = features.real(np.asarray(split.x[chosen[:12]]))
    rows = [
        [
            names[split.y[i]],
            names[split.answer[i]],
            *("missing" if np.isnan(value) else f"{value:g}" for value in raw[at, columns]),
        ]
        for at, i in enumerate(chosen[:12])
    ]
    text = f"{len(rows)} of {len(wrong):,} wrong answers, with the most read features."
    return [
        Figure(
            "Wrong answers",
            text,
            head=["label", "answer", *(features.names[c] for c in columns)],
            rows=rows,
            wide=True,
        )
    ]


# --- facts ------------------------------------------------------------------------------------------------------


def _data_name(network: LutNetwork, dataset: Dataset | None) -> str:
    if dataset is not None:
        return Path(dataset.name).name
    options = network.meta.get("data")
    name = options.get("data") if isinstance(options, dict) else None
    return Path(name).name if isinstance(name, str) else "lut2hw"


def _facts(network: LutNetwork, dataset: Dataset | None, manifest: Manifest | None) -> list[tuple[str, str]]:
    meta, head = network.meta, network.head
    all_names = network.class_names or network.target_names
    names = ", ".join(all_names[:12]) + (", …" if len(all_names) > 12 else "")
    what = "Classes" if network.class_names else "Labels" if head.kind == "labels" else "Numbers"
    facts = [
        (what, f"{len(all_names)}: {names}"),
        (
            "Features",
            f"{len(network.features):,}"
            + (f", images of {' × '.join(map(str, shape))}" if (shape := network.features.image_shape) else "")
            + f", {len(network.encoder):,} bits of code",
        ),
    ]
    if dataset is not None:
        facts.insert(
            0,
            ("Data", f"{dataset.name}: {len(dataset.y_train):,} training and {len(dataset.y_test):,} test examples"),
        )
        facts += [("Note", note) for note in dataset.notes]
    if "imported" in meta:
        facts.append(("Learner", f"imported from {meta['imported']}"))
    elif "learner" in meta:
        facts.append(("Learner", f"{meta['learner']}, k = {meta.get('k', '?')}, seed {meta.get('seed', '?')}"))
    depth = len(network.layers)
    facts.append(
        (
            "Network",
            f"{network.n_luts:,} LUTs in {depth} layer{'s' * (depth != 1)}; head: "
            + {
                "bit": "the class is one LUT's bit",
                "threshold": f"threshold of {len(head.signal):,} votes",
                "argmax": f"{len(head.signal):,} votes, popcount by class and argmax",
                "number": f"weighted sums of {len(head.signal):,} votes, in fixed point",
                "labels": f"a threshold of weighted votes for each label, {len(head.signal):,} votes",
            }[head.kind]
            + (f', "none" below a margin of {head.reject:,}' if head.reject else ""),
        )
    )
    if network.front_end is not None:
        front_end = network.front_end
        facts.append(
            (
                "Front end",
                f"{front_end.kind}: {front_end.description}; {len(front_end.rows):,} features are read, of samples "
                f"of {len(front_end.samples)} channel{'s' * (len(front_end.samples) > 1)}",
            )
        )
    if manifest is not None and manifest.options.detect is not None:
        facts.append(("Detector", in_words_of(manifest.data["stream"]["detect"])))
    if manifest is not None:
        facts.append(
            (
                "Hardware",
                f"{manifest.target}, {manifest.input_port.width:,} input bits, "
                + (
                    ""
                    if manifest.output_port.classes_alone
                    else f"{manifest.output_port.width:,} output bits ({', '.join(manifest.output_port.outputs)}), "
                )
                + f"{manifest.latency} cycles of latency, {_rate(manifest)}",
            )
        )
    return facts


def train_command(network: LutNetwork, model: str) -> str | None:
    """The command that trains this model again, None if its meta does not say."""
    data, options = network.meta.get("data"), options_of(network.meta)
    if options is None or not isinstance(data, dict) or "data" not in data:
        return None
    return options.command(data, model)


def _commands(
    network: LutNetwork,
    manifest: Manifest | None,
    path: Path,
    build: dict[str, Any] | None,
    verify: dict[str, Any] | None,
    boards: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    model = "model.lut" if manifest is not None else path.name
    train = train_command(network, model)
    out = [train, *(tune_commands(network, model) or [])] if train else []
    if manifest is None:
        return [*out, shlex.join(["lut2hw", "eval", model])]
    folder = path.name
    words = ["lut2hw", "emit", model, "-o", folder, "--target", manifest.target]
    out.append(shlex.join([*words, *manifest.options.arguments()]))
    if verify is not None:
        words = ["lut2hw", "verify", folder, "--engine", str(verify["engine"]), "--seed", str(verify.get("seed", 0))]
        words += ["--vectors", str(verify["asked"])] if verify.get("asked") else []
        out.append(shlex.join(words))
    if build is not None:
        words = [
            "lut2hw",
            "build",
            folder,
            "--device",
            build["device"],
            "--package",
            build["package"],
            "--seed",
            str(build["seed"]),
        ]
        words += ["--freq", f"{build['freq_mhz']:g}"] if "freq_mhz" in build else []
        out.append(shlex.join(words))
    for name, chip in boards.items():
        words = ["lut2hw", "build", folder, "--board", name, "--seed", str(chip.get("seed", 1))]
        words += ["--baud", str(chip["baud"])] if "baud" in chip else []
        out.append(shlex.join(words))
    return [*out, shlex.join(["lut2hw", "report", folder])]


def _versions() -> list[tuple[str, str]]:
    from lut2hw.flow import doctor

    return [("lut2hw", __version__), *doctor.versions().items()]
