"""A core inside a larger Amaranth design, which reports a flower only once it was the answer three times in a row.

The design is simulated with the core described by its behaviour, and written as Verilog with the core over the
primitives of iCE40. Run it in an empty folder.
"""

from enum import Enum
from itertools import groupby
from pathlib import Path

from amaranth.back import verilog
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.sim import Simulator
from sklearn.datasets import load_iris

from lut2hw import DescentClassifier
from lut2hw.hdl import VerilogPlatform

REPEATS = 3


class Debounced(wiring.Component):
    """`features` in; out: `reported` for one clock, with the class in `report`, at the third answer in a row."""

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "features": In(stream.Signature(core.i.payload.shape())),
                "report": Out(core.classes),
                "reported": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = self.core
        connect(m, flipped(self.features), core.i)
        last, run = Signal(core.classes), Signal(range(REPEATS + 1))
        m.d.comb += core.o.ready.eq(1)
        m.d.sync += self.reported.eq(0)
        with m.If(core.o.valid):
            m.d.sync += [last.eq(core.o.payload), run.eq(1)]
            with m.If(core.o.payload == last):
                m.d.sync += run.eq(run + (run != REPEATS))
                with m.If(run == REPEATS - 1):
                    m.d.sync += [self.reported.eq(1), self.report.eq(core.o.payload)]
        return m


iris = load_iris(as_frame=True)
x, names = iris.data, iris.target_names[iris.target]  # in order, so that classes repeat
network = DescentClassifier(luts=30, random_state=0).fit(x, names).network_
answers = network.predict(x)
expected = [answer for answer, run in groupby(answers) if len(list(run)) >= REPEATS]

core = network.create("ice40")
design = Debounced(core)
reports: list[Enum] = []


async def send(ctx):
    """Send the flowers, one a clock: for each field, petal_length_cm and so on, a number of millimetres."""
    ctx.set(design.features.valid, 1)
    for flower in core.payloads(x):
        ctx.set(design.features.payload, flower)
        await ctx.tick().until(design.features.ready)
    ctx.set(design.features.valid, 0)
    await ctx.tick().repeat(core.latency + 4)


async def watch(ctx):
    """Collect the reports."""
    async for _, _, reported, report in ctx.tick().sample(design.reported, design.report):
        if reported:
            reports.append(report)


simulator = Simulator(design)
simulator.add_clock(1e-6)
simulator.add_testbench(send)
simulator.add_testbench(watch, background=True)
simulator.run()
assert reports == [core.classes(answer) for answer in expected], (reports, expected)
print(f"{len(x)} flowers, {len(reports)} reports, as expected: {[report.name for report in reports]}")

text = verilog.convert(design, name="debounced", platform=VerilogPlatform())
Path("debounced.v").write_text(text)
print("debounced.v:", text.count("SB_LUT4"), "SB_LUT4, fields", ", ".join(core.compiled.input_port.keys))
