"""The comment at the top of core.v: what it says is so, and no name can leave it."""

import re
from dataclasses import replace

import pytest
from helpers.networks import inputs_of, random_network
from hypothesis import given
from hypothesis import strategies as st

from lut2hw.artefact.emit import emit
from lut2hw.compile.compiler import compile_network
from lut2hw.hdl.core import to_verilog
from lut2hw.hdl.header import header
from lut2hw.model.features import Features
from lut2hw.targets.registry import get


def renamed(network, features=None, classes=None):
    """The same network with these names, in turn."""
    if features:
        names = tuple(features[i % len(features)] for i in range(len(network.features)))
        network = replace(network, encoder=replace(network.encoder, features=replace(network.features, names=names)))
    if classes:
        network = replace(network, class_names=tuple(classes[i % len(classes)] for i in range(network.n_classes)))
    return network


@pytest.mark.parametrize("family", ["ice40", "ecp5"])
@pytest.mark.parametrize("pipeline", ["none", 2])
def test_it_says_where_each_feature_is(family, pipeline):
    for seed in range(5):
        network = random_network(seed)
        compiled = compile_network(network, get(family), pipeline=pipeline)
        text = header(compiled)
        port = compiled.input_port
        said = re.findall(
            r"^//   \[(\d+)(?::(\d+))?\] (\S+), (unsigned|two's complement), (-?\d+) to (-?\d+)$", text, re.M
        )
        assert len(said) == len(port.fields)
        x = inputs_of(network, 20, seed)
        for (high, low, name, kind, least, greatest), field in zip(said, port.fields, strict=True):
            feature = network.features.names.index(name)
            assert (int(low or high), int(high)) == (field.offset, field.offset + field.width - 1)
            assert int(least) == network.features.low[feature] and int(greatest) == network.features.high[feature]
            assert (kind == "two's complement") == (int(least) < 0)
            # a user who puts the numbers there gives the core what the golden model gives it
            for word, value in zip(port.words_of(network, x), x[:, feature].tolist(), strict=True):
                assert word >> int(low or high) & (1 << field.width) - 1 == value & (1 << field.width) - 1
        assert [line.split()[2] for line in re.findall(r"^//   \d+ \S+$", text, re.M)] == list(network.class_names)
        assert (".clk(clk)" in text) == (pipeline != "none")
        assert ("2 clocks later" in text) == (pipeline == 2)


def test_it_says_what_encoded_bits_mean_and_how_numbers_are_rounded():
    network = random_network(2)
    scaled = replace(network.features, scale=network.features.scale * 10, offset=network.features.offset + 1.5)
    network = replace(network, encoder=replace(network.encoder, features=scaled))
    plain = header(compile_network(network, get("ice40")))
    assert re.search(r"^//   \[\d+:0\] round\(\(x\d - 1\.5\) \* 10\.0\), ", plain, re.M)
    compiled = compile_network(network, get("ice40"), encoded_inputs=True)
    said = re.findall(r"^//   \[(\d+)\] round\(\((x\d) - 1\.5\) \* 10\.0\) >= (-?\d+)$", header(compiled), re.M)
    assert [(int(at), name, int(bound)) for at, name, bound in said] == [
        (
            field.offset,
            network.features.names[network.encoder.feature[field.index]],
            network.encoder.threshold[field.index],
        )
        for field in compiled.input_port.fields
    ]


HOSTILE = [
    "*/ initial $finish; /*",
    "a\nendmodule",
    'b\r`include "x"',
    "synthesis translate_off",
    "back\\",
    "größe\u2028c",
    "",
]
COMPILED = compile_network(random_network(1), get("ice40"), pipeline="none")


@given(st.lists(st.text(max_size=30) | st.sampled_from(HOSTILE), min_size=1, max_size=5))
def test_no_name_leaves_the_comment(names):
    network = renamed(COMPILED.network, names)
    text = header(replace(COMPILED, network=network))
    assert text.isascii() and text.isprintable() is False  # line breaks alone
    assert set(text) - {"\n"} <= set(map(chr, range(32, 127)))
    for line in text.splitlines():
        assert line == "//" or line.startswith("// ")
        assert not line.endswith("\\") and "*/" not in line and "/*" not in line and "`" not in line
    assert text.count("\n") == header(COMPILED).count("\n")


def test_a_core_with_hostile_names_is_what_it_is_without_them(tmp_path):
    network = renamed(random_network(3), HOSTILE, HOSTILE)
    compiled = compile_network(network, get("ice40"), pipeline=1)
    manifest = emit(compiled, tmp_path / "core")
    text = manifest.source_paths[0].read_text()
    assert text == header(compiled) + to_verilog(compiled.netlist, latency=1, target=compiled.target)
    assert manifest.verilog  # it is read as what emit writes


def test_a_network_that_reads_nothing_says_so():
    network = random_network(1)
    features = Features.integers([0], [1])
    network = replace(
        network,
        encoder=replace(
            network.encoder,
            features=features,
            feature=network.encoder.feature * 0,
            threshold=network.encoder.threshold * 0 + 1,
        ),
        layers=(),
        head=replace(
            network.head,
            signal=network.head.signal[:0],
            class_of=network.head.class_of[:0],
            weight=network.head.weight[:0],
        ),
    )
    assert "the answer is always the same" in header(compile_network(network, get("ice40")))
