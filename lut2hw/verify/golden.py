"""Engine `golden`: the netlist evaluates itself, after every pass of the compiler, against the LutNetwork."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.artefact.folder import Manifest
from lut2hw.artefact.vectors import Vectors, packed_port
from lut2hw.compile.compiler import compile_network
from lut2hw.fold import interpret
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.port import INPUT, OUTPUT
from lut2hw.targets.registry import get
from lut2hw.verify.outcome import Outcome, wrong_answers


def classes_of(netlist: Netlist, features: bits.Packed, n: int) -> NDArray[np.int64]:
    """Class numbers int64 (n,) that a netlist of these alone answers to packed port bits (width, n_words)."""
    rows = bits.unpack(netlist.evaluate(**{INPUT: features})[OUTPUT], n).astype(np.int64)
    return np.asarray((rows << np.arange(len(rows))[:, None]).sum(axis=0), np.int64)


def answers_of(netlist: Netlist, features: bits.Packed, n: int) -> NDArray[np.uint8]:
    """Words uint8 (n, ceil(width / 8)) that a netlist answers to packed port bits (width, n_words)."""
    rows = bits.unpack(netlist.evaluate(**{INPUT: features})[OUTPUT], n)
    return np.packbits(rows, axis=0, bitorder="little").T


def check(manifest: Manifest, vectors: Vectors) -> Outcome:
    """Compile again and compare after every pass, then compare the netlist of the folder.

    Of a folded core run its program in the golden interpreter.
    """
    if manifest.folded:
        return _interpreted(manifest, vectors)
    vectors = vectors.network
    features, n, output = packed_port(manifest.network_port, vectors.inputs), len(vectors), manifest.network_output
    passes: dict[str, int] = {}
    wrong: list[tuple[str, dict[str, Any]]] = []

    def compare(name: str, netlist: Netlist) -> None:
        name = name if name not in passes else f"{name} ({len(passes)})"
        passes[name], first = wrong_answers(answers_of(netlist, features, n), vectors, output.width)
        if first is not None:
            wrong.append((name, first))

    # Don't-cares are in the golden model already, so this compilation may not change any more.
    options = replace(
        manifest.options,
        dont_cares="off",
        encoded_inputs=manifest.network_port.encoded,
        outputs=output.outputs,
        detect=None,
    )
    compile_network(manifest.network, get(manifest.target), options, on_pass=compare)
    compare("folder", manifest.netlist)
    mismatches = sum(passes.values())
    note = f"after {len(passes)} passes" if not wrong else f"first wrong after pass {wrong[0][0]}"
    return Outcome(
        "golden", not wrong, n, mismatches, wrong[0][1] if wrong else None, note=note, details={"passes": passes}
    )


def _interpreted(manifest: Manifest, vectors: Vectors) -> Outcome:
    n = len(vectors)
    got = interpret.run(manifest.program, packed_port(manifest.input_port, vectors.inputs), n)
    bad, first = wrong_answers(got, vectors, manifest.output_port.width)
    note = f"a program of {len(manifest.program):,} rows, interpreted"
    return Outcome("golden", not bad, n, bad, first, note=note, details={"passes": {"program": bad}})
