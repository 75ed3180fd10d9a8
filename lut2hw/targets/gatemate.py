"""Cologne Chip GateMate (Cologne Chip, "GateMate FPGA User Guide" UG1001; primitives: "GateMate Primitives Library").

Half of a CPE is a tree of three LUT2s (CC_L2T4); CC_L2T5 and CC_MX4 take both halves, as two CC_L2T4 do. CC_ADDF is a
full adder in half a CPE. Block RAM holds no tables: its contents are spread over parameters by the width of its port.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lut2hw.logic import truth
from lut2hw.logic.cells import COMMON, Cell
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.rewrite import Rewrite
from lut2hw.passes.lut_trees import INPUTS, lut2_of, lut_trees, padded, tree_of
from lut2hw.passes.slots import ADD, ALU, SUBTRACT, slots
from lut2hw.targets import read
from lut2hw.targets.base import Device, Flow, Instance, Target, widen


def _tree5(cell: Cell) -> Instance:
    """CC_L2T5, whose last LUT2 reads I4 and a tree; compiled netlists have none, yosys makes some."""
    for j in range(5):
        halves = truth.cofactors(cell.table, 5, j)
        table = next((half for half in halves if 0 < half < truth.full(4)), 0)
        ways = {0: 0b00, truth.full(4): 0b11, table: 0b10, table ^ truth.full(4): 0b01}
        tree = tree_of(table)
        if tree.cost > 1 or not all(half in ways for half in halves):
            continue
        last = sum(
            (ways[half] >> value & 1) << (2 * value + at) for at, half in enumerate(halves) for value in (0, 1)
        )
        rest = cell.inputs[:j] + cell.inputs[j + 1 :]
        inits: dict[str, tuple[int, int] | str] = {"INIT_L11": (tree.top, 4), "INIT_L20": (last, 4)}
        ports = {"I4": cell.inputs[j]}
        for name, first, leaf in (("INIT_L02", 0, tree.left), ("INIT_L03", 2, tree.right)):
            inits[name] = (lut2_of(leaf.table, [truth.var(at, INPUTS) for at in leaf.operands]), 4)
            ports |= {f"I{first + at}": rest[j] for at, j in enumerate(leaf.operands)}
        return Instance("CC_L2T5", inits, ports, {"O": cell.outputs[0]})
    raise ValueError(f"{cell.table:#x} is no tree of four LUT2s")


def _primitive(cell: Cell) -> Instance:
    if cell.kind == "alu":
        a, b, carry = cell.inputs
        if cell.table != ADD:
            raise ValueError("a full adder inverts no input")
        return Instance(
            "CC_ADDF", {}, {"A": a, "B": b, "CI": carry}, dict(zip(("S", "CO"), cell.outputs, strict=True))
        )
    if cell.kind == "mux4":
        return Instance("CC_MX4", {}, dict(zip(MUX4, cell.inputs, strict=True)), {"Y": cell.outputs[0]})
    if cell.kind == "tree5":
        return _tree5(cell)
    if cell.kind != "lut":
        raise ValueError(f"GateMate has no {cell.kind} cell")
    k = len(cell.inputs)
    if k <= 2:
        inputs, table = widen(cell, max(k, 1))
        k = len(inputs)
        return Instance(
            f"CC_LUT{k}",
            {"INIT": (table, 1 << k)},
            {f"I{j}": net for j, net in enumerate(inputs)},
            {"O": cell.outputs[0]},
        )
    tree = tree_of(padded(cell.table, k))
    if tree.cost > 1:
        raise ValueError(f"{cell.table:#x} is no tree of three LUT2s")
    ports: dict[str, int] = {}
    inits: dict[str, tuple[int, int] | str] = {"INIT_L10": (tree.top, 4)}
    for name, first, leaf in (("INIT_L00", 0, tree.left), ("INIT_L01", 2, tree.right)):
        operands = [truth.var(j, INPUTS) for j in leaf.operands]
        inits[name] = (lut2_of(leaf.table, operands), 4)
        ports |= {f"I{first + at}": cell.inputs[j] for at, j in enumerate(leaf.operands)}
    return Instance("CC_L2T4", inits, ports, {"O": cell.outputs[0]})


def _finish(netlist: Netlist) -> Netlist:
    """Full adders, then trees; an operand that is inverted gets a LUT1 of its own, which is in the adder's cell."""
    chained = slots(netlist, "alu")
    copy = Rewrite(chained)
    for cell in chained.cells:
        inputs, table = copy.nets(cell.inputs), cell.table
        if cell.kind == "alu" and table == SUBTRACT:
            b = inputs[1]
            inputs[1], table = (1 - b if b < 2 else copy.out.lut((b,), 0b01, part=cell.part)), ADD
        copy.keep(cell, inputs, table)
    return lut_trees(copy.finish())


