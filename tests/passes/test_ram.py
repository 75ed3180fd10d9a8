"""Tables in block RAM: packing, contents as the vendors lay them out, pipeline, proof, place and route."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers import needs
from helpers.networks import check, classes, inputs_of, random_network, shared_network, vote_network
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lut2hw import bits, targets, tools
from lut2hw.artefact import netlist_file
from lut2hw.artefact.emit import emit
from lut2hw.artefact.vectors import random_vectors
from lut2hw.cli import main
from lut2hw.compile.compiler import compile_network
from lut2hw.errors import UsageError
from lut2hw.flow.build import build
from lut2hw.hdl.core import TOP, Core, to_verilog
from lut2hw.logic.netlist import Cell, Netlist, tables_of
from lut2hw.logic.port import INPUT, OUTPUT
from lut2hw.passes.ram import LEAST, gather, pack
from lut2hw.targets.base import simulation_model
from lut2hw.verify import simulate
from lut2hw.verify.engines import verify
from lut2hw.verify.formal.circuit import UnknownCell, read
from lut2hw.verify.formal.memory import MEMORIES
from lut2hw.verify.formal.prove import prove

FAMILIES = sorted(name for name, target in targets.TARGETS.items() if target.ram)
needs_yosys = needs.tool("yosys")
needs_icarus = needs.tool("iverilog")


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 1 << 30),
    wide=st.booleans(),
    k=st.integers(5, 13),
    encoded=st.booleans(),
    pipeline=st.sampled_from(["auto", 1, 2, 3, 6]),
    fmax=st.sampled_from([None, 20.0, 100.0]),
)
def test_equals_golden_model(family, seed, wide, k, encoded, pipeline, fmax):
    """On every input, with the latency that was asked for, whatever shares inputs."""
    network = shared_network(seed, 2, 4, max(9, k), min(k, 9)) if wide else random_network(seed, k_max=k, luts=30)
    passes = []
    compiled = compile_network(
        network,
        targets.get(family),
        ram="auto",
        pipeline=pipeline,
        fmax=fmax,
        encoded_inputs=encoded,
        on_pass=lambda name, netlist: passes.append((name, netlist)),
    )
    check(compiled)
    if pipeline != "auto":
        assert compiled.latency in (pipeline, 0)
    x = inputs_of(network, 60, seed=1)
    for name, netlist in passes:
        assert (classes(netlist, compiled.input_port, network, x) == network.predict(x)).all(), name


def rams(netlist: Netlist) -> list[Cell]:
    return [cell for cell in netlist.cells if cell.kind == "ram"]


@pytest.mark.parametrize("family", FAMILIES)
def test_tables_that_share_inputs_share_a_ram(family):
    """Two layers of four groups of four tables over nine signals."""
    network, target = shared_network(0, 4, 4, 9, 8), targets.get(family)
    compiled = compile_network(network, target, ram="auto")
    check(compiled)
    assert len(rams(compiled.netlist)) <= 8 and sum(len(cell.outputs) for cell in rams(compiled.netlist)) == 32
    plain = compile_network(network, target)
    assert compiled.netlist.count()["lut"] < 0.3 * plain.netlist.count()["lut"]


def test_no_more_rams_than_the_device_has():
    network, ice40 = vote_network(40, 8, 3, n_bits=60), targets.get("ice40")
    for device in ("lp384", "hx1k", "up5k"):
        count = len(rams(compile_network(network, ice40, ram="auto", device=device).netlist))
        assert count == ice40.devices[device].ram


def test_small_tables_stay_logic():
    """A RAM has to save cells; two five-input tables of three LUT4s do not save enough."""
    compiled = compile_network(vote_network(2, 5, 2, n_bits=10), targets.get("ice40"), ram="auto")
    assert not rams(compiled.netlist) and LEAST > 6


def test_depth_is_limited():
    """With two stages one of which is for the answer, only one layer can be in RAM; with one, none."""
    network = shared_network(1, 3, 4, 9, 8, layers=3)
    for registers, layers in ((1, 0), (2, 1), (3, 2), (4, 3), (6, 3)):
        compiled = compile_network(network, targets.get("ice40"), ram="auto", pipeline=registers)
        check(compiled)
        assert compiled.latency == registers and len(rams(compiled.netlist)) == 3 * layers


@pytest.mark.parametrize(
    "target,options,words",
    [
        ("generic", {}, "only of ecp5 and ice40"),
        ("ice40", {"pipeline": "none"}, "needs registers"),
        ("ice40", {"pipeline": 0}, "needs registers"),
        ("ice40", {"device": "hx9k"}, "did you mean 'hx4k'|hx8k"),
    ],
)
def test_what_cannot_be_is_refused(target, options, words):
    with pytest.raises(UsageError, match=words):
        compile_network(vote_network(10, 8, 3), targets.get(target), ram="auto", **options)


def test_gather_splits_what_is_too_wide():
    """More bits over one address than a RAM has become several RAMs; the netlist does the same."""
    rng = random.Random(0)
    netlist = Netlist()
    address = netlist.input(INPUT, 9)
    nets = [netlist.cell("ram", address, table=rng.getrandbits(512))[0] for _ in range(19)]
    netlist.output(OUTPUT, nets)
    joined = gather(netlist, targets.get("ice40").ram)
    assert [len(cell.outputs) for cell in joined.cells] == [8, 8, 3]
    x = np.random.default_rng(0).integers(0, 1 << 64, (9, 4), np.uint64)
    assert (netlist.evaluate(**{INPUT: x})[OUTPUT] == joined.evaluate(**{INPUT: x})[OUTPUT]).all()
    assert netlist_file.from_json(netlist_file.to_json(joined)).cells == joined.cells


def test_pack_leaves_what_saves_nothing():
    netlist = Netlist()
    nets = netlist.input("bits", 9)
    netlist.output("votes", [netlist.lut(nets, (1 << 511) | 1)])
    assert pack(netlist, targets.get("ice40").ram, 30, lambda cell: LEAST - 1, 4) is netlist
    assert pack(netlist, targets.get("ice40").ram, 30, lambda cell: LEAST, 4).count() == {"ram": 1}


# --- contents ---------------------------------------------------------------------------------------------------


def ram_cell(shape: tuple[int, int], rng: random.Random) -> Netlist:
    """A netlist that is one full RAM of that shape."""
    address, data = shape
    netlist = Netlist()
    nets = netlist.input(INPUT, address)
    netlist.output(OUTPUT, netlist.cell("ram", nets, data, table=rng.getrandbits(data << address)))
    return netlist


def shapes(*quick: tuple[str, int]):
    """Every shape of every family, slow but for the named address widths."""
    for family in FAMILIES:
        for shape in targets.get(family).ram:
            name = f"{family}-{1 << shape[0]}x{shape[1]}"
            yield pytest.param(
                family, shape, id=name, marks=[] if (family, shape[0]) in quick else [pytest.mark.slow]
            )


@needs_yosys
@needs_icarus
@pytest.mark.parametrize(("family", "shape"), list(shapes(("ice40", 10))))
def test_vendor_model_shows_the_table(family, shape, tmp_path):
    """Every address in a random order, under stalls: the primitive's simulation model answers what the table says."""
    rng = random.Random(shape[0])
    netlist = ram_cell(shape, rng)
    (tmp_path / "core.v").write_text(to_verilog(netlist, latency=1, target=targets.get(family)))
    [tables] = [tables_of(cell) for cell in netlist.cells]
    words = [*rng.sample(range(1 << shape[0]), min(1 << shape[0], 600)), 0, (1 << shape[0]) - 1]
    right = [sum((table >> word & 1) << bit for bit, table in enumerate(tables)) for word in words]
    models = [simulation_model(model) for model in targets.get(family).simulation_models]
    design = simulate.Design([tmp_path / "core.v", *models], TOP, "clk", "rst", 1, simulate.ICARUS_DEFINES)

    class Words:
        classes, starts = right, None

        def words(self):
            return words

        def answers(self):
            return right

        expected = answers

    result = simulate.cocotb(design, Words())  # type: ignore[arg-type]
    assert result["vectors"] == len(words) and not result["mismatches"] and not result["errors"]


