"""cocotb test of an emitted core: LUT2HW_BENCH names a JSON file that says what to stream and where to report."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Timer
from cocotb.types import LogicArray

from lut2hw.sim.bench import Bench


def known(handle: Any) -> int | None:
    """The value, or None if a bit of it is unknown."""
    value = handle.value
    return int(value) if value.is_resolvable else None


@cocotb.test()
async def stream(dut: Any) -> None:
    """Stream all vectors and write the result; what is right or wrong is the caller's to say."""
    config = json.loads(Path(os.environ["LUT2HW_BENCH"]).read_text())
    lines = Path(config["vectors"]).read_text().split()
    bench = Bench([int(word, 16) for word in lines[::2]], [int(word) for word in lines[1::2]],
                  config["latency"], config["seed"], config["reset"] is not None)
    clock, reset = (getattr(dut, config[key]) if config[key] else None for key in ("clock", "reset"))
    width = len(dut.i__payload)
    last: object = ""
    while not bench.done:
        now = bench.drive()
        if clock is not None:
            clock.value = 0
            reset.value = int(now.reset)
        dut.i__valid.value = int(now.valid)
        dut.o__ready.value = int(now.ready)
        if now.payload != last:
            last = now.payload
            dut.i__payload.value = LogicArray("X" * width if now.payload is None else f"{now.payload:0{width}b}")
        await Timer(1, "ns")
        bench.sample(known(dut.i__ready), known(dut.o__valid), known(dut.o__payload))
        if clock is not None:
            clock.value = 1
            await Timer(1, "ns")
    Path(config["result"]).write_text(json.dumps(bench.result()))
