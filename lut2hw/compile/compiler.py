"""The compiler: from a LutNetwork to a netlist of cells that the target has."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from lut2hw.compile import lower
from lut2hw.compile.arithmetic import head
from lut2hw.compile.arithmetic.carry import CarryArithmetic
from lut2hw.compile.arithmetic.compressors import Arithmetic
from lut2hw.compile.baseline import synthesize
from lut2hw.compile.dont_cares import Examples, use_dont_cares
from lut2hw.errors import UsageError, unknown_name
from lut2hw.logic.graph import Graph
from lut2hw.logic.netlist import Cell, Netlist
from lut2hw.logic.port import OUTPUT, InputPort
from lut2hw.model.network import LutNetwork
from lut2hw.passes import ram as block_ram
from lut2hw.passes.abc import remap
from lut2hw.passes.area import estimate_netlist
from lut2hw.passes.decompose import lut_cost, shannon
from lut2hw.passes.duplicates import merge_equal
from lut2hw.passes.merge import merge
from lut2hw.passes.pipeline import pipeline as add_registers
from lut2hw.passes.timing import Timing
from lut2hw.targets.base import Target
from lut2hw.targets.registry import TARGETS

__all__ = ["Compiled", "compile_network"]

LEVELS = 6
"""LUTs between registers, beside the way from an input, of an automatic pipeline that no clock is asked for."""

SHORTEST = 6
"""Columns of a carry chain that pay, however fast the clock."""

OnPass = Callable[[str, Netlist], None]


@dataclass(frozen=True)
class Compiled:
    """A network as hardware.

    network: the golden model, after any change of don't-cares. netlist: cells the target has; input port
    `port.INPUT` laid out as `input_port` says, output port `port.OUTPUT`, the class number, unsigned, least
    significant bit first, ceil(log2(n_classes)) bits and at least one. latency: cycles from input to output.
    compared: cells of each mapping that was compared. clock: MHz to expect by the target's delays; None without one.
    """

    network: LutNetwork
    netlist: Netlist
    target: Target
    input_port: InputPort
    latency: int
    compared: Mapping[str, int] = field(default_factory=dict)
    clock: float | None = None

    @property
    def kept(self) -> str:
        """Whose mapping the netlist is: "yosys" if it was smaller, else "lut2hw"."""
        return min(self.compared, key=lambda name: (self.compared[name], name), default="lut2hw")


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for cycles: there are none among the millions of tuples that it would look at, a fifth of
    the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_uncollected()
def compile_network(
    network: LutNetwork,
    target: Target,
    *,
    encoded_inputs: bool = False,
    pipeline: str | int = "auto",
    dont_cares: str = "off",
    effort: str = "normal",
    fmax: float | None = None,
    ram: str = "never",
    device: str | None = None,
    data: Examples | None = None,
    on_pass: OnPass | None = None,
) -> Compiled:
    """Compile `network` for `target`; on every input the netlist equals the network in the result.

    encoded_inputs: leave the encoder out; the input port takes the bits of the code.
    pipeline: "none" for a combinational netlist, the number of register stages, or "auto" to choose it.
    dont_cares: "off"; "unseen" or "rare:N" let table entries change that training showed never, or less than N times.
    effort: "normal", or "high" to compare with ABC's mapping of the tables and with what yosys alone makes of the
        network's behaviour (`baseline`), and keep the smallest. It needs yosys.
    fmax: clock in MHz that an automatic pipeline is cut for.
    ram: "never", or "auto" to put wide tables into the device's block RAMs where that saves logic cells.
    device: of the target, for its block RAMs and its speed; None for the target's usual one.
    data: training data for `dont_cares` if the network does not hold its care set.
    on_pass: called with the name of each pass and the netlist after it, which has the ports of the result.
    Errors: `UsageError` for options that make no sense.
    """
    registers = _registers(pipeline)
    inverts = target.carry == "slots"
    if effort not in ("normal", "high"):
        raise unknown_name("effort", effort, ("normal", "high"))
    if ram not in ("never", "auto"):
        raise unknown_name("use of RAM", ram, ("never", "auto"))
    if fmax is not None and not 0 < fmax < 10_000:
        raise UsageError(f"fmax must be a clock in MHz above 0, not {fmax:g}")
    k, part = target.lut_inputs, target.device(device)
    if ram == "auto":
        _check_ram(target, registers)

    period = (
        (LEVELS * target.delay["lut"] + target.port) * part.slowness
        if fmax is None
        else max(1000 / fmax - target.overhead * part.slowness, 0.0)
    )
    chain = target.chain
    if fmax is not None and registers is None and target.carry == "shared":
        # A stage has to hold a chain from end to end, the way in, the LUT that reads it, and one on the chain of an
        # argmax that chooses by it.
        bits = (period / part.slowness - target.enter - 2 * target.delay["lut"]) / target.delay["carry"]
        chain = max(SHORTEST, min(chain, int(bits) - 2))

    def arithmetic(graph: Graph) -> Arithmetic:
        if target.carry == "none":
            return Arithmetic(graph, k)
        return CarryArithmetic(graph, k, shares=target.carry == "shared", chain=chain)

    network = use_dont_cares(network, dont_cares, k, data)
    logic = lower.tables(network)
    read = lower.bits_read(logic)
    logic = merge_equal(logic)
    port = InputPort.of(network, read, encoded=encoded_inputs)

    def whole(logic: Netlist, lut_inputs: int) -> Netlist:
        """`logic` between encoder and head."""
        graph = Graph()
        literals = lower.code(graph, network, port, read, lut_inputs)
        votes = graph.place(logic, {lower.BITS: literals})[lower.VOTES]
        graph.outputs[OUTPUT] = head.answer(network.head, votes, network.n_classes, arithmetic(graph))
        return graph.netlist(carry_inverts=inverts)

    def report(name: str, netlist: Netlist) -> Netlist:
        if on_pass is not None:
            on_pass(name, netlist)
        return netlist

    def delay(cell: Cell) -> float:
        return target.delay.get(cell.kind, 0.0) * part.slowness

    def build(logic: Netlist, rival: Netlist | None = None) -> tuple[Netlist, dict[str, int]]:
        """The netlist with registers, and the cells of what was compared: ours and, where it is smaller, `rival`."""
        netlist = report("map", whole(_map(logic, target, effort), k))
        netlist = report("merge", merge(netlist, k, carry_inverts=inverts))
        if target.finish is not None:
            netlist = report("finish", target.finish(netlist))
        compared: dict[str, int] = {}
        if rival is not None:
            compared = {"lut2hw": estimate_netlist(netlist, target), "yosys": estimate_netlist(rival, target)}
            if compared["yosys"] < compared["lut2hw"]:
                netlist = report("baseline", rival)
        netlist = block_ram.gather(netlist, target.ram)
        netlist = add_registers(
            netlist,
            registers,
            delay,
            period,
            enter=target.enter * part.slowness,
            port=target.port * part.slowness,
            shared=target.carry == "shared",
        )
        return report("pipeline", netlist), compared

    if on_pass is not None:
        report("tables", whole(logic, k))
    rival = synthesize(network, port, target) if effort == "high" else None
    netlist, compared = build(logic, rival)
    if ram == "auto":
        packed = block_ram.pack(
            logic,
            target.ram,
            part.ram,
            lambda cell: _table_cost(cell, target),
            k,
            depth=None if registers is None else registers - 1,
        )
        if packed is not logic:
            report("ram", whole(packed, k))
            other = build(packed, rival)
            if estimate_netlist(other[0], target) < estimate_netlist(netlist, target):
                netlist, compared = other
    clock = None
    if netlist.latency:
        path = Timing(netlist, delay, target.enter * part.slowness, target.port * part.slowness).longest()
        clock = 1000 / (path + target.overhead * part.slowness)
    return Compiled(network, netlist, target, port, netlist.latency, compared, clock)


def _map(logic: Netlist, target: Target, effort: str) -> Netlist:
    """Tables of any width as LUTs that the target has or makes of its hard multiplexers."""
    k = target.lut_inputs
    # Hard multiplexers are free but take LUTs for themselves alone; shared cofactors may be less.
    widest = max((len(cell.inputs) for cell in logic.cells if cell.kind == "lut"), default=0)
    widths = range(k, max(min(k + target.mux_levels, widest), k) + 1)
    mapped = min((merge(shannon(logic, width), k) for width in widths), key=lambda n: lut_cost(n, k))
    if effort == "high":
        # ABC starts from the tables and from our own mapping; whichever comes out smallest stays.
        mapped = min((mapped, remap(logic, k), remap(mapped, k)), key=lambda n: lut_cost(n, k))
    return mapped


def _table_cost(cell: Cell, target: Target) -> int:
    """LUTs that one table takes."""
    alone = Netlist()
    alone.output(lower.VOTES, [alone.lut(alone.input(lower.BITS, len(cell.inputs)), cell.table)])
    return lut_cost(_map(alone, target, "normal"), target.lut_inputs)


def _check_ram(target: Target, registers: int | None) -> None:
    """Raise `UsageError` where block RAM cannot be used."""
    if not target.ram:
        able = " and ".join(name for name, other in sorted(TARGETS.items()) if other.ram)
        raise UsageError(f"tables do not go into block RAM of {target.name}, only of {able}; leave --ram at never")
    if registers == 0:
        raise UsageError("block RAM is read on the clock, so --ram auto needs registers: leave --pipeline none out")


def _registers(pipeline: str | int) -> int | None:
    if pipeline == "auto":
        return None
    if pipeline == "none":
        return 0
    try:
        registers = int(pipeline)
    except ValueError:
        registers = -1
    if not 0 <= registers <= 1000:
        raise UsageError(f"pipeline must be auto, none or a number of registers from 0 to 1000, not {pipeline!r}")
    return registers
