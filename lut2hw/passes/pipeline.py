"""Pipeline registers: the same number on every path.

A carry chain and all cells that read its carries stay in one stage, and so do a hard multiplexer and its LUTs. A
block RAM is a register itself: what it reads is in its stage, what it shows in the next. Stages follow the delay:
each cell is placed as early as it can be, and a register goes in where a stage would become longer than the period;
then `retime` moves cells where that takes fewer registers.
"""

from __future__ import annotations

from lut2hw.logic.netlist import Netlist
from lut2hw.passes.base import Context, Pass
from lut2hw.passes.retime import ROUNDS, registers_of, retime
from lut2hw.passes.timing import Delay, Timing

TWICE = 50_000
"""Cells up to which retiming starts from the latest stages, too, and visits a row more than once."""


def register(netlist: Netlist, stage: list[int], last: int) -> Netlist:
    """Put registers on every net that passes from one stage to a later one, and behind the last stage."""
    out = netlist.empty()
    new, when = [0, 1] + [0] * (netlist.n_nets - 2), [0] * netlist.n_nets
    part = ["lut"] * netlist.n_nets
    late: dict[tuple[int, int], int] = {}

    def at(net: int, wanted: int) -> int:
        """The new net that shows `net` in stage `wanted`."""
        value = new[net]
        if net >= 2:
            for here in range(when[net] + 1, wanted + 1):
                if (net, here) not in late:
                    late[net, here] = out.cell("ff", (value,), part=part[net])[0]
                value = late[net, here]
        return value

    for name, nets in netlist.inputs.items():
        for net, value in zip(nets, out.input(name, len(nets)), strict=True):
            new[net] = value
    for cell, here in zip(netlist.cells, stage, strict=True):
        inputs = [at(net, here) for net in cell.inputs]
        made = out.cell(cell.kind, inputs, len(cell.outputs), table=cell.table, part=cell.part)
        for net, value in zip(cell.outputs, made, strict=True):
            new[net], when[net], part[net] = value, here + netlist.kinds[cell.kind].registered, cell.part
    for name, nets in netlist.outputs.items():
        out.output(name, [at(net, last + 1) for net in nets])
    return out


def pipeline(
    netlist: Netlist,
    registers: int | None,
    delay: Delay,
    period: float,
    *,
    enter: float = 0.0,
    port: float = 0.0,
    shared: bool = False,
    rounds: int = ROUNDS,
) -> Netlist:
    """A netlist of latency `registers`, or of as many as `period` asks for if None (one at least, at the outputs).

    Parameters
    ----------
    delay : Delay
        Of each cell, in the unit of `period`.
    enter : float, default=0.0
        More of it on the way into a carry chain.
    port : float, default=0.0
        From the inputs.
    shared : bool, default=False
        A register that alone follows a LUT is in the LUT's cell.
    rounds : int, default=ROUNDS
        Of retiming, at most; 0 leaves every cell in the earliest stage.

    Raises
    ------
    ValueError
        If block RAMs alone take more than `registers`.
    """
    if registers == 0 or not netlist.cells:
        return netlist
    timing = Timing(netlist, delay, enter, port)
    if registers is None:
        stage = timing.stages(period)
        last = max(stage)
    else:
        last = registers - 1
        # The shortest period that needs no more registers.
        low, high = 0.0, 1 + max(timing.delay) + enter + port
        if max(timing.stages(sum(timing.delay) + enter * len(timing.delay) + port + 1)) > last:
            raise ValueError(f"block RAMs alone take more than {registers} stages")
        while max(timing.stages(high)) > last:
            low, high = high, 2 * high
        for _ in range(12):
            middle = (low + high) / 2
            if max(timing.stages(middle)) > last:
                low = middle
            else:
                high = middle
        period = high
        stage = timing.stages(period)
    if len(netlist.cells) > TWICE:
        stage = retime(timing, stage, last, period, shared=shared, rounds=min(rounds, 1))
    elif rounds:
        stage = retime(timing, stage, last, period, shared=shared, rounds=rounds)
        # Where moving stops depends on where it began.
        late = timing.latest(period, last)
        if late is not None:
            late = retime(timing, late, last, period, shared=shared, rounds=rounds)
            stage = min(stage, late, key=lambda stage: registers_of(timing, stage, last, shared=shared))
    return register(netlist, stage, last)


def add_registers(netlist: Netlist, context: Context, *, rounds: int = ROUNDS) -> Netlist:
    """`pipeline` as the compilation's options ask for it."""
    return pipeline(
        netlist,
        context.options.registers,
        context.delay,
        context.period,
        enter=context.enter,
        port=context.port,
        shared=context.target.carry == "shared",
        rounds=rounds,
    )


PASS = Pass("pipeline", add_registers)
