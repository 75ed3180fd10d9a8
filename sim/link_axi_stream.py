"""cocotb bench of a core behind AXI4-Stream, on cocotbext-axi."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import with_timeout
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

from lut2hw.sim.link import Session


@cocotb.test()
async def axi_stream(dut: Any) -> None:
    """Packets in, classes out, with pauses on both sides; packets of a wrong length in between."""
    async with Session() as session:
        source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.clk, dut.rst)
        sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.clk, dut.rst)
        # The models' own initial values do not last under Icarus, and the models do not bear unknown values.
        dut.s_axis_tvalid.value, dut.m_axis_tready.value = 0, 0
        await session.start(dut)
        chance = random.Random(1)
        source.set_pause_generator(chance.random() < 0.3 for _ in iter(int, 1))
        sink.set_pause_generator(chance.random() < 0.5 for _ in iter(int, 1))
        step = session.config["data_bytes"]
        whole = -(-session.identity.input_bytes // step) * step

        async def answer() -> Any:
            return await with_timeout(sink.recv(), 1, "ms")

        for length in {whole - step, whole + step, 3 * whole, step} - {0, whole}:
            await source.send(AxiStreamFrame(bytes(length), tuser=0))
            session.check("a packet of the wrong length is refused", (await answer()).tuser)
        for word in session.words:
            await source.send(AxiStreamFrame(word.to_bytes(whole, "little")))
        for _ in session.words:
            got = await answer()
            session.check("whole packets are accepted", not got.tuser)
            session.check("an answer is one beat", len(got.tdata) == session.identity.answer_bytes)
            session.answers.append(int.from_bytes(got.tdata, "little"))
