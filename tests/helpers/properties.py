"""Properties of hardware proved for all clocks, by property-directed reachability.

A. Bradley, "SAT-Based Model Checking without Unrolling", VMCAI 2011; N. Een, A. Mishchenko and R. Brayton, "Efficient
Implementation of Property Directed Reachability", FMCAD 2011, as ABC has it.
"""

from __future__ import annotations

from amaranth.back import rtlil
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from lut2hw import tools
from lut2hw.files import scratch
from lut2hw.logic import abc

_TO_AIG = (
    "read_rtlil design.il; hierarchy -auto-top; proc; flatten; memory_map; async2sync; opt -full; techmap; opt; "
    "dffunmap; abc -g AND; opt_clean; aigmap; write_aiger -zinit design.aig"
)


def once(m: Module, holds: object) -> Signal:
    """Whether `holds` was so in every clock since reset up to now."""
    so_far, now = Signal(init=1), Signal()
    m.d.comb += now.eq(so_far & holds)
    m.d.sync += so_far.eq(now)
    return now


def never(component: wiring.Component, limit: float = 120) -> bool | None:
    """Whether the only output, of one bit, is never one, whatever comes in and however it is reset.

    Returns
    -------
    bool or None
        None where it is not known after `limit` seconds.
    """
    with scratch() as work:
        (work / "design.il").write_text(rtlil.convert(component, name="top", emit_src=False))
        tools.run("yosys", ["-q", "-p", _TO_AIG], cwd=work)
        (work / "any.v").write_text("module any(input a, b, output y); assign y = a & b; endmodule\n")
        script = [
            "strash", "write_blif any.blif", "read_aiger design.aig", "strash",
            f"pdr -T {int(limit)}", "write_status status.txt", "read_blif any.blif", "strash",
        ]  # fmt: skip
        abc.run(work, "read_verilog any.v; synth", script, timeout=limit + 60)
        said = (work / "status.txt").read_text()
    return {"snl_UNSAT": True, "snl_SAT": False}.get(said.split(" ")[0])
