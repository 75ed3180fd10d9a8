"""Other tables in a bitstream: what is kept whole by the compiler, what is found in the chip, what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from helpers import needs
from helpers.networks import inputs_of, random_network, vote_network
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lut2hw import bits, cli
from lut2hw.artefact.emit import emit_model
from lut2hw.artefact.folder import load
from lut2hw.artefact.vectors import vectors_of
from lut2hw.compile.compiler import compile_network
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.flow.build import build
from lut2hw.hdl.emitted import identity_of
from lut2hw.hdl.links.framing import fingerprint_tables
from lut2hw.logic.port import INPUT, OUTPUT, OutputPort
from lut2hw.studies import patch as patching
from lut2hw.studies.patch import first_unlike, patch
from lut2hw.targets.registry import get
from lut2hw.verify.bitstream import prove_chips
from lut2hw.verify.engines import verify

TOOLS = ("yosys", "nextpnr-ice40", "icepack", "icebox_vlog")


def with_tables(network, seed: int):
    """The same wiring with random tables, some of them constant."""
    rng = np.random.default_rng(seed)
    layers = []
    for layer in network.layers:
        entries = rng.random((len(layer), 1 << layer.k)) < rng.choice([0, 0.5, 0.5, 1], (len(layer), 1))
        layers.append(replace(layer, tables=bits.pack_tables(entries), care=None, counts=None))
    return replace(network, layers=tuple(layers))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 1 << 30),
    head=st.sampled_from(["argmax", "threshold", "bit", "number", "labels", "argmax reject"]),
    k_max=st.integers(0, 8),
    missing=st.booleans(),
)
def test_structure_of_a_patchable_core_follows_from_the_wiring_alone(seed, head, k_max, missing):
    network = random_network(seed, head=head, k_max=k_max, missing=missing)
    made = [
        compile_network(one, get("ice40"), patchable=True)
        for one in (network, with_tables(network, seed), with_tables(network, seed + 1))
    ]
    for one in made:
        left, right = made[0].netlist, one.netlist
        assert (left.inputs, left.outputs, one.latency) == (right.inputs, right.outputs, made[0].latency)
        for a, b in zip(left.cells, right.cells, strict=True):
            assert (a.kind, a.inputs, a.outputs) == (b.kind, b.inputs, b.outputs)
            assert a.kind == "lut" or a.table == b.table
        x = inputs_of(one.network, 100, seed)
        out = right.evaluate(**{INPUT: one.input_port.bits_of(one.network, x)})[OUTPUT]
        expected = vectors_of(one.network, one.input_port, x, OutputPort.of(one.network)).answer_rows(len(out))
        shown = np.packbits(bits.unpack(out, len(x)).T, axis=1, bitorder="little")
        assert (shown[:, : expected.shape[1]] == expected).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda n: vote_network(14, 4, 3, n_bits=11), "other features"),
        (lambda n: replace(n, class_names=("a", "b", "c")), "other classes"),
        (lambda n: vote_network(15, 4, 3, n_bits=10), "another number of LUTs"),
        (lambda n: vote_network(14, 3, 3, n_bits=10), "have 3 inputs, those of the chip 4"),
        (lambda n: vote_network(14, 4, 3, n_bits=10, seed=1), "LUT 0 of layer 1 is wired"),
        (lambda n: replace(n, head=replace(n.head, class_of=n.head.class_of[::-1].copy())), "other classes"),
        (lambda n: replace(n, head=replace(n.head, bias=n.head.bias + 1)), "biases differ"),
    ],
)
def test_first_difference_is_named(change, words):
    network = vote_network(14, 4, 3, n_bits=10)
    assert first_unlike(network, with_tables(network, 1)) is None
    assert words in (first_unlike(network, change(network)) or "")


def test_options_that_change_tables_are_refused():
    network = vote_network(14, 4, 3, n_bits=10)
    for options, words in (
        ({"fold": 1}, "--reloadable"),
        ({"effort": "high"}, "--effort high"),
        ({"dont_cares": "rare:2"}, "--dont-cares rare:2"),
        ({"ram": "auto"}, "--ram auto"),
        ({"patchable": 1}, "true or false"),
    ):
        with pytest.raises(UsageError, match=words):
            compile_network(network, get("ice40"), **{"patchable": True, **options})
    with pytest.raises(UsageError, match="not those of ecp5"):
        compile_network(network, get("ecp5"), patchable=True)


def test_a_fingerprint_is_read_from_its_luts():
    tables = fingerprint_tables(bytes([0x12, 0x80, 0xFF, 0x01]))
    for number, byte in zip(range(6, 10), (0x12, 0x80, 0xFF, 0x01), strict=True):
        assert sum((table >> (number % 4) & 1) << bit for bit, table in enumerate(tables)) == byte


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    needs.skip_without(*TOOLS)
    folder = tmp_path_factory.mktemp("patch") / "core"
    emit_model(vote_network(14, 4, 3, n_bits=10), folder, device="hx1k", pipeline=2, patchable=True)
    build(folder)
    return folder


def test_a_patched_chip_is_proved_to_be_the_new_model(built, tmp_path, capsys):
    network = with_tables(load(built).network, 5)
    network.save(tmp_path / "new.lut")
    arguments = ["patch", str(built / "core.bin"), str(tmp_path / "new.lut"), "-o", str(tmp_path / "new"), "--json"]
    assert cli.main(arguments) == 0
    said = json.loads(capsys.readouterr().out)
    manifest = load(tmp_path / "new")
    assert (
        said["luts"] > 5
        and said["bits"] > 20
        and manifest.network.layers[0].tables.tobytes() == (network.layers[0].tables.tobytes())
    )
    [proof] = prove_chips(manifest).values()
    assert proof.equal, proof.words


@pytest.mark.slow
def test_patched_back_a_bitstream_is_the_first_one(built, tmp_path):
    """The bits outside the tables stay, and a chip with other tables than its model is found."""
    manifest = patch(built, with_tables(load(built).network, 5), tmp_path / "new").manifest
    again = patch(tmp_path / "new", load(built).network, tmp_path / "core")
    assert again.bitstream.read_bytes() == (built / "core.bin").read_bytes()
    assert patch(built, load(built).network, tmp_path / "same").luts == 0

    chip = tmp_path / "new" / "new.bin"
    chip.write_bytes((built / "core.bin").read_bytes())
    [proof] = prove_chips(manifest).values()
    assert proof.equal is False


def refused(bitstream, model, words, kind=UsageError):
    """A patch that fails in one line, with nothing written."""
    out = bitstream.parent / "out"
    with pytest.raises(kind, match=words) as caught:
        patch(bitstream, model, out)
    assert "\n" not in str(caught.value) and not out.exists()


def test_foreign_bitstreams_are_refused(built, tmp_path):
    network = load(built).network
    refused(tmp_path / "no.bin", network, "no bitstream")
    (tmp_path / "alone").mkdir()
    shutil.copy(built / "core.bin", tmp_path / "alone" / "core.bin")
    refused(tmp_path / "alone" / "core.bin", network, "not in the folder")
    copy = tmp_path / "core"
    shutil.copytree(built, copy)
    data = bytearray((copy / "core.bin").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "core.bin").write_bytes(data)
    refused(copy / "core.bin", network, "not the chip of this folder")
    shutil.copy(built / "core.bin", copy / "core.bin")
    shutil.copy(built / "core.bin", copy / "other.bin")
    refused(copy / "other.bin", network, "is not the bitstream that")
    refused(built, vote_network(14, 4, 3, n_bits=10, seed=4), "wired to other signals")
    with pytest.raises(UsageError, match="is the folder of the chip"):
        patch(built, network, built)
    emit_model(network, tmp_path / "folded", fold=1)
    refused(tmp_path / "folded", network, "is not built")
    emit_model(network, tmp_path / "ecp5", target="ecp5")
    (tmp_path / "ecp5" / "core.bin").write_bytes(b"")
    refused(tmp_path / "ecp5" / "core.bin", network, "not those of ecp5")


@pytest.mark.slow
def test_what_names_the_nets_is_checked(built, tmp_path):
    network, copy = load(built).network, tmp_path / "core"
    shutil.copytree(built, copy)
    asc = (copy / "core.asc").read_text()
    at = asc.index("1", asc.index(".logic_tile"))
    (copy / "core.asc").write_text(asc[:at] + "0" + asc[at + 1 :])
    refused(copy, network, "is not of the bitstream beside it")
    # names of inputs are enough: what each LUT drives follows
    (copy / "core.asc").write_text(asc.replace("core.n", "core.m").replace("core.q", "core.m").replace("_O", "_P"))
    made = [patch(each, with_tables(network, 3), tmp_path / "to" / "out") for each in (copy, built)]
    assert made[0].bits == made[1].bits > 0
    (copy / "core.asc").write_text(asc.replace(".sym ", ".no "))
    refused(copy, with_tables(network, 3), "is not found in the chip", Lut2hwError)
    (copy / "core.asc").unlink()
    refused(copy, network, "is gone")


def test_merged_tables_are_refused_by_name(built, tmp_path):
    """A core that is not patchable takes other tables as long as its netlist stays."""
    network = vote_network(14, 4, 3, n_bits=10)
    manifest = emit_model(network, tmp_path / "merged", device="hx1k")
    entries = bits.unpack_tables(network.layers[0].tables, 4)
    entries[3] = 0
    constant = replace(network, layers=(replace(network.layers[0], tables=bits.pack_tables(entries)),))
    made = emit_model(constant, tmp_path / "constant", device="hx1k")
    with pytest.raises(UsageError, match=r"the compiler merged tables, .* cell .*--patchable"):
        list(patching._table_changes(manifest, made))
    entries = bits.unpack_tables(network.layers[0].tables, 4)
    entries[3] ^= np.arange(16) == 9
    one = replace(network, layers=(replace(network.layers[0], tables=bits.pack_tables(entries)),))
    [change] = patching._table_changes(manifest, emit_model(one, tmp_path / "one", device="hx1k"))
    assert (change.old ^ change.new).bit_count() == 1


CASES = [
    ("argmax", 6, {"pipeline": 3}),
    ("labels", 8, {"encoded_inputs": True}),
    ("number", 5, {"interface": "bare"}),
    ("threshold", 4, {"pipeline": "none"}),
    ("argmax reject", 3, {"outputs": "class,margin"}),
]


@needs.tool(*TOOLS)
@pytest.mark.slow
@pytest.mark.parametrize(("head", "k_max", "options"), CASES)
def test_every_head_is_patched(head, k_max, options, tmp_path):
    network = random_network(7, head=head, k_max=k_max, luts=20)
    emit_model(network, tmp_path / "core", device="hx1k", patchable=True, **options)
    build(tmp_path / "core")
    made = patch(tmp_path / "core", with_tables(network, 8), tmp_path / "new")
    [proof] = prove_chips(made.manifest).values()
    assert proof.equal, proof.words
    [outcome] = verify(made.manifest, ["bitstream"])
    assert outcome.passed is not False, outcome


@needs.tool(*TOOLS)
@needs.module("amaranth_boards")
@pytest.mark.slow
def test_a_patched_board_says_the_new_fingerprint(tmp_path):
    network = vote_network(14, 4, 3, n_bits=10)
    emit_model(network, tmp_path / "core", patchable=True)
    build(tmp_path / "core", board="icestick")
    made = patch(tmp_path / "core" / "icestick" / "chip.bin", with_tables(network, 8), tmp_path / "new")
    assert identity_of(made.manifest) != identity_of(load(tmp_path / "core"))
    [outcome] = verify(made.manifest, ["bitstream"])  # which asks the chip what it is
    assert outcome.passed and "bits proved to be core and link" in outcome.note, outcome
    emit_model(network, tmp_path / "plain")
    build(tmp_path / "plain", board="icestick")
    with pytest.raises(UsageError, match="fingerprint"):
        patch(tmp_path / "plain", with_tables(network, 8), tmp_path / "newer")
