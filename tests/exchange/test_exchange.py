"""Logic files: what is written is read back, by us and by yosys, as the same function; bad files are refused."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers import needs
from helpers.networks import inputs_of, random_network
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lut2hw import bits, tools
from lut2hw import exchange as imports
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.exchange import aiger, blif, pla, verilog
from lut2hw.exchange.aiger import to_aiger
from lut2hw.exchange.blif import to_blif
from lut2hw.exchange.c import to_c
from lut2hw.exchange.circuit import Circuit, distinct, identifier
from lut2hw.exchange.logic import to_network
from lut2hw.exchange.pla import to_pla
from lut2hw.exchange.registry import WriteOptions
from lut2hw.exchange.verilog import to_behavioural
from lut2hw.logic import sop, truth
from lut2hw.logic.port import OutputPort
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head, Layer

HEADS = ["argmax", "threshold", "bit"]
property_test = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@property_test
@given(k=st.integers(0, 10), seed=st.integers(0, 1 << 30))
def test_cover_is_the_function(k, seed):
    rng = np.random.default_rng(seed)
    table, free = (int.from_bytes(rng.bytes(128), "little") & truth.full(k) for _ in range(2))
    cubes = sop.cover(table, k, free)
    made = sop.table_of(cubes, k)
    assert made == sop._direct(cubes, k)
    assert made & ~free == table & ~free
    for cube in cubes:  # irredundant
        rest = sop.table_of([each for each in cubes if each != cube], k)
        assert (made ^ rest) & table & ~free


def read_back(network: LutNetwork, logic) -> tuple[LutNetwork, np.ndarray, np.ndarray]:
    """A network of the logic that was read, and 300 examples for either."""
    read = to_network(logic, outputs="binary", class_names=network.class_names)
    x = inputs_of(network, 300)
    fields = Circuit.of(network).port.fields
    encoded = bits.unpack(network.encoder(x), len(x)).T
    return read, x, encoded[:, [field.index for field in fields]]


@property_test
@given(seed=st.integers(0, 1 << 30), head=st.sampled_from(HEADS), k_max=st.integers(0, 10))
def test_blif_and_aiger_round_trip(seed, head, k_max):
    network = random_network(seed, head=head, k_max=k_max)
    circuit = Circuit.of(network)
    assume(circuit.inputs)
    for logic in (blif.parse(to_blif(circuit).encode()), aiger.parse(to_aiger(circuit))):
        assert logic.input_names == circuit.input_names
        read, x, code = read_back(network, logic)
        assert (read.predict(code) == network.predict(x)).all()
        # and out again
        again = Circuit.of(read)
        assert (
            to_network(blif.parse(to_blif(again).encode()), class_names=network.class_names, outputs="binary")
            if again.inputs
            else read
        ).n_classes == network.n_classes


@property_test
@given(seed=st.integers(0, 1 << 30), head=st.sampled_from(HEADS))
def test_pla_round_trip(seed, head):
    network = random_network(seed, head=head, k_max=5)
    logic = pla.parse(to_pla(network).encode()) if reads_any(network) else None
    assume(logic is not None)
    read = to_network(logic, outputs="binary", class_names=network.class_names)
    x = inputs_of(network, 300)
    code = bits.unpack(network.encoder(x), len(x)).T[:, read_by_any(network)]
    assert (read.predict(code) == network.predict(x)).all()


def read_by_any(network: LutNetwork) -> list[int]:
    """Bits of the code that a LUT or the head reads."""
    return sorted(
        {int(s) for layer in network.layers for s in layer.wiring.ravel() if s < len(network.encoder)}
        | {int(s) for s in network.head.signal if s < len(network.encoder)}
    )


@pytest.mark.parametrize("head", ["labels", "number", "argmax reject", "threshold reject"])
def test_other_answers_are_exported_bit_by_bit(head):
    for seed in (3, 11):
        network = random_network(seed, head=head, k_max=4, luts=6)
        circuit, port = Circuit.of(network), OutputPort.of(network)
        x = inputs_of(network, 200)
        code = bits.unpack(network.encoder(x), len(x)).T
        read = [field.index for field in circuit.port.fields]
        rows = port.rows_of(network.head, network.scores_packed(network.encoder(x), len(x)))
        right = np.unpackbits(rows, axis=1, count=port.width, bitorder="little").T
        assert circuit.output_names[0] == ("class[0]" if "reject" in head else f"{network.target_names[0]}[0]")
        for parse, text, columns in (
            (blif.parse, to_blif(circuit).encode(), read),
            (aiger.parse, to_aiger(circuit), read),
            (pla.parse, to_pla(network).encode(), read_by_any(network)),
        ):
            for name, column in zip(circuit.output_names, right, strict=True):
                got = to_network(parse(text), output=name).predict(code[:, columns])
                assert (got == column).all(), (parse, name)
        text = verilog.write(network, WriteOptions(Path("core.v"), encoded_inputs=True)).decode()
        assert ("class_number" in text) == ("reject" in head)
        assert f"output [{port.width - 1}:0] {'class_number' if 'reject' in head else 'answer'}" in text


def reads_any(network: LutNetwork) -> bool:
    return any(s < len(network.encoder) for layer in network.layers for s in layer.wiring.ravel()) or bool(
        (network.head.signal < len(network.encoder)).any()
    )


def one_lut(table: int, care: int, k: int) -> LutNetwork:
    """Features 0 or 1, one LUT, a bit head."""
    encoder = Encoder(Features.integers(np.zeros(k), np.ones(k)), np.arange(k, dtype=np.int32), np.ones(k, np.int64))
    entries = [np.array([[value >> p & 1 for p in range(1 << k)]]) for value in (table, care)]
    layer = Layer(np.arange(k, dtype=np.int32)[None], bits.pack_tables(entries[0]), bits.pack_tables(entries[1]))
    return LutNetwork(encoder, (layer,), Head.bit(k), ("no", "yes"))


@property_test
@given(k=st.integers(1, 6), seed=st.integers(0, 1 << 30))
def test_pla_keeps_the_care_set(k, seed):
    rng = np.random.default_rng(seed)
    table, care = (int.from_bytes(rng.bytes(8), "little") & truth.full(k) for _ in range(2))
    read = to_network(pla.parse(to_pla(one_lut(table, care, k), dont_cares=True).encode()))
    layer = read.layers[0]
    assert bits.pack_tables(layer.care_bits) == pytest.approx(one_lut(table, care, k).layers[0].care)
    kept = layer.care_bits[0].astype(bool)
    assert (layer.table_bits[0][kept] == one_lut(table, care, k).layers[0].table_bits[0][kept]).all()


@pytest.mark.parametrize(
    ("kind", "rows", "on", "care"),
    [
        ("f", ["11 1"], 0b1000, 0b1111),
        ("fd", ["11 1", "0- -"], 0b1000, 0b1010),
        ("fr", ["11 1", "00 0"], 0b1000, 0b1001),
        ("fdr", ["11 1", "00 0", "01 -", "10 -"], 0b1000, 0b1001),
        ("r", ["11 0"], 0b0111, 0b1111),
        ("dr", ["11 0", "00 -"], 0b0110, 0b1110),
    ],
)
def test_pla_types(kind, rows, on, care):
    text = "\n".join([".i 2", ".o 1", f".type {kind}", *rows, ".e"])
    layer = to_network(pla.parse(text.encode())).layers[0]
    assert int(layer.tables[0, 0]) & care == on & care
    assert (15 if layer.care is None else int(layer.care[0, 0])) == care


def test_pla_of_many_inputs_becomes_ands_and_ors():
    rng = np.random.default_rng(3)
    products = rng.choice(list("01---"), (9, 30))
    text = "\n".join([".i 30", ".o 1", *("".join(row) + " 1" for row in products)])
    network = to_network(pla.parse(text.encode()))
    x = rng.integers(0, 2, (400, 30))
    x[:90] = np.where(products[rng.integers(0, 9, 90)] == "-", x[:90], products[rng.integers(0, 9, 90)] == "1")
    x[90] = products[0] == "1"
    expected = [
        any(all(c == "-" or int(c) == bit for c, bit in zip(row, example, strict=True)) for row in products)
        for example in x
    ]
    assert 0 < sum(expected) < 400
    assert (network.predict(x) == expected).all()
    blif_text = "\n".join(
        [
            ".model m",
            ".inputs " + " ".join(f"a{i}" for i in range(30)),
            ".outputs y",
            ".names " + " ".join(f"a{i}" for i in range(30)) + " y",
            *("".join(row) + " 0" for row in products),
        ]
    )
    assert (to_network(blif.parse(blif_text.encode())).predict(x) != expected).all()


def test_aag_and_one_hot_outputs():
    text = b"aag 3 2 0 2 1\n2\n4\n6\n7\n6 2 5\ni0 p\no0 both\no1 not\nc\n"
    network = to_network(aiger.parse(text))
    assert network.class_names == ("both", "not")
    assert network.features.names == ("p", "i1")
    assert network.predict([[0, 0], [1, 0], [0, 1], [1, 1]]).tolist() == [1, 0, 1, 1]
    single = to_network(aiger.parse(text), output="not")
    assert single.predict([[0, 0], [1, 0]]).tolist() == [1, 0]


GOOD = b".model m\n.inputs a b\n.outputs y\n.names a b y\n11 1\n.end\n"


@pytest.mark.parametrize(
    ("read", "data", "says"),
    [
        (blif.parse, b"", "no .outputs"),
        (blif.parse, b"\x00\xff\x80", "expected a keyword"),
        (blif.parse, GOOD.replace(b"11 1", b"111 1"), "line 5"),
        (blif.parse, GOOD.replace(b"11 1", b"11 1\n00 0"), "ones and zeros"),
        (blif.parse, GOOD.replace(b".names a b y", b".names a q y"), "'q' is read but nothing drives it"),
        (blif.parse, GOOD.replace(b".names a b y", b".names a y y"), "depends on itself"),
        (blif.parse, GOOD.replace(b".end", b".latch y z"), "latches"),
        (blif.parse, GOOD.replace(b".end", b".subckt f a=b"), "flatten"),
        (blif.parse, GOOD.replace(b".inputs a b", b".inputs a b y"), "driven by .names too"),
        (blif.parse, GOOD.replace(b".end", b".names b y\n1 1"), "driven twice"),
        (aiger.parse, b"", "truncated"),
        (aiger.parse, b"aig 1 0 1 0 0\n", "latches"),
        (aiger.parse, b"aig 99999999999 1 0 1 1\n", "not a number"),
        (aiger.parse, b"aig 999999999 999999998 0 1 1\n", "too large"),
        (aiger.parse, b"aig 3 2 0 1 1\n6\n", "truncated"),
        (aiger.parse, b"aig 3 2 0 1 1\n99\n\x02\x02", "larger than the header"),
        (aiger.parse, b"aig 3 2 0 1 1\n6\n\x02\x7f", "not before it"),
        (aiger.parse, b"aag 2 1 0 1 1\n2\n4\n4 4 2\n", "loop"),
        (aiger.parse, b"aag 2 1 0 1 0\n2\n4\n", "not defined"),
        (pla.parse, b"11 1\n", "before .i and .o"),
        (pla.parse, b".i 2\n.o 1\n111 1\n", "line 3"),
        (pla.parse, b".i -4\n", "needs a number"),
        (pla.parse, b".i 99999999\n", "needs a number"),
        (pla.parse, b".i 2\n.o 1\n.type fr\n11 1\n1- 0\n", "both the on-set and the off-set"),
        (pla.parse, b".i 2\n.o 1\n.mv 3\n", "is not read"),
    ],
)
def test_bad_files_are_refused_in_one_line(read, data, says):
    with pytest.raises(UsageError, match=says) as caught:
        to_network(read(data))
    assert "\n" not in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_files_never_crash(data):
    circuit = Circuit.of(random_network(5))
    whole = {
        aiger.parse: to_aiger(circuit),
        blif.parse: to_blif(circuit).encode(),
        pla.parse: to_pla(one_lut(0x96, 0xF7, 3), dont_cares=True).encode(),
    }
    read = data.draw(st.sampled_from(list(whole)))
    damaged = bytearray(whole[read])
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        to_network(read(bytes(damaged[: data.draw(st.integers(0, len(damaged)))])))
    except Lut2hwError as error:
        assert "\n" not in str(error)


def test_files_that_are_not_there_or_unknown(tmp_path):
    for path, says in ((tmp_path / "no.blif", "no file"), (tmp_path, "cannot tell the format")):
        with pytest.raises(UsageError, match=says):
            imports.read(path)
    (tmp_path / "a.blif").write_bytes(GOOD)
    assert imports.read(tmp_path / "a.blif").network.predict([[1, 1], [0, 1]]).tolist() == [1, 0]
    with pytest.raises(UsageError, match="did you mean 'y'"):
        imports.read(tmp_path / "a.blif", output="yy")


def test_names():
    assert distinct(["a", "a", "a_2", "a"]) == ("a", "a_3", "a_2", "a_4")
    assert identifier("petal length (cm)") == "petal_length__cm_"
    assert identifier("3") == "x3"


@pytest.mark.parametrize("form", ["blif", "aiger", "wrong"])
def test_yosys_reads_the_same_function(tmp_path, form):
    """yosys proves the file equal to the behavioural Verilog of the same core."""
    needs.skip_without("yosys")
    network = random_network(11, k_max=7, luts=20)
    circuit = Circuit.of(network)
    n, width = len(circuit.inputs), len(circuit.outputs)
    behavioural = to_behavioural(circuit, "gold")
    (tmp_path / "gold.v").write_text(behavioural)
    # The file's ports are single bits with names of their own: wrap it.
    ports = [
        *(f".\\{name} (features[{i}])" for i, name in enumerate(circuit.input_names)),
        *(f".\\{name} (class_number[{i}])" for i, name in enumerate(circuit.output_names)),
    ]
    (tmp_path / "wrap.v").write_text(
        f"module wrap (input [{n - 1}:0] features, output [{width - 1}:0] "
        f"class_number);\n  core core ({', '.join(ports)});\nendmodule\n"
    )
    if form == "blif":
        (tmp_path / "core.blif").write_text(to_blif(circuit, "core"))
        read = "read_blif core.blif; read_verilog wrap.v; rename wrap gate"
    elif form == "aiger":
        (tmp_path / "core.aig").write_bytes(to_aiger(circuit))
        read = "read_aiger -module_name core core.aig; read_verilog wrap.v; rename wrap gate"
    else:  # the proof can fail
        (tmp_path / "gate.v").write_text(
            behavioural.replace("module gold", "module gate").replace("class_number[0] = ", "class_number[0] = ~")
        )
        read = "read_verilog gate.v"
    script = (
        f"read_verilog gold.v; {read}; proc; flatten gate; opt_clean; "
        "miter -equiv -flatten -make_outputs gold gate miter; sat -verify -prove trigger 0 miter"
    )
    if form == "wrong":
        with pytest.raises(Lut2hwError):
            tools.run("yosys", ["-q", "-p", script], cwd=tmp_path)
    else:
        tools.run("yosys", ["-q", "-p", script], cwd=tmp_path)


def compiled(tmp_path: Path) -> ctypes.CDLL:
    """main.c of the folder as a library."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("needs a C compiler: install one (Debian, Ubuntu: `apt-get install gcc`)")
    flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, "main.c", "-o", "model.so"], cwd=tmp_path, check=True)
    return ctypes.CDLL(str(tmp_path / "model.so"))


