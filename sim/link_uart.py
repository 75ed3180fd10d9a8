"""cocotb bench of a core behind a UART, on cocotbext-uart."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotbext.uart import UartSink, UartSource

from lut2hw.sim.link import CLOCK_NS, Session, framed, frames_in


@cocotb.test()
async def uart(dut: Any) -> None:
    """Requests and replies over the serial line."""
    async with Session() as session:
        baud = round(1e9 / CLOCK_NS / session.config["divisor"])
        # A host whose clock is 2 % fast must neither lose bits nor outrun the replies.
        source, sink = UartSource(dut.rx, baud=round(1.02 * baud)), UartSink(dut.tx, baud=baud)
        await session.start(dut)

        async def exchange(data: bytes, n: int) -> bytes:
            got = bytearray()
            await source.write(data)
            while frames_in(got) < n:
                await sink.wait(timeout=2_000_000, timeout_unit="ns")
                assert sink.count(), f"the chip fell silent after {frames_in(got)} of {n} replies"
                got += sink.read_nowait()
            return bytes(got)

        await framed(session, exchange)
