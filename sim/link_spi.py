"""cocotb bench of a core behind SPI, on cocotbext-spi.

cocotbext-spi 0.5.0 is written for cocotb 1; `_for_cocotb_2` gives it the two things that it misses under cocotb 2.
"""

from __future__ import annotations

import warnings
from typing import Any

import cocotb
import cocotb.clock
from cocotb.triggers import Timer

from lut2hw.hdl.protocol import END
from lut2hw.sim.link import CLOCK_NS, Session, framed, frames_in

HALF_NS = 5 * CLOCK_NS + 3  # the fastest that is promised, and not in step with the chip's clock


class _BaseClock:
    """What cocotb 1 had as `cocotb.clock.BaseClock`."""

    def __init__(self, signal: Any) -> None:
        self.signal = signal


class _Line:
    """A signal whose value has `integer`, as in cocotb 1."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle

    @property
    def value(self) -> _Line:
        return self

    @property
    def integer(self) -> int:
        return int(self.handle.value)


def _for_cocotb_2() -> Any:
    """The module `cocotbext.spi`."""
    if not hasattr(cocotb.clock, "BaseClock"):
        cocotb.clock.BaseClock = _BaseClock  # type: ignore[attr-defined]
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="cocotbext")
    import cocotbext.spi

    return cocotbext.spi


spi_model = _for_cocotb_2()


@cocotb.test()
async def spi(dut: Any) -> None:
    """Requests and replies over SPI mode 0, in one long selection and in many short ones."""
    async with Session() as session:
        bus = spi_model.SpiBus.from_entity(dut, sclk_name="sck", mosi_name="copi", miso_name="cipo", cs_name="cs_n")
        bus.miso = _Line(bus.miso)
        host = spi_model.SpiMaster(
            bus, spi_model.SpiConfig(sclk_freq=1e9 / (2 * HALF_NS), frame_spacing_ns=2 * HALF_NS, data_output_idle=0)
        )
        await session.start(dut)

        lengths = [1, 2, 1000, 3, 1000, 1]  # bytes of a selection
        turn = 0

        async def exchange(data: bytes, n: int) -> bytes:
            nonlocal turn
            got = bytearray()
            queue = bytearray(data)
            for _ in range(len(data) + 40 * n + 1000):
                if not queue and frames_in(got) >= n:
                    break
                size = min(lengths[turn % len(lengths)], max(len(queue), 8))
                session.check("the output is driven only while selected", not int(dut.cipo_oe.value))
                host.write_nowait((queue[:size] + bytes([END]) * size)[:size], burst=True)
                del queue[:size]
                await Timer(4 * HALF_NS, "ns")
                session.check("the output is driven while selected", int(dut.cipo_oe.value))
                await host.wait()
                await Timer(4 * HALF_NS, "ns")
                got += host.read_nowait()
                turn += 1
            return bytes(got)

        # A host that gives up inside a byte does no harm.
        dut.cs_n.value = 0
        await Timer(2 * HALF_NS, "ns")
        dut.sck.value = 1
        await Timer(HALF_NS, "ns")
        dut.sck.value = 0
        await Timer(2 * HALF_NS, "ns")
        dut.cs_n.value = 1
        await Timer(4 * HALF_NS, "ns")

        await framed(session, exchange)
