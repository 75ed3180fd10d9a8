"""A simulated chip on a pseudo-terminal: cocotb drives the UART of a core behind a link from what a host writes."""

from __future__ import annotations

import os
import select
import tty
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Timer
from cocotbext.uart import UartSink, UartSource

from lut2hw.sim.link import CLOCK_NS, Session

QUIET_BYTES = 40
"""Byte times without any traffic after which the simulation waits for the host instead of going on."""


@cocotb.test()
async def chip(dut: Any) -> None:
    """Serve the pseudo-terminal until the file `stop` appears or the process `owner` is gone."""
    async with Session() as session:
        bit_ns = CLOCK_NS * session.config["divisor"]
        source, sink = UartSource(dut.rx, baud=round(1e9 / bit_ns)), UartSink(dut.tx, baud=round(1e9 / bit_ns))
        dut.rx.value = 1
        await session.start(dut)
        chip_side, host_side = os.openpty()
        tty.setraw(host_side)
        os.set_blocking(chip_side, False)
        port = Path(session.config["port"])
        port.with_suffix(".part").write_text(os.ttyname(host_side))
        port.with_suffix(".part").rename(port)

        stop = Path(session.config["stop"])
        quiet = 0
        unsent = bytearray()
        while not stop.exists() and alive(session.config["owner"]):
            # Enough is queued if the line is busy; the rest stays with the host, as on a real line.
            if source.count() < 64 and select.select([chip_side], [], [], 0.02 if quiet > QUIET_BYTES else 0)[0]:
                source.write_nowait(os.read(chip_side, 256))
                quiet = 0
            if quiet <= QUIET_BYTES:
                await Timer(10 * bit_ns, "ns")
                quiet = quiet + 1 if source.idle() else 0
            unsent += sink.read_nowait()
            if unsent:
                quiet = 0
                try:
                    del unsent[: os.write(chip_side, unsent)]
                except BlockingIOError:
                    quiet = QUIET_BYTES  # the host does not read: do not spin


def alive(pid: int) -> bool:
    """Whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
