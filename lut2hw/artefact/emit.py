"""Emit: from a compiled netlist to a folder with HDL, vectors and a manifest that stands on its own."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw import __version__
from lut2hw.artefact import netlist_file, standalone, vhdl
from lut2hw.artefact.folder import (
    CONSTANTS,
    CORE,
    CORE_VHDL,
    FORMAT,
    MANIFEST,
    MODEL,
    MODELS_VHDL,
    NETLIST,
    PACKAGE,
    PROGRAM,
    VECTORS,
    VERSION,
    Manifest,
    atomic_folder,
    check_folder,
    derived,
    describe,
    fold_values,
    load,
    stream_values,
)
from lut2hw.artefact.stream_vectors import StreamVectors, cut, random_sequences, stream_vectors
from lut2hw.artefact.vectors import Vectors, random_vectors, vectors_of
from lut2hw.choices import Language
from lut2hw.compile.compiler import Compiled, compile_network
from lut2hw.compile.options import CompileOptions
from lut2hw.data import Dataset
from lut2hw.data.sequences import SequenceDataset
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.fold.compile import Folded, fold_network
from lut2hw.fold.program import Shape
from lut2hw.frontends.sequences import Sequences
from lut2hw.hdl import folded as engine
from lut2hw.hdl.core import to_verilog
from lut2hw.hdl.header import header
from lut2hw.hdl.stream import StreamCore, stream_verilog
from lut2hw.logic.port import CLOCK_PORT, RESET_PORT, TOP, InputPort
from lut2hw.model.network import LutNetwork, to_bytes
from lut2hw.targets.registry import get
from lut2hw.training.recall import recall, recall_sequences

__all__ = ["MAX_VECTORS", "Manifest", "emit", "emit_model", "load"]

MAX_VECTORS = 10_000
RANDOM_VECTORS = 2_000
MAX_SAMPLES, RANDOM_SAMPLES = 20_000, 2_000
"""Samples of streams, given and random ones."""
STANDALONE_CLOCKS = 200_000
"""Clocks of the bench in a stream's folder."""