def called(function, x: np.ndarray, columns: int, kind: type) -> np.ndarray:
    """What a function of the header gives for examples, 64 at a time."""
    found = np.zeros((len(x), columns), kind)
    for at in range(0, len(x), 64):
        part = x[at : at + 64]
        function(part.ctypes.data_as(ctypes.c_void_p), len(part), found[at:].ctypes.data_as(ctypes.c_void_p))
    return found


@pytest.mark.parametrize("head", ["labels", "number", "argmax reject", "threshold reject"])
def test_c_header_of_other_answers(tmp_path, head):
    for seed in (3, 11):
        network = random_network(seed, head=head, k_max=6)
        (tmp_path / "model.h").write_text(to_c(network, "core"))
        name, kind = {"labels": ("labels", "uint8_t"), "number": ("values", "double")}.get(
            head, ("classify", "uint16_t")
        )
        names, many = {"labels": ("label_names", "LABELS"), "number": ("target_names", "TARGETS")}.get(
            head, ("class_names", "CLASSES")
        )
        (tmp_path / "main.c").write_text(
            "#define CORE_WITH_SCORES\n" * (head != "number")
            + '#include "model.h"\n'
            + f"void run(const core_feature *x, unsigned n, {kind} *y) {{ core_{name}(x, n, y); }}\n"
            + "void scores(const core_feature *x, unsigned n, int64_t *y) { core_scores(x, n, y); }\n"
            + f"const char *last(void) {{ return core_{names}[CORE_{many} - 1]; }}\n"
            + ("unsigned none(void) { return CORE_NONE; }\n" if "reject" in head else "")
        )
        (tmp_path / str(seed)).mkdir()
        for file in ("model.h", "main.c"):
            (tmp_path / file).rename(tmp_path / str(seed) / file)
        library = compiled(tmp_path / str(seed))
        x = np.ascontiguousarray(inputs_of(network, 200), np.int32)
        answer = network.predict_integers(x.astype(np.int64)).reshape(200, -1)
        types = {"uint8_t": np.uint8, "double": np.float64, "uint16_t": np.uint16}
        assert (called(library.run, x, answer.shape[1], types[kind]) == answer).all()
        scores = network.scores_packed(network.encoder(x.astype(np.int64)), 200)
        assert (called(library.scores, x, scores.shape[1], np.int64) == scores).all()
        library.last.restype = ctypes.c_char_p
        assert library.last().decode() == (network.answer_names or network.target_names)[-1]
        if "reject" in head:
            assert library.none() == network.n_classes and (answer == network.n_classes).any()


