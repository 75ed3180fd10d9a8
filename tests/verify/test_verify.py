"""Each engine passes what is right and fails what is wrong; tools that are missing, fail or hang are one line."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers import batch, fast, needs
from helpers.networks import inputs_of, random_network
from helpers.processes import wait_for

from lut2hw import cli, targets, tools
from lut2hw.artefact.emit import emit_model, load
from lut2hw.artefact.vectors import random_vectors
from lut2hw.compile.compiler import compile_network
from lut2hw.errors import Lut2hwError, ToolError, UsageError
from lut2hw.hdl.core import TOP, Core, to_verilog
from lut2hw.logic.aig import FALSE, TRUE, Aig, reference
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head
from lut2hw.sim.bench import Bench
from lut2hw.targets.base import simulation_model
from lut2hw.verify import gates, simulate
from lut2hw.verify.engines import ENGINES, describe, verify
from lut2hw.verify.formal.circuit import FLOPS, GATES, SHIFTS, Circuit, Flop, UnknownCell, read
from lut2hw.verify.formal.prove import prove

needs_icarus = needs.tool("iverilog")
needs_yosys = needs.tool("yosys")


def network(seed: int = 11):
    """A network with a few dozen LUTs and three or more classes."""
    return random_network(seed, luts=30)


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    return emit_model(network(), tmp_path_factory.mktemp("verify") / "core", pipeline=2).directory


@pytest.fixture
def core(emitted, tmp_path):
    return Path(shutil.copytree(emitted, tmp_path / "core"))


def one(directory: Path, engine: str, **options):
    [outcome] = verify(load(directory), [engine], **options)
    return outcome


def change(core: Path, pattern: str, new: str, file: str = "core.v", count: int = 1) -> None:
    text, n = re.subn(pattern, new, (core / file).read_text(), count=count)
    assert n, pattern
    (core / file).write_text(text)


@pytest.mark.parametrize("engine", ["golden", "amaranth", "cocotb", "gates", "formal"])
def test_engine_passes_what_is_right(emitted, engine):
    needs.skip_without(*{"cocotb": ["iverilog"], "gates": ["iverilog", "yosys"], "formal": ["yosys"]}.get(engine, []))
    outcome = one(emitted, engine, vectors=300)
    assert outcome.passed, outcome
    assert outcome.vectors == (300 if engine != "formal" else 0)
    assert "PASS" in describe(load(emitted), outcome)
    json.dumps(outcome.as_json())


def flipped_init(core: Path) -> None:
    """Invert the whole table of a LUT next to the output: every input that reaches it shows it."""
    verilog = (core / "core.v").read_text()
    last = list(re.finditer(r"LUT_INIT\(16'h([0-9a-f]{4})\)", verilog))[-1]
    wrong = f"{int(last[1], 16) ^ 0xFFFF:04x}"
    (core / "core.v").write_text(verilog[: last.start(1)] + wrong + verilog[last.end(1) :])


@needs_icarus
@needs_yosys
@pytest.mark.parametrize("engine", ["cocotb", "gates", "formal"])
def test_flipped_init_is_found(core, engine):
    flipped_init(core)
    outcome = one(core, engine, vectors=300)
    assert outcome.passed is False
    assert outcome.first is not None and outcome.first["expected"] != outcome.first["got"]
    words = describe(load(core), outcome)
    assert "FAIL" in words and "expected" in words and "got" in words


@pytest.mark.parametrize("engine", ["golden", "amaranth"])
def test_flipped_table_is_found(core, engine):
    data = json.loads((core / "netlist.json").read_text())
    cell = [c for c in data["cells"] if c[0] == "lut"][-1]
    cell[4] = f"{int(cell[4], 16) ^ ((1 << (1 << len(cell[2]))) - 1):x}"
    (core / "netlist.json").write_text(json.dumps(data))
    outcome = one(core, engine, vectors=300)
    assert outcome.passed is False and outcome.mismatches


@needs_icarus
@needs_yosys
@pytest.mark.parametrize(
    ("pattern", "new", "simulated", "proved"),
    [
        (r"assign i_ready = .*;", "assign i_ready = 1'b1;", None, "enable"),
        (r"if \(rst\)", "if (1'b0)", "without an example", "reset"),
    ],
)
def test_wrong_protocol_is_found(core, pattern, new, simulated, proved):
    change(core, pattern, new)
    outcome = one(core, "cocotb", vectors=300)
    assert outcome.passed is False
    if simulated:
        assert simulated in " ".join(outcome.errors)
    outcome = one(core, "formal", vectors=300)
    assert not outcome.passed
    if proved:
        assert proved in " ".join(outcome.errors)


@needs_icarus
def test_unknown_values_do_not_pass(core):
    change(core, r"\.I0\([nq]\d+\)", ".I0(1'bx)", count=0)
    outcome = one(core, "cocotb", vectors=50)
    assert outcome.passed is False
    assert outcome.first is not None and outcome.first["got"] is None and outcome.mismatches


def bench_of(answers, latency=0, n=8, **core):
    """Run the bench against a core written as a Python function of the queue of examples."""
    bench = Bench(list(range(n)), [7] * n, latency)
    for _ in range(200):
        if bench.done:
            break
        now = bench.drive()
        bench.sample(*answers(now))
    return bench.result()


def test_bench_notices_what_a_core_can_do_wrong():
    assert bench_of(lambda now: (now.ready, now.valid, 7))["errors"] == []
    assert "without an example" in bench_of(lambda now: (now.ready, 1, 7))["errors"][0]
    assert "unknown" in bench_of(lambda now: (now.ready, None, 7))["errors"][0]
    assert bench_of(lambda now: (now.ready, now.valid, None))["first"]["got"] is None
    assert bench_of(lambda now: (now.ready, now.valid, 3))["mismatches"] == 8
    flip = itertools.cycle([7, 6])
    assert any("changed" in error for error in bench_of(lambda now: (now.ready, now.valid, next(flip)))["errors"])
    assert bench_of(lambda now: (now.ready, 0, 7))["vectors"] == 0


@needs_icarus
@pytest.mark.parametrize("family", fast.first(["ice40", "ecp5"], sorted(targets.TARGETS)))
def test_every_family_under_icarus(family, tmp_path):
    made = emit_model(network(13), tmp_path / family, target=family, pipeline=1)
    assert one(made.directory, "cocotb", vectors=200).passed
    if needs.have("yosys"):
        assert one(made.directory, "formal", vectors=200).passed


@needs_icarus
@needs_yosys
def test_primitives_of_the_proof_match_the_vendor(tmp_path):
    """Random parameters, all inputs, of many a few: what `verify.circuit` and the vendor's simulation model say."""
    rng = np.random.default_rng(0)
    luts4 = ({f"I{j}": 1 for j in range(4)}, {"O": 1})
    cases = [
        ("ice40", "SB_LUT4", {"LUT_INIT": 16}, *luts4),
        ("ice40", "SB_CARRY", {}, {"I0": 1, "I1": 1, "CI": 1}, {"CO": 1}),
        *[("xilinx7", f"LUT{k}", {"INIT": 1 << k}, {f"I{j}": 1 for j in range(k)}, {"O": 1}) for k in range(1, 7)],
        ("xilinx7", "MUXF7", {}, {"I0": 1, "I1": 1, "S": 1}, {"O": 1}),
        ("xilinx7", "MUXF8", {}, {"I0": 1, "I1": 1, "S": 1}, {"O": 1}),
        ("xilinxu", "MUXF9", {}, {"I0": 1, "I1": 1, "S": 1}, {"O": 1}),
        ("xilinxu", "CARRY8", {}, {"CI": 1, "DI": 8, "S": 8}, {"O": 8, "CO": 8}),
        ("xilinxu", "LUT6_2", {"INIT": 64}, {f"I{j}": 1 for j in range(6)}, {"O6": 1, "O5": 1}),
        ("xilinx7", "CARRY4", {}, {"CI": 1, "CYINIT": 1, "DI": 4, "S": 4}, {"O": 4, "CO": 4}),
        *[("gowin", f"LUT{k}", {"INIT": 1 << k}, {f"I{j}": 1 for j in range(k)}, {"F": 1}) for k in range(1, 5)],
        *[
            ("gowin", "ALU", {"ALU_MODE": [mode]}, {"I0": 1, "I1": 1, "I3": 1, "CIN": 1}, {"SUM": 1, "COUT": 1})
            for mode in (0, 1, 2)
        ],
        (
            "nexus",
            "WIDEFN9",
            {"INIT0": 16, "INIT1": 16},
            {**{f"{pin}{half}": 1 for half in "01" for pin in "ABCD"}, "SEL": 1},
            {"Z": 1},
        ),
        *[
            ("gatemate", f"CC_LUT{k}", {"INIT": 1 << k}, {f"I{j}": 1 for j in range(k)}, {"O": 1})
            for k in range(1, 5)
        ],
        ("gatemate", "CC_L2T4", dict.fromkeys(("INIT_L00", "INIT_L01", "INIT_L10"), 4), *luts4),
        (
            "gatemate",
            "CC_L2T5",
            dict.fromkeys(("INIT_L02", "INIT_L03", "INIT_L11", "INIT_L20"), 4),
            {f"I{j}": 1 for j in range(5)},
            {"O": 1},
        ),
        ("gatemate", "CC_MX2", {}, {"D0": 1, "D1": 1, "S0": 1}, {"Y": 1}),
        ("gatemate", "CC_MX4", {}, {**{f"D{j}": 1 for j in range(4)}, "S0": 1, "S1": 1}, {"Y": 1}),
        ("gatemate", "CC_MX8", {}, {f"{p}{j}": 1 for p, n in (("D", 8), ("S", 3)) for j in range(n)}, {"Y": 1}),
        ("gatemate", "CC_ADDF", {}, {"A": 1, "B": 1, "CI": 1}, {"CO": 1, "S": 1}),
        ("xilinx7", "INV", {}, {"I": 1}, {"O": 1}),
        ("nexus", "INV", {}, {"A": 1}, {"Z": 1}),
        *[("gowin", f"MUX2_LUT{k}", {}, {"I0": 1, "I1": 1, "S0": 1}, {"O": 1}) for k in (5, 6, 7, 8)],
        ("ecp5", "LUT4", {"INIT": 16}, dict.fromkeys("ABCD", 1), {"Z": 1}),
        ("ecp5", "PFUMX", {}, {"ALUT": 1, "BLUT": 1, "C0": 1}, {"Z": 1}),
        ("ecp5", "L6MUX21", {}, {"D0": 1, "D1": 1, "SD": 1}, {"Z": 1}),
        *[
            (
                family,
                name,
                {"INIT0": 16, "INIT1": 16},
                {"CIN": 1, **{f"{pin}{slot}": 1 for slot in "01" for pin in "ABCD"}},
                {"S0": 1, "S1": 1, "COUT": 1},
            )
            for family, name in (("ecp5", "CCU2C"), ("nexus", "CCU2"))
        ],
    ]
    for family, name, parameters, inputs, outputs in cases:
        values = {
            key: width[0] if isinstance(width, list) else int(rng.integers(0, 1 << min(width, 62)))
            for key, width in parameters.items()
        }
        inject = {"CCU2C": ["INJECT1_0", "INJECT1_1"], "CCU2": ["INJECT"]}.get(name, [])
        text = {
            key: f'"0x{value:04X}"'
            if family == "nexus"
            else str(value)
            if isinstance(parameters[key], list)
            else f"{parameters[key]}'h{value:x}"
            for key, value in values.items()
        } | dict.fromkeys(inject, '"NO"')
        width, out_width = sum(inputs.values()), sum(outputs.values())
        count, step = (1 << width, 1) if width <= 12 else (2048, 40503)  # all inputs, or a few all over
        pins, at = [], 0
        for pin, size in inputs.items():
            pins.append(f".{pin}(x[{at + size - 1}:{at}])")
            at += size
        at = 0
        for pin, size in outputs.items():
            pins.append(f".{pin}(y[{at + size - 1}:{at}])")
            at += size
        bench = tmp_path / "bench.v"
        bench.write_text(
            f"module bench; reg [{width - 1}:0] x; wire [{out_width - 1}:0] y; integer i;\n"
            f"{name} #({', '.join(f'.{k}({v})' for k, v in text.items())}) it({', '.join(pins)});\n"
            f'initial begin for (i = 0; i < {count}; i = i + 1) begin x = i * {step}; #1 $display("%b", y); end '
            "$finish; end endmodule\n"
        )
        models = [simulation_model(model) for model in targets.get(family).simulation_models]
        tools.run(
            "iverilog",
            [
                "-g2012",
                *(f"-D{define}" for define in simulate.ICARUS_DEFINES),
                "-s",
                "bench",
                "-o",
                str(tmp_path / "b.vvp"),
                f"-I{tools.yosys_share() / 'lattice'}",
                str(bench),
                *map(str, models),
            ],
        )
        simulated = tools.run("vvp", ["-n", str(tmp_path / "b.vvp")]).output.split()
        aig = Aig(width)
        ports, at = {}, 0
        for pin, size in inputs.items():
            ports[pin] = [aig.input(at + j) for j in range(size)]
            at += size
        if name == "INV" or name.startswith("LUT"):
            ports |= {pin: [FALSE] for pin in outputs}  # yosys lists outputs among the connections
        result = GATES[name](aig, values | dict.fromkeys(inject, "NO"), ports)
        aig.outputs = [literal for pin in outputs for literal in result[pin]]
        every = np.array([[i >> j & 1 for i in range(0, count * step, step)] for j in range(width)])
        from lut2hw import bits

        got = bits.unpack(aig.evaluate(bits.pack(every)), count)
        lines = ["".join(str(got[j][i]) for j in reversed(range(out_width))) for i in range(count)]
        assert simulated[-len(lines) :] == lines, (family, name)


