"""A core inside a larger Amaranth design, which reports a class only once it was the answer three times in a row.

The design is simulated with the core described by its behaviour, and written as Verilog with the core over the
primitives of iCE40. Run it in an empty folder.
"""

from pathlib import Path

from amaranth.back import verilog
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.sim import Simulator

from lut2hw import data
from lut2hw.compile.compiler import compile_network
from lut2hw.hdl.core import Core
from lut2hw.learn.registry import learner
from lut2hw.model import encoder as encode
from lut2hw.targets.registry import get

REPEATS = 3


class Debounced(wiring.Component):
    """`features` in; out: `reported` for one clock, with the class in `report`, at the third answer in a row."""

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "features": In(stream.Signature(core.i.payload.shape())),
                "report": Out(core.o.payload.shape()),
                "reported": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = self.core
        connect(m, flipped(self.features), core.i)
        last, run = Signal.like(core.o.payload), Signal(range(REPEATS + 1))
        m.d.comb += core.o.ready.eq(1)
        m.d.sync += self.reported.eq(0)
        with m.If(core.o.valid):
            m.d.sync += [last.eq(core.o.payload), run.eq(1)]
            with m.If(core.o.payload == last):
                m.d.sync += run.eq(run + (run != REPEATS))
                with m.If(run == REPEATS - 1):
                    m.d.sync += [self.reported.eq(1), self.report.eq(core.o.payload)]
        return m


def expected(answers):
    """What the design must report, in plain Python."""
    reports, last, run = [], 0, 0
    for answer in answers:
        run = run + 1 if answer == last else 1
        last = answer
        if run == REPEATS:
            reports.append(answer)
    return reports


digits = data.load("digits", classes="0:1:2")
network = learner("descent")(digits, encode.thermometer(digits.features, digits.x_train, 1), luts=30, k=4, seed=0)
compiled = compile_network(network, get("ice40"), data=digits)
x = digits.x_test[digits.y_test.argsort(kind="stable")]  # in order, so that classes repeat
words = compiled.input_port.words_of(network, x)
golden = network.predict_integers(x).tolist()

design = Debounced(Core(compiled.netlist, latency=compiled.latency))
reports = []


async def send(ctx):
    """Send the examples, one a clock."""
    for word in words:
        ctx.set(design.features.payload, word)
        ctx.set(design.features.valid, 1)
        await ctx.tick().until(design.features.ready)
    ctx.set(design.features.valid, 0)
    await ctx.tick().repeat(compiled.latency + 4)


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
assert reports == expected(golden), (reports, expected(golden))
print(f"{len(words)} examples, {len(reports)} reports, as expected: {reports}")

core = Core(compiled.netlist, latency=compiled.latency, target=compiled.target)
Path("debounced.v").write_text(verilog.convert(Debounced(core), name="debounced"))
print("debounced.v:", Path("debounced.v").read_text().count("SB_LUT4"), "SB_LUT4")
