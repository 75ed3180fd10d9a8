"""What the benches of all links share: LUT2HW_BENCH names a JSON file with the examples and where to report."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import ClockCycles

from lut2hw.hdl import protocol
from lut2hw.hdl.protocol import Identity

CLOCK_NS = 10


class Session:
    """Configuration and result of a bench: `async with Session() as session` reports at the end, come what may.

    identity: of the chip. words: port vectors to send. config: the rest of the JSON file. answers: what came back,
    one class for each word. checks: names of what else was tried, each with whether it went well.
    """

    def __init__(self) -> None:
        self.config = json.loads(Path(os.environ["LUT2HW_BENCH"]).read_text())
        self.identity = Identity(**self.config["identity"])
        self.words = [int(word, 16) for word in self.config["words"]]
        self.answers: list[int] = []
        self.checks: dict[str, bool] = {}

    def check(self, name: str, good: Any) -> None:
        """Note whether a check went well."""
        self.checks[name] = self.checks.get(name, True) and bool(good)

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: Any) -> None:
        Path(self.config["result"]).write_text(
            json.dumps(
                {
                    "answers": self.answers,
                    "checks": self.checks,
                    "error": f"{type(error).__name__}: {error}" if error else None,
                }
            )
        )

    async def start(self, dut: Any, clock: str = "clk", reset: str = "rst") -> None:
        """Start the clock and reset the design, by a reset that is active low if its name ends in n."""
        clk, rst, low = getattr(dut, clock), getattr(dut, reset), reset.endswith("n")
        Clock(clk, CLOCK_NS, "ns").start()
        rst.value = int(not low)
        await ClockCycles(clk, 4)
        rst.value = int(low)
        await ClockCycles(clk, 4)


async def framed(session: Session, exchange: Callable[[bytes, int], Awaitable[bytes]]) -> None:
    """Everything a link that speaks `lut2hw.hdl.protocol` must do.

    exchange(data, n): send `data`, then go on until `n` frames have come back; returns what came back.
    """
    identity = session.identity

    async def ask(data: bytes, n: int = 1) -> list[bytes]:
        deframer = protocol.Deframer()
        bodies = list(deframer.feed(await exchange(data, n)))
        session.check("no reply is damaged", deframer.damaged == 0)
        return bodies

    (who,) = await ask(protocol.identify_request())
    session.check("it says what it is", who == bytes([protocol.TAG_IDENTIFY]) + identity.to_bytes())

    refusal = [bytes([protocol.TAG_DAMAGED])]
    body = bytes([7]) + bytes(identity.input_bytes)
    good = protocol.frame(body)
    for at, name in (2, "payload"), (len(good) - 2, "checksum"):
        wrong = bytearray(good)
        # Stay clear of the framing bytes, whose damage is tried on its own.
        wrong[at] = next(b for b in (wrong[at] ^ 1 << bit for bit in range(8)) if b < protocol.END)
        session.check(f"damage in the {name} is refused", await ask(bytes(wrong)) == refusal)
    for name, broken in {
        "a byte too few": protocol.frame(body[:-1]),
        "a byte too many": protocol.frame(body + b"\0"),
        "an empty body": protocol.frame(b""),
        "a reserved tag": protocol.frame(b"\xff" + body[1:]),
        "a wrong escape": bytes([1, protocol.ESC, 1, 2, 3, protocol.END]),
        "an escape at the end": bytes([1, protocol.ESC, protocol.END]),
    }.items():
        session.check(f"{name} is refused", await ask(broken) == refusal)
    session.check("damage leaves no trace", len(await ask(b"\x01\x02" + protocol.identify_request(), 2)) == 2)

    # Back to back, as a host with many requests under way sends them.
    tags = [protocol.TAGS[i % len(protocol.TAGS)] for i in range(len(session.words))]
    requests = b"".join(
        protocol.classify_request(tag, word, identity) for tag, word in zip(tags, session.words, strict=True)
    )
    replies = await ask(requests, len(session.words))
    session.check("answers come in order with their tags", [reply[0] for reply in replies] == tags)
    session.check("replies have the right length", all(len(reply) == 1 + identity.answer_bytes for reply in replies))
    session.answers = [int.from_bytes(reply[1:], "little") for reply in replies]


def frames_in(data: bytes) -> int:
    """How many frames end in `data`."""
    deframer = protocol.Deframer()
    return len(list(deframer.feed(data))) + deframer.damaged
