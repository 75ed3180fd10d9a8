"""cocotb bench of a core behind a Wishbone register block, on cocotbext-wishbone."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.triggers import RisingEdge
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
        session.check("it starts idle", await read(Wishbone.STATUS) == 5)
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
            session.check("it is busy until the answer is read", status == 6)
            answer = 0
            for at in range(-(-identity.answer_bits // 32)):
                session.check("it keeps the answer until all of it is read", await read(Wishbone.STATUS) == 6)
                answer |= await read(Wishbone.ANSWER + at) << 32 * at
            session.answers.append(answer)
            session.check("reading the answer frees it", await read(Wishbone.STATUS) == 5)

        # The signals by hand: an access follows another at once, and features come in while the core works.
        async def clocks_of(word: int, value: int | None = None) -> tuple[int, int]:
            dut.wb_cyc.value = dut.wb_stb.value = 1
            dut.wb_we.value, dut.wb_adr.value, dut.wb_dat_w.value = int(value is not None), word, value or 0
            dut.wb_sel.value = 15
            clocks, done = 0, False
            while not done:
                await RisingEdge(dut.clk)  # what is read here is from before the edge
                clocks, done = clocks + 1, dut.wb_ack.value == 1
            return clocks, int(dut.wb_dat_r.value)

        answers, spent = [], set()
        count = -(-identity.input_bits // 32)
        for at in range(len(session.words) + 1):
            if at < len(session.words):
                for part in range(count):
                    value = session.words[at] >> 32 * part & 0xFFFFFFFF
                    spent.add((await clocks_of(Wishbone.FEATURES + part, value))[0])
            if at:
                while not (await clocks_of(Wishbone.STATUS))[1] & 2:
                    pass
                parts = [await clocks_of(Wishbone.ANSWER + part) for part in range(-(-identity.answer_bits // 32))]
                session.check("a read takes two clocks", {clocks for clocks, _ in parts} == {2})
                answers.append(sum(value << 32 * part for part, (_, value) in enumerate(parts)))
            if at < len(session.words):
                spent.add((await clocks_of(Wishbone.START, 1))[0])
        dut.wb_cyc.value = dut.wb_stb.value = 0
        session.check("a write takes one clock", spent == {1})
        session.check("features can be written while the core works", answers == session.answers)