@needs_icarus
@needs_yosys
@pytest.mark.parametrize(
    ("family", "kinds"),
    [
        (
            "ice40",
            {
                "SB_DFF": "D",
                "SB_DFFE": "DE",
                "SB_DFFSR": "DR",
                "SB_DFFESR": "DER",
                "SB_DFFSS": "DR",
                "SB_DFFESS": "DER",
            },
        ),
        ("ecp5", {"TRELLIS_FF": "DER"}),
        ("nexus", {"FD1P3IX": "DER"}),
        ("gowin", {"DFF": "D", "DFFE": "DE", "DFFR": "DR", "DFFRE": "DER"}),
        ("xilinx7", {"FDRE": "DER", "SRL16E": "DE", "SRLC32E": "DE"}),
        ("gatemate", {"CC_DFF": "DE"}),
    ],
)
def test_registers_of_the_proof_match_the_vendor(family, kinds, tmp_path):
    """Random data, enables and resets through every kind of register, in the vendor's model and in ours."""
    cells, lines = {}, []
    for at, (kind, has) in enumerate(kinds.items()):
        flop = FLOPS.get(kind, Flop(clock="CLK", enable="CE"))
        parameters = {"TRELLIS_FF": {"CEMUX": "CE", "SRMODE": "LSR_OVER_CE"}}.get(kind, {})
        inputs = {"D": flop.d, "E": flop.enable, "R": flop.reset}
        pins = {flop.clock: "c", flop.q: f"q[{at}]", **{inputs[what]: what.lower() for what in has}}
        nets = {flop.clock: [100], flop.q: [at], **{inputs[what]: [101 + "DER".index(what)] for what in has}}
        if kind in SHIFTS:
            place = {"SRL16E": 5, "SRLC32E": 19}[kind]
            address = [str(place >> bit & 1) for bit in range(SHIFTS[kind])]
            pins |= (
                {f"A{bit}": f"1'b{value}" for bit, value in enumerate(address)}
                if kind == "SRL16E"
                else {"A": f"5'd{place}"}
            )
            nets |= {f"A{bit}": [value] for bit, value in enumerate(address)} if kind == "SRL16E" else {"A": address}
        cells[kind] = {"type": kind, "parameters": parameters, "connections": nets}
        text = ", ".join(f'.{name}("{value}")' for name, value in parameters.items())
        connected = ", ".join(f".{pin}({net})" for pin, net in pins.items())
        lines.append(f"{kind} {f'#({text})' if text else ''} it{at}({connected});")
    rng = np.random.default_rng(1)
    moves = (rng.random((400, 3)) < [0.5, 0.6, 0.1]).astype(int)
    steps = "".join(f'{{d, e, r}} = 3\'b{d}{e}{r}; #1 c = 1; #1 c = 0; #1 $display("%b", q);\n' for d, e, r in moves)
    (tmp_path / "bench.v").write_text(
        f"module bench; reg c = 0, d, e, r; wire [{len(kinds) - 1}:0] q;\n"
        + "\n".join(lines)
        + f"\ninitial begin #1 {steps} $finish; end endmodule\n"
    )
    target = targets.get(family)
    models = [simulation_model(model) for model in target.simulation_models]
    for at, (file, name) in enumerate(target.flop_models):
        models.append(tmp_path / f"flop{at}.v")
        models[-1].write_text(gates.module_of(file, name))
    tools.run(
        "iverilog",
        [
            "-g2012",
            *(f"-D{define}" for define in simulate.ICARUS_DEFINES),
            "-s",
            "bench",
            "-o",
            str(tmp_path / "b.vvp"),
            f"-I{tools.yosys_share() / 'lattice'}",
            str(tmp_path / "bench.v"),
            *map(str, models),
        ],
    )
    simulated = tools.run("vvp", ["-n", str(tmp_path / "b.vvp")]).output.split()[-len(moves) :]
    circuit = Circuit({"ports": {}, "cells": cells})
    state: dict = dict.fromkeys(circuit.registers)
    for (d, e, r), shown in zip(moves.tolist(), simulated, strict=True):
        now = {101: d, 102: e, 103: r, **state}
        for q, register in circuit.registers.items():
            assert register.clock == 100
            enabled = register.enable is None or now[register.enable]
            reset = register.reset is not None and now[register.reset] and (enabled or not register.gated)
            state[q] = register.value if reset else now[register.d] if enabled else now[q]
        for at, kind in enumerate(kinds):
            assert state[at] is None or str(state[at]) == shown[len(kinds) - 1 - at], (kind, shown)
    assert None not in state.values()


