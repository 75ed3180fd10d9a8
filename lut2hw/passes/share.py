"""LUTs and carries in one cell, for families whose LUT and carry share inputs (iCE40: inputs 1 and 2, carry in at 3).

Place and route puts a carry into the cell of the LUT that reads the same two nets and the carry in. The LUT of a sum
does. A LUT that reads the two nets but has no use for the carry is given it as an input without effect: so the
multiplexers of an argmax cost nothing beside its comparators. A carry that no cell's own LUT can take is read
through a buffer, or if that cannot be, as it is: place and route then breaks the chain.

No carry reads one net twice, for nextpnr's default router can swap the two inputs for ever: a carry that is its
operand starts a chain, from 0, the operand and a constant 1 as its carry in.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from lut2hw.logic.netlist import CONST0, CONST1, Cell, Netlist
from lut2hw.logic.rewrite import Rewrite

_ORDERS = sorted(itertools.permutations(range(4)), key=lambda order: order != (1, 0, 2, 3))
"""Orders of a LUT's inputs, the one that moves the fewest first."""


def _order(cell: Cell, a: int, b: int, carry_in: int) -> tuple[int, ...] | None:
    """The LUT's inputs as (any other, a, b, carry in or, without one, another), or None if it reads more."""
    other = [net for net in cell.inputs if net not in (a, b, carry_in)]
    if carry_in <= CONST1 and len(other) == 2:
        return other[0], a, b, other[1]
    return (*(other or [CONST0]), a, b, carry_in) if len(other) < 2 else None


def _table(cell: Cell, inputs: tuple[int, ...]) -> int:
    """The LUT's table over `inputs`, which contain its own."""
    place = [inputs.index(net) for net in cell.inputs]
    return sum(
        1 << p
        for p in range(1 << len(inputs))
        if cell.table >> sum((p >> at & 1) << j for j, at in enumerate(place)) & 1
    )


def _enter(cell: Cell) -> Cell:
    """The cell, a carry of twice one net as the start of a chain.

    The constant comes first: a LUT of two inputs has its own at input 2, and yosys would take the two for a sum.
    """
    if cell.kind == "carry" and cell.inputs[0] == cell.inputs[1] > CONST1:
        return replace(cell, inputs=(CONST0, cell.inputs[0], CONST1))
    return cell


def share(netlist: Netlist) -> Netlist:
    """A netlist in which one LUT reads each carry, its inputs in the order that place and route asks for."""
    cells = [_enter(cell) for cell in netlist.cells]
    carries = {cell.outputs[0] for cell in cells if cell.kind == "carry"}
    made_by = {net: number for number, cell in enumerate(cells) for net in cell.outputs}
    users: dict[int, list[int]] = {}
    for number, cell in enumerate(cells):
        for net in dict.fromkeys(cell.inputs):
            users.setdefault(net, []).append(number)
    wired: dict[int, tuple[int, ...]] = {}  # by LUT
    buffers: dict[int, tuple[int, ...]] = {}  # by carry cell, the inputs of the buffer that reads it

    def take(lut: int, a: int, b: int, carry: int) -> bool:
        inputs = _order(cells[lut], a, b, carry)
        if max(made_by.get(a, -1), made_by.get(b, -1)) >= lut:
            return False
        if inputs is None or lut in wired or not carries.isdisjoint(set(cells[lut].inputs) - {carry}):
            return False
        wired[lut] = inputs
        return True

    def beside(number: int, a: int, b: int, carry: int) -> None:
        """Let the first LUT that can share the cell of the carry that reads all three."""
        shared = {net for net in (a, b) if net > 1}
        for user in users.get(min(shared, default=CONST0), ()):
            if (
                user > number
                and cells[user].kind == "lut"
                and shared <= set(cells[user].inputs)
                and take(user, a, b, carry)
            ):
                break

    for number, cell in enumerate(cells):
        if cell.kind != "carry":
            continue
        if cell.inputs[2] == CONST0 and min(cell.inputs[:2]) > CONST1:
            beside(-1, *cell.inputs)
        [carry] = cell.outputs
        readers = [user for user in users.get(carry, ()) if cells[user].kind == "lut"]
        following = next((cells[user] for user in users.get(carry, ()) if cells[user].kind == "carry"), None)
        a, b = following.inputs[:2] if following else (CONST0, CONST0)
        if not readers and following:
            beside(number, a, b, carry)
        elif len(readers) == 1 and not following and carries.isdisjoint(set(cells[readers[0]].inputs) - {carry}):
            rest = tuple(net for net in cells[readers[0]].inputs if net != carry)
            wired[readers[0]] = rest + (CONST0,) * (3 - len(rest)) + (carry,)
        elif (
            readers
            and not (len(readers) == 1 and take(readers[0], a, b, carry))
            and max(made_by.get(a, -1), made_by.get(b, -1)) < number
        ):
            buffers[number] = (CONST0, a, b, carry)

    copy = Rewrite(netlist)
    out, new = copy.out, copy.new
    readable: dict[int, int] = {}  # by carry, the net that LUTs read instead
    for number, cell in enumerate(cells):
        inputs, table = cell.inputs, cell.table
        if number in wired:
            inputs = wired[number]
            table = _table(cell, inputs)
        lut = cell.kind == "lut"
        copy.keep(cell, [readable.get(net, new[net]) if lut else new[net] for net in inputs], table)
        if number in buffers:
            readable[cell.outputs[0]] = out.lut(
                [new[net] for net in buffers[number]],
                _table(Cell("lut", buffers[number][3:], (), 0b10), buffers[number]),
                part=cell.part,
            )
    for name, nets in netlist.outputs.items():
        out.output(name, [readable.get(net, new[net]) for net in nets])
    return out


def unpaired(netlist: Netlist) -> Netlist:
    """Another synthesis's netlist in which no LUT looks like the sum of a carry that it does not read.

    Yosys puts a carry and a LUT that reads the same two nets at inputs 1 and 2 into one box. A LUT that has the two
    nets there by chance may depend on the carry, and the box is a loop. Such a LUT's inputs are ordered so that no
    carry has the two in the middle; if every order has a carry, it reads one of them through a buffer.
    """
    enter: dict[tuple[int, ...], set[int]] = {}
    cells = [_enter(cell) for cell in netlist.cells]
    for cell in cells:
        if cell.kind == "carry":
            enter.setdefault(cell.inputs[:2], set()).add(cell.inputs[2])
            enter.setdefault(cell.inputs[1::-1], set()).add(cell.inputs[2])

    def apart(inputs: Sequence[int]) -> bool:
        first, a, b, last = inputs
        return (a, b) not in enter or max(first, last) <= CONST1 or (last > CONST1 and last in enter[a, b])

    copy = Rewrite(netlist)
    for cell in cells:
        inputs, table, read = cell.inputs, cell.table, copy.nets(cell.inputs)
        if cell.kind == "lut" and len(inputs) == 4 and not apart(inputs):
            order = next((order for order in _ORDERS if apart([inputs[at] for at in order])), None)
            if order is None:
                read[1] = copy.out.lut([CONST0, read[1], CONST0, CONST0], 0xCCCC, part=cell.part)
            else:
                inputs = tuple(inputs[at] for at in order)
                table, read = _table(cell, inputs), copy.nets(inputs)
        copy.keep(cell, read, table)
    return copy.finish()
