"""The compiler: from a LutNetwork to a netlist of cells that the target has."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lut2hw.compile import lower
from lut2hw.compile.arithmetic import head
from lut2hw.compile.arithmetic.carry import CarryArithmetic
from lut2hw.compile.arithmetic.compressors import Arithmetic
from lut2hw.compile.arithmetic.steps import StepArithmetic
from lut2hw.compile.baseline import synthesize
from lut2hw.compile.dont_cares import Examples, use_dont_cares
from lut2hw.compile.options import PORTS, CompileOptions
from lut2hw.errors import UsageError
from lut2hw.logic.graph import Graph
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.port import OUTPUT, InputPort, OutputPort
from lut2hw.model.network import LutNetwork
from lut2hw.passes.area import estimate_netlist
from lut2hw.passes.base import Context, Pass
from lut2hw.passes.registry import PASSES
from lut2hw.passes.timing import Timing
from lut2hw.targets.base import Target
from lut2hw.targets.registry import TARGETS

__all__ = ["CompileOptions", "Compiled", "compile_network"]

OnPass = Callable[[str, Netlist], None]


@dataclass(frozen=True)
class Compiled:
    """A network as hardware."""

    network: LutNetwork
    """The golden model, after any change of don't-cares."""
    netlist: Netlist
    """Cells the target has; input port `port.INPUT` laid out as `input_port` says, output port `port.OUTPUT` as
    `output_port` says.
    """
    target: Target
    """The family."""
    input_port: InputPort
    """Layout of an example."""
    latency: int
    """Cycles from input to output."""
    compared: Mapping[str, int] = field(default_factory=dict)
    """Cells of each mapping that was compared."""
    clock: float | None = None
    """MHz to expect by the target's delays; None without one."""
    options: CompileOptions = field(default_factory=CompileOptions)
    """What was asked for."""
    discarded: tuple[str, ...] = ()
    """What other tools returned and was not used, because it is wrong."""

    @property
    def output_port(self) -> OutputPort:
        """Layout of what the netlist puts out."""
        return self.options.network_output(self.network)

    @property
    def core_output(self) -> OutputPort:
        """Layout of the core's answers, which a detector makes of the netlist's."""
        return self.options.core_output(self.network)

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
    options: CompileOptions | None = None,
    *,
    data: Examples | None = None,
    on_pass: OnPass | None = None,
    passes: Sequence[Pass] = PASSES,
    **changes: Any,
) -> Compiled:
    """Compile `network` for `target`; on every input the netlist equals the network in the result.

    Parameters
    ----------
    network : LutNetwork
        What to compile.
    target : Target
        The FPGA family.
    options : CompileOptions, optional
        How; by default as `CompileOptions()` says.
    data : Examples, optional
        Labelled examples, as a `Dataset` is: the training split for `dont_cares` if the network does not hold its
        care set, and what accuracy before and after is measured on.
    on_pass : callable, optional
        Called with the name of each pass that changed something, and the whole core after it, which has the ports of
        the result. "tables" is the core before any pass.
    passes : sequence of Pass, optional
        The passes in order, those on the tables first.
    **changes
        Fields of `CompileOptions` in place of those in `options`.

    Returns
    -------
    Compiled
        The netlist with its ports, and the network that it equals.

    Raises
    ------
    UsageError
        For options that make no sense for the target or the network.
    ToolError
        If `effort` is "high" and yosys is missing or fails.
    """
    options = replace(options or CompileOptions(), **changes)
    if options.fold is not None:
        raise UsageError(
            "a folded core is no netlist; make it with lut2hw.fold.compile.fold_network, or leave fold out"
        )
    device = target.device(options.device)
    if options.ram == "auto" and not target.ram:
        able = " and ".join(name for name, other in sorted(TARGETS.items()) if other.ram)
        raise UsageError(f"tables do not go into block RAM of {target.name}, only of {able}; leave --ram at never")
    if options.detect is not None and network.front_end is None:
        raise UsageError("a detector looks at samples, but the model has no front end; leave --detect out")
    if options.patchable and target.name != "ice40":
        raise UsageError(
            f"bitstreams of iCE40 can be patched, not those of {target.name}; leave --patchable out, or take ice40"
        )
    if options.patchable and network.front_end is not None:
        raise UsageError(
            "a chip for sequences cannot be patched, since its bits are not proved; leave --patchable out"
        )
    if network.front_end is not None:
        for name in options.unusual(*PORTS):
            raise UsageError(
                f"a model of sequences has no use for --{name} {getattr(options, name)}: its answers come when a "
                "sequence ends, from Verilog with streams; leave it out"
            )
    context = Context(target, device, options)
    k, inverts = target.lut_inputs, target.carry == "slots"

    def arithmetic(graph: Graph) -> Arithmetic:
        if target.carry == "none":
            return Arithmetic(graph, k)
        if target.carry == "steps":
            return StepArithmetic(graph, k, chain=target.chain)
        return CarryArithmetic(graph, k, shares=target.carry == "shared", chain=target.chain)

    output = options.network_output(network)
    network = use_dont_cares(network, options.dont_cares, k, data)
    tables = lower.tables(network, whole=k if options.patchable else 0)
    read = lower.bits_read(tables)
    port = InputPort.of(network, read, encoded=options.encoded_inputs)

    def core(tables: Netlist) -> Netlist:
        """The tables between encoder and head."""
        graph = Graph()
        literals = lower.code(graph, network, port, read, k)
        votes = graph.place(tables, {lower.BITS: literals})[lower.VOTES]
        graph.outputs[OUTPUT] = head.outputs(network.head, votes, output, network.n_classes, arithmetic(graph))
        return graph.netlist(carry_inverts=inverts)

    def build(netlist: Netlist, steps: Sequence[Pass], context: Context, whole: bool) -> tuple[Netlist, Context]:
        """The core after the steps.

        Parameters
        ----------
        whole : bool
            Whether `netlist` is a core already.
        """
        for at, step in enumerate(steps, 1):
            if step.of == "core" and not whole:
                netlist, whole = core(netlist), True
            made = step.run(netlist, context)
            if made is netlist:
                continue
            without = build(netlist, steps[at:], context, whole) if step.tried else None
            if on_pass is not None:
                on_pass(step.name, made if whole else core(made))
            if without is not None:
                made_of = build(made, steps[at:], replace(context, compared={}), whole)
                return min(without, made_of, key=lambda one: estimate_netlist(one[0], target))
            netlist = made
        return (netlist if whole else core(netlist)), context

    if on_pass is not None:
        on_pass("tables", core(tables))
    if options.effort == "high":
        context = replace(context, rival=synthesize(network, port, target, output))
    netlist, context = build(tables, passes, context, False)
    clock = None
    if netlist.latency:
        path = Timing(netlist, context.delay, context.enter, context.port).longest()
        clock = 1000 / (path + context.overhead)
        if options.latency is not None and options.fmax is not None and clock < 0.99 * options.fmax:
            raise UsageError(
                f"a latency of {options.latency} allows about {clock:.4g} MHz, not {options.fmax:g}; ask for a "
                "longer --latency or a slower --fmax, or leave one of them out"
            )
    return Compiled(
        network,
        netlist,
        target,
        port,
        netlist.latency,
        context.compared,
        clock,
        options,
        tuple(dict.fromkeys(context.discarded)),
    )