def _read_tree(leaves: Sequence[str], top: str, last: str = "") -> read.Reader:
    """A tree with those parameters; `last` is the LUT2 of CC_L2T5, whose input 0 is I4."""

    def reader(parameters: Mapping[str, int | str], ports: Mapping[str, Sequence[read.Bit]]) -> list[read.Mapped]:
        k = 5 if last else 4
        ones = truth.full(k)
        x = [truth.var(j, k) for j in range(k)]
        left, right = (
            truth.apply(read.number(parameters.get(name, 0)), x[2 * i : 2 * i + 2], ones)
            for i, name in enumerate(leaves)
        )
        table = truth.apply(read.number(parameters.get(top, 0)), [left, right], ones)
        if last:
            table = truth.apply(read.number(parameters.get(last, 0)), [x[4], table], ones)
        inputs = tuple((ports.get(f"I{j}") or "0")[0] for j in range(k))
        return [read.Mapped("tree5" if last else "lut", inputs, (read.out(ports, "O"),), table)]

    return reader


MUX4 = ("D0", "D1", "D2", "D3", "S0", "S1")


def _read_mux4(parameters: Mapping[str, int | str], ports: Mapping[str, Sequence[read.Bit]]) -> list[read.Mapped]:
    table = sum((p >> (p >> 4) & 1) << p for p in range(64))
    return [read.Mapped("mux4", tuple((ports.get(name) or "0")[0] for name in MUX4), (read.out(ports, "Y"),), table)]


def _read_adder(parameters: Mapping[str, int | str], ports: Mapping[str, Sequence[read.Bit]]) -> list[read.Mapped]:
    inputs = tuple((ports.get(name) or "0")[0] for name in ("A", "B", "CI"))
    return [read.Mapped("alu", inputs, (read.out(ports, "S"), read.out(ports, "CO")), ADD)]


GATEMATE = Target(
    name="gatemate",
    description="Cologne Chip GateMate: trees of LUT2s, full adders in a chain",
    lut_inputs=4,
    primitive=_primitive,
    devices={"CCGM1A1": Device(40960, 0, ("CCGM1A1",)), "CCGM1A2": Device(81920, 0, ("CCGM1A2",))},
    simulation_models=("gatemate/cells_sim.v",),
    plain_models=("gatemate_models.v",),
    lint="-Wall -Wno-portbind",  # an input that a tree does not read is left open: nextpnr would route a constant
    flow=Flow(
        synth="synth_gatemate -nomult -nobram -luttree -top {top}",
        nextpnr="nextpnr-himbaechel-gatemate",
        arguments=("--device", "{device}", "--vopt", "allow-unconstrained"),
        output=("--vopt", "out={name}.txt"),
        pack=("gmpack", "{name}.txt", "{name}.bit"),
        bitstream="{name}.bit",
        logic_cell="CPE_LT",
        ram="RAM_HALF",
        count={"lut4": "CC_LUT[1-4]|CC_L2T4|CC_MX[24]", "carry": "CC_ADDF", "ff": "CC_DFF", "ram": "CC_BRAM_.*"},
        no_pads="-noiopad",
        packs_cores=False,
        pair="CC_L2T5",
    ),
    default_device="CCGM1A1",
    carry="slots",
    deepest_ram=0,
    delay={"lut": 2.2, "tree5": 2.5, "mux4": 2.5, "alu": 0.3},
    enter=2.0,
    overhead=2.5,
    kinds={**COMMON, **ALU, "tree5": COMMON["lut"], "mux4": COMMON["lut"]},
    finish=_finish,
    alone="-nomx8",
    read={
        **{f"CC_LUT{k}": read.lut(" ".join(f"I{j}" for j in range(k)), "O") for k in range(1, 5)},
        "CC_L2T4": _read_tree(("INIT_L00", "INIT_L01"), "INIT_L10"),
        "CC_L2T5": _read_tree(("INIT_L02", "INIT_L03"), "INIT_L11", "INIT_L20"),
        "CC_MX2": lambda parameters, ports: [
            read.Mapped("lut", (ports["D0"][0], ports["D1"][0], ports["S0"][0]), (read.out(ports, "Y"),), 0b11001010)
        ],
        "CC_MX4": _read_mux4,
        "CC_ADDF": _read_adder,
    },
    cells={"lut": 1, "tree5": 2, "mux4": 2, "alu": 1},
)