@needs_yosys
@pytest.mark.parametrize(("family", "shape"), list(shapes()))
def test_yosys_lays_memory_out_like_that(family, shape, tmp_path):
    """yosys maps a ROM in behavioural Verilog to a primitive; our description of it reads the same words back."""
    address, data = shape
    rng = random.Random(shape[1])
    rows = [rng.getrandbits(data) for _ in range(1 << address)]
    lines = [
        f"module rom(input clk, input en, input [{address - 1}:0] a, output reg [{data - 1}:0] q);",
        f'(* ram_style = "block" *) reg [{data - 1}:0] memory [0:{(1 << address) - 1}];',
        "initial begin",
        *(f"memory[{i}] = {row};" for i, row in enumerate(rows)),
        "end",
        "always @(posedge clk) if (en) q <= memory[a];",
        "endmodule",
    ]
    (tmp_path / "rom.v").write_text("\n".join(lines))
    synth = targets.get(family).synth.format(top="rom", json="rom.json")
    tools.run("yosys", ["-q", "-p", f"read_verilog rom.v; {synth}"], cwd=tmp_path)
    module = json.loads((tmp_path / "rom.json").read_text())["modules"]["rom"]
    [cell] = [cell for cell in module["cells"].values() if cell["type"] in MEMORIES]
    values = {name: int(text, 2) if set(text) <= {"0", "1"} else text for name, text in cell["parameters"].items()}
    rom = MEMORIES[cell["type"]](values, cell["connections"])
    pins = [module["ports"]["a"]["bits"].index(net) for net in rom.address if not isinstance(net, str)]
    assert len(pins) == address and rom.enable == module["ports"]["en"]["bits"][0]
    for place in range(1 << address):
        at = sum((place >> pin & 1) << j for j, pin in enumerate(pins))
        assert rows[place] == sum(rom.tables[net][at] << bit for bit, net in enumerate(module["ports"]["q"]["bits"]))