@needs_yosys
@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ('TRELLIS_FF #(.SRMODE("ASYNC")) f(.CLK(c), .DI(d), .LSR(r), .Q(q));', "SRMODE ASYNC"),
        ("FDRE #(.IS_C_INVERTED(1'b1)) f(.C(c), .D(d), .CE(1'b1), .R(r), .Q(q));", "IS_C_INVERTED 1"),
        ("SRL16E f(.CLK(c), .CE(1'b1), .D(d), .A0(d), .A1(r), .A2(r), .A3(r), .Q(q));", "length changes"),
        ("DFFP f(.CLK(c), .D(d), .PRESET(r), .Q(q));", "kind DFFP"),
    ],
)
def test_registers_that_a_core_has_no_use_for_are_unknown(cell, words, tmp_path):
    (tmp_path / "a.v").write_text(f"module a(input c, d, r, output q); {cell} endmodule")
    with pytest.raises(UnknownCell, match=words):
        read([tmp_path / "a.v"], "a")


@needs_icarus
@needs_yosys
@pytest.mark.parametrize(
    "family",
    [
        "ecp5",
        *(
            pytest.param(family, marks=pytest.mark.slow)
            for family in ("xilinx7", "xilinxu", "nexus", "gowin", "gatemate", "generic")
        ),
    ],
)
def test_gates_of_every_family_are_proved(family, tmp_path):
    made = emit_model(network(13), tmp_path / family, target=family, pipeline=3)
    outcome = one(made.directory, "gates", vectors=100)
    assert outcome.passed and "proved for all inputs" in outcome.note


