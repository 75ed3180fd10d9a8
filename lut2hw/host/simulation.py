"""Simulated links: the benches of `lut2hw.sim` around a core behind a link, under Icarus Verilog."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lut2hw import tools
from lut2hw.artefact.folder import Manifest
from lut2hw.errors import ToolError
from lut2hw.flow.extras import need
from lut2hw.hdl import emitted as chip
from lut2hw.hdl import links
from lut2hw.verify.engines import core_design

DIVISOR = 8
"""Clock cycles per bit of a simulated UART: few, since every one costs time."""


@dataclass(frozen=True)
class Answers:
    """What a bench saw: a class for each word, each check with whether it went well, and what stopped it."""

    answers: list[int]
    checks: dict[str, bool]
    error: str | None = None

    @property
    def failed(self) -> list[str]:
        """What did not go well, in words."""
        return [name for name, good in self.checks.items() if not good] + ([self.error] if self.error else [])


def simulate(linked: chip.LinkedCore, words: Sequence[int], *, timeout: float | None = None) -> Answers:
    """Send the port vectors `words` through the link, and try what else the link promises. Errors: `ToolError`."""
    link = linked.link
    name, options = bench_of(link)
    with tempfile.TemporaryDirectory(prefix="lut2hw-") as work:
        config = {
            "identity": asdict(link.identity),
            "words": [f"{word:x}" for word in words],
            "test": f"lut2hw.sim.link_{name}",
            **options,
        }
        run = run_bench(linked, Path(work), config, timeout=timeout)
        try:
            return Answers(**json.loads((Path(work) / "result.json").read_text()))
        except (OSError, ValueError, TypeError):
            raise ToolError(
                f"the bench of the {name} link stopped without a result; it last said: {tools.last_words(run.output)}"
            ) from None


def bench_of(link: links.Link) -> tuple[str, dict[str, int]]:
    """Name of the link's bench in `lut2hw.sim` (after `link_`), and what it needs to know of the link."""
    if isinstance(link, links.Uart):
        return "uart", {"divisor": link.divisor}
    if isinstance(link, links.AxiStream):
        return "axi_stream", {"data_bytes": link.data_bytes}
    return type(link).__name__.lower(), {}


def run_bench(
    linked: chip.LinkedCore, work: Path, config: Mapping[str, Any], *, timeout: float | None = None
) -> tools.Run:
    """Run a bench in the folder `work` to its end. The Verilog of an `EmittedCore` is added."""
    tools.require("iverilog")
    need("cocotbext.uart", "cocotbext.axi", "cocotbext.wishbone", "cocotbext.spi")
    (work / "linked.v").write_text(chip.to_verilog(linked, "linked"))
    sources, defines = [str(work / "linked.v")], list[str]()
    if isinstance(linked.core, chip.EmittedCore):
        design = core_design(linked.core.manifest)
        sources += [str(path.resolve()) for path in design.sources]
        defines += design.defines
    (work / "bench.json").write_text(
        json.dumps(
            {
                "sources": sources,
                "top": "linked",
                "defines": defines,
                "work": str(work),
                "result": str(work / "result.json"),
                **config,
            }
        )
    )
    return tools.run_command(
        [sys.executable, "-m", "lut2hw.verify.icarus", str(work / "bench.json")],
        what="Icarus Verilog under cocotb",
        timeout=timeout,
    )


@contextlib.contextmanager
def simulated_chip(manifest: Manifest) -> Iterator[str]:
    """A chip with the folder's core behind a UART, simulated by Icarus Verilog; gives the name of its serial port.

    The port is a pseudo-terminal. The baud rate does not matter: the simulated line is as fast as the simulation.
    Errors: `ToolError` if it does not start.
    """
    tools.require("iverilog")
    linked = chip.LinkedCore(links.Uart(chip.identity_of(manifest), DIVISOR), chip.EmittedCore(manifest))
    with tempfile.TemporaryDirectory(prefix="lut2hw-") as work_name:
        work = Path(work_name)
        port, stop = work / "port", work / "stop"
        config = {
            "identity": asdict(linked.link.identity),
            "words": [],
            "divisor": DIVISOR,
            "port": str(port),
            "stop": str(stop),
            "owner": os.getpid(),
            "test": "lut2hw.sim.chip_uart",
        }
        outcome: list[BaseException | tools.Run] = []

        def serve() -> None:
            try:
                outcome.append(run_bench(linked, work, config))
            except BaseException as error:
                outcome.append(error)

        thread = threading.Thread(target=serve, name="simulated chip")
        thread.start()
        try:
            while not port.exists():
                if not thread.is_alive():
                    error = outcome[0]
                    raise error if isinstance(error, ToolError) else ToolError(f"the simulated chip stopped: {error}")
                time.sleep(0.05)
            yield port.read_text()
        finally:
            stop.touch()
            thread.join()