@needs_yosys
@pytest.mark.parametrize(("family", "shape"), list(shapes(("ice40", 11), ("ecp5", 11))))
def test_proof_sees_the_table(family, shape, tmp_path):
    """What the formal engine believes of the emitted primitive is the netlist's table, bit for bit."""
    netlist = ram_cell(shape, random.Random(shape[0] + shape[1]))
    (tmp_path / "core.v").write_text(to_verilog(netlist, latency=1, target=targets.get(family)))
    circuit = read([tmp_path / "core.v"], TOP)
    [cell] = netlist.cells
    for net, table in zip(circuit.ports["o_payload"], tables_of(cell), strict=True):
        register = circuit.registers[net]
        rom, _, _ = circuit.cells[register.d]
        place = {pin: bit for bit, pin in enumerate(circuit.ports["i_payload"])}
        for at in range(1 << shape[0]):
            word = sum((at >> j & 1) << place[pin] for j, pin in enumerate(rom["connections"]["A"]))
            assert rom["values"]["entries"][at] == table >> word & 1


# --- verification -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 1 << 30), registers=st.integers(2, 5), k=st.integers(7, 11))
def test_stalls(family, seed, registers, k):
    """With both streams stalled at random, and a reset on the way, no answer is lost, doubled, late or wrong."""
    network = shared_network(seed, 2, 3, k, k - 1) if seed % 2 else random_network(seed, k_max=k, luts=15)
    compiled = compile_network(network, targets.get(family), ram="auto", pipeline=registers)
    vectors = random_vectors(network, compiled.input_port, 80, seed)
    result = simulate.amaranth(Core(compiled), vectors, seed=seed)
    assert result["vectors"] == 80 and not result["mismatches"] and not result["errors"]


@needs_yosys
@pytest.mark.parametrize("family", [pytest.param("ecp5", marks=pytest.mark.slow), "ice40"])
def test_one_wrong_bit_in_a_ram_is_noticed(family, tmp_path):
    """Each of some flipped bits is one that some example reads, and neither proof nor evaluation lets it pass."""
    network, target = shared_network(3, 2, 3, 9, 8, layers=1), targets.get(family)
    compiled = compile_network(network, target, ram="auto", encoded_inputs=True)
    vectors = random_vectors(network, compiled.input_port, 64, 0)

    def says(netlist: Netlist):
        (tmp_path / "core.v").write_text(to_verilog(netlist, latency=compiled.latency, target=target))
        return prove(
            "formal", network, compiled.input_port, read([tmp_path / "core.v"], TOP), compiled.latency, vectors
        ).passed

    assert says(compiled.netlist)
    width = compiled.input_port.width
    x = np.array([[p >> j & 1 for j in range(width)] for p in range(1 << width)], np.uint8)
    packed = bits.pack(np.ascontiguousarray(x.T))
    right = bits.unpack(compiled.netlist.evaluate(**{INPUT: packed})[OUTPUT], len(x))
    rng, noticed = random.Random(0), 0
    for _ in range(4):
        cells = list(compiled.netlist.cells)
        at = rng.choice([i for i, cell in enumerate(cells) if cell.kind == "ram"])
        cells[at] = replace(
            cells[at], table=cells[at].table ^ 1 << rng.randrange(len(cells[at].outputs) << len(cells[at].inputs))
        )
        mutant = replace(compiled.netlist, cells=cells)
        wrong = bool((bits.unpack(mutant.evaluate(**{INPUT: packed})[OUTPUT], len(x)) != right).any())
        assert says(mutant) is not wrong
        noticed += wrong
    assert noticed


