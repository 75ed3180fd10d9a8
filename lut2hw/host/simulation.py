"""Simulated links: the benches of `lut2hw.sim` around a core behind a link, under Icarus Verilog."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lut2hw import tools
from lut2hw.artefact.folder import Manifest
from lut2hw.errors import ToolError
from lut2hw.extras import need
from lut2hw.files import scratch
from lut2hw.hdl.convert import to_verilog
from lut2hw.hdl.emitted import EmittedCore, identity_of
from lut2hw.hdl.linked import LinkedCore
from lut2hw.hdl.links.uart import Uart
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


def simulate(linked: LinkedCore, words: Sequence[int], *, timeout: float | None = None) -> Answers:
    """Send the port vectors `words` through the link, and try what else the link promises.

    Raises
    ------
    ToolError
    """
    link = linked.link
    with scratch() as work:
        config = {
            "identity": asdict(link.identity),
            "words": [f"{word:x}" for word in words],
            "test": f"lut2hw.sim.{link.bench}",
            **link.bench_options(),
        }
        run = run_bench(linked, work, config, timeout=timeout)
        try:
            return Answers(**json.loads((work / "result.json").read_text()))
        except (OSError, ValueError, TypeError):
            raise ToolError(
                f"the bench {link.bench} stopped without a result; it last said: {tools.last_words(run.output)}"
            ) from None


def run_bench(
    linked: LinkedCore, work: Path, config: Mapping[str, Any], *, timeout: float | None = None
) -> tools.Run:
    """Run a bench in the folder `work` to its end. The Verilog of an `EmittedCore` is added."""
    tools.require("iverilog")
    need("cocotbext.uart", "cocotbext.axi", "cocotbext.wishbone", "cocotbext.spi", extra="boards")
    (work / "linked.v").write_text(to_verilog(linked.module(), "linked"))
    sources, defines = [str(work / "linked.v")], list[str]()
    if isinstance(linked.core, EmittedCore):
        design = core_design(linked.core.manifest)
        sources += design.source_files(work)
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
        [sys.executable, "-P", "-m", "lut2hw.verify.icarus", str(work / "bench.json")],
        what="Icarus Verilog under cocotb",
        timeout=timeout,
    )


@contextlib.contextmanager
def simulated_chip(manifest: Manifest) -> Iterator[str]:
    """A chip with the folder's core behind a UART, simulated by Icarus Verilog; gives the name of its serial port.

    The port is a pseudo-terminal. The baud rate does not matter: the simulated line is as fast as the simulation.

    Raises
    ------
    ToolError
        If it does not start.
    """
    tools.require("iverilog")
    linked = LinkedCore.of(manifest, lambda **kind: Uart(identity_of(manifest), DIVISOR, **kind))
    with scratch() as work:
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
