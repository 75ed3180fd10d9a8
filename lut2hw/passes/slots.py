"""Carries in cells whose carry is a LUT of its own (Lattice CCU2, Gowin ALU): out = prop ? in : gen, sum = prop ^ in.

`prop` is the first table of a slot, `gen` its second; input 0 is a, input 1 is b. With prop = 0 a slot lets the
carry out as its sum and takes a new bit in at the same time, so additions follow each other as in
`arithmetic_carry`. A CCU2 holds two slots with any tables, an ALU one that adds or subtracts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lut2hw.bits import Packed
from lut2hw.logic import truth
from lut2hw.logic.cells import CONST0, CONST1, Cell, Kind, Library, evaluate_table
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.rewrite import Rewrite

XOR, FIRST = 0b0110, 0b1010


def _two(a: Packed, b: Packed, table: int) -> Packed:
    """A table of two inputs; a constant is made of them, so that this also works on the values of an HDL."""
    constant = {0: a ^ a, 15: ~(a ^ a)}.get(table)
    return evaluate_table((a, b), table) if constant is None else constant


def _ccu2(inputs: Sequence[Packed], cell: Cell) -> Sequence[Packed]:
    a0, b0, a1, b1, carry = inputs
    out = []
    for a, b, half in ((a0, b0, cell.table & 0xFF), (a1, b1, cell.table >> 8)):
        prop, gen = _two(a, b, half & 15), _two(a, b, half >> 4)
        out.append(prop ^ carry)
        carry = prop & carry | ~prop & gen
    return (*out, carry)


ADD, SUBTRACT = 0, 1


def _alu(inputs: Sequence[Packed], cell: Cell) -> Sequence[Packed]:
    a, b, carry = inputs
    prop = a ^ ~b if cell.table == SUBTRACT else a ^ b
    return prop ^ carry, prop & carry | ~prop & a


CCU2: Library = {"ccu2": Kind(_ccu2, chained=(2,))}
"""Inputs: a0, b0, a1, b1, carry in; outputs: sum 0, sum 1, carry out; the table: prop 0, gen 0, prop 1, gen 1."""

ALU: Library = {"alu": Kind(_alu, chained=(1,))}
"""Inputs: a, b, carry in; outputs: sum, carry out; the table: whether b is inverted."""


@dataclass
class _Slot:
    a: int
    b: int
    prop: int
    gen: int
    carry: int  # the carry it makes, as a net of the source; CONST0 if nobody reads it
    total: int  # the carry it lets out or adds to
    part: str


@dataclass
class _Chain:
    slots: list[_Slot]
    done: int = 0  # slots that are in cells


def _instead(slot: _Slot, total: int, inputs: list[int], j: int, table: int) -> tuple[int, int, list[int]]:
    """The sum instead of the carry at input j of a table: the sum, the table, and inputs to add to it."""
    more = [x for x in dict.fromkeys((slot.a, slot.b)) if x not in inputs] if slot.prop not in (0, 0b1111) else []
    operands = inputs + more
    k = len(operands)
    constant = {CONST0: 0, CONST1: truth.full(k)}
    columns = [constant.get(x, truth.var(i, k)) for i, x in enumerate(operands)]
    if slot.prop == 0b1111:
        columns[j] ^= truth.full(k)
    elif slot.prop:  # carry = sum ^ prop(a, b)
        columns[j] ^= truth.apply(slot.prop, [columns[operands.index(x)] for x in (slot.a, slot.b)], truth.full(k))
    return total, truth.apply(table, columns[: len(inputs)], truth.full(k)), more


def slots(netlist: Netlist, kind: str = "ccu2") -> Netlist:
    """A netlist without `carry` cells: chains of `ccu2` or `alu` cells, and LUTs that read their sums."""
    per_cell = 2 if kind == "ccu2" else 1
    follower: dict[int, Cell] = {}
    read: set[int] = set()
    carries = {cell.outputs[0]: cell for cell in netlist.cells if cell.kind == "carry"}
    for cell in netlist.cells:
        if cell.kind == "carry":
            follower[cell.inputs[2]] = cell
        else:
            read.update(net for net in cell.inputs if net in carries)
    chain_of: dict[int, _Chain] = {}  # by carry
    slot_of: dict[int, _Slot] = {}  # by the carry that comes in
    for cell in netlist.cells:
        if cell.kind != "carry" or cell.inputs[2] in carries:
            continue
        state = _Chain([])
        chain = state.slots
        [a, b, carry_in] = cell.inputs
        if a != b or cell.table in (1, 2):  # a constant carry in comes from a slot
            chain.append(_Slot(carry_in, carry_in, 0, FIRST, carry_in, CONST0, cell.part))
        here: Cell | None = cell
        while here is not None:
            a, b, carry_in = here.inputs
            inverted = here.table
            prop = XOR if inverted in (0, 3) else 0b1001
            gen = FIRST if not inverted & 1 else 0b0101
            if a == b:
                prop = 0 if prop == XOR else 0b1111
            slot = _Slot(a, b, prop, gen, here.outputs[0], carry_in, here.part)
            slot_of[carry_in] = slot
            chain_of[slot.carry] = state
            chain.append(slot)
            last, here = here.outputs[0], follower.get(here.outputs[0])
        if last in read:
            slot_of[last] = _Slot(CONST0, CONST0, 0, 0, CONST0, last, cell.part)
            chain.append(slot_of[last])

    copy = Rewrite(netlist, {**netlist.kinds, **(CCU2 if kind == "ccu2" else ALU)})
    out, new = copy.out, copy.new
    sums: dict[int, int] = {}  # by the carry that comes in, the new net of prop ^ carry
    opposite: dict[int, int] = {}  # by new net

    def not_(net: int) -> int:
        if net not in opposite:
            opposite[net] = out.lut((net,), 0b01, part="popcount")
        return opposite[net]

    def alu(slot: _Slot) -> tuple[int, int, int]:
        """Operands and mode of an ALU that does what the slot says."""
        a, b = new[slot.a], new[slot.b]
        if slot.prop == 0b1111:
            return a, a, SUBTRACT
        if slot.prop == 0:
            a = a if slot.gen == FIRST or (a == CONST0 and not slot.gen) else not_(a)
            return a, a, ADD
        if slot.prop == XOR:
            return (a, b, ADD) if slot.gen == FIRST else (not_(a), b, SUBTRACT)
        return (a, b, SUBTRACT) if slot.gen == FIRST else (b, a, SUBTRACT)

    def lay(state: _Chain, force: bool = False) -> None:
        """Add the cells whose operands are there; `force` closes a cell whose second slot has to wait."""
        while state.done < len(state.slots):
            pair = state.slots[state.done : state.done + per_cell]
            ready = [slot.a in new and slot.b in new for slot in pair]
            if not ready[0] or not (all(ready) or force):
                return
            pair = pair[: sum(ready)]
            carry = carry_net.get(pair[0].total, CONST0)
            if kind == "alu":
                a, b, mode = alu(pair[0])
                made = out.cell("alu", (a, b, carry), 2, table=mode, part=pair[0].part)
            else:
                passes = _Slot(CONST0, CONST0, 0b1111, 0, CONST0, CONST0, pair[0].part)
                ends = [*pair, passes][:2]
                made = out.cell(
                    "ccu2",
                    (*(new[net] for slot in ends for net in (slot.a, slot.b)), carry),
                    3,
                    table=sum((slot.prop | slot.gen << 4) << 8 * i for i, slot in enumerate(ends)),
                    part=pair[0].part,
                )
            for slot, total in zip(pair, made[:-1], strict=False):
                sums.setdefault(slot.total, total)
            if pair[-1].carry > 1:
                carry_net[pair[-1].carry] = made[-1]
            state.done += len(pair)

    carry_net: dict[int, int] = {}
    for cell in netlist.cells:
        if cell.kind == "carry":
            lay(chain_of[cell.outputs[0]])
            continue
        inputs, table = list(cell.inputs), cell.table
        for j, net in enumerate(cell.inputs):
            if net not in carries:
                continue
            if net not in sums:
                lay(chain_of[net], force=True)
            if net not in sums:  # the slot waits for an operand: let the carry out, and pass it on, before
                slot = slot_of[net] = _Slot(CONST0, CONST0, 0b1111, 0, net, net, cell.part)
                state = chain_of[net]
                state.slots.insert(state.done, slot)
                lay(state, force=True)
            inputs[j], table, more = _instead(slot_of[net], -sums[net], inputs, j, table)
            inputs += more
        nets = [-net if net < 0 else new[net] for net in inputs]
        for j in reversed(range(len(nets))):
            if cell.kind == "lut" and not truth.depends(table, len(nets), j):
                table, nets = truth.cofactors(table, len(nets), j)[0], nets[:j] + nets[j + 1 :]
        if len(nets) > max(len(cell.inputs), 4):  # no room for the way back from the sum: a LUT of its own
            inputs, table = list(cell.inputs), cell.table
            for j, net in enumerate(cell.inputs):
                if net in carries:
                    slot = slot_of[net]
                    inputs[j] = -out.lut(
                        (sums[net], new[slot.a], new[slot.b]),
                        sum(1 << p for p in range(8) if p & 1 ^ slot.prop >> (p >> 1) & 1),
                        part=cell.part,
                    )
            nets = [-net if net < 0 else new[net] for net in inputs]
        if cell.kind == "lut" and len(nets) == 1 and table == 0b10:
            new[cell.outputs[0]] = nets[0]
            continue
        copy.keep(cell, nets, table)
    return copy.finish()
