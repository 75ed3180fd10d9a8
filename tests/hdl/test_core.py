"""The component: named fields against the golden model, behaviour and primitives by platform, a design around it."""

import re
import sys
from dataclasses import replace

import numpy as np
import pytest
from amaranth.back import rtlil, verilog
from amaranth.hdl import ClockDomain, Module, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.sim import Simulator
from helpers.networks import inputs_of, random_network

from lut2hw import tools
from lut2hw.artefact.emit import emit
from lut2hw.compile.compiler import compile_network
from lut2hw.errors import UsageError
from lut2hw.hdl import Core, EmittedCore, LinkedCore, VerilogPlatform, create, make_link
from lut2hw.hdl.emitted import identity_of
from lut2hw.hdl.layout import class_enum, features_layout
from lut2hw.logic.port import Field, InputPort
from lut2hw.model.features import Features
from lut2hw.targets.registry import get


def named(network, names):
    """The same network with other names of features."""
    features = network.features
    names = tuple(names[i % len(names)] + str(i // len(names) or "") for i in range(len(features)))
    return replace(network, encoder=replace(network.encoder, features=replace(features, names=names)))


def simulate(core, x):
    """Classes that a core answers with, its fields set one by one; and the answers of its enumeration."""
    answers = []
    examples = core.payloads(x)
    m = Module()
    m.submodules.core = core
    if core.latency:
        m.domains.sync = ClockDomain("sync")

    async def send(ctx):
        for example in examples:
            for name, value in example.items():
                ctx.set(getattr(core.i.payload, name), value)
            ctx.set(core.i.valid, 1)
            if core.latency:
                await ctx.tick().until(core.i.ready)
            else:
                await ctx.delay(1e-9)
                assert ctx.get(core.o.valid) and ctx.get(core.i.ready)
                answers.append(ctx.get(core.o.payload))
        ctx.set(core.i.valid, 0)
        await (ctx.tick().repeat(core.latency + 2) if core.latency else ctx.delay(1e-9))

    async def receive(ctx):
        async for _, _, valid, payload in ctx.tick().sample(core.o.valid, core.o.payload):
            if valid:
                answers.append(payload)

    async def ready(ctx):
        ctx.set(core.o.ready, 1)

    simulator = Simulator(m)
    simulator.add_testbench(ready)
    if core.latency:
        simulator.add_clock(1e-6)
        simulator.add_testbench(receive, background=True)
    simulator.add_testbench(send)
    simulator.run()
    return [answer.value for answer in answers], answers


NAMES = ["petal_length", "Sepal Width (cm)", "class", "eq", "_0"]
KEYS = ["petal_length", "Sepal_Width_cm", "class_", "eq_", "feature_0"]


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("head", ["argmax", "bit", "threshold"])
@pytest.mark.parametrize("pipeline", ["auto", "none"])
def test_named_fields_give_what_predict_gives(head, encoded, pipeline):
    for seed in range(4):
        network = named(random_network(seed + 10, head=head), NAMES)
        core = network.create("ice40", encoded_inputs=encoded, pipeline=pipeline)
        if not encoded:
            assert set(core.compiled.input_port.keys) <= set(KEYS)
        x = inputs_of(network, 60, seed)
        numbers, members = simulate(core, x)
        assert numbers == network.predict(x).tolist()
        assert all(isinstance(member, core.classes) for member in members)


def test_at_least_one_of_those_networks_reads_a_signed_feature():
    cores = [random_network(seed + 10).create() for seed in range(4)]
    assert any(field.signed for core in cores for field in core.compiled.input_port.fields)
    assert any(not field.signed for core in cores for field in core.compiled.input_port.fields)


@pytest.mark.parametrize("encoded", [False, True])
def test_the_layout_has_the_ports_bits(encoded):
    """From both sides: a value put into a field shows at the port's bits, and the port's bits show in the field."""
    rng = np.random.default_rng(5)
    for seed in range(10):
        network = named(random_network(seed), NAMES)
        port = InputPort.of(network, range(len(network.encoder)), encoded=encoded)
        layout = features_layout(port)
        assert layout.size == port.width
        assert [(key, at.offset, at.width) for key, at in layout] == [
            (key, field.offset, field.width) for key, field in zip(port.keys, port.fields, strict=True)
        ]
        for field, key in zip(port.fields, port.keys, strict=True):
            low = -(1 << field.width - 1) if field.signed else 0
            for value in (low, low + (1 << field.width) - 1, 0):
                mask = (1 << field.width) - 1
                assert layout.const({key: value}).as_bits() == (value & mask) << field.offset
                assert layout.from_bits((value & mask) << field.offset)[key] == value
        x = inputs_of(network, 20, int(rng.integers(99)))
        for word, values in zip(port.words_of(network, x), port.values_of(network, x), strict=True):
            assert layout.const(values).as_bits() == word
            assert {key: layout.from_bits(word)[key] for key in port.keys} == values


def test_a_port_that_reads_nothing_is_one_bit():
    layout = features_layout(InputPort((), False))
    assert layout.size == 1 and list(layout) == []
    assert features_layout(InputPort((Field("x", 0, 0, 3, True),), False)).size == 3


def test_classes_are_an_enumeration():
    classes = class_enum(("setosa", "Iris versicolor", "3"))
    assert [(member.name, member.value) for member in classes] == [
        ("setosa", 0),
        ("Iris_versicolor", 1),
        ("class_3", 2),
    ]
    assert classes.as_shape().width == 2
    assert classes is class_enum(("setosa", "Iris versicolor", "3"))
    # A simulator may see the code of no class before the first answer.
    assert classes(3).value == 3 and classes(3) is classes(3) and classes(3) not in list(classes)
    with pytest.raises(ValueError, match="4"):
        classes(4)


def test_an_emitted_core_simulates_like_the_compiled_one(tmp_path):
    network = named(random_network(3), NAMES)
    compiled = compile_network(network, get("ecp5"), pipeline=2)
    x = inputs_of(network, 80)
    core = EmittedCore(emit(compiled, tmp_path / "core"))
    assert core.signature == Core(compiled).signature
    assert core.latency == 2
    assert simulate(core, x)[0] == simulate(Core(compiled), x)[0] == network.predict(x).tolist()


class Register(wiring.Component):
    """A core behind a register of its own, as a design would have it."""

    def __init__(self, core):
        self.core = core
        shape = core.i.payload.shape()
        super().__init__({"examples": In(stream.Signature(shape)), "last": Out(core.classes)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = self.core
        connect(m, flipped(self.examples), core.i)
        m.d.comb += core.o.ready.eq(1)
        with m.If(core.o.valid):
            m.d.sync += self.last.eq(core.o.payload)
        return m


def test_the_platform_decides_between_behaviour_and_primitives(tmp_path):
    compiled = compile_network(random_network(4), get("ice40"), pipeline=1)
    manifest = emit(compiled, tmp_path / "core")
    assert "SB_LUT4" not in rtlil.convert(Register(Core(compiled)))
    assert rtlil.convert(Register(Core(compiled)), platform=VerilogPlatform()).count("cell \\SB_LUT4") == sum(
        cell.kind == "lut" for cell in compiled.netlist.cells
    )
    platform = VerilogPlatform()
    text = rtlil.convert(Register(EmittedCore(manifest)), platform=platform)
    assert "cell \\lut2hw_core" in text and "SB_LUT4" not in text
    assert platform.files == manifest.verilog  # as it was vetted: comments are blank
    assert (
        platform.files["core.v"].count("SB_LUT4 ") == (tmp_path / "core" / "core.v").read_text().count("SB_LUT4 ") > 0
    )
    assert "lut2hw_core" not in rtlil.convert(Register(EmittedCore(manifest)))


@pytest.mark.parametrize("family", ["ice40", "ecp5", "nexus", "gowin", "gatemate", "xilinx7", "xilinxu", "generic"])
def test_emitted_verilog_is_that_of_the_component_without_names(family, tmp_path):
    compiled = compile_network(named(random_network(6), NAMES), get(family))
    folder = emit(compiled, tmp_path / "core")
    text = verilog.convert(
        Core(compiled, fields=False),
        name="lut2hw_core",
        platform=VerilogPlatform(),
        emit_src=False,
        strip_internal_attrs=True,
    )
    # Amaranth has two underscores in the names of a stream's ports, which not every language takes
    text = re.sub(r"\b([io])__(payload|valid|ready)\b", r"\1_\2", text)
    assert folder.source_paths[0].read_text().endswith(text.split("\n", 1)[1])


def test_a_link_takes_a_core_with_names(tmp_path):
    compiled = compile_network(random_network(7), get("ice40"), pipeline=1)
    manifest = emit(compiled, tmp_path / "core")
    for core in (Core(compiled), EmittedCore(manifest)):
        linked = LinkedCore(make_link("wishbone", identity_of(manifest)), core)
        assert "wb_cyc" in rtlil.convert(linked)


def test_create_refuses_what_the_compiler_refuses():
    with pytest.raises(UsageError, match="ice40"):
        random_network(1).create("ice41")
    with pytest.raises(UsageError):
        create(random_network(1), "ice40", pipeline=-1)


def test_create_takes_a_family_of_ones_own():
    mine = replace(get("generic"), name="mine")
    assert random_network(1).create(mine).compiled.target is mine


def test_payloads_take_raw_features():
    network = random_network(2)
    features = network.features
    scaled = Features(features.names, features.low, features.high, np.full(len(features), 10.0), features.offset)
    network = replace(network, encoder=replace(network.encoder, features=scaled))
    core = network.create(pipeline="none")
    x = inputs_of(network, 40) / 10
    assert simulate(core, x)[0] == network.predict(x).tolist()


def test_the_model_does_not_load_amaranth():
    script = (
        "import sys; import lut2hw.model.network, lut2hw.hdl, lut2hw.hdl.links;"
        "lut2hw.hdl.links.LINKS; print('amaranth' in sys.modules, 'lut2hw.compile.compiler' in sys.modules)"
    )
    out = tools.run_command([sys.executable, "-c", script], what="Python").output
    assert out.split() == ["False", "False"]


def test_payload_without_fields_is_a_vector():
    core = random_network(2).create(fields=False)
    assert isinstance(core.i.payload, Value) and not isinstance(core.i.payload, data.View)
    assert len(core.i.payload) == core.compiled.input_port.width
