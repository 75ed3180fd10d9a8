"""cocotb bench of a core behind a Wishbone register block, on cocotbext-wishbone."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotbext.wishbone.driver import WBOp, WishboneMaster

from lut2hw.hdl.links import Wishbone
from lut2hw.sim.link import Session

SIGNALS = {
    "cyc": "cyc",
    "stb": "stb",
    "we": "we",
    "adr": "adr",
    "datwr": "dat_w",
    "datrd": "dat_r",
    "ack": "ack",
    "sel": "sel",
}


@cocotb.test()
async def wishbone(dut: Any) -> None:
    """Classify through the registers."""
    async with Session() as session:
        identity = session.identity
        for name in ("cyc", "stb", "we", "adr", "dat_w", "sel"):
            getattr(dut, f"wb_{name}").value = 0
        await session.start(dut)  # first: the model does not bear unknown values
        bus = WishboneMaster(dut, "wb", dut.clk, width=32, timeout=100, signals_dict=SIGNALS)

        async def read(word: int) -> int:
            (result,) = await bus.send_cycle([WBOp(word)])
            return int(result.datrd)

        async def write(word: int, value: int, select: int = 15) -> None:
            await bus.send_cycle([WBOp(word, value, sel=select)])

        session.check("it says what it is", await read(Wishbone.ID) == Wishbone.MAGIC)
        session.check("it says which core it holds", await read(Wishbone.FINGERPRINT) == identity.fingerprint)
        session.check(
            "it says its widths",
            await read(Wishbone.WIDTHS) == identity.input_bits | min(identity.answer_bits, 255) << 24,
        )
        session.check("unused words read as zero", await read(Wishbone.FEATURES - 1) == 0)
        session.check("it starts idle", await read(Wishbone.STATUS) == 1)
        for number, word in enumerate(session.words):
            for at in range(-(-identity.input_bits // 32)):
                value = word >> 32 * at & 0xFFFFFFFF
                if number % 2:
                    await write(Wishbone.FEATURES + at, value)
                else:  # byte by byte, with noise in the bytes that are not selected
                    for byte in range(4):
                        mask = 0xFF << 8 * byte
                        await write(Wishbone.FEATURES + at, value & mask | 0xA5A5A5A5 & ~mask, 1 << byte)
            await write(Wishbone.START, 1)
            if number == 0:
                await write(Wishbone.START, 1)  # while one is under way this does nothing
            for _ in range(1000):
                status = await read(Wishbone.STATUS)
                if status & 2:
                    break
            session.check("it is busy until the answer is read", status == 2)
            answer = 0
            for at in range(-(-identity.answer_bits // 32)):
                session.check("it keeps the answer until all of it is read", await read(Wishbone.STATUS) == 2)
                answer |= await read(Wishbone.ANSWER + at) << 32 * at
            session.answers.append(answer)
            session.check("reading the answer frees it", await read(Wishbone.STATUS) == 1)