@needs_yosys
@pytest.mark.slow
def test_a_ram_off_the_beaten_track_is_not_proved(tmp_path):
    """A write enable, a second enable or a read without clock enable: no formal model, or another structure."""
    network, ice40 = shared_network(3, 1, 3, 9, 8, layers=1), targets.get("ice40")
    compiled = compile_network(network, ice40, ram="auto", encoded_inputs=True)
    vectors = random_vectors(network, compiled.input_port, 64, 0)
    verilog = to_verilog(compiled.netlist, latency=compiled.latency, target=ice40)
    for pins, verdict in (
        ({"WCLKE": "1'h1", "WE": "i_valid"}, None),
        ({"RE": "i_valid"}, None),
        ({"RE": "1'h1", "RCLKE": "1'h1"}, False),
        ({"RE": "1'h1"}, True),
    ):
        changed = verilog
        for pin, value in pins.items():
            changed, count = re.subn(rf"(\.{pin})\([^)]*\)", rf"\1({value})", changed)
            assert count == 1
        (tmp_path / "core.v").write_text(changed)
        try:
            passed = prove(
                "formal", network, compiled.input_port, read([tmp_path / "core.v"], TOP), compiled.latency, vectors
            ).passed
        except UnknownCell:
            passed = None
        assert passed is verdict, pins


@needs_yosys
@needs_icarus
@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_all_engines(family, tmp_path):
    network = shared_network(5, 3, 4, 9, 8)
    emit(compile_network(network, targets.get(family), ram="auto"), tmp_path / "core")
    outcomes = verify(emit_again(tmp_path / "core"), ["golden", "amaranth", "cocotb", "formal", "gates"], vectors=400)
    assert all(outcome.passed for outcome in outcomes), outcomes


def emit_again(folder):
    from lut2hw.artefact.emit import load

    manifest = load(folder)
    assert manifest.data["cells"]["ram"]
    return manifest


@pytest.mark.slow
@pytest.mark.parametrize("family,device", [("ice40", "up5k"), ("ice40", "hx8k"), ("ecp5", "25k")])
def test_place_and_route(family, device, tmp_path, capsys):
    """An initialised RAM packs and routes; build.json counts it; iCE40's bitstream answers as the model does."""
    needs.skip_without(targets.get(family).flow.nextpnr)
    network = shared_network(6, 2, 4, 9, 8, layers=1)
    compiled = compile_network(network, targets.get(family), ram="auto", device=device, fmax=24.0)
    manifest = emit(compiled, tmp_path / "core")
    result = build(manifest.directory)
    assert result["device"] == device and result["freq_mhz"] == 24.0
    assert result["core"]["ram"] == result["chip"]["ram"] == len(rams(compiled.netlist)) == 2
    if family == "ice40" and needs.have("icebox_vlog"):
        [outcome] = verify(manifest, ["bitstream"])
        assert outcome.passed and outcome.vectors > 100, outcome


def test_command_line(tmp_path, capsys):
    from lut2hw.model.network import to_bytes

    model = tmp_path / "shared.lut"
    model.write_bytes(to_bytes(shared_network(7, 2, 4, 9, 8)))
    arguments = ["emit", str(model), "-o", str(tmp_path / "core"), "--ram", "auto", "--device", "hx8k", "--json"]
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["cells"]["ram"] == 4
    assert main([*arguments, "--pipeline", "none"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["emit", str(model), "-o", str(tmp_path / "none"), "--ram", "auto", "--target", "generic"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@needs_yosys
@pytest.mark.slow
def test_with_high_effort():
    """ABC maps what is around the RAMs."""
    network, target = shared_network(8, 2, 3, 9, 8), targets.get("ice40")
    compiled = compile_network(network, target, ram="auto", effort="high")
    check(compiled)
    assert rams(compiled.netlist) and compiled.kept == "lut2hw"
