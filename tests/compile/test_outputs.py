"""What a core puts out: class, margin, scores, or several of them, against a plain count of the votes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from helpers import needs
from helpers.networks import inputs_of, random_network, vote_network

from lut2hw import bits, targets
from lut2hw.artefact.emit import emit, emit_model, load
from lut2hw.artefact.vectors import Vectors
from lut2hw.compile.compiler import compile_network
from lut2hw.compile.options import CompileOptions
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.hdl.header import header
from lut2hw.logic.port import INPUT, OUTPUT, OutputPort, outputs_of
from lut2hw.model.parts import Head


@dataclass
class Given:
    """Training examples alone."""

    x: np.ndarray
    y: np.ndarray

    def split(self, name):
        return (self.x, self.y) if name == "train" else (self.x[:0], self.y[:0])


COMBINATIONS = [
    ("class",),
    ("margin",),
    ("scores",),
    ("class", "margin"),
    ("class", "scores"),
    ("margin", "scores"),
    ("class", "margin", "scores"),
]


HEADS = ["argmax", "threshold", "argmax reject", "threshold reject", "number", "labels"]


def combinations(head: str) -> list[tuple[str, ...]]:
    """All that a core with such a head can put out."""
    if head == "number":
        return [("scores",)] * 3
    return [("labels",), ("scores",), ("labels", "scores")] if head == "labels" else COMBINATIONS


def by_hand(network, x) -> list[dict[str, int]]:
    """Class, margin and scores of each example, from the definition."""
    head, votes = network.head, bits.unpack(network.signals(network.encoder(x)), len(x))[network.head.signal]
    out: list[dict[str, int]] = []
    for column in votes.T.astype(int):
        scores = [int(bias) for bias in head.bias]
        for bit, c, weight in zip(column, head.class_of.tolist(), head.weight.tolist(), strict=True):
            scores[c] += weight * int(bit)
        if head.kind == "number":
            out.append(dict(zip(network.target_names, scores, strict=True)))
            continue
        if head.kind == "labels":
            values = {name: int(score >= 0) for name, score in zip(network.target_names, scores, strict=True)}
            named = {f"score_{name}": score for name, score in zip(network.target_names, scores, strict=True)}
            out.append(values | named)
            continue
        if head.kind == "threshold":
            [score] = scores
            out.append({"class": int(score >= 0), "margin": score if score >= 0 else -1 - score, "score": score})
        else:
            best, second = sorted(scores, reverse=True)[:2]
            named = {f"score_{name}": score for name, score in zip(network.class_names, scores, strict=True)}
            out.append({"class": scores.index(best), "margin": best - second, **named})
        if out[-1]["margin"] < head.reject:
            out[-1]["class"] = network.n_classes
    return out


def said(network, right: dict[str, int], outputs) -> int | list[int] | None:
    """The answer that a word with these outputs says."""
    if network.head.kind == "labels":
        return [right[name] for name in network.target_names]
    return None if network.head.kind == "number" or outputs == ("margin",) else right["class"]


def words(compiled, x) -> list[int]:
    rows = bits.unpack(
        compiled.netlist.evaluate(**{INPUT: compiled.input_port.bits_of(compiled.network, x)})[OUTPUT], len(x)
    )
    return [int("".join(map(str, column[::-1])), 2) for column in rows.T.tolist()]


def compare(network, compiled, outputs, n=120) -> None:
    x, port = inputs_of(network, n), compiled.output_port
    assert port.outputs == outputs and port.width == len(compiled.netlist.outputs[OUTPUT])
    for word, right in zip(words(compiled, x), by_hand(network, x), strict=True):
        values = port.values_of(word)
        assert values == {name: right[name] for name in values}, outputs
        assert port.answer_of(word, network.head) == said(network, right, outputs)
    assert (port.has("class"), port.has("margin")) == ("class" in outputs, "margin" in outputs)
    assert len(port.labels) == (len(network.head.bias) if "labels" in outputs else 0)
    assert len(port.scores) == (len(network.head.bias) if "scores" in outputs else 0)


@pytest.mark.parametrize("family", sorted(targets.TARGETS))
@pytest.mark.parametrize("head", HEADS)
def test_every_combination_in_every_family(family, head):
    for seed, outputs in enumerate(combinations(head)):
        for signed in (0, 1):
            network = random_network(7 * seed + signed, head=head, weighted=bool(signed), luts=8)
            pipeline = ["none", 2, "auto"][seed % 3]
            compiled = compile_network(network, targets.get(family), outputs=outputs, pipeline=pipeline)
            compare(network, compiled, outputs)


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(targets.TARGETS))
def test_more_networks(family):
    for seed in range(500, 640):
        head = HEADS[seed // 7 % 6]
        network, outputs = random_network(seed, head=head), combinations(head)[seed % 7 % len(combinations(head))]
        compare(network, compile_network(network, targets.get(family), outputs=outputs, pipeline="none"), outputs)


@pytest.mark.slow
@needs.tool("yosys")
@pytest.mark.parametrize("head", HEADS)
def test_the_rival_of_high_effort_puts_out_the_same(head):
    from lut2hw.compile.baseline import synthesize

    for seed, outputs in enumerate(combinations(head)):
        network = random_network(seed + 40, head=head, luts=8)
        compiled = compile_network(network, targets.get("ice40"), outputs=outputs, pipeline="none")
        rival = synthesize(network, compiled.input_port, compiled.target, compiled.output_port)
        x = inputs_of(network, 120)
        packed = compiled.input_port.bits_of(network, x)
        rows = bits.unpack(rival.evaluate(**{INPUT: packed})[OUTPUT], len(x))
        assert (rows == bits.unpack(compiled.netlist.evaluate(**{INPUT: packed})[OUTPUT], len(x))).all(), outputs


def test_scores_alone_have_no_argmax():
    network = vote_network(60, 4, 10)
    for family in ("ice40", "xilinx7"):
        parts = {
            outputs: compile_network(network, targets.get(family), outputs=outputs).netlist.count_parts()
            for outputs in ("class", "scores", "class,margin")
        }
        assert "argmax" not in parts["scores"]
        assert parts["class"]["argmax"]["lut"] < parts["class,margin"]["argmax"]["lut"]


def test_scores_are_an_array():
    """All of one width, right after each other."""
    network = random_network(3)
    port = OutputPort.of(network, ("class", "scores"))
    [width] = {field.width for field in port.scores}
    assert [field.offset for field in port.scores] == [
        port.fields[0].width + at * width for at in range(len(port.scores))
    ]
    low, high = network.head.score_range
    least = -(1 << width - 1) if port.scores[0].signed else 0
    assert least <= low.min() and high.max() < least + (1 << width)


def test_margins_stay_in_their_range():
    for seed in range(30):
        network = random_network(seed, head=["argmax", "threshold"][seed % 2])
        margins = network.head.margin(network.scores_packed(network.encoder(inputs_of(network, 300)), 300))
        assert margins.min() >= 0 and margins.max() <= network.head.margin_range[1]


@pytest.mark.parametrize(
    ("names", "found"),
    [("scores,class", ("class", "scores")), (["margin"], ("margin",)), (" class , class", ("class",))],
)
def test_names_in_any_order(names, found):
    assert outputs_of(names) == CompileOptions(outputs=names).outputs == found


@pytest.mark.parametrize("wrong", ["", "klass", [], None, [1], "class,,margin", {"class": 1}, 7])
def test_wrong_outputs_are_one_line(wrong):
    with pytest.raises(UsageError) as error:
        CompileOptions(outputs=wrong)
    assert "class" in str(error.value) and "\n" not in str(error.value)


def test_one_bit_has_no_scores(tmp_path):
    network = random_network(2, head="bit")
    for outputs in ("margin", "class,scores"):
        with pytest.raises(UsageError, match="leave --outputs at class"):
            emit_model(network, tmp_path / "core", outputs=outputs)
    assert not (tmp_path / "core").exists()


@pytest.mark.parametrize(
    ("head", "outputs", "says"),
    [
        ("number", "class", "answer is numbers, .*; leave --outputs at scores$"),
        ("number", "labels,scores", "answer is numbers, .*; leave --outputs at scores$"),
        ("labels", "class", "answer is labels, .*; leave --outputs at labels, scores, or several of these$"),
        ("labels", "margin", "answer is labels, .*; leave --outputs at labels, scores, or several of these$"),
        ("argmax", "labels", "answer is a class, not labels; leave --outputs at class, margin, scores, or several"),
    ],
)
def test_outputs_that_the_answers_lack_are_one_line(head, outputs, says, tmp_path):
    with pytest.raises(UsageError, match=says):
        emit_model(random_network(2, head=head), tmp_path / "core", outputs=outputs)
    assert not (tmp_path / "core").exists()


@pytest.mark.parametrize("head", HEADS)
def test_the_answer_alone_is_what_comes_out_by_default(head, tmp_path):
    network = random_network(3, head=head)
    manifest = emit_model(network, tmp_path / "core")
    [name] = manifest.output_port.outputs
    assert name == {"number": "scores", "labels": "labels"}.get(head, "class")
    output = json.loads((tmp_path / "core" / "manifest.json").read_text())["output"]
    assert output["outputs"] == [name]
    assert output["classes"] == list(network.answer_names)
    assert output.get("targets", []) == list(network.target_names)
    assert output.get("reject", 0) == network.head.reject
    if head in ("number", "labels"):
        assert [field["name"] for field in output["fields"]] == list(network.target_names)
        assert set(np.load(tmp_path / "core" / "vectors.npz")) == {"inputs", "outputs"}
        assert manifest.vectors.classes is None
    if head == "number":
        x = inputs_of(network, 50)
        values = network.predict_integers(x).reshape(50, -1)
        scores = network.scores_packed(network.encoder(x), 50)
        assert [field["fraction"] for field in output["fields"]] == network.head.fraction.tolist()
        assert (scores * [field["scale"] for field in output["fields"]] == values).all()


@pytest.mark.parametrize("head", ["number", "labels", "argmax reject"])
def test_the_header_says_what_numbers_and_labels_mean(head):
    network = random_network(3, head=head)
    text = header(compile_network(network, targets.get("ice40")))
    for at, name in enumerate(network.target_names):
        if head == "labels":
            assert f"[{at}] {name}, unsigned: 1 for {name}" in text
            continue
        fraction = int(network.head.fraction[at])
        scaled = f"{name} * 2**{fraction}" if fraction > 0 else f"{name} / 2**{-fraction}" if fraction else name
        assert re.search(rf"^//   \[\d+:\d+\] {name}, (unsigned|two's complement): {re.escape(scaled)}$", text, re.M)
    if head == "argmax reject":
        assert f"//   {network.n_classes} none\n" in text
        assert f"the margin is below {network.head.reject}." in text
    assert ("Classes are" in text) == (head == "argmax reject")


@pytest.mark.parametrize("change", ["targets", "fraction", "reject", "classes", "outputs", "none", "class", "few"])
def test_another_meaning_of_the_answers_is_refused(change, tmp_path):
    head = {"reject": "argmax reject", "none": "argmax reject", "outputs": "labels"}.get(change, "number")
    emit_model(random_network(3, head=head), tmp_path / "core")
    path = tmp_path / "core" / "manifest.json"
    data = json.loads(path.read_text())
    output = data["output"]
    if change == "fraction":
        output["fields"][0]["fraction"] += 1
    elif change == "none":
        del output["reject"]
    elif change == "class":
        output["outputs"] = ["class"]
    elif change == "few":
        output["outputs"] = ["labels", "scores"]
    else:
        output[change] = {
            "targets": ["other"] * len(output.get("targets", ())),
            "reject": 1 + output.get("reject", 0),
            "classes": ["a", "b"],
            "outputs": ["scores"],
        }[change]
    path.write_text(json.dumps(data))
    with pytest.raises(Lut2hwError, match="emit the core again"):
        assert load(tmp_path / "core").network


def test_names_of_targets_may_be_anything(tmp_path):
    names = ("class", "margin", "a b", "score_a b", "größe", "7", "a_b", "\n`endif")
    for kind in ("labels", "number"):
        network = vote_network(24, 3, 8)
        arrays = network.head.signal, network.head.class_of, np.ones(24), np.full(8, -1)
        head = Head.labels(*arrays) if kind == "labels" else Head.number(*arrays, np.arange(8))
        network = replace(network, head=head, class_names=(), target_names=names)
        outputs = "labels,scores" if kind == "labels" else "scores"
        manifest = emit_model(network, tmp_path / kind, outputs=outputs)
        fields = [field.name for field in manifest.output_port.fields]
        assert len(set(fields)) == len(fields) == len(set(manifest.output_port.keys)) and manifest.verilog
        x = inputs_of(network, 80)
        compiled = compile_network(network, targets.get("ice40"), outputs=outputs)
        scores = network.scores_packed(network.encoder(x), 80)
        right = np.concatenate([scores >= 0, scores], axis=1) if kind == "labels" else scores
        for word, values in zip(words(compiled, x), right.astype(int).tolist(), strict=True):
            assert list(compiled.output_port.values_of(word).values()) == values


def test_dont_cares_keep_numbers_and_labels():
    """Tables change, answers to the examples do not, and golden model and hardware agree on every other input."""
    for head in ("number", "labels", "argmax reject"):
        network = random_network(5, head=head, luts=20)
        x = inputs_of(network, 300)
        y = network.predict_integers(x)
        data = Given(x, y.reshape(300, -1) if head != "argmax reject" else y)
        compiled = compile_network(network, targets.get("ice40"), dont_cares="unseen", data=data, pipeline="none")
        assert (compiled.network.predict_integers(x) == y).all()
        assert compiled.network.meta["dont_cares"]["after"]["train"] == 1
        compare(compiled.network, compiled, compiled.output_port.outputs, n=200)


def test_dont_cares_are_judged_by_the_mean_of_r2():
    network = random_network(5, head="number", luts=20)
    x = inputs_of(network, 300)
    noise = np.random.default_rng(0).normal(size=(300, 1))
    y = network.predict_integers(x).reshape(300, -1) + noise
    compiled = compile_network(network, targets.get("ice40"), dont_cares="rare:1", data=Given(x, y))
    found = compiled.network.predict_integers(x).reshape(300, -1)
    r2 = 1 - ((y - found) ** 2).sum(axis=0) / ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    assert compiled.network.meta["dont_cares"]["after"] == {"train": round(float(r2.mean()), 6)}


def test_the_folder_says_what_comes_out(tmp_path):
    network = random_network(3)
    manifest = emit_model(network, tmp_path / "core", outputs="class,scores")
    output = json.loads((tmp_path / "core" / "manifest.json").read_text())["output"]
    assert output["fields"][0] == {
        "name": "class",
        "index": 0,
        "offset": 0,
        "width": output["fields"][0]["width"],
        "signed": False,
    }
    assert output["width"] == sum(field["width"] for field in output["fields"])
    assert manifest.options.outputs == ("class", "scores")
    lines = (tmp_path / "core" / "core.v").read_text().splitlines()
    for field in output["fields"]:
        [line] = [line for line in lines if f" {field['name']}, " in line]
        assert f"[{field['offset'] + field['width'] - 1}:{field['offset']}]" in line
        assert ("two's complement" in line) == field["signed"]
    assert "class, " in (tmp_path / "core" / "summary.txt").read_text()
    right = manifest.vectors.answers()
    assert (tmp_path / "core" / "vectors_out.hex").read_text().split() == [f"{word:x}" for word in right[:1000]]
    head = manifest.network.head
    assert [manifest.output_port.answer_of(word, head) for word in right] == manifest.vectors.classes.tolist()


def test_vectors_are_read_by_those_that_know_classes_alone(tmp_path):
    network = random_network(3)
    manifest = emit_model(network, tmp_path / "core", outputs="margin,scores")
    path = tmp_path / "core" / "vectors.npz"
    old = Vectors.load(path, manifest.n_vectors, manifest.input_port.width)
    assert (old.classes == manifest.vectors.classes).all() and old.outputs is None
    with pytest.raises(Lut2hwError, match="emit the core again"):
        Vectors.load(path, manifest.n_vectors, manifest.input_port.width, manifest.output_port.width + 8)
    plain = emit_model(network, tmp_path / "plain")
    assert set(np.load(tmp_path / "plain" / "vectors.npz")) == {"inputs", "classes"}
    assert plain.vectors.answers() == plain.vectors.classes.tolist()


def test_a_manifest_without_its_fields_is_refused(tmp_path):
    emit_model(random_network(3), tmp_path / "core")
    path = tmp_path / "core" / "manifest.json"
    data = json.loads(path.read_text())
    del data["output"]["fields"], data["options"]["outputs"]
    path.write_text(json.dumps(data))
    with pytest.raises(Lut2hwError, match="emit the core again"):
        load(tmp_path / "core").network  # noqa: B018 - reading it is what fails


@pytest.mark.parametrize("change", ["width", "offset", "name", "signed", "outputs", "fewer"])
def test_another_layout_is_refused(change, tmp_path):
    emit(compile_network(random_network(3), targets.get("ice40"), outputs="class,margin"), tmp_path / "core")
    path = tmp_path / "core" / "manifest.json"
    data = json.loads(path.read_text())
    fields = data["output"]["fields"]
    if change == "outputs":
        data["options"]["outputs"] = ["class", "scores"]
    elif change == "fewer":
        data["output"]["width"] -= fields.pop()["width"]
    elif change == "width":
        fields[0]["width"] += 1
        fields[1]["width"] -= 1
        fields[1]["offset"] += 1
    else:
        fields[1][change] = {"offset": 99, "name": "other", "signed": True}[change]
    path.write_text(json.dumps(data))
    with pytest.raises(Lut2hwError, match="emit the core again"):
        assert load(tmp_path / "core").network
