"""The core: an Amaranth component that is a netlist between two streams.

It takes one example per clock. The whole pipeline moves whenever its last stage is free, so it neither drops nor
repeats an example however either side stalls.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.back import rtlil
from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lut2hw.hdl.convert import from_rtlil
from lut2hw.logic.netlist import CONST0, CONST1, Cell, Kind, Netlist, tables_of
from lut2hw.logic.port import INPUT, OUTPUT, TOP
from lut2hw.targets.base import CLOCK, ENABLE, OPEN, Target


def behaviour(kind: Kind, cell: Cell, inputs: list[Value]) -> list[Value]:
    """What the cell computes from one-bit `inputs`, before its register if it has one."""
    if cell.kind in ("lut", "ram"):
        tables = [Const(table, 1 << len(inputs)) for table in tables_of(cell)]
        return [table.bit_select(Cat(inputs), 1) if inputs else table for table in tables]
    # The evaluators use & | ^ ~ only, which mean the same on one-bit values as on packed words.
    return list(kind.evaluate(inputs, cell))  # type: ignore


class Core(wiring.Component):
    """A netlist between two streams.

    netlist: ports `features` in and `class` out. latency: its registers from input to output, the same on every path.
    target: instantiates the primitives of this family; None describes every cell by its behaviour instead, in the
        same structure, for Amaranth's simulator, which cannot run primitives.

    i: examples, laid out as `compile.port.InputPort` says. o: class numbers. A port of no bits is one unused bit.
    With a latency of 0 there is no clock: the answer appears with the example.
    """

    def __init__(self, netlist: Netlist, *, latency: int, target: Target | None = None) -> None:
        self.netlist, self.latency, self.target = netlist, latency, target
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(max(1, len(netlist.inputs[INPUT]))))),
                "o": Out(stream.Signature(unsigned(max(1, len(netlist.outputs[OUTPUT]))))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = Signal()
        m.d.comb += [
            advance.eq(self.o.ready | ~self.o.valid if self.latency else self.o.ready),
            self.i.ready.eq(advance),
        ]
        valid: Value = self.i.valid
        if self.latency:
            stages = Signal(self.latency)  # the only registers that reset clears
            with m.If(advance):
                m.d.sync += stages.eq(Cat(self.i.valid, stages)[: self.latency])
            valid = stages[-1]
        m.d.comb += self.o.valid.eq(valid)

        nets: dict[int, Value] = {CONST0: Const(0, 1), CONST1: Const(1, 1)}
        nets.update((net, self.i.payload[bit]) for bit, net in enumerate(self.netlist.inputs[INPUT]))
        level = dict.fromkeys(nets, 0)
        levels: dict[int, Module] = {}
        for cell in self.netlist.cells:
            inputs = [nets[net] for net in cell.inputs]
            kind = self.netlist.kinds[cell.kind]
            registered = kind.registered
            outputs = [Signal(name=f"{'q' if registered else 'n'}{net}", reset_less=True) for net in cell.outputs]
            nets.update(zip(cell.outputs, outputs, strict=True))
            depth = 0 if registered else 1 + max((level[net] for net in cell.inputs), default=0)
            level.update(dict.fromkeys(cell.outputs, depth))
            if self.target is not None and cell.kind != "ff":
                self._instantiate(m, cell, nets, advance)
            elif registered:
                with m.If(advance):
                    m.d.sync += [q.eq(d) for q, d in zip(outputs, behaviour(kind, cell, inputs), strict=True)]
            elif self.target is None:
                # A module for each level lets the simulator evaluate a cell about once for each example.
                if depth not in levels:
                    levels[depth] = m.submodules[f"level{depth}"] = Module()
                levels[depth].d.comb += [n.eq(v) for n, v in zip(outputs, behaviour(kind, cell, inputs), strict=True)]
        m.d.comb += self.o.payload.eq(Cat(nets[net] for net in self.netlist.outputs[OUTPUT]))
        return m

    def _instantiate(self, m: Module, cell: Cell, nets: dict[int, Value], advance: Signal) -> None:
        assert self.target is not None
        primitive = self.target.primitive(cell)
        ports = [
            ("p", name, value if isinstance(value, str) else Const(*value))
            for name, value in primitive.parameters.items()
        ]
        known = nets | {ENABLE: advance} | ({CLOCK: ClockSignal()} if self.latency else {})

        def bits(port: int | Sequence[int]) -> Value:
            if isinstance(port, int):
                return known[port]
            return Cat(Signal(name=f"open_{cell.outputs[0]}") if net == OPEN else known[net] for net in port)

        ports += [("i", name, bits(port)) for name, port in primitive.inputs.items()]
        ports += [("o", name, bits(port)) for name, port in primitive.outputs.items()]
        m.submodules[f"{cell.kind}_{cell.outputs[0]}"] = Instance(primitive.module, *ports)


def to_verilog(netlist: Netlist, *, latency: int, target: Target) -> str:
    """Verilog of the core, module `TOP`; no paths and no time in it, so the same netlist gives the same text.

    Raises
    ------
    ToolError
        If yosys fails.
    """
    return from_rtlil(to_rtlil(netlist, TOP, latency=latency, target=target))


def to_rtlil(netlist: Netlist, name: str, *, latency: int, target: Target) -> str:
    """RTLIL of the core, module `name`, of which `convert.from_rtlil` makes Verilog."""
    return rtlil.convert(Core(netlist, latency=latency, target=target), name=name, emit_src=False)
