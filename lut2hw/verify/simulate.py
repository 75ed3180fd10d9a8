"""Simulation engines: the bench of `lut2hw.sim` around Icarus Verilog (through cocotb) and Amaranth's simulator."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lut2hw import tools
from lut2hw.artefact.vectors import Vectors
from lut2hw.errors import Lut2hwError, ToolError
from lut2hw.extras import need
from lut2hw.files import scratch
from lut2hw.sim.bench import Bench
from lut2hw.verify.readback import TOP, ReadBack

if TYPE_CHECKING:
    from lut2hw.hdl.core import Core, NetlistCore
    from lut2hw.hdl.emitted import EmittedCore
    from lut2hw.hdl.folded import Engine

ICARUS_DEFINES = ("NO_ICE40_DEFAULT_ASSIGNMENTS",)
"""Icarus 11 knows no default values of inputs."""


PROGRAMS = {"icarus": "iverilog", "ghdl": "ghdl"}
NAMES = {"icarus": "Icarus Verilog", "ghdl": "GHDL"}
"""Programs and names of the simulators, as cocotb calls them."""


@dataclass(frozen=True)
class Design:
    """Verilog under test: files, top module, clock and reset ports (None without registers), latency in cycles."""

    sources: Sequence[Path]
    top: str
    clock: str | None
    reset: str | None
    latency: int | None
    defines: tuple[str, ...] = ()
    test: str = "lut2hw.sim.core"
    """Module of the bench."""
    extra: dict[str, Any] = field(default_factory=dict)
    """What else the bench needs to know, JSON values."""
    texts: Sequence[str] = ()
    """Verilog besides the files."""
    stalls: bool = True
    """Whether the core has ready on both sides."""
    simulator: str = "icarus"
    """Which cocotb runs it under: icarus, or ghdl for VHDL."""

    def source_files(self, work: Path) -> list[str]:
        """The Verilog as files, of which texts are written into the folder `work`."""
        written = []
        for index, text in enumerate(self.texts):
            written.append(work / f"text{index}.{'vhd' if self.simulator == 'ghdl' else 'v'}")
            written[-1].write_text(text)
        return [str(path.resolve()) for path in (*written, *self.sources)]


def read_back(chip: ReadBack, test: str, options: dict[str, Any]) -> Design:
    """A chip read back from its bitstream under the bench `test`, which has clock and reset among its pins."""
    return Design(chip.models, TOP, None, None, None, ICARUS_DEFINES, test, options, texts=[chip.verilog])


def cocotb(design: Design, vectors: Vectors, *, seed: int = 0, timeout: float | None = None) -> dict[str, Any]:
    """Stream `vectors` through Verilog under Icarus, or VHDL under GHDL.

    Returns
    -------
    dict[str, Any]
        `Bench.result()`.

    Raises
    ------
    ToolError
    """
    need("cocotb", extra="sim", error=ToolError)
    tools.require(PROGRAMS[design.simulator])
    what = f"{NAMES[design.simulator]} under cocotb"
    with scratch() as work:
        pairs = zip(vectors.words(), vectors.expected(), strict=True)
        lines = (f"{word:x} {'-' if expected is None else expected}\n" for word, expected in pairs)
        (work / "vectors.txt").write_text("".join(lines))
        config = {
            "sources": design.source_files(work),
            "top": design.top,
            "defines": list(design.defines),
            "simulator": design.simulator,
            "program": PROGRAMS[design.simulator],
            "clock": design.clock,
            "reset": design.reset,
            "latency": design.latency,
            "stalls": design.stalls,
            "seed": seed,
            "test": design.test,
            "vectors": str(work / "vectors.txt"),
            "result": str(work / "result.json"),
            "work": str(work),
            "starts": vectors.starts,
            **design.extra,
        }
        (work / "bench.json").write_text(json.dumps(config))
        run = tools.run_command(
            [sys.executable, "-P", "-m", "lut2hw.verify.icarus", str(work / "bench.json")], what=what, timeout=timeout
        )
        try:
            result: dict[str, Any] = json.loads((work / "result.json").read_text())
        except (OSError, ValueError):
            raise ToolError(
                f"{what} stopped without a result; it last said: {tools.last_words(run.output)}"
            ) from None
        return result


def amaranth(
    core: Core | EmittedCore | NetlistCore | Engine,
    vectors: Vectors,
    *,
    seed: int = 0,
    parts: Mapping[str, int] | None = None,
    stream: bool = False,
) -> dict[str, Any]:
    """Stream `vectors` through a core in Amaranth's simulator.

    Parameters
    ----------
    parts : Mapping[str, int], optional
        How an example comes in, as for `Bench`.
    stream : bool
        The core takes samples, and answers after the last ones alone.

    Returns
    -------
    dict[str, Any]
        `Bench.result()`.
    """
    from amaranth.hdl import ClockDomain, Module, Value
    from amaranth.sim import Simulator

    parts = parts or {}
    payload, answer = Value.cast(core.i.payload), Value.cast(core.o.payload)
    latency: int | None = core.latency if hasattr(core, "latency") else parts["clocks"]
    latency = None if stream else latency
    clocked = latency != 0
    stalls = hasattr(core.i, "ready")
    bench = Bench(
        vectors.words(), vectors.expected(), latency, seed, clocked, stalls=stalls, starts=vectors.starts, **parts
    )
    m = Module()
    m.submodules.core = core
    if clocked:
        m.domains.sync = domain = ClockDomain("sync")

    async def drive(ctx: Any) -> None:
        while not bench.done:
            now = bench.drive()
            if clocked:
                ctx.set(domain.clk, 0)
                ctx.set(domain.rst, int(now.reset))
            ctx.set(core.i.valid, int(now.valid))
            if stalls:
                ctx.set(core.o.ready, int(now.ready))
            # This simulator has no unknown value: zeros and ones in turn stand for it.
            ctx.set(payload, -(bench.cycles & 1) if now.payload is None else now.payload)
            await ctx.delay(1e-9)
            bench.sample(ctx.get(core.i.ready) if stalls else 1, ctx.get(core.o.valid), ctx.get(answer))
            if clocked:
                ctx.set(domain.clk, 1)
                await ctx.delay(1e-9)

    simulator = Simulator(m)
    simulator.add_testbench(drive)
    try:
        simulator.run()
    except RecursionError:
        raise Lut2hwError("the core is too deep for Amaranth's simulator; use --engine cocotb") from None
    result: dict[str, Any] = bench.result()
    return result
