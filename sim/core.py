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


def answer(text: str) -> int | None:
    """What must come out after a word; - if nothing does."""
    return None if text == "-" else int(text)


async def stream(dut: Any, config: dict[str, Any]) -> None:
    """Stream the vectors of one core and write the result; what is right or wrong is the caller's to say."""
    prefix = config.get("prefix", "")

    def pin(name: str) -> Any:
        return getattr(dut, prefix + name)

    lines = Path(config["vectors"]).read_text().split()
    bench = Bench(
        [int(word, 16) for word in lines[::2]],
        [answer(word) for word in lines[1::2]],
        config["latency"],
        config["seed"],
        config["reset"] is not None,
        stalls=config.get("stalls", True),
        starts=config.get("starts"),
        unknowns=config.get("unknowns", True),
        **config.get("parts", {}),
    )
    clock, reset = (pin(config[key]) if config[key] else None for key in ("clock", "reset"))
    if hasattr(dut, f"{prefix}load_valid"):  # of a core that takes other programs
        pin("load_valid").value = 0
    payload, valid = pin("i_payload"), pin("i_valid")
    out_valid, out_payload = pin("o_valid"), pin("o_payload")
    ready, in_ready = (pin("o_ready"), pin("i_ready")) if bench.stalls else (None, None)
    width = len(payload)
    last: object = ""
    while not bench.done:
        now = bench.drive()
        if clock is not None and reset is not None:
            clock.value = 0
            reset.value = int(now.reset)
        valid.value = int(now.valid)
        if ready is not None:
            ready.value = int(now.ready)
        if now.payload != last:
            last = now.payload
            payload.value = LogicArray("X" * width if now.payload is None else f"{now.payload:0{width}b}")
        await Timer(1, "ns")
        bench.sample(1 if in_ready is None else known(in_ready), known(out_valid), known(out_payload))
        if clock is not None:
            clock.value = 1
            await Timer(1, "ns")
    Path(config["result"]).write_text(json.dumps(bench.result()))


@cocotb.test()
async def run(dut: Any) -> None:
    """The core under test, or, one after the other, several with names of their own."""
    config = json.loads(Path(os.environ["LUT2HW_BENCH"]).read_text())
    for core in config.get("cores", [config]):
        await stream(dut, core)
