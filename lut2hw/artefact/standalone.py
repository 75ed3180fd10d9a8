"""Files that let others check and build an emitted core without lut2hw: Makefile, bench, models, FuseSoC core.

Source: FuseSoC's CAPI2 reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jinja2

from lut2hw import __version__
from lut2hw.artefact.vectors import Vectors
from lut2hw.logic.port import DETECT, TOP, InputPort, OutputPort
from lut2hw.targets.base import Target, template_text
from lut2hw.targets.registry import get
from lut2hw.targets.vendors import fusesoc_targets

MAX_VECTORS = 1_000
"""Vectors of the bench, the first ones: hexadecimal text is long."""


def files_for(manifest: Mapping[str, Any], vectors: Vectors) -> dict[str, str]:
    """Texts by file name, for the manifest of an emitted folder and its vectors.

    `Makefile` (synthesis with yosys, simulation and lint with Icarus Verilog), `core_tb.v` (a bench in plain
    Verilog), `vectors_in.hex` and `vectors_out.hex` (its first `MAX_VECTORS` vectors for $readmemh: input port and
    output port), `models.v` (what the primitives do), and `lut2hw_core.core` for FuseSoC.
    """
    stream = manifest.get("stream")
    vectors = vectors if stream else vectors.first(MAX_VECTORS)
    target = get(manifest["target"])
    sources = " ".join(manifest["sources"])
    if target.flow is None:  # no flow, no primitives of its own: resolve the models to plain LUTs
        library = " ".join(f"+/{model}" for model in manifest["simulation_models"])
        read = f"read_verilog {library} {sources}"
        synth = f"synth -flatten -lut {target.lut_inputs} -top {manifest['top']}; clean; write_json core.json"
    else:
        read = f"read_verilog {sources}"
        synth = target.synth.format(top=manifest["top"], json="core.json")
    words = {
        "version": __version__,
        "target": target.name,
        "top": manifest["top"],
        "count": len(vectors),
        "words": len(vectors.inputs),
        "clocks": 1 if stream is None else stream["clocks_per_sample"],
        "input": manifest["input"],
        "output": manifest["output"],
        "input_width": max(1, manifest["input"]["width"]),
        "output_width": max(1, manifest["output"]["width"]),
        "clock": manifest["clock"],
        "reset": manifest["reset"],
        "latency": manifest["latency_cycles"],
        "fold": manifest.get("fold"),
        "classes_alone": manifest["output"]["outputs"] == ["class"],
    }
    return {
        "Makefile": _text("Makefile.j2", **words, sources=sources, read=read, synth=synth, warnings=target.lint),
        "core_tb.v": _text("core_tb.v.j2", **words),
        "vectors_in.hex": "".join(f"{word:x}\n" for word in vectors.words()),
        "vectors_out.hex": "".join(f"{answer:x}\n" for answer in vectors.answers()),
        "models.v": _models(target),
        f"{manifest['top']}.core": _text(
            "fusesoc.core.j2",
            **words,
            sources=manifest["sources"],
            what=_what(manifest["output"]),
            arch=target.edalize,
            vendors=fusesoc_targets(target.name),
        ),
    }


def constants(port: InputPort, output: OutputPort, latency: int) -> str:
    """What a design in Verilog may want to know of a core, to be included in a module: latency, widths, and
    where each field begins.

    Parameters
    ----------
    port : InputPort
        What the core reads.
    output : OutputPort
        What it puts out.
    latency : int
        Clocks from an example to its answer.
    """
    prefix = TOP.upper()
    values = {"LATENCY": latency, "INPUT_WIDTH": max(1, port.width), "OUTPUT_WIDTH": output.width}
    for side, keys, fields in (("INPUT", port.keys, port.fields), ("OUTPUT", output.keys, output.fields)):
        for key, field in zip(keys, fields, strict=True):
            values |= {f"{side}_{key}_OFFSET": field.offset, f"{side}_{key}_WIDTH": field.width}
    return "".join(f"localparam {prefix}_{name} = {value};\n" for name, value in values.items())


def _what(output: Mapping[str, Any]) -> str:
    """What the core is, by its answers."""
    if output["outputs"] == [DETECT]:
        return "Detector of events"
    if "targets" not in output:
        return f"Classifier of {len(output['classes'])} classes"
    n = len(output["targets"])
    if any("fraction" in field for field in output["fields"]):
        return f"Regression of {n} number{'s' * (n > 1)}"
    return f"Classifier of {n} label{'s' * (n > 1)}"


def _models(target: Target) -> str:
    """The family's plain models in one file, without what only yosys has to include."""
    texts = [template_text(name).splitlines(keepends=True) for name in target.plain_models]
    return "\n".join("".join(line for line in text if not line.startswith("`include")) for text in texts)


def _text(template: str, **words: Any) -> str:
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(template_text(template)).render(words)
