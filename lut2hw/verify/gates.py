"""Engine `gates`: the netlist after yosys, under the same bench, and proved like the Verilog it came from."""

from __future__ import annotations

import re
from dataclasses import replace

from lut2hw import targets, tools
from lut2hw.artefact.folder import Manifest
from lut2hw.artefact.vectors import Vectors
from lut2hw.errors import ToolError
from lut2hw.files import scratch
from lut2hw.targets.base import simulation_model
from lut2hw.verify import simulate
from lut2hw.verify.formal import circuit
from lut2hw.verify.formal import prove as formal
from lut2hw.verify.formal.circuit import UnknownCell
from lut2hw.verify.outcome import Outcome
from lut2hw.verify.simulate import ICARUS_DEFINES


def check(manifest: Manifest, vectors: Vectors, seed: int = 0, timeout: float | None = None) -> Outcome:
    """Synthesize the core as `build` does and stream `vectors` through the result."""
    target = targets.get(manifest.target)
    synth = target.synth.format(top=manifest.top, json="gates.json")
    with scratch() as work:
        for source, text in manifest.verilog.items():
            (work / source).write_text(text)
        read = "read_verilog " + " ".join(manifest.sources)
        tools.run(
            "yosys",
            ["-q", "-p", f"{read}; {synth}; delete =A:blackbox; write_verilog -noattr gates.v"],
            cwd=work,
            timeout=timeout,
            makes=["gates.v"],
        )
        models = [simulation_model(model) for model in target.simulation_models]
        if target.flop_models:
            (work / "flops.v").write_text("\n".join(module_of(*model) for model in target.flop_models))
            models.append(work / "flops.v")
        design = simulate.Design(
            [work / "gates.v", *models],
            manifest.top,
            manifest.clock,
            manifest.reset,
            manifest.cycles,
            ICARUS_DEFINES,
            extra={"parts": manifest.parts, "unknowns": not manifest.stream},
            stalls=manifest.stalls,
        )
        result = simulate.cocotb(design, vectors, seed=seed, timeout=timeout)
        outcome = Outcome.of_bench("gates", len(vectors), result)
        if not outcome.passed:
            return outcome
        if manifest.folded:
            return replace(outcome, note="simulated; of a folded core's netlist nothing is proved")
        if manifest.stream:
            return replace(outcome, note="simulated; with a front end the netlist after yosys is not proved")
        try:
            gates = circuit.read([work / "gates.v"], manifest.top, timeout=timeout)
            proof = formal.prove(
                "gates",
                manifest.network,
                manifest.input_port,
                gates,
                manifest.latency,
                vectors,
                output=manifest.output_port,
                seed=seed,
                limit=formal.DEFAULT_LIMIT if timeout is None else timeout,
            )
        except UnknownCell as error:
            proof = Outcome("gates", None, note=f"not proved: {error} has no formal model")
    if proof.passed is False:
        return proof
    return Outcome("gates", True, outcome.vectors, note=proof.note, details=outcome.details)


def module_of(file: str, name: str) -> str:
    """One module of a file that Icarus Verilog cannot read as a whole."""
    text = simulation_model(file).read_text()
    found = re.search(rf"^module {name}\b.*?^endmodule$", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ToolError(f"yosys's {file} has no module {name}; is its version too old?")
    return found[0] + "\n"
