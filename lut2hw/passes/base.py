"""What a pass is, and what it is told beside its netlist."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from lut2hw.logic.cells import Cell, Library
from lut2hw.logic.netlist import Netlist

LEVELS = 6
"""LUTs between registers, beside the way from an input, of an automatic pipeline that no clock is asked for."""


class Family(Protocol):
    """What passes ask of an FPGA family; `targets.base.Target` explains each."""

    @property
    def lut_inputs(self) -> int: ...
    @property
    def mux_levels(self) -> int: ...
    @property
    def carry(self) -> str: ...
    @property
    def ram(self) -> tuple[tuple[int, int], ...]: ...
    @property
    def delay(self) -> Mapping[str, float]: ...
    @property
    def enter(self) -> float: ...
    @property
    def port(self) -> float: ...
    @property
    def overhead(self) -> float: ...
    @property
    def cells(self) -> Mapping[str, int]: ...
    @property
    def kinds(self) -> Library: ...
    @property
    def finish(self) -> Callable[[Netlist], Netlist] | None: ...


class Part(Protocol):
    """What passes ask of a device of the family."""

    @property
    def ram(self) -> int: ...
    @property
    def slowness(self) -> float: ...


class Options(Protocol):
    """What passes ask of the compilation's options."""

    @property
    def effort(self) -> str: ...
    @property
    def ram(self) -> str: ...
    @property
    def fmax(self) -> float | None: ...
    @property
    def registers(self) -> int | None: ...


@dataclass(frozen=True)
class Context:
    """What a pass is told beside its netlist.

    Parameters
    ----------
    target : Family
        The FPGA family that is compiled for.
    device : Part
        Its device.
    options : Options
        What is asked for.
    rival : Netlist or None
        The whole core as another synthesis made it, of the family's cells, to be taken where it is smaller.
    compared : dict of str to int
        Logic cells of what was compared, by whose mapping it is: a note that the pass `baseline` leaves.
    discarded : list of str
        What other tools returned and was not used, and why.
    """

    target: Family
    device: Part
    options: Options
    rival: Netlist | None = None
    compared: dict[str, int] = field(default_factory=dict)
    discarded: list[str] = field(default_factory=list)

    def delay(self, cell: Cell) -> float:
        """Delay of a cell on the device, ns."""
        return self.target.delay.get(cell.kind, 0.0) * self.device.slowness

    @property
    def enter(self) -> float:
        """More of it on the way into a carry chain, ns."""
        return self.target.enter * self.device.slowness

    @property
    def port(self) -> float:
        """More of it from an input of the core, ns."""
        return self.target.port * self.device.slowness

    @property
    def overhead(self) -> float:
        """What a register takes of each clock, ns."""
        return self.target.overhead * self.device.slowness

    @property
    def period(self) -> float:
        """Delay between registers that an automatic pipeline is cut for, ns."""
        if self.options.fmax is None:
            return (LEVELS * self.target.delay["lut"] + self.target.port) * self.device.slowness
        return max(1000 / self.options.fmax - self.overhead, 0.0)


@dataclass(frozen=True)
class Pass:
    """A step of the compiler.

    Parameters
    ----------
    name : str
        What `on_pass` and `verify` call it.
    run : callable
        From a netlist and the context to a netlist that computes the same; the very same object where there is
        nothing to do.
    of : {"tables", "core"}
        What it works on: the tables alone (LUTs of any width between the code's bits and the votes), or the whole
        core, with encoder and head.
    tried : bool
        Whether the compiler goes on both with and without its result, and keeps the smaller core in the end.
    """

    name: str
    run: Callable[[Netlist, Context], Netlist]
    of: Literal["tables", "core"] = "core"
    tried: bool = False
