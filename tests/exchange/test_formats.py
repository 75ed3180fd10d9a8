"""Files as the tools of each format write them, the registry of formats, and Verilog that linters take as it is."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.needs import tool
from helpers.networks import random_network

import lut2hw
from lut2hw import data as datasets
from lut2hw import exchange
from lut2hw.errors import UsageError
from lut2hw.exchange import aiger, blif, pla
from lut2hw.exchange.logic import to_network
from lut2hw.exchange.registry import readable, writable

PATTERNS = np.array([[p >> j & 1 for j in range(4)] for p in range(16)])


def outputs(read, text: str | bytes, n: int, **options) -> np.ndarray:
    """Answers for all patterns of n inputs."""
    data = text if isinstance(text, bytes) else text.encode()
    return to_network(read(data), **options).predict(PATTERNS[: 1 << n, :n])


AND = ".model m\n.inputs a b\n.outputs f\n.names a b f\n11 1\n.end\n"


@pytest.mark.parametrize(
    "text",
    [
        AND,
        AND.replace(" f\n11", " n\n11").replace(".end", ".conn n f\n.end"),
        AND.replace(" f\n11", " n\n11").replace(".end", ".barbuf n f\n.end"),
        AND.replace(".names a b f", ".conn a c\n.names c b f"),
        AND.replace(".names", ".clock clk\n.clock_event 50% r'clk\n.names"),
        AND.replace("\n", "\r\n"),
        AND.replace(".inputs a b", ".inputs \\\n a \\\n\tb"),
        AND.replace("11 1", "11\t1 # both"),
        AND.replace(".end\n", ""),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_blif_as_tools_write_it(text, encoding):
    assert outputs(blif.parse, text.encode(encoding), 2).tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("line", "says"), [(".conn n", "needs an input and an output"), (".conn a b c", "needs an input and an output")]
)
def test_wires_that_are_none(line, says):
    with pytest.raises(UsageError, match=f"line 4: .conn {says}"):
        blif.parse(AND.replace(".names", f"{line}\n.names").encode())


MAJORITY = "11- 1\n1-1 1\n-11 1\n"


@pytest.mark.parametrize(
    "products",
    [
        MAJORITY,
        MAJORITY.replace(" ", ""),
        MAJORITY.replace(" ", "\n"),
        MAJORITY.replace(" ", " | "),
        MAJORITY.replace(" ", "\t|"),
        MAJORITY.replace("11- 1", "1\n1\n-\n1").replace("\n1-1", "   1-1"),
        MAJORITY.replace("\n", " ") + "\n",
        MAJORITY.replace("\n", "\r\n"),
        MAJORITY.replace("-", "2").replace(" 1", " 4"),
        MAJORITY.replace("11- 1", "11- 1 # first\n\n# none\n"),
        MAJORITY + "1?1 1\n000 ~\n001 3\n",
    ],
)
@pytest.mark.parametrize("names", ["", ".ilb a b c\n.ob f\n", ".ilb\na b\nc\n.ob f\n"])
def test_white_space_does_not_count_in_a_pla(products, names):
    text = f".i 3\n.o 1\n{names}.p 3\n{products}.e\n"
    assert outputs(pla.parse, text, 3).tolist() == [0, 0, 0, 1, 0, 1, 1, 1]


def test_products_over_lines():
    text = ".i 4\n.o 6\n11-- 100\n001\n0-1- 010\n110\n.e\n"
    for j, wanted in enumerate(["11--", "0-1-", "~~~~", "0-1-", "0-1-", "11--"]):
        answers = outputs(pla.parse, text, 4, output=f"y{j}")
        ones = [all(c in ("-", str(x)) for c, x in zip(wanted, row, strict=True)) for row in PATTERNS]
        assert answers.tolist() == ones


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (".i 2\n.o 1\n11\n.e\n", "line 4: a product of 2 inputs and 1 outputs ends after '11'"),
        (".i 2\n.o 1\n11 1\n0", "line 4: a product of 2 inputs and 1 outputs ends after '0'"),
        (".i 2\n.o 1\n1x 1\n", "line 3: '1x1' is not a product"),
        (".i 2\n.o 1\n11 1 0\n", "line 3: '1110' is not a product"),
        (".i 3\n.o 1\n.ilb a b\n.p 1\n", "line 4: .ilb names 2 of 3"),
        (".i 2\n.o 1\n.ilb a b c\n", "names 3 of 2"),
    ],
)
def test_plas_that_are_none(text, says):
    with pytest.raises(UsageError, match=says):
        pla.parse(text.encode())


def test_zeros_of_a_pla_may_be_threes():
    """espresso(5): 4 is a 1, 3 is a 0, 2 is a don't-care."""
    numbers, letters = ".i 2\n.o 1\n.type fr\n11 4\n00 3\n", ".i 2\n.o 1\n.type fr\n11 1\n00 0\n"
    made = [to_network(pla.parse(text.encode())) for text in (numbers, letters)]
    assert made[0].layers[0].care_bits.tolist() == made[1].layers[0].care_bits.tolist() == [[1, 0, 0, 1]]


