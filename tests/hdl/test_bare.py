"""A core without ready: every engine knows it, its latency is what was asked for, and it fits behind links."""

from dataclasses import replace

import pytest
from helpers import needs
from helpers.networks import random_network

from lut2hw.artefact.emit import emit
from lut2hw.compile.compiler import compile_network
from lut2hw.compile.options import CompileOptions
from lut2hw.errors import UsageError
from lut2hw.hdl import EmittedCore, LinkedCore, make_link
from lut2hw.hdl.chip import ShiftChip
from lut2hw.hdl.emitted import identity_of
from lut2hw.logic.port import ports_of
from lut2hw.targets.registry import get
from lut2hw.verify.engines import verify


def bare(family="ice40", **options):
    return compile_network(random_network(3), get(family), interface="bare", **options)


@pytest.mark.parametrize(
    "latency", [3, pytest.param(0, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.slow)]
)
def test_engines_pass(latency, tmp_path):
    needs.skip_without("iverilog", "yosys")
    manifest = emit(bare(latency=latency), tmp_path / "core")
    assert manifest.latency == latency
    assert "ready" not in manifest.data["input"] | manifest.data["output"]
    outcomes = verify(manifest, ["golden", "amaranth", "cocotb", "gates", "formal"], vectors=40)
    assert [(outcome.engine, outcome.passed, outcome.errors) for outcome in outcomes] == [
        (name, True, ()) for name in ("golden", "amaranth", "cocotb", "gates", "formal")
    ]


def test_a_core_of_another_latency_fails(tmp_path):
    """Which only clocks can tell."""
    needs.skip_without("iverilog", "yosys")
    manifest = emit(bare(latency=2), tmp_path / "core")
    for latency in (1, 3):
        other = emit(bare(latency=latency), tmp_path / str(latency))
        wrong = replace(manifest, files={**manifest.files, "core.v": other.files["core.v"]})
        outcomes = verify(wrong, ["cocotb", "formal"], vectors=40)
        assert [outcome.passed for outcome in outcomes] == [False, False]


def test_nothing_stalls(tmp_path):
    compiled = bare("ecp5", latency=2)
    text = emit(compiled, tmp_path / "core").verilog["core.v"]
    assert "ready" not in text
    assert "if (!" not in text.replace("if (rst)", "")
    into, out = ports_of("bare")
    assert set(into) == set(out) == {"payload", "valid"}


def test_behind_a_link(tmp_path):
    manifest = emit(bare(latency=1), tmp_path / "core")
    assert "connect \\o_valid" in ShiftChip(manifest).to_rtlil()
    link = make_link("uart", identity_of(manifest))
    LinkedCore(link, EmittedCore(manifest, fields=False))
    type(link).stalls = True
    try:
        with pytest.raises(UsageError, match="bare interface cannot wait"):
            LinkedCore(link, EmittedCore(manifest, fields=False))
    finally:
        type(link).stalls = False


def test_wrong_requests_are_refused():
    for options, words in (
        ({"interface": "axi"}, "interface 'axi'"),
        ({"latency": -1}, "from 0 to 1000"),
        ({"latency": 2, "pipeline": 3}, "--latency and --pipeline both"),
        ({"latency": 0, "ram": "auto"}, "--latency 0"),
    ):
        with pytest.raises(UsageError, match=words):
            CompileOptions(**options)
    with pytest.raises(UsageError, match=r"latency of 1 allows about [\d.]+ MHz, not 900"):
        bare(latency=1, fmax=900)