@needs_yosys
def test_a_proof_that_takes_too_long_is_none(emitted, tmp_path, capsys):
    outcome = one(emitted, "formal", vectors=20, timeout=0.9)
    assert outcome.passed is None and re.match(r"not proved in 0.9 s; proved alone: ", outcome.note)
    assert cli.main(["verify", str(emitted), "--engine", "formal", "--vectors", "20", "--timeout", "0.9"]) == 1
    assert "not proved in 0.9 s" in capsys.readouterr().out


@needs_icarus
def test_coverage_is_reported(tmp_path):
    emitted = emit_model(random_network(13), tmp_path / "core", pipeline=1).directory
    few, many = (one(emitted, "cocotb", vectors=n) for n in (1, 1000))
    assert few.details["class_coverage"] < many.details["class_coverage"] <= 1
    assert few.details["pattern_coverage"] < many.details["pattern_coverage"] <= 1
    assert f"{many.details['pattern_coverage']:.1%} of the table entries" in describe(load(emitted), many)


@needs_yosys
def test_registers_that_hold_by_their_logic_are_proved():
    """Synthesis for 7 series turns an enable into logic where that saves a LUT; each wrong entry of it is found."""
    net = LutNetwork(
        Encoder(Features.integers([0], [1]), np.zeros(1, np.int32), np.ones(1, np.int64)),
        (),
        Head.bit(0),
        ("no", "yes"),
    )
    port = compile_network(net, targets.get("xilinx7")).input_port
    vectors = random_vectors(net, port, 64, 0)
    clk, rst, data, valid, ready, stage, q, d, advance = range(2, 11)
    ports = {
        "clk": clk,
        "rst": rst,
        "i_payload": data,
        "i_valid": valid,
        "i_ready": advance,
        "o_payload": q,
        "o_valid": stage,
        "o_ready": ready,
    }

    def verdict(table: int):
        cells = [
            ("FDRE", {}, {"C": clk, "CE": advance, "D": valid, "Q": stage, "R": rst}),
            ("FDRE", {}, {"C": clk, "CE": "1", "D": d, "Q": q, "R": "0"}),
            ("LUT2", {"INIT": 0b1101}, {"I0": stage, "I1": ready, "O": advance}),
            ("LUT4", {"INIT": table}, {"I0": q, "I1": data, "I2": ready, "I3": stage, "O": d}),
        ]
        circuit = Circuit(
            {
                "ports": {name: {"bits": [net]} for name, net in ports.items()},
                "cells": {
                    str(at): {
                        "type": kind,
                        "parameters": {k: f"{v:016b}" for k, v in words.items()},
                        "connections": {pin: [net] for pin, net in pins.items()},
                    }
                    for at, (kind, words, pins) in enumerate(cells)
                },
            }
        )
        return prove("gates", net, port, circuit, 1, vectors).passed

    right = sum((p & 1 if p >> 2 == 0b10 else p >> 1 & 1) << p for p in range(16))
    assert verdict(right) is True
    assert not any(verdict(right ^ 1 << p) for p in range(16))


