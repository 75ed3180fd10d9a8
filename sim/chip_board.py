"""cocotb test of a board's chip read back from its bitstream: framed requests at its UART's pins, answers from them.

LUT2HW_BENCH names a JSON file that says what to send, how long a bit takes, and where to report.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from lut2hw.hdl import protocol
from lut2hw.hdl.protocol import Deframer, Identity
from lut2hw.sim.core import known
from lut2hw.sim.link import CLOCK_NS

QUIET_BYTES = 60
"""Byte times without an answer after the last request, after which no more are awaited."""


class Line:
    """The host's end of the serial line, 8N1."""

    def __init__(self, dut: Any, divisor: int) -> None:
        self.dut, self.bit = dut, CLOCK_NS * divisor
        self.deframer = Deframer()
        self.bodies: list[bytes] = []
        self.errors: list[str] = []

    async def send(self, data: bytes) -> None:
        """Send bytes, one right after the other."""
        for byte in data:
            for level in (0, *(byte >> bit & 1 for bit in range(8)), 1):
                self.dut.rx.value = level
                await Timer(self.bit, "ns")

    async def listen(self) -> None:
        """Take bytes for ever."""
        while True:
            await FallingEdge(self.dut.tx)
            await Timer(self.bit + self.bit // 2, "ns")
            levels = []
            for _ in range(9):
                levels.append(known(self.dut.tx))
                await Timer(self.bit if len(levels) < 9 else self.bit // 4, "ns")
            if None in levels or levels[8] != 1:
                self.errors.append("a byte from the chip has no stop bit, or unknown bits")
                return
            byte = sum(level << at for at, level in enumerate(levels[:8]))  # type: ignore[operator]
            self.bodies += self.deframer.feed(bytes([byte]))

    async def answers(self, n: int) -> None:
        """Wait until `n` frames have come, or nothing has for a while."""
        quiet, seen = 0, len(self.bodies)
        while len(self.bodies) < n and quiet < QUIET_BYTES and not self.errors:
            await Timer(10 * self.bit, "ns")
            quiet = quiet + 1 if len(self.bodies) == seen else 0
            seen = len(self.bodies)


@cocotb.test()
async def requests(dut: Any) -> None:
    """Ask the chip what it is, send it all examples without a pause, and write the result."""
    config = json.loads(Path(os.environ["LUT2HW_BENCH"]).read_text())
    lines = Path(config["vectors"]).read_text().split()
    words, expected = [int(word, 16) for word in lines[::2]], [int(word) for word in lines[1::2]]
    identity = Identity(**config["identity"])
    line = Line(dut, config["divisor"])
    dut.rx.value = 1
    Clock(dut.clk, CLOCK_NS, "ns").start()
    await Timer(CLOCK_NS * config["start"], "ns")  # a chip holds itself in reset at first
    listening = cocotb.start_soon(line.listen())
    # the first END ends whatever frame the chip thinks it is in
    await line.send(bytes([protocol.END]) + protocol.identify_request())
    await line.answers(1)
    if line.bodies != [bytes([protocol.TAG_IDENTIFY]) + identity.to_bytes()]:
        line.errors.append(
            "the chip says that it is another one; build again" if line.bodies else "the chip does not answer"
        )
    tags = [protocol.TAGS[at % len(protocol.TAGS)] for at in range(len(words))]
    if not line.errors:
        for tag, word in zip(tags, words, strict=True):
            await line.send(protocol.classify_request(tag, word, identity))
        await line.answers(1 + len(words))
    listening.cancel()

    mismatches, first, classes = 0, None, dict[str, int]()
    bodies = line.bodies[1:]
    for at, (body, tag) in enumerate(zip(bodies, tags, strict=False)):
        if body[0] != tag or len(body) != 1 + identity.answer_bytes:
            line.errors.append(f"answer {at} is not to its request")
            break
        got = int.from_bytes(body[1:], "little")
        if got == expected[at]:
            classes[str(got)] = classes.get(str(got), 0) + 1
            continue
        mismatches += 1
        first = first or {"vector": at, "input": f"{words[at]:x}", "expected": expected[at], "got": got}
    if line.deframer.damaged:
        line.errors.append(f"{line.deframer.damaged} damaged answers")
    result = {
        "vectors": len(bodies),
        "mismatches": mismatches,
        "first": first,
        "errors": line.errors,
        "classes": classes,
        "cycles": round(cocotb.utils.get_sim_time("ns") / CLOCK_NS),
    }
    Path(config["result"]).write_text(json.dumps(result))
