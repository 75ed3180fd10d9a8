"""A core behind a link: the Verilog that other designs take, and what a board's chip is made of."""

from __future__ import annotations

from collections.abc import Callable

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, connect

from lut2hw.artefact.folder import Manifest
from lut2hw.errors import UsageError
from lut2hw.hdl.emitted import EmittedCore
from lut2hw.hdl.folded import FoldedCore
from lut2hw.hdl.layout import connect_load
from lut2hw.hdl.links.base import Link
from lut2hw.hdl.links.shift import Shift

IN_ENGINE = 3
"""Examples in a folded core: one comes in, one is worked on, one answer waits."""

INNER = ("features", "answer", "load", "load_good")
"""Members of a link that face the core."""


class LinkedCore(wiring.Component):
    """A core behind a link; its members are those of the link's outer side.

    Parameters
    ----------
    link : Link
        As `lut2hw.hdl.links.make_link` makes it.
    core : wiring.Component
        Any component with streams `i` and `o` of the link's widths: an `EmittedCore`, a `Core`, a `NetlistCore`. One
        with a bare interface cannot wait, so the link must take its answers as they come (`Link.stalls`).

    Raises
    ------
    UsageError
        For a core that cannot wait behind a link that may make it wait.
    """

    def __init__(self, link: Link, core: wiring.Component):
        if link.stalls and not hasattr(core.i, "ready"):
            raise UsageError(
                "a core with a bare interface cannot wait, and this link may stall it; emit it with --interface "
                "stream"
            )
        self.link, self.core = link, core
        folded = isinstance(core, FoldedCore) or (isinstance(core, EmittedCore) and core.manifest.folded)
        holds = IN_ENGINE if folded else getattr(core, "latency", Link.core_holds)
        link.meet(holds, bare=not hasattr(core.i, "ready"), every_clock=not folded)
        if not link.waits and isinstance(core, EmittedCore) and core.manifest.folded:
            raise UsageError("this link cannot wait for a folded core; make both with LinkedCore.of")
        super().__init__({name: member for name, member in link.signature.members.items() if name not in INNER})

    @classmethod
    def of(cls, manifest: Manifest, make: Callable[..., Link]) -> LinkedCore:
        """The core of an emitted folder behind a link.

        Parameters
        ----------
        manifest : Manifest
            The folder.
        make : callable
            Makes the link; called with `lanes` and `engine`, as of `lut2hw.hdl.links.base.Link`.
        """
        lanes = manifest.program.shape.lanes if manifest.folded else None
        link = make(lanes=lanes, engine=manifest.engine.fingerprint if manifest.reloadable else None)
        if manifest.stream and not (isinstance(link, Shift) and link.waits):
            raise UsageError(
                "links ask for whole examples, not samples; connect the streams of a core with a front end in a "
                "design of your own, or build it without --board"
            )
        return cls(link, EmittedCore(manifest, fields=False, beats=link.lanes is not None))

    def module(self) -> wiring.Component:
        """The same as a module of its own, whose clock and reset have the names that the link's bus gives them."""
        return self if self.link.reset == Link.reset else _Clocked(self)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.link = link = self.link
        m.submodules.core = core = self.core
        if hasattr(core.i, "ready"):
            connect(m, link.features, core.i)
            connect(m, core.o, link.answer)
            if link.engine is not None:
                connect_load(m, link, core)
        else:
            m.d.comb += [
                core.i.payload.eq(link.features.payload),
                core.i.valid.eq(link.features.valid),
                link.features.ready.eq(1),
                link.answer.payload.eq(core.o.payload),
                link.answer.valid.eq(core.o.valid),
            ]
        _connect_members(m, self, link)
        return m


class _Clocked(wiring.Component):
    """A component with its clock and reset as members, under the names of its link."""

    def __init__(self, linked: LinkedCore) -> None:
        self._linked = linked
        clocked = {linked.link.clock: In(1), linked.link.reset: In(1)}
        super().__init__({**clocked, **linked.signature.members})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        link = self._linked.link
        clock, reset = getattr(self, link.clock), getattr(self, link.reset)
        m.domains.sync = ClockDomain()
        m.d.comb += [ClockSignal().eq(clock), ResetSignal().eq(~reset if link.reset.endswith("n") else reset)]
        m.submodules.linked = self._linked
        _connect_members(m, self, self._linked)
        return m


def _connect_members(m: Module, outer: wiring.Component, inner: wiring.Component) -> None:
    """Connect the members of `inner` with those of the same names of `outer`, around it.

    Parameters
    ----------
    m : Module
        Of the outer one.
    outer, inner : wiring.Component
        The two.
    """
    for name, member in inner.signature.members.items():
        if hasattr(outer, name):
            there, here = getattr(outer, name), getattr(inner, name)
            m.d.comb += here.eq(there) if member.flow is In else there.eq(here)
