"""cocotb test of a chip read back from its bitstream: bits shifted in through one pin, classes coming out.

LUT2HW_BENCH names a JSON file that says what to stream, which pin is which, and where to report.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Timer

from lut2hw.sim.bench import Bench
from lut2hw.sim.core import answer as answer_of
from lut2hw.sim.core import known


@cocotb.test()
async def shift(dut: Any) -> None:
    """Shift all vectors in, pausing at random, and write the result."""
    config = json.loads(Path(os.environ["LUT2HW_BENCH"]).read_text())
    lines = Path(config["vectors"]).read_text().split()
    words, expected = [int(word, 16) for word in lines[::2]], [answer_of(word) for word in lines[1::2]]
    pins = {name: getattr(dut, pin) for name, pin in config["pins"].items()}
    answer = [pins[name] for name in sorted((n for n in pins if n.startswith("result[")), key=lambda n: int(n[7:-1]))]
    bench = Bench(words, expected, None)
    rng = random.Random(config["seed"])
    bits = [(index, bit) for index in range(len(words)) for bit in config["bits"]]
    at, idle, reset = 0, 0, 2
    got: list[int | None] = []
    left = 0
    waiting = False

    def finish() -> None:
        bench.now = bench.now._replace(ready=True)
        bench.answer(None if None in got else sum(bit << place for place, bit in enumerate(got)))  # type: ignore

    while bench.checked < bench.final and idle < config.get("patience", 10_000) and len(bench.errors) < 5:
        pins["clk"].value = 0
        pins["reset"].value = int(reset > 0)
        moving = not reset and at < len(bits) and (waiting or rng.random() < 0.99)
        pins["shift"].value = int(moving)
        pins["data"].value = words[bits[at][0]] >> bits[at][1] & 1 if moving else rng.getrandbits(1)
        await Timer(1, "ns")
        bench.cycles += 1
        idle += 1
        done = known(pins["done"])
        values = [known(pin) for pin in answer]
        if left:  # the rest of an answer that is shifted out
            got += values
            left -= 1
            if not left:
                finish()
        if done is None and not reset and bench.cycles > 4:
            bench.error("done is unknown (X)")
        if done and not reset:
            if left:
                bench.error("an answer came before the last one was out")
            got, left, idle = values, config["clocks"] - 1, 0
            if not left:
                finish()
        if moving and ("ready" not in pins or known(pins["ready"])):
            idle = 0
            at += 1
            waiting = False
            if at % len(config["bits"]) == 0 and expected[bits[at - 1][0]] is not None:
                bench.flying.append((bits[at - 1][0], bench.cycles))
        elif moving:
            waiting = True  # a bit that is not taken stays
        reset -= reset > 0
        pins["clk"].value = 1
        await Timer(1, "ns")
    Path(config["result"]).write_text(json.dumps(bench.result()))
