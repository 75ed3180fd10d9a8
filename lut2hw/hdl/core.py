"""The core: an Amaranth component that is a netlist between two streams.

It takes one example per clock. The whole pipeline moves whenever its last stage is free, so it neither drops nor
repeats an example however either side stalls.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from amaranth.back import rtlil
from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, Value
from amaranth.lib import stream, wiring
from numpy.typing import ArrayLike

from lut2hw.choices import Interface
from lut2hw.hdl.convert import VerilogPlatform, from_rtlil
from lut2hw.hdl.layout import class_enum, core_members, flat_members, vector_members
from lut2hw.logic.netlist import CONST0, CONST1, Cell, Kind, Netlist, tables_of
from lut2hw.logic.port import INPUT, OUTPUT, TOP, ports_of
from lut2hw.model.network import LutNetwork
from lut2hw.targets.base import CLOCK, ENABLE, OPEN, Target

if TYPE_CHECKING:
    from lut2hw.compile.compiler import Compiled
    from lut2hw.compile.options import CompileOptions


def behaviour(kind: Kind, cell: Cell, inputs: list[Value]) -> list[Value]:
    """What the cell computes from one-bit `inputs`, before its register if it has one."""
    if cell.kind in ("lut", "ram"):
        tables = [Const(table, 1 << len(inputs)) for table in tables_of(cell)]
        return [table.bit_select(Cat(inputs), 1) if inputs else table for table in tables]
    # The evaluators use & | ^ ~ only, which mean the same on one-bit values as on packed words.
    return list(kind.evaluate(inputs, cell))  # type: ignore


class NetlistCore(wiring.Component):
    """A netlist without names between two streams of vectors.

    Without a platform it is described by the behaviour of its cells, in the same structure, for Amaranth's simulator
    cannot run primitives. For a platform it is made of the primitives of `target`. With a latency of 0 there is no
    clock: the answer appears with the example.

    Parameters
    ----------
    netlist : Netlist
        Ports `lut2hw.logic.port.INPUT` in and `OUTPUT` out.
    latency : int
        Registers of the netlist from input to output, the same on every path.
    target : Target or None
        Family of the primitives. If None, every platform gets the behaviour.
    interface : str
        Of `lut2hw.choices.Interface`; a bare one has no ready.

    Members
    -------
    i : In(stream.Signature(unsigned(n)))
        Examples. A port of no bits is one unused bit.
    o : Out(stream.Signature(unsigned(n)))
        Answers.
    """

    def __init__(
        self, netlist: Netlist, *, latency: int, target: Target | None = None, interface: str = Interface.STREAM
    ) -> None:
        self.netlist, self.latency, self.target = netlist, latency, target
        super().__init__(vector_members(len(netlist.inputs[INPUT]), len(netlist.outputs[OUTPUT]), interface))

    def elaborate(self, platform: object) -> Module:
        target = None if platform is None else self.target
        return between_streams(self.netlist, self.latency, self.i, self.o, target)


class Core(wiring.Component):
    """A compiled network between two streams, `lut2hw.model.network.LutNetwork.predict` in hardware.

    Without a platform it is described by the behaviour of its cells, for Amaranth's simulator; for a platform it is
    made of the primitives of the target that it was compiled for. `lut2hw.hdl.convert.VerilogPlatform` stands for a
    platform where Verilog goes to tools of one's own.

    Parameters
    ----------
    compiled : Compiled
        What `lut2hw.compile.compiler.compile_network` returns.
    fields : bool
        Payloads are a structure and an enumeration; else plain vectors of the same bits.

    Attributes
    ----------
    compiled : Compiled
        As given.
    latency : int
        Clocks from an example to its answer while nothing stalls; 0 for a core without registers.
    classes : amaranth.lib.enum.EnumType or None
        The classes; ``core.classes(number)`` is the one of that number, and the last one is ``none`` where the model
        rejects. None where the answer is numbers or labels.

    Members
    -------
    i : In(stream.Signature(data.Layout))
        Examples. Each feature that the network reads is a field: ``core.i.payload.petal_length``, an integer, signed
        where the feature's range goes below zero. With encoded inputs each bit of the code is a field.
        `lut2hw.logic.port.InputPort` has the layout.
    o : Out(stream.Signature(classes))
        Answers. Unless the core puts out the class alone, their payload is a structure with fields such as
        ``class_``, ``margin`` and ``score_virginica``, or a field for each label or number under its own name;
        `lut2hw.logic.port.OutputPort` has the layout.
    """

    def __init__(self, compiled: Compiled, *, fields: bool = True) -> None:
        self.compiled, self.latency = compiled, compiled.latency
        names = compiled.network.answer_names
        self.classes = class_enum(names) if names else None
        super().__init__(
            core_members(
                compiled.input_port, compiled.output_port, names, fields=fields, interface=compiled.options.interface
            )
        )

    def payloads(self, x: ArrayLike) -> list[dict[str, int]]:
        """Raw features (n, n_features), as `LutNetwork.predict` takes them, to n values for `i.payload`.

        Parameters
        ----------
        x : ArrayLike
            Raw features (n, n_features).
        """
        network = self.compiled.network
        return self.compiled.input_port.values_of(network, network.features.integers_of(x))

    def elaborate(self, platform: object) -> Module:
        target = None if platform is None else self.compiled.target
        return between_streams(self.compiled.netlist, self.latency, self.i, self.o, target)


def create(
    network: LutNetwork,
    target: str | Target = "ice40",
    options: CompileOptions | None = None,
    *,
    fields: bool = True,
    **changes: Any,
) -> Any:
    """Compile `network` and make the component.

    Parameters
    ----------
    network : LutNetwork
        The golden model.
    target : str or Target
        FPGA family, by name or itself.
    options : CompileOptions or None
        What is asked of the compiler; its defaults if None.
    fields : bool
        As for `Core`.
    **changes
        Single options by name, as `lut2hw.compile.compiler.compile_network` takes them.

    Returns
    -------
    Core or lut2hw.hdl.folded.FoldedCore
        The latter with the option `fold`.

    Raises
    ------
    UsageError
        For an unknown family or options that make no sense.
    """
    # Here, not above: who simulates or builds a core that is compiled already needs no compiler.
    from lut2hw.compile.compiler import compile_network
    from lut2hw.compile.options import CompileOptions
    from lut2hw.fold.compile import fold_network
    from lut2hw.hdl.folded import FoldedCore
    from lut2hw.targets.registry import get

    family = get(target) if isinstance(target, str) else target
    options = replace(options or CompileOptions(), **changes)
    if options.fold is not None:
        return FoldedCore(fold_network(network, family, options), fields=fields)
    return Core(compile_network(network, family, options), fields=fields)


def between_streams(
    netlist: Netlist, latency: int, i: stream.Interface, o: stream.Interface, target: Target | None
) -> Module:
    """A netlist between two streams, as primitives of `target`, or by its behaviour if that is None.

    Sides without ready, of a bare interface, make a pipeline that always moves.
    """
    m = Module()
    advance: Signal | None = None
    if hasattr(o, "ready"):
        advance = Signal()
        m.d.comb += [advance.eq(o.ready | ~o.valid if latency else o.ready), i.ready.eq(advance)]

    def moves() -> Any:
        return contextlib.nullcontext() if advance is None else m.If(advance)

    valid: Value = i.valid
    if latency:
        stages = Signal(latency)  # the only registers that reset clears
        with moves():
            m.d.sync += stages.eq(Cat(i.valid, stages)[:latency])
        valid = stages[-1]
    m.d.comb += o.valid.eq(valid)

    vector = Value.cast(i.payload)
    nets: dict[int, Value] = {
        CONST0: Const(0, 1),
        CONST1: Const(1, 1),
        ENABLE: Const(1, 1) if advance is None else advance,
    }
    if latency:
        nets[CLOCK] = ClockSignal()
    nets.update((net, vector[bit]) for bit, net in enumerate(netlist.inputs[INPUT]))
    level = dict.fromkeys(nets, 0)
    levels: dict[int, Module] = {}
    for cell in netlist.cells:
        inputs = [nets[net] for net in cell.inputs]
        kind = netlist.kinds[cell.kind]
        registered = kind.registered
        outputs = [Signal(name=f"{'q' if registered else 'n'}{net}", reset_less=True) for net in cell.outputs]
        nets.update(zip(cell.outputs, outputs, strict=True))
        depth = 0 if registered else 1 + max((level[net] for net in cell.inputs), default=0)
        level.update(dict.fromkeys(cell.outputs, depth))
        if target is not None and cell.kind != "ff":
            _instantiate(m, target, cell, nets)
        elif registered:
            with moves():
                m.d.sync += [q.eq(d) for q, d in zip(outputs, behaviour(kind, cell, inputs), strict=True)]
        elif target is None:
            # A module for each level lets the simulator evaluate a cell about once for each example.
            if depth not in levels:
                levels[depth] = m.submodules[f"level{depth}"] = Module()
            levels[depth].d.comb += [n.eq(v) for n, v in zip(outputs, behaviour(kind, cell, inputs), strict=True)]
    m.d.comb += o.payload.eq(Cat(nets[net] for net in netlist.outputs[OUTPUT]))
    return m


def _instantiate(m: Module, target: Target, cell: Cell, known: dict[int, Value]) -> None:
    primitive = target.primitive(cell)
    ports = [
        ("p", name, value if isinstance(value, str) else Const(*value))
        for name, value in primitive.parameters.items()
    ]

    def bits(port: int | Sequence[int]) -> Value:
        if isinstance(port, int):
            return known[port]
        return Cat(Signal(name=f"open_{cell.outputs[0]}") if net == OPEN else known[net] for net in port)

    ports += [("i", name, bits(port)) for name, port in primitive.inputs.items()]
    ports += [("o", name, bits(port)) for name, port in primitive.outputs.items()]
    m.submodules[f"{cell.kind}_{cell.outputs[0]}"] = Instance(primitive.module, *ports)


class _FlatCore(wiring.Component):
    """A netlist whose ports have names of their own instead of those that Amaranth makes of a stream's."""

    def __init__(self, netlist: Netlist, *, latency: int, target: Target, interface: str) -> None:
        self.netlist, self.latency, self.target, self.interface = netlist, latency, target, interface
        super().__init__(flat_members(len(netlist.inputs[INPUT]), len(netlist.outputs[OUTPUT]), interface))

    def elaborate(self, platform: object) -> Module:
        i, o = (
            SimpleNamespace(**{part: getattr(self, name) for part, name in ports.items()})
            for ports in ports_of(self.interface)
        )
        return between_streams(self.netlist, self.latency, i, o, self.target)  # type: ignore[arg-type]


def to_verilog(netlist: Netlist, *, latency: int, target: Target, interface: str = Interface.STREAM) -> str:
    """Verilog of the core, module `TOP`; no paths and no time in it, so the same netlist gives the same text.

    Parameters
    ----------
    netlist : Netlist
        What `compile_network` returned, or a bare netlist.
    latency : int
        Registers from input to output.
    target : Target
        The family.
    interface : str
        Of `lut2hw.choices.Interface`.

    Raises
    ------
    ToolError
        If yosys fails.
    """
    return from_rtlil(to_rtlil(netlist, TOP, latency=latency, target=target, interface=interface))


def to_rtlil(netlist: Netlist, name: str, *, latency: int, target: Target, interface: str = Interface.STREAM) -> str:
    """RTLIL of the core, module `name`, of which `convert.from_rtlil` makes Verilog."""
    core = _FlatCore(netlist, latency=latency, target=target, interface=interface)
    return str(rtlil.convert(core, name=name, platform=VerilogPlatform(), emit_src=False))