@pytest.mark.parametrize("seed", range(6))
def test_c_header_is_the_golden_model(tmp_path, seed):
    network = random_network(seed, head=HEADS[seed % 3], k_max=8, luts=300 if seed == 4 else 12)
    (tmp_path / "model.h").write_text(to_c(network, "core"))
    with_scores = network.head.kind != "bit" and seed > 2
    (tmp_path / "main.c").write_text(
        ("#define CORE_WITH_SCORES\n" if with_scores else "")
        + '#include "model.h"\nvoid run(const core_feature *x, unsigned n, uint16_t *y) { core_classify(x, n, y); }\n'
        "const char *name(unsigned i) { return core_class_names[i]; }\n"
        + "void scores(const core_feature *x, unsigned n, int64_t *y) { core_scores(x, n, y); }\n"
        * with_scores
    )
    library = compiled(tmp_path)
    x = np.ascontiguousarray(inputs_of(network, 200), np.int32)
    answer = np.zeros(200, np.uint16)
    for at in range(0, 200, 64):
        part = x[at : at + 64]
        library.run(part.ctypes.data_as(ctypes.c_void_p), len(part), answer[at:].ctypes.data_as(ctypes.c_void_p))
    assert (answer == network.predict(x)).all()
    if with_scores:
        found = np.zeros((200, len(network.head.bias)), np.int64)
        for at in range(0, 200, 64):
            part = x[at : at + 64]
            library.scores(
                part.ctypes.data_as(ctypes.c_void_p), len(part), found[at:].ctypes.data_as(ctypes.c_void_p)
            )
        assert (found == network.scores_packed(network.encoder(x.astype(np.int64)), 200)).all()
    library.name.restype = ctypes.c_char_p
    assert library.name(network.n_classes - 1).decode() == network.class_names[-1]


def test_c_strings_are_escaped():
    from dataclasses import replace

    network = replace(random_network(1, head="bit"), class_names=('a"\\', "*/ ??/ ü\n1"))
    text = to_c(network)
    assert r'"a\042\134"' in text
    assert r'"*/ \077\077/ \303\274\0121"' in text