def emit(
    compiled: Compiled | Folded,
    directory: str | Path,
    *,
    x: NDArray[np.integer] | None = None,
    sequences: Sequences | None = None,
    source: str = "random",
    seed: int = 0,
) -> Manifest:
    """Write the folder of a compiled network and return its manifest.

    Parameters
    ----------
    compiled : Compiled or Folded
        What to write.
    directory : str | Path
        Folder; an emitted one that is there is replaced.
    x : NDArray[np.integer], optional
        Integers (n, n_features) for the expected vectors, the first 10,000 of them; None makes 2,000 random ones.
    sequences : Sequences, optional
        Integers for the expected vectors of a model with a front end, the first 20,000 samples of them; None makes
        2,000 random samples.
    source : str, default='random'
        Where x comes from, in words.
    seed : int, default=0
        Of random vectors.

    Raises
    ------
    UsageError
        If `directory` holds something else.
    Lut2hwError
        If it cannot be written, or if the netlist disagrees with the golden model, in which case nothing is written.
    """
    network, port, output = compiled.network, compiled.input_port, compiled.output_port
    detector = compiled.options.detector(network)
    vectors: Vectors
    if network.front_end is not None:
        if x is not None:
            raise UsageError("a model with a front end has sequences for vectors; give sequences instead of x")
        if not port.encoded:
            raise UsageError("the network behind a front end reads bits; compile it with encoded_inputs=True")
        given = random_sequences(network, RANDOM_SAMPLES, seed) if sequences is None else cut(sequences, MAX_SAMPLES)
        vectors = stream_vectors(network, port, given, output, detector)
    elif x is None:
        vectors = random_vectors(network, port, RANDOM_VECTORS, seed, output)
    else:
        vectors = vectors_of(network, port, x[:MAX_VECTORS].astype(np.int64), output)
    bench = vectors
    if isinstance(vectors, StreamVectors):
        samples = max(1, STANDALONE_CLOCKS // stream_values(network, port, detector)["clocks_per_sample"])
        bench = stream_vectors(network, port, cut(given, samples), output, detector)
    texts = _other_languages(compiled)
    with atomic_folder(Path(directory)) as folder:
        manifest = _manifest(compiled, vectors, source)
        contents = {
            CORE: (header(compiled) + _verilog(compiled)).encode(),
            MODEL: to_bytes(network),
            **(
                {PROGRAM: compiled.program.to_bytes()}
                if isinstance(compiled, Folded)
                else {NETLIST: netlist_file.to_json(compiled.netlist).encode()}
            ),
            VECTORS: vectors.to_bytes(),
            "summary.txt": describe(manifest).encode(),
            MANIFEST: (json.dumps(manifest, indent=1, sort_keys=False) + "\n").encode(),
            **{name: text.encode() for name, text in standalone.files_for(manifest, bench).items()},
            **{name: text.encode() for name, text in texts.items()},
        }
        for name, content in contents.items():
            (folder / name).write_bytes(content)
        # What verify and build will read must be what was meant, before the folder takes its name.
        written = load(folder)
        same = (
            written.program == compiled.program
            if isinstance(compiled, Folded)
            else written.netlist.cells == compiled.netlist.cells
        )
        if not same or not written.network or not written.verilog:
            raise Lut2hwError("what was read back differs from what was written; please report this")
    return load(directory)


def emit_model(
    network: LutNetwork,
    directory: str | Path,
    options: CompileOptions | None = None,
    *,
    target: str = "ice40",
    data: Dataset | SequenceDataset | None = None,
    seed: int = 0,
    like: Manifest | None = None,
    **changes: Any,
) -> Manifest:
    """Compile `network` for the target of that name and emit it.

    Parameters
    ----------
    network : LutNetwork
        The model.
    directory : path
        Folder to write: new, empty, or an emitted one, which is replaced.
    options : CompileOptions, optional
        How to compile it.
    target : str
        Name of the FPGA family.
    data : Dataset or SequenceDataset, optional
        Sequences for a model with a front end. Its test split becomes the expected vectors. By default what the model
        was trained on if that is available, else random vectors.
    seed : int
        Of the random vectors.
    like : Manifest, optional
        A reloadable folded core: make the program of this network for its engine, with its options and its target.
    **changes
        Fields of `CompileOptions` in place of those in `options`.

    Returns
    -------
    Manifest
        The folder, read back.

    Raises
    ------
    UsageError
        If `directory` holds something else, or for options that make no sense.
    Lut2hwError
        If the folder cannot be written.
    """
    options = replace(options or CompileOptions(), **changes)
    if network.front_end is not None:
        if like is not None:
            raise UsageError("a network behind a front end is not folded yet; give a model without one")
        return _emit_stream(network, directory, options, target, data, seed)
    if isinstance(data, SequenceDataset):
        raise UsageError("the model has no front end, so that sequences are no vectors for it; give other data")
    engine: Shape | None = None
    if like is not None:
        options, target, engine = like.options, like.target, _engine_of(like, network)
    if data is None:
        with contextlib.suppress(Lut2hwError):
            data = recall(network)
    check_folder(Path(directory))
    compiled: Compiled | Folded
    if options.fold is None:
        compiled = compile_network(network, get(target), options, data=data)
    else:
        compiled = fold_network(network, get(target), options, data=data, engine=engine)
    x, source = (None, "random") if data is None else (data.x_test, data.name)
    if data is not None and len(data.y_train):
        source += ", test split"
    return emit(compiled, directory, x=x, source=source, seed=seed)


def _engine_of(like: Manifest, network: LutNetwork) -> Shape:
    """The engine of a folder's core.

    Raises
    ------
    UsageError
        If it takes no other program, or examples of this network are laid out in another way.
    """
    engine, port = like.engine, like.input_port
    if InputPort.whole(network, encoded=port.encoded) != port:
        raise UsageError(
            f"the model reads other features, or other ranges, than the core of {like.directory}; train on the "
            "same data"
        )
    return engine


def _emit_stream(
    network: LutNetwork,
    directory: str | Path,
    options: CompileOptions,
    target: str,
    data: Dataset | SequenceDataset | None,
    seed: int,
) -> Manifest:
    if options.encoded_inputs:
        raise UsageError("the front end gives the network the encoder's bits; leave --encoded-inputs out")
    if options.fold is not None:
        raise UsageError("a network behind a front end is not folded yet; leave --fold out")
    if data is None:
        with contextlib.suppress(Lut2hwError):
            data = recall_sequences(network)
    if data is not None and not isinstance(data, SequenceDataset):
        raise UsageError("the model has a front end, so that vectors are made of sequences; give those as data")
    check_folder(Path(directory))
    examples = None if data is None else data.through(network.front_end)
    compiled = compile_network(network, get(target), replace(options, encoded_inputs=True), data=examples)
    if data is None:
        return emit(compiled, directory, seed=seed)
    source = data.name + (", test split" if len(data.y_train) else "")
    return emit(compiled, directory, sequences=data.test, source=source, seed=seed)


def _verilog(compiled: Compiled | Folded) -> str:
    if isinstance(compiled, Folded):
        return engine.to_verilog(compiled.program, compiled.target.folds_in_block_ram)
    if compiled.network.front_end is None:
        return to_verilog(
            compiled.netlist, latency=compiled.latency, target=compiled.target, interface=compiled.options.interface
        )
    return stream_verilog(StreamCore.of(compiled, fields=False))


def _other_languages(compiled: Compiled | Folded) -> dict[str, str]:
    """Files that are not plain Verilog, by name: a package for designs in VHDL, constants for those in Verilog,
    and the core in VHDL with models of its primitives, if it was asked for.
    """
    if isinstance(compiled, Folded):
        return {}
    if compiled.network.front_end is not None:
        samples = InputPort.of_samples(compiled.network.front_end.samples)
        return {CONSTANTS: standalone.constants(samples, compiled.core_output, compiled.latency)}
    options, port, output = compiled.options, compiled.input_port, compiled.output_port
    words: dict[str, Any] = {"latency": compiled.latency, "interface": options.interface}
    texts = {
        PACKAGE: vhdl.package(port, output, compiled.network.answer_names, language=options.language, **words),
        CONSTANTS: standalone.constants(port, output, compiled.latency),
    }
    if options.language == Language.VHDL:
        body = vhdl.to_vhdl(compiled.netlist, target=compiled.target, **words)
        texts[CORE_VHDL] = header(compiled, Language.VHDL) + body
        texts[MODELS_VHDL] = vhdl.vhdl_models(compiled.target)
    return texts


def _manifest(compiled: Compiled | Folded, vectors: Vectors, source: str) -> dict[str, Any]:
    network = compiled.network
    stream = network.front_end is not None
    clocked = compiled.latency > 0 or stream
    return {
        "format": FORMAT,
        "version": VERSION,
        "lut2hw": __version__,
        "target": compiled.target.name,
        "top": TOP,
        "sources": [CORE],
        "clock": CLOCK_PORT if clocked else None,
        "reset": RESET_PORT if clocked else None,
        "latency_cycles": compiled.latency,
        "clock_mhz_expected": None
        if isinstance(compiled, Folded) or compiled.clock is None
        else round(compiled.clock, 1),
        **derived(network, compiled.input_port, compiled.core_output, compiled.options),
        **(fold_values(compiled.program) if isinstance(compiled, Folded) else _cells(compiled)),
        "model": MODEL,
        "vectors": {
            "file": VECTORS,
            "count": len(vectors),
            "source": source,
            **({"samples": len(vectors.inputs)} if stream else {}),
        },
        "simulation_models": list(compiled.target.simulation_models),
        "options": compiled.options.as_json(),
    }


def _cells(compiled: Compiled) -> dict[str, Any]:
    netlist = compiled.netlist
    return {
        "cells": dict(netlist.count()),
        "compared": dict(compiled.compared),
        "kept": compiled.kept,
        **({"discarded": list(compiled.discarded)} if compiled.discarded else {}),
        "parts": {part: dict(kinds) for part, kinds in netlist.count_parts().items()},
        "netlist": NETLIST,
    }