@pytest.mark.parametrize("end", ["", "\n", "\n\n", " \n", "i0 a\n\no0 f\n", "i0 a\r\n", "c\nanything\n\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_aiger_with_blank_lines(end, mark):
    text = mark + b"aag 3 2 0 1 1\n2\n4\n6\n6 2 4\n" + end.encode()
    assert outputs(aiger.parse, text, 2).tolist() == [0, 0, 0, 1]
    assert aiger.parse(text).input_names[0] == ("a" if "i0" in end else "i0")


# --- names ------------------------------------------------------------------------------------------------------


def test_inputs_of_circuits_are_matched_by_name(tmp_path):
    """a and not b: columns in another order, and names as lut2hw's own exports have them."""
    x = PATTERNS[:4, :2]
    frame = pd.DataFrame(np.tile(x, (10, 1)), columns=["b", "a"])
    frame["label"] = frame.a & ~frame.b & 1
    frame.to_csv(tmp_path / "d.csv", index=False)
    data = datasets.load(tmp_path / "d.csv")
    for a, b in (("a", "b"), ("a[0]", "b[0]"), ("a_ge_1", "b_ge_1")):
        (tmp_path / "m.blif").write_text(f".inputs {a} {b}\n.outputs f\n.names {a} {b} f\n10 1\n.end\n")
        made = exchange.read(tmp_path / "m.blif", data=data)
        assert made.accuracy == {"train": 1.0, "test": 1.0}
        assert (made.network.predict(x) == [0, 0, 1, 0]).all() and made.notes == ()
    (tmp_path / "m.blif").write_text(".inputs p q\n.outputs f\n.names p q f\n01 1\n.end\n")
    with pytest.raises(UsageError, match="feature 'p'"):
        exchange.read(tmp_path / "m.blif", data=data)
    made = exchange.read(tmp_path / "m.blif", data=data, by_position=True)
    assert made.accuracy["train"] == 1 and "by position" in made.notes[0]


def test_outputs_of_circuits_are_matched_by_name(tmp_path):
    frame = pd.DataFrame({"a": [0, 1] * 10, "label": ["off", "on"] * 10})
    frame.to_csv(tmp_path / "d.csv", index=False)
    data = datasets.load(tmp_path / "d.csv")
    one_hot = ".inputs a\n.outputs {} {}\n.names a {}\n1 1\n.names a {}\n0 1\n.end\n"
    (tmp_path / "m.blif").write_text(one_hot.format("on", "off", "on", "off"))
    made = exchange.read(tmp_path / "m.blif", data=data)
    assert made.network.class_names == ("on", "off") and made.accuracy["test"] == 1
    (tmp_path / "m.blif").write_text(one_hot.format("up", "down", "up", "down"))
    with pytest.raises(UsageError, match="classes are 'up', 'down' but those"):
        exchange.read(tmp_path / "m.blif", data=data)
    inverted = AND.replace("a b", "a").replace("11 1", "0 1")  # 1 is off
    (tmp_path / "m.blif").write_text(inverted)
    with pytest.raises(UsageError, match="--class-names on,off"):
        exchange.read(tmp_path / "m.blif", data=data)
    assert exchange.read(tmp_path / "m.blif", data=data, class_names=["on", "off"]).accuracy["train"] == 1


# --- the registry -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", writable(), ids=lambda form: form.name)
def test_every_format_that_is_written(form, tmp_path):
    """By ending and by name the same bytes, and what is read too comes back as the same function."""
    network = random_network(3, head="bit")
    encoder = network.encoder
    pairs = list(zip(encoder.feature.tolist(), encoder.threshold.tolist(), strict=True))
    bit = {f"x{feature}_ge_{least}".replace("-", "m"): i for i, (feature, least) in enumerate(pairs)}
    x = np.random.default_rng(0).integers(-50, 80, (200, len(network.features)))
    code = np.stack([x[:, feature] >= least for feature, least in pairs], axis=1).astype(int)
    assert len(set(network.predict(x).tolist())) == 2
    for ending in form.endings:
        path = tmp_path / f"a{ending}"
        assert exchange.export(network, path, encoded_inputs=True) is form
        (tmp_path / "named").mkdir(exist_ok=True)
        exchange.export(network, tmp_path / "named" / f"a{ending}", form=form.name, encoded_inputs=True)
        assert path.read_bytes() == (tmp_path / "named" / f"a{ending}").read_bytes()
        if not form.reads:
            continue
        again = exchange.read(path).network
        columns = [bit[name] for name in again.features.names]
        assert (again.predict(code[:, columns]) == network.predict(x)).all()


def test_formats_that_are_not_there(tmp_path):
    network = random_network(0)
    for call, says in (
        (lambda: exchange.export(network, tmp_path / "a.xyz"), r"end it in \.blif, \.aig, \.pla, \.v, \.h"),
        (lambda: exchange.export(network, tmp_path / "a.v", form="verilig"), "did you mean 'verilog'"),
        (lambda: exchange.export(network, tmp_path / "a.json", form="trees"), "unknown format 'trees'"),
        (lambda: exchange.export(network, tmp_path / "a.v", dont_cares=True), "PLA files only"),
        (lambda: exchange.read(tmp_path / "a.v"), "cannot tell the format"),
    ):
        with pytest.raises(UsageError, match=says):
            call()
    assert list(tmp_path.iterdir()) == []


def test_endings_are_unambiguous():
    endings = [ending for form in exchange.FORMATS.values() for ending in form.endings]
    assert len(set(endings)) == len(endings) and all(ending == ending.lower() for ending in endings)
    for form in readable():
        assert hasattr(form.load(), "read" if form.kind != "trees" else "load")


def test_help_knows_every_format():
    """The registry is light: the help of the command line reads it without loading NumPy."""
    import sys

    code = (
        "import sys; from lut2hw.exchange.registry import FORMATS, listed, readable\n"
        "assert all(ending in listed(readable()) for form in readable() for ending in form.endings)\n"
        "sys.exit('numpy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def imports_of(path: Path) -> set[str]:
    """Modules that a file imports when it is imported itself: not in functions, not for types alone."""
    found: set[str] = set()
    todo = list(ast.parse(path.read_text()).body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("lut2hw"):
            found.add(node.module)
            found |= {f"{node.module}.{each.name}" for each in node.names}
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
        elif isinstance(node, ast.If | ast.Try):
            todo += node.body + node.orelse
    return found


def test_no_import_cycle():
    """exchange: trees and XGBoost, readers and writers, circuits and the compiler."""
    root = Path(lut2hw.__file__).parent
    modules = {
        ".".join(["lut2hw", *path.relative_to(root).with_suffix("").parts]).removesuffix(".__init__"): path
        for path in root.rglob("*.py")
    }
    graph = {
        name: {each for each in imports_of(path) if each in modules and each != name}
        for name, path in modules.items()
        if name.startswith("lut2hw.exchange")
    }
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join([*above, name])
        if name not in done:
            for each in graph.get(name, ()):
                visit(each, (*above, name))
            done.add(name)

    for name in graph:
        visit(name, ())
    assert len(done & set(graph)) == len(graph) > 20


# --- linters ----------------------------------------------------------------------------------------------------


@tool("verilator")
@pytest.mark.parametrize(("seed", "head"), [(0, "argmax"), (1, "threshold"), (2, "bit")])
def test_verilator_has_nothing_to_say(tmp_path, seed, head):
    network = random_network(seed, head=head)
    for encoded in (False, True):
        exchange.export(network, tmp_path / "core.v", encoded_inputs=encoded)
        done = subprocess.run(
            ["verilator", "--lint-only", "core.v"], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert (done.returncode, done.stderr) == (0, "")