@needs_yosys
def test_circuit_reads_loops_and_unknown_cells_as_such(tmp_path):
    (tmp_path / "a.v").write_text("module a(input x, output y); mystery m(.a(x), .y(y)); endmodule")
    with pytest.raises(Lut2hwError, match="mystery"):
        read([tmp_path / "a.v"], "a")
    (tmp_path / "b.v").write_text(
        "module b(input x, output y); wire z; SB_LUT4 #(.LUT_INIT(16'h1234)) u(.I0(z), "
        ".I1(x), .I2(1'b0), .I3(1'b0), .O(z)); assign y = z; endmodule"
    )
    circuit = read([tmp_path / "b.v"], "b")
    with pytest.raises(Lut2hwError, match="loop"):
        circuit.literals(Aig(1), {circuit.ports["x"][0]: 2}, circuit.ports["y"], through=True)


@pytest.mark.parametrize("head", ["bit", "threshold", "argmax"])
def test_reference_equals_golden_model(head):
    """The model that the proof compares with, against `LutNetwork`."""
    from lut2hw.artefact.vectors import packed_port
    from lut2hw.verify.golden import classes_of  # noqa: F401

    for seed in range(20):
        net = random_network(seed, head=head)
        port = compile_network(net, targets.get("ice40")).input_port
        vectors = random_vectors(net, port, 200, seed)
        width = max(1, (net.n_classes - 1).bit_length())
        rows = reference(net, port).evaluate(packed_port(port, vectors.inputs))
        from lut2hw import bits

        got = (bits.unpack(rows, 200).astype(int) << np.arange(width)[:, None]).sum(axis=0)
        assert np.array_equal(got, vectors.classes), seed


