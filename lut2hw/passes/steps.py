"""Carry chains of AMD's CARRY4 and CARRY8, and LUT6s of which both outputs are used (AMD, UG474 and UG574).

A `step` passes the carry on where its select is one and else takes its data; the LUT that adds the next select to it
is a sum, and part of the chain. A LUT6 has a second output, that of its lower half, so that it holds two tables of
the same five inputs: the select and the data of a cell, sum and carry of a full adder, and what else shares inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from lut2hw.bits import Packed
from lut2hw.logic import truth
from lut2hw.logic.cells import CONST0, Cell, Kind, Library, evaluate_table
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.rewrite import Rewrite

XOR, BUFFER = 0b0110, 0b10
SHARED = 2
"""Inputs that two LUTs of different inputs have in common at least, to be one LUT6."""


def _carries(inputs: Sequence[Packed], cell: Cell, width: int) -> Sequence[Packed]:
    carry, sums, carries = inputs[2 * width], [], []
    for select, data in zip(inputs[:width], inputs[width : 2 * width], strict=True):
        sums.append(select ^ carry)
        carry = select & carry | ~select & data
        carries.append(carry)
    return (*sums, *carries)


def _pair(inputs: Sequence[Packed], cell: Cell) -> Sequence[Packed]:
    return evaluate_table(inputs, cell.table), evaluate_table(inputs[:5], cell.table & truth.full(5))


def carry_kind(width: int) -> Kind:
    """Inputs: S, DI, carry in; outputs: O, CO; the table says whether the carry comes from outside (CYINIT)."""
    return Kind(partial(_carries, width=width), chained=(2 * width - 1,), beside=tuple(range(width)))


PAIR: Library = {"pair": Kind(_pair)}
"""Inputs: six; outputs: O6, and O5, which is the lower half of the table at the first five inputs."""


def _is_sum(cell: Cell, select: int, carry: int) -> bool:
    if select == CONST0:
        return cell.inputs == (carry,) and cell.table == BUFFER
    return cell.table == XOR and len(cell.inputs) == 2 and set(cell.inputs) == {select, carry}


def chains(netlist: Netlist, width: int, plain: frozenset[int] = frozenset()) -> Netlist:
    """A netlist whose `step` cells, and the LUTs that are their sums, are cells `carry4` or `carry8`.

    Parameters
    ----------
    netlist : Netlist
        Of LUTs and steps.
    width : int
        Steps in a cell.
    plain : frozenset of int
        Outputs of LUTs that stay LUTs: what reads a chain's first carry, a net like others, may feed that very chain.
    """
    steps = [cell for cell in netlist.cells if cell.kind == "step"]
    if not steps:
        return netlist
    following = {cell.inputs[2]: cell for cell in steps}
    made = {cell.outputs[0] for cell in steps}
    carried = made | set(following)
    readers: dict[int, list[Cell]] = {}
    for cell in netlist.cells:
        if cell.kind == "lut":
            for net in cell.inputs:
                if net in carried:
                    readers.setdefault(net, []).append(cell)
    sum_of: dict[int, tuple[Cell, int]] = {}  # by output of a LUT that is a sum, the first step and the place
    long: list[tuple[Cell, list[tuple[int, int]]]] = []
    carry_at: dict[int, tuple[Cell, int]] = {}
    for first in steps:
        if first.inputs[2] in made:
            continue
        places: list[tuple[int, int]] = []
        here: Cell | None = first
        while here is not None:
            select, data, carry = here.inputs
            for cell in readers.get(carry, ()):
                if cell.outputs[0] not in plain and _is_sum(cell, select, carry):
                    sum_of.setdefault(cell.outputs[0], (first, len(places)))
            carry_at[here.outputs[0]] = first, len(places)
            places.append((select, data))
            last = here.outputs[0]
            here = following.get(last)
        for cell in readers.get(last, ()):  # one more sum, or the last carry
            select = next((net for net in cell.inputs if net != last), CONST0)
            if _is_sum(cell, select, last):
                sum_of.setdefault(cell.outputs[0], (first, len(places)))
                places.append((select, CONST0))
                break
        long.append((first, places))

    copy = Rewrite(netlist)
    new = copy.new
    kind = f"carry{width}"
    # the nets that a cell waits for, and what it is: a cell, or where on which chain; carries between the cells of a
    # chain have negative numbers
    tasks: list[tuple[list[int], tuple[Cell, list[tuple[int, int]], int] | Cell]] = []
    names: dict[tuple[int, int, str], list[int]] = {}
    for net, (first, at) in sum_of.items():
        names.setdefault((first.outputs[0], at, "O"), []).append(net)
    for net, (first, at) in carry_at.items():
        names.setdefault((first.outputs[0], at, "CO"), []).append(net)
    for first, places in long:
        for at in range(0, len(places), width):
            reads = [net for place in places[at : at + width] for net in place]
            reads.append(first.inputs[2] if not at else -1 - first.outputs[0] - netlist.n_nets * (at // width - 1))
            tasks.append((reads, (first, places, at)))
    tasks += [
        (list(cell.inputs), cell) for cell in netlist.cells if cell.kind != "step" and cell.outputs[0] not in sum_of
    ]

    def add(task: tuple[Cell, list[tuple[int, int]], int] | Cell, reads: list[int]) -> list[int]:
        """Add a cell; returns the nets that are there now."""
        if isinstance(task, Cell):
            copy.keep(task)
            return list(task.outputs)
        first, places, at = task
        some = [(new[select], new[data]) for select, data in places[at : at + width]]
        some += [(CONST0, CONST0)] * (width - len(some))
        inputs = [select for select, _ in some] + [data for _, data in some] + [new[reads[-1]]]
        made = copy.out.cell(kind, inputs, 2 * width, table=int(not at and inputs[-1] != CONST0), part=first.part)
        shown = {-1 - first.outputs[0] - netlist.n_nets * (at // width): made[-1]}
        for place in range(width):
            for port, net in (("O", made[place]), ("CO", made[width + place])):
                shown.update(dict.fromkeys(names.get((first.outputs[0], at + place, port), ()), net))
        new.update(shown)
        return list(shown)

    waiting: dict[int, list[int]] = {}
    ready = []
    left = []
    for number, (reads, _) in enumerate(tasks):
        open_ = {net for net in reads if net not in new}
        left.append(len(open_))
        for net in open_:
            waiting.setdefault(net, []).append(number)
        if not open_:
            ready.append(number)
    for number in ready:
        reads, task = tasks[number]
        for net in add(task, reads):
            for user in waiting.pop(net, ()):
                left[user] -= 1
                if not left[user]:
                    ready.append(user)
    stuck = {
        id(task[0]) for (_, task), open_ in zip(tasks, left, strict=True) if open_ and not isinstance(task, Cell)
    }
    if stuck:
        loops = {net for net, (first, at) in sum_of.items() if not at and id(first) in stuck}
        if not loops - plain:
            raise ValueError("a carry chain reads its own sums")
        return chains(netlist, width, plain | loops)
    return copy.finish()


def _pairable(one: Cell, other: Cell) -> tuple[int, ...] | None:
    """The inputs of a LUT6 whose outputs are both LUTs, at most five; None if there are more."""
    inputs = tuple(dict.fromkeys((*one.inputs, *other.inputs)))
    return inputs if len(inputs) <= 5 else None


def _on(cell: Cell, inputs: Sequence[int], k: int) -> int:
    """The table of a LUT over more inputs."""
    ones = truth.full(k)
    return truth.apply(cell.table, [truth.var(inputs.index(net), k) for net in cell.inputs], ones)


def _free_data(select: Cell, data: int) -> tuple[tuple[int, ...], int] | None:
    """Inputs and table of a LUT6 of six inputs whose lower half is `data`, one of its inputs, wherever it is 0."""
    if len(select.inputs) != 6 or data not in select.inputs:
        return None
    inputs = (*(net for net in select.inputs if net != data), data)
    table = _on(select, inputs, 6)
    low, high = table & truth.full(5), table >> 32
    return (inputs, table) if not low & ~high & truth.full(5) and not (~low & ~high & truth.full(5)) else None


def pairs(netlist: Netlist, width: int) -> Netlist:
    """A netlist in which LUTs that may share a LUT6 do, as cells `pair`.

    Parameters
    ----------
    netlist : Netlist
        What `chains` returned.
    width : int
        Steps in a cell.
    """
    driver = {net: number for number, cell in enumerate(netlist.cells) for net in cell.outputs}
    uses: dict[int, int] = {}
    for net in [
        *(net for cell in netlist.cells for net in cell.inputs),
        *(net for nets in netlist.outputs.values() for net in nets),
    ]:
        uses[net] = uses.get(net, 0) + 1
    level: list[int] = []
    for cell in netlist.cells:
        level.append(1 + max((level[driver[net]] for net in cell.inputs if net in driver), default=0))

    def lut(net: int) -> int | None:
        number = driver.get(net)
        return number if number is not None and netlist.cells[number].kind == "lut" else None

    partner: dict[int, tuple[int, tuple[int, ...]]] = {}  # by the LUT at O6: that at O5, and the inputs
    taken: set[int] = set()
    for cell in netlist.cells:
        if cell.kind != f"carry{width}":
            continue
        for select, data in zip(cell.inputs[:width], cell.inputs[width : 2 * width], strict=True):
            upper, lower = lut(select), lut(data)
            if upper is None or upper in taken:
                continue
            taken.add(upper)
            if lower is None or lower in taken or uses[data] > 1 or lower == upper:
                continue
            inputs = _pairable(netlist.cells[upper], netlist.cells[lower])
            if inputs is not None and set(netlist.cells[lower].inputs) <= set(netlist.cells[upper].inputs):
                partner[upper] = lower, inputs
                taken.add(lower)
    luts = [
        number
        for number, cell in enumerate(netlist.cells)
        if cell.kind == "lut" and 2 <= len(cell.inputs) <= 5 and number not in taken
    ]
    same: dict[tuple[int, ...], int] = {}
    for number in luts:  # sum and carry of full adders
        key = tuple(sorted(netlist.cells[number].inputs))
        if key in same:
            upper = same.pop(key)
            partner[upper] = number, netlist.cells[upper].inputs
            taken.update((upper, number))
        else:
            same[key] = number
    reading: dict[int, list[int]] = {}
    for number in luts:
        if number in taken:
            continue
        cell = netlist.cells[number]
        others: dict[int, int] = {}
        for net in cell.inputs:
            for other in reading.get(net, ()):
                if other not in taken and level[other] == level[number]:
                    others[other] = others.get(other, 0) + 1
        best = [
            (-shared, other)
            for other, shared in others.items()
            if shared >= SHARED and _pairable(netlist.cells[other], cell) is not None
        ]
        if best:
            other = min(best)[1]
            inputs = _pairable(netlist.cells[other], cell)
            assert inputs is not None
            partner[other] = number, inputs
            taken.update((other, number))
        else:
            for net in cell.inputs:
                reading.setdefault(net, []).append(number)

    second_of = {number for number, _ in partner.values()}
    copy = Rewrite(netlist)
    for number in _order(netlist, driver, partner):
        cell = netlist.cells[number]
        if number in second_of:
            continue
        if number in partner:
            other, inputs = partner[number]
            second = netlist.cells[other]
            five = (*inputs, *[CONST0] * (5 - len(inputs)))
            table = _on(cell, five, 5) << 32 | _on(second, five, 5)
            made = copy.out.cell("pair", (*copy.nets(five), 1), 2, table=table, part=cell.part)
            copy.new[cell.outputs[0]], copy.new[second.outputs[0]] = made
            continue
        copy.keep(cell)
    return copy.finish()


def _order(
    netlist: Netlist, driver: dict[int, int], partner: dict[int, tuple[int, tuple[int, ...]]]
) -> Iterable[int]:
    """Numbers of cells, those of a pair at the place of the later one's operands."""
    upper = {other: number for number, (other, _) in partner.items()}
    done: set[int] = set()
    for wanted in range(len(netlist.cells)):
        stack = [upper.get(wanted, wanted)]
        while stack:
            number = stack[-1]
            if number in done:
                stack.pop()
                continue
            nets = [*netlist.cells[number].inputs, *(partner[number][1] if number in partner else ())]
            missing = [upper.get(driver[net], driver[net]) for net in nets if net in driver]
            missing = [each for each in missing if each not in done]
            if missing:
                stack += missing
            else:
                done.add(number)
                yield number
                stack.pop()
