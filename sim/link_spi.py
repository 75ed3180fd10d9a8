"""cocotb bench of a core behind SPI.

The host is modelled here: cocotbext-spi 0.5.0 does not import under cocotb 2.1 (it needs `cocotb.clock.BaseClock`).
"""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.triggers import Timer

from lut2hw.boards.protocol import END
from lut2hw.sim.link import CLOCK_NS, Session, framed, frames_in

HALF_NS = 5 * CLOCK_NS + 3  # the fastest that is promised, and not in step with the chip's clock


@cocotb.test()
async def spi(dut: Any) -> None:
    """Requests and replies over SPI mode 0, in one long selection and in many short ones."""
    async with Session() as session:
        dut.sck.value, dut.cs_n.value, dut.copi.value = 0, 1, 0
        await session.start(dut)

        async def byte(out: int) -> int:
            got = 0
            for bit in range(7, -1, -1):
                dut.copi.value = out >> bit & 1
                await Timer(HALF_NS, "ns")
                got |= int(dut.cipo.value) << bit
                dut.sck.value = 1
                await Timer(HALF_NS, "ns")
                dut.sck.value = 0
            return got

        async def select(on: bool) -> None:
            await Timer(2 * HALF_NS, "ns")
            dut.cs_n.value = not on
            await Timer(2 * HALF_NS, "ns")
            session.check("the output is driven only while selected", int(dut.cipo_oe.value) == on)

        lengths = [1, 2, 1000, 3, 1000, 1]  # bytes of a selection
        turn = 0

        async def exchange(data: bytes, n: int) -> bytes:
            nonlocal turn
            got = bytearray()
            queue = bytearray(data)
            for _ in range(len(data) + 40 * n + 1000):
                if not queue and frames_in(got) >= n:
                    break
                await select(True)
                for _ in range(min(lengths[turn % len(lengths)], max(len(queue), 8))):
                    got.append(await byte(queue.pop(0) if queue else END))
                await select(False)
                turn += 1
            return bytes(got)

        # A host that gives up inside a byte does no harm.
        await select(True)
        dut.sck.value = 1
        await Timer(HALF_NS, "ns")
        dut.sck.value = 0
        await select(False)

        await framed(session, exchange)