def test_aig_laws():
    aig = Aig(3)
    a, b, c = (aig.input(i) for i in range(3))
    assert aig.and_(a, a ^ 1) == FALSE and aig.or_(a, a ^ 1) == TRUE and aig.and_(a, aig.and_(a, b)) == aig.and_(a, b)
    assert aig.and_(a, aig.and_(a, b) ^ 1) == aig.and_(a, b ^ 1) and aig.mux(a, b, b) == b
    assert aig.and_(a, aig.and_(a ^ 1, c)) == FALSE and aig.and_(a, aig.and_(a ^ 1, c) ^ 1) == a
    aig.outputs = aig.full_adder(a, b, c)
    every = np.array([[0xF0], [0xCC], [0xAA]], np.uint64)
    assert (aig.evaluate(every)[:, 0] & np.uint64(255)).tolist() == [0x96, 0xE8]


def test_vectors_that_disagree_with_the_model_are_refused(core):
    manifest = load(core)
    vectors = manifest.vectors
    vectors.classes[3] ^= 1
    (core / "vectors.npz").write_bytes(vectors.to_bytes())
    with pytest.raises(Lut2hwError, match="disagree"):
        verify(load(core), ["golden"])


def test_without_icarus_amaranth_stands_in(emitted, monkeypatch):
    monkeypatch.setenv("IVERILOG", "/nowhere/iverilog")
    [outcome] = verify(load(emitted), vectors=100)
    assert outcome.engine == "amaranth" and outcome.passed and "Icarus Verilog is not there" in outcome.note
    with pytest.raises(ToolError, match="IVERILOG=/nowhere/iverilog is not a program"):
        verify(load(emitted), ["cocotb"])
    both = verify(load(emitted), ["golden", "cocotb"], vectors=20)
    assert both[0].passed and both[1].passed is None and "not a program" in both[1].note


def test_unknown_engine_is_refused(emitted):
    with pytest.raises(UsageError, match="did you mean 'formal'"):
        verify(load(emitted), ["fromal"])
    assert set(ENGINES) == {"golden", "amaranth", "cocotb", "vhdl", "gates", "bitstream", "formal"}


def script(tmp_path: Path, name: str, text: str) -> str:
    path = tmp_path / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


def test_tools_that_fail_say_their_last_words(emitted, tmp_path, monkeypatch):
    monkeypatch.setenv("YOSYS", script(tmp_path, "bad", "echo reading; echo 'ERROR: no such file'; echo bye; exit 3"))
    with pytest.raises(ToolError, match=r"^yosys failed with exit code 3; it last said: ERROR: no such file$"):
        one(emitted, "formal", vectors=10)
    monkeypatch.setenv("YOSYS", script(tmp_path, "crash", "kill -SEGV $$"))
    with pytest.raises(ToolError, match="killed by SIGSEGV"):
        one(emitted, "formal", vectors=10)


