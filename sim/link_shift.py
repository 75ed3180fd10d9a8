"""cocotb bench of a core behind a shift register."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly

from lut2hw.sim.link import Session


async def ready(dut: Any) -> None:
    """Wait until the next rising edge takes the bit that is there, of a link that says when."""
    while hasattr(dut, "ready"):
        await ReadOnly()
        if dut.ready.value == 1:
            return
        await FallingEdge(dut.clk)


@cocotb.test()
async def shift(dut: Any) -> None:
    """Bits in with pauses and without, answers out."""
    async with Session() as session:
        dut.shift.value = dut.data.value = 0
        await session.start(dut)

        async def watch() -> None:
            while True:
                await FallingEdge(dut.clk)
                if dut.done.value == 1:
                    pins, clocks = dut.result, session.config["clocks"]
                    answer = int(pins.value)
                    for piece in range(1, clocks):
                        await FallingEdge(dut.clk)
                        session.check("one answer after the other", dut.done.value == 0)
                        answer |= int(pins.value) << piece * len(pins)
                    session.answers.append(answer)

        watching = cocotb.start_soon(watch())
        for at, word in enumerate(session.words):
            for bit in session.config["bits"]:
                await FallingEdge(dut.clk)
                dut.shift.value, dut.data.value = 1, word >> bit & 1
                await ready(dut)
                if at % 2 and not bit % 3:  # what is on `data` does not matter while `shift` is low
                    await FallingEdge(dut.clk)
                    dut.shift.value, dut.data.value = 0, ~word >> bit & 1
        await FallingEdge(dut.clk)
        dut.shift.value = 0
        for _ in range(1000):
            await ClockCycles(dut.clk, 100)
            if len(session.answers) >= len(session.words):
                break
        watching.cancel()
        session.check("an answer for each example", len(session.answers) == len(session.words))
