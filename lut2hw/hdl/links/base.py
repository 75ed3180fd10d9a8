"""What every link has: the two streams that face the core, and how it is made from options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lut2hw.hdl.layout import beats_signature, load_members
from lut2hw.hdl.protocol import Identity


@dataclass(frozen=True)
class LinkOptions:
    """What a link can be asked for; each link reads what concerns it.

    Parameters
    ----------
    clock_hz : float
        Frequency of the clock domain ``sync``, in Hz.
    baud : int
        Symbols per second of a UART.
    data_bytes : int
        Width of an AXI4-Stream's TDATA, in bytes.
    lanes : int or None
        Bits of a beat of a folded core; None for a core that takes whole examples. UART, SPI and shift links hand
        on beats as they come, without a register for the example.
    engine : int or None
        Fingerprint of an engine that takes other programs, which UART and SPI bring.
    """

    clock_hz: float = 12e6
    baud: int = 115_200
    data_bytes: int = 4
    lanes: int | None = None
    engine: int | None = None


class Link(wiring.Component):
    """Base of all links: hardware that carries examples to a core and answers back.

    Parameters
    ----------
    identity : Identity
        Widths of the core's ports, and what the link says of the core to a host that asks.
    outer : dict of str to wiring.Member
        Members of the side that faces the world.
    lanes : int or None
        Bits of a beat where `features` are beats of a folded core (`lut2hw.hdl.layout.beats_signature`).
    engine : int or None
        Fingerprint of the engine that takes other programs (`lut2hw.fold.program.Shape.fingerprint`); such a link has
        members `load` and `load_good` more, those of `lut2hw.hdl.folded.Engine` seen from outside.

    Attributes
    ----------
    waits : bool
        Whether the link waits for a core that is not ready.
    bench : str
        Module in ``lut2hw.sim`` with the cocotb bench of this kind of link.
    stalls : bool
        Whether an answer may have to wait for the link, which only a core with ready can.
    clock, reset : str
        Their names where the link with its core is a module of its own; a reset that ends in ``n`` is active low.
    core_holds : int
        Examples that the core may hold, as `meet` was told; more wait in the link.
    core_bare : bool
        The core has a bare interface: it takes whatever comes, and its answers cannot wait.
    core_every_clock : bool
        The core can take an example every clock.

    Members
    -------
    features : Out(stream.Signature(identity.input_bits))
        Examples to the core, the vector of `lut2hw.logic.port`.
    answer : In(stream.Signature(identity.answer_bits))
        Answers from the core, the vector of `lut2hw.logic.port`.
    """

    bench: ClassVar[str]
    waits: bool = True
    stalls: ClassVar[bool] = False
    clock: ClassVar[str] = "clk"
    reset: ClassVar[str] = "rst"
    core_holds: int = 14
    core_bare: bool = False
    core_every_clock: bool = True

    def __init__(
        self, identity: Identity, outer: dict[str, wiring.Member], lanes: int | None = None, engine: int | None = None
    ):
        self.identity, self.lanes, self.engine = identity, lanes, engine
        if engine is not None:
            outer = outer | {name: member.flip() for name, member in load_members().items()}
        features = stream.Signature(identity.input_bits) if lanes is None else beats_signature(lanes)
        super().__init__({**outer, "features": Out(features), "answer": In(stream.Signature(identity.answer_bits))})

    @classmethod
    def of(cls, identity: Identity, options: LinkOptions) -> Self:
        """The link as `options` ask for it.

        Raises
        ------
        UsageError
            If it cannot be made that way.
        """
        return cls(identity)  # type: ignore[call-arg]

    def meet(self, holds: int, *, bare: bool, every_clock: bool) -> None:
        """Take note of what the core behind the link is like, before either is elaborated.

        Parameters
        ----------
        holds : int
            Examples that it may hold.
        bare : bool
            It has a bare interface.
        every_clock : bool
            It can take an example every clock.
        """
        self.core_holds, self.core_bare, self.core_every_clock = holds, bare, every_clock

    def bench_options(self) -> dict[str, Any]:
        """What the bench must know of this link."""
        return {}

    def _held_answer(self, m: Module) -> stream.Interface:
        """The answer behind a register: a core without one takes an example only together with its answer."""
        held = stream.Signature(self.identity.answer_bits).create(path=("held",))
        m.d.comb += self.answer.ready.eq(~held.valid)
        with m.If(self.answer.valid & ~held.valid):
            m.d.sync += [held.payload.eq(self.answer.payload), held.valid.eq(1)]
        with m.If(held.valid & held.ready):
            m.d.sync += held.valid.eq(0)
        return held