@needs_icarus
def test_icarus_by_another_name(emitted, tmp_path, monkeypatch):
    [real] = tools.require("iverilog")
    named = script(tmp_path, "my ic'arus", f'touch "{tmp_path}/ran"; exec "{real}" "$@"')
    monkeypatch.setenv("IVERILOG", named)
    assert one(emitted, "cocotb", vectors=10).passed and (tmp_path / "ran").exists()


def test_tools_that_hang_are_stopped_with_their_children(tmp_path, monkeypatch):
    mark = f"7{os.getpid()}"
    monkeypatch.setenv("YOSYS", script(tmp_path, "hang", f"echo thinking; sleep {mark} & sleep {mark}"))
    for limit, said in (("60", r"2 s \(--timeout sets"), ("1", r"1 s \(LUT2HW_TOOL_TIMEOUT sets")):
        monkeypatch.setenv("LUT2HW_TOOL_TIMEOUT", limit)
        with pytest.raises(ToolError, match=rf"did not finish in {said} the limit\); it last said: thinking"):
            tools.run("yosys", [], timeout=2)
        assert gone(mark)


def gone(mark: str) -> bool:
    """No process is left; the kernel may take a moment to end one that was killed."""
    return wait_for(lambda: not processes(mark))


def processes(mark: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if f"sleep {mark}" in line or (state == "Z" and str(os.getpid()) in line):
                found.append(line)
    return found


@pytest.mark.parametrize("signal_name", ["INT", "TERM"])
def test_interrupt_stops_the_children(tmp_path, signal_name):
    mark = f"8{os.getpid()}"
    tool = script(tmp_path, "hang", f"sleep {mark} & sleep {mark}")
    code = "from lut2hw import tools\nprint('on', flush=True)\ntools.run('yosys', [])"
    import signal
    import sys

    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "YOSYS": tool},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    process.stdout.readline()
    assert wait_for(lambda: processes(mark))
    process.send_signal(getattr(signal, f"SIG{signal_name}"))
    assert process.wait(20) != 0
    assert gone(mark)


def test_missing_tool_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolError, match=r"^icebox_vlog is not installed; .*fpga-icestorm"):
        tools.require("icebox_vlog")
    monkeypatch.setenv("LUT2HW_TOOL_TIMEOUT", "soon")
    with pytest.raises(ToolError, match="not a number of seconds"):
        tools.default_timeout()


PIPELINES = ["none", "auto", 1, 2, 3]
DONT_CARES = ["off", "rare:3", "off", "off", "unseen", "off", "off"]


class Drawn:
    """Examples at random, with the network's own answers as labels: most patterns are rare or unseen."""

    def __init__(self, network, seed: int) -> None:
        self.x = inputs_of(network, 40, seed)
        self.y = network.predict_integers(self.x)

    def split(self, name: str):
        return self.x, self.y


@needs_icarus
@needs_yosys
def test_differential_sample(tmp_path):
    differential("ecp5", range(8), tmp_path)


@needs_icarus
@needs_yosys
@pytest.mark.slow
@pytest.mark.parametrize("block", range(3))
@pytest.mark.parametrize("family", sorted(targets.TARGETS))
def test_differential(family, block, tmp_path):
    first = 1000 * (1 + sorted(targets.TARGETS).index(family)) + 28 * block
    differential(family, range(first, first + 28), tmp_path)  # 504 networks in all


def differential(family: str, seeds: range, tmp_path: Path) -> None:
    """Random networks through the golden model, Amaranth's simulator and Icarus.

    Heads, pipelines, the largest k, encoded inputs, block RAM, effort and don't-cares take turns, so that all of them
    occur with each family that has them.
    """
    target, cores, streams = targets.get(family), {}, {}
    for at, seed in enumerate(seeds):
        net = random_network(seed, head=["bit", "threshold", "argmax"][at % 3], k_max=1 + seed % 10, luts=10)
        pipeline = PIPELINES[at % len(PIPELINES)]
        ram = "auto" if target.ram and pipeline != "none" and at % 2 else "never"
        compiled = compile_network(
            net,
            target,
            pipeline=pipeline,
            encoded_inputs=at % 4 == 3,
            ram=ram,
            effort="high" if at % 14 == 7 else "normal",
            dont_cares=DONT_CARES[at % len(DONT_CARES)],
            data=Drawn(net, seed),
        )
        streams[f"core{seed}"] = random_vectors(compiled.network, compiled.input_port, 100, seed)
        cores[f"core{seed}"] = compiled
    (tmp_path / "cores.v").write_text(
        batch.to_verilog({name: (compiled.netlist, compiled.latency) for name, compiled in cores.items()}, target)
    )
    under_icarus = batch.cocotb(
        tmp_path / "cores.v",
        [
            (
                name,
                compiled.latency,
                max(1, compiled.input_port.width),
                len(compiled.netlist.outputs["class"]),
                streams[name],
            )
            for name, compiled in cores.items()
        ],
        target,
        tmp_path,
    )
    for name, compiled in cores.items():
        for result in (simulate.amaranth(Core(compiled), streams[name]), under_icarus[name]):
            assert (result["errors"], result["mismatches"], result["vectors"]) == ([], 0, 100), (name, result)


