"""The AXI4-Stream link, proved for all packets, stalls and resets on small cores."""

from __future__ import annotations

from typing import ClassVar

import pytest
from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from helpers import needs
from helpers.fast import first
from helpers.properties import never, once

from lut2hw.hdl.core import NetlistCore
from lut2hw.hdl.linked import LinkedCore
from lut2hw.hdl.links import axi_stream
from lut2hw.hdl.links.axi_stream import AxiStream
from lut2hw.hdl.protocol import Identity
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.port import INPUT, OUTPUT

pytestmark = needs.tool("yosys")

CASES = [
    # bytes a beat, bits of an example, clocks in the core, interface
    (1, 11, 2, "stream"),
    (1, 11, 0, "stream"),
    (2, 11, 1, "stream"),
    (1, 17, 1, "stream"),
    (2, 11, 1, "bare"),
]
cases = pytest.mark.parametrize(("data_bytes", "width", "latency", "interface"), first(CASES[:1], CASES))


def answer_of(bits):
    """What the small cores compute: two bits that depend on the first and the last bits."""
    return Cat(bits[0] ^ bits[-1], bits[1] & bits[-2])


class Watched(wiring.Component):
    """A core behind the link; `wrong` is one where the property in question does not hold."""

    members: ClassVar = {"data": In(8), "keep": In(1), "valid": In(1), "last": In(1), "ready": In(1), "wrong": Out(1)}

    def __init__(self, data_bytes, width, latency, interface):
        netlist = Netlist()
        nets = netlist.input(INPUT, width)
        out = [netlist.lut([nets[0], nets[-1]], 0b0110), netlist.lut([nets[1], nets[-2]], 0b1000)]
        for _ in range(latency):
            out = [netlist.cell("ff", [net])[0] for net in out]
        netlist.output(OUTPUT, out)
        self.make = lambda: LinkedCore(
            self.link(Identity(width, 2, 0), data_bytes), NetlistCore(netlist, latency=latency, interface=interface)
        )
        self.data_bytes, self.width, self.latency, self.bare = data_bytes, width, latency, interface == "bare"
        self.beats = -(-width // (8 * data_bytes))
        super().__init__(self.members)

    link = AxiStream

    def around(self, m, name="linked"):
        """A core behind a link with these inputs; a byte of free data is in every byte of a beat."""
        m.submodules[name] = linked = self.make()
        m.d.comb += [
            linked.s_axis_tdata.eq(self.data.replicate(self.data_bytes)),
            linked.s_axis_tkeep.eq(Cat(self.keep, *[1] * (self.data_bytes - 1))),
            linked.s_axis_tvalid.eq(self.valid),
            linked.s_axis_tlast.eq(self.last),
            linked.m_axis_tready.eq(self.ready),
        ]
        return linked


def counted(m, watched, taken):
    """Beats of the packet before this one, at most one too many; whether all of its bytes are there; its vector."""
    beat, lacks = Signal(range(watched.beats + 1)), Signal()
    vector = Signal(8 * watched.data_bytes * watched.beats)
    width = 8 * watched.data_bytes
    now = Signal.like(vector)
    m.d.comb += now.eq(Cat(vector, watched.data.replicate(watched.data_bytes))[width:])
    with m.If(taken):
        m.d.sync += [
            vector.eq(now),
            beat.eq(Mux(beat == watched.beats, beat, beat + 1)),
            lacks.eq(lacks | ~watched.keep),
        ]
        with m.If(watched.last):
            m.d.sync += [beat.eq(0), lacks.eq(0)]
    return beat, (beat == watched.beats - 1) & ~lacks & watched.keep, now[: watched.width]


class Stability(Watched):
    """A beat that is not taken stays as it is."""

    def elaborate(self, platform):
        m = Module()
        linked = self.around(m)
        beat, before, waited = Cat(linked.m_axis_tdata, linked.m_axis_tuser), Signal(9), Signal()
        m.d.sync += [before.eq(beat), waited.eq(linked.m_axis_tvalid & ~self.ready)]
        m.d.comb += self.wrong.eq(waited & (~linked.m_axis_tvalid | (beat != before)))
        return m


class Throughput(Watched):
    """While answers are taken and packets are whole, every beat is taken, and answers follow after as many clocks."""

    def elaborate(self, platform):
        m = Module()
        linked = self.around(m)
        _, right, _ = counted(m, self, self.valid)
        beat = Signal(range(self.beats))
        with m.If(self.valid):
            m.d.sync += beat.eq(Mux(self.last, 0, beat + 1))
        good = once(m, self.ready & (~self.valid | (self.last == (beat == self.beats - 1)) & self.keep))
        after = Signal(self.latency + 2 + self.bare)  # a register for the vector, one for the answer
        m.d.sync += after.eq(Cat(self.valid & right & self.last, after))
        m.d.comb += self.wrong.eq(good & (~linked.s_axis_tready | (linked.m_axis_tvalid != after[-1])))
        return m


class Answers(Watched):
    """Of any packet that a proof may choose, the answer comes in its turn, and is the right one."""

    members: ClassVar = Watched.members | {"choose": In(1)}

    def elaborate(self, platform):
        m = Module()
        linked = self.around(m)
        taken = Signal()
        m.d.comb += taken.eq(self.valid & linked.s_axis_tready)
        _, right, vector = counted(m, self, taken)
        entered, left = taken & self.last, linked.m_axis_tvalid & self.ready
        under_way, ahead = Signal(5), Signal(5)
        m.d.sync += under_way.eq(under_way + entered - left)
        chosen, refused, expected = Signal(), Signal(), Signal(2)
        with m.If(chosen):
            m.d.sync += ahead.eq(ahead - left)
        with m.Elif(self.choose & entered):
            m.d.sync += [chosen.eq(1), ahead.eq(under_way - left), refused.eq(~right), expected.eq(answer_of(vector))]
        got, user = linked.m_axis_tdata[:2], linked.m_axis_tuser
        mine = chosen & left & (ahead == 0)
        gone = Signal()
        with m.If(mine):
            m.d.sync += gone.eq(1)
        m.d.comb += self.wrong.eq(
            (mine & ~gone & ((user != refused) | (~refused & (got != expected)))) | (left & (under_way == 0))
        )
        return m


class Paths(Watched):
    """Two links that saw the same up to now give the same outputs, whatever comes in now."""

    members: ClassVar = Watched.members | {
        f"other_{name}": In(shape) for name, shape in (("valid", 1), ("last", 1), ("ready", 1))
    }

    def elaborate(self, platform):
        m = Module()
        one, two = self.around(m, "one"), self.around(m, "two")
        m.d.comb += [
            two.s_axis_tvalid.eq(self.other_valid),
            two.s_axis_tlast.eq(self.other_last),
            two.m_axis_tready.eq(self.other_ready),
        ]
        here, there = Cat(self.valid, self.last, self.ready), Cat(self.other_valid, self.other_last, self.other_ready)
        so_far = Signal(init=1)
        m.d.sync += so_far.eq(so_far & (here == there))
        outputs = [
            Cat(
                each.s_axis_tready,
                each.m_axis_tvalid,
                each.m_axis_tuser & each.m_axis_tvalid,
                each.m_axis_tdata & (each.m_axis_tvalid & ~each.m_axis_tuser).replicate(8),
            )
            for each in (one, two)
        ]
        m.d.comb += self.wrong.eq(so_far & (outputs[0] != outputs[1]))
        return m


@pytest.mark.parametrize("what", [Stability, Throughput, Answers, Paths])
@cases
def test_holds_for_ever(what, data_bytes, width, latency, interface):
    assert never(what(data_bytes, width, latency, interface)) is True


def test_a_proof_fails_where_the_property_does(monkeypatch):
    """With less room than a bare core needs there are bubbles; with a skid that forgets, answers change."""
    case = (2, 11, 1, "bare")
    monkeypatch.setattr(axi_stream, "AHEAD", 1)
    assert never(Throughput(*case)) is False
    assert never(Stability(*case)) is True

    class Forgets(axi_stream.Skid):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            with m.If(self.i.valid):
                m.d.sync += self.o.payload.eq(self.i.payload)
            return m

    monkeypatch.setattr(axi_stream, "Skid", Forgets)
    assert never(Stability(1, 11, 1, "stream")) is False
    assert never(Answers(1, 11, 1, "stream")) is False
