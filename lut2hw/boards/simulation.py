"""Simulated links: the benches of `lut2hw.sim` around a core behind a link, under Icarus Verilog."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lut2hw import tools
from lut2hw.boards import chip, links
from lut2hw.emit.folder import Manifest
from lut2hw.errors import ToolError

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


def simulation_sources(manifest: Manifest) -> list[Path]:
    """The core's Verilog and the models of its primitives."""
    share = tools.yosys_share() if manifest.simulation_models else Path()
    return [*manifest.source_paths, *(share / name for name in manifest.simulation_models)]


def simulate(linked: chip.LinkedCore, words: Sequence[int], *, sources: Sequence[Path] = (),
             defines: Sequence[str] = (), timeout: float | None = None) -> Answers:
    """Send the port vectors `words` through the link, and try what else the link promises.

    sources, defines: more Verilog that the core needs, as for an `EmittedCore`. Errors: `ToolError`.
    """
    link = linked.link
    name, options = bench_of(link)
    with tempfile.TemporaryDirectory(prefix="lut2hw-") as work:
        config = {"identity": asdict(link.identity), "words": [f"{word:x}" for word in words],
                  "test": f"lut2hw.sim.link_{name}", **options}
        run = run_bench(linked, Path(work), config, sources=sources, defines=defines, timeout=timeout)
        try:
            return Answers(**json.loads((Path(work) / "result.json").read_text()))
        except (OSError, ValueError, TypeError):
            raise ToolError(f"the bench of the {name} link stopped without a result; it last said: "
                            f"{tools.last_words(run.output)}") from None


def bench_of(link: links.Link) -> tuple[str, dict[str, int]]:
    """Name of the link's bench in `lut2hw.sim` (after `link_`), and what it needs to know of the link."""
    if isinstance(link, links.Uart):
        return "uart", {"divisor": link.divisor}
    if isinstance(link, links.AxiStream):
        return "axi_stream", {"data_bytes": link.data_bytes}
    return type(link).__name__.lower(), {}


def write_bench(linked: chip.LinkedCore, work: Path, config: Mapping[str, Any], *, sources: Sequence[Path] = (),
                defines: Sequence[str] = ()) -> list[str]:
    """Write Verilog and bench configuration into `work`; returns the command that runs them."""
    tools.require("iverilog")
    (work / "linked.v").write_text(chip.to_verilog(linked, "linked"))
    (work / "bench.json").write_text(json.dumps(
        {"sources": [str(work / "linked.v"), *(str(path.resolve()) for path in sources)], "top": "linked",
         "defines": list(defines), "work": str(work), "result": str(work / "result.json"), **config}))
    return [sys.executable, "-m", "lut2hw.verify.icarus", str(work / "bench.json")]


def run_bench(linked: chip.LinkedCore, work: Path, config: Mapping[str, Any], *, sources: Sequence[Path] = (),
              defines: Sequence[str] = (), timeout: float | None = None) -> tools.Run:
    """Run a bench to its end."""
    command = write_bench(linked, work, config, sources=sources, defines=defines)
    return tools.run_command(command, what="Icarus Verilog under cocotb", timeout=timeout)