@needs_yosys
@pytest.mark.parametrize("effort", ["normal", "high"])
@pytest.mark.parametrize("family", ["nexus"])
def test_an_answer_that_never_changes_needs_no_register(family, effort):
    """A register behind a constant shows 0 until the first clock, and a core without latency has none."""
    net = random_network(5063, head="threshold", k_max=4, luts=10)
    compiled = compile_network(net, targets.get(family), pipeline=1, encoded_inputs=True, effort=effort)
    vectors = random_vectors(compiled.network, compiled.input_port, 50, 0)
    assert set(vectors.classes.tolist()) == {1}
    registered = [cell for cell in compiled.netlist.cells if compiled.netlist.kinds[cell.kind].registered]
    assert (compiled.latency, len(registered)) == {"normal": (1, 1), "high": (0, 0)}[effort]
    result = simulate.amaranth(Core(compiled), vectors)
    assert (result["errors"], result["mismatches"], result["vectors"]) == ([], 0, 50)


@needs_icarus
@needs_yosys
def test_cores_in_a_batch_are_what_is_emitted(tmp_path):
    compiled = [compile_network(random_network(seed), targets.get("ice40"), pipeline=1) for seed in (1, 2)]
    text = batch.to_verilog(
        {f"core{at}": (one.netlist, one.latency) for at, one in enumerate(compiled)}, compiled[0].target
    )

    def numbered(verilog: str) -> str:  # yosys counts what it names itself
        return re.sub(r"\\\$(auto\S*|\d+)", "auto", verilog)

    for at, core in enumerate(compiled):
        alone = to_verilog(core.netlist, latency=core.latency, target=core.target)
        assert numbered(alone.split("module ", 1)[1].replace(TOP, f"core{at}")) in numbered(text)
    (tmp_path / "cores.v").write_text(text.replace("LUT_INIT(16'h", "LUT_INIT(16'h5", 1))
    vectors = [random_vectors(core.network, core.input_port, 50, 0) for core in compiled]
    found = batch.cocotb(
        tmp_path / "cores.v",
        [
            (f"core{at}", 1, core.input_port.width, len(core.netlist.outputs["class"]), vectors[at])
            for at, core in enumerate(compiled)
        ],
        compiled[0].target,
        tmp_path,
    )
    assert found["core1"]["vectors"] == 50 and not found["core1"]["mismatches"]


def test_command_reports_and_exits(core, tmp_path, capsys):
    assert cli.main(["verify", str(core), "--engine", "golden,amaranth", "--vectors", "50", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] is True and found["mismatches"] == 0 and found["vectors"] == 100
    assert [engine["engine"] for engine in found["engines"]] == ["golden", "amaranth"]
    data = json.loads((core / "netlist.json").read_text())
    cell = [c for c in data["cells"] if c[0] == "lut"][-1]
    cell[4] = f"{int(cell[4], 16) ^ ((1 << (1 << len(cell[2]))) - 1):x}"
    (core / "netlist.json").write_text(json.dumps(data))
    assert cli.main(["verify", str(core), "--engine", "amaranth", "--vectors", "50"]) == 1
    assert "expected" in capsys.readouterr().out
    assert cli.main(["verify", str(tmp_path / "nothing")]) == 2
    network().save(tmp_path / "m.lut")
    assert cli.main(["verify", str(tmp_path / "m.lut"), "--engine", "golden", "--vectors", "50"]) == 0
    assert "PASS 50/50" in capsys.readouterr().out


@pytest.mark.slow
@needs_icarus
@needs.tool("icebox_vlog")
def test_bitstream_is_read_back(core, tmp_path):
    from lut2hw.flow.build import build

    assert one(core, "bitstream").passed is None  # nothing built yet
    wrong = Path(shutil.copytree(core, tmp_path / "wrong"))
    flipped_init(wrong)
    for directory in (core, wrong):
        build(directory)
    outcome = one(core, "bitstream", vectors=200)
    assert outcome.passed and outcome.vectors == 200
    assert outcome.details["parts"] == {"core": "proved", "chip": "proved", "link": "simulated"}
    for suffix in ("bin", "asc"):
        shutil.copyfile(wrong / f"wrong.{suffix}", core / f"core.{suffix}")
    outcome = one(core, "bitstream", vectors=200)
    assert outcome.passed is False and outcome.mismatches
