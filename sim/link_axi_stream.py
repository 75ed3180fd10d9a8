"""cocotb bench of a core behind AXI4-Stream, on cocotbext-axi."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge, with_timeout
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

from lut2hw.sim.link import Session


class Watch:
    """Both sides, clock by clock: when transfers were, and whether a beat that was not taken stayed as it was."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.beats: list[int] = []
        self.answers: list[int] = []
        self.stable = True

    async def run(self) -> None:
        dut, clock, waiting = self.dut, 0, None
        while True:
            await RisingEdge(dut.aclk)
            await ReadOnly()  # of the clock that begins here
            clock += 1
            beat = (str(dut.m_axis_tdata.value), str(dut.m_axis_tuser.value))
            valid, ready = str(dut.m_axis_tvalid.value) == "1", str(dut.m_axis_tready.value) == "1"
            self.stable &= waiting is None or (valid and beat == waiting)
            waiting = beat if valid and not ready else None
            if str(dut.s_axis_tvalid.value) == str(dut.s_axis_tready.value) == "1":
                self.beats.append(clock)
            if valid and ready:
                self.answers.append(clock)


@cocotb.test()
async def axi_stream(dut: Any) -> None:
    """Packets in, classes out, with pauses and with packets to be refused in between; then without pauses."""
    async with Session() as session:
        source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.aclk, dut.aresetn, False)
        sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.aclk, dut.aresetn, False)
        # The models' own initial values do not last under Icarus, and the models do not bear unknown values.
        dut.s_axis_tvalid.value, dut.m_axis_tready.value = 0, 0
        await session.start(dut, "aclk", "aresetn")
        watch = Watch(dut)
        cocotb.start_soon(watch.run())
        chance = random.Random(1)
        source.set_pause_generator(chance.random() < 0.3 for _ in iter(int, 1))
        sink.set_pause_generator(chance.random() < 0.5 for _ in iter(int, 1))
        step, exact = session.config["data_bytes"], session.identity.input_bytes
        beats = -(-exact // step)
        whole = beats * step

        async def answer() -> Any:
            return await with_timeout(sink.recv(), 1, "ms")

        def answered(got: Any) -> None:
            session.check("whole packets are accepted", not got.tuser)
            session.check("an answer is one beat", len(got.tdata) == session.identity.answer_bytes)
            session.answers.append(int.from_bytes(got.tdata, "little"))

        wrong = [AxiStreamFrame(bytes(n)) for n in sorted({whole - step, whole + step, 3 * whole, step} - {0, whole})]
        for lacks in {0, exact - 1}:
            wrong.append(AxiStreamFrame(bytes(whole), tkeep=[at != lacks for at in range(whole)]))
        # Of three packets one follows at once, and answers of all kinds stay in order.
        refused = []
        for number, word in enumerate(session.words):
            if number % 3 == 1 or number == len(session.words) - 1:
                refused.append(True)
                await source.send(wrong[number // 3 % len(wrong)])
            refused.append(False)
            await source.send(AxiStreamFrame(word.to_bytes((whole, exact)[number % 2], "little")))
        for frame in wrong:
            refused.append(True)
            await source.send(frame)
        for refuse in refused:
            got = await answer()
            if refuse:
                session.check("a packet of another length or without a byte is refused", got.tuser)
            else:
                answered(got)
        session.check("an answer stays until it is taken", watch.stable)

        source.clear_pause_generator()
        sink.clear_pause_generator()
        source.pause = sink.pause = False
        first, session.answers = session.answers, []
        watch.beats.clear()
        watch.answers.clear()
        for word in session.words:
            await source.send(AxiStreamFrame(word.to_bytes(whole, "little")))
        for _ in session.words:
            answered(await answer())
        session.check("answers do not depend on pauses", session.answers == first)
        if session.config["every_clock"]:
            n = len(session.words)
            session.check(
                "without pauses a beat is taken every clock", watch.beats[-1] - watch.beats[0] == n * beats - 1
            )
            session.check("and answers come as fast", watch.answers[-1] - watch.answers[0] == (n - 1) * beats)
