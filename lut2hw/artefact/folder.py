"""The emitted folder: written whole or not at all, and read back as untrusted input.

core.v          the core (module lut2hw_core), over the target's primitives
manifest.json   all that verify and build need
model.lut       the golden model
netlist.json    the netlist, cell by cell; of a folded core instead
program.txt     what its memories hold, row by row
vectors.npz     inputs and expected answers
summary.txt     the same in words
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lut2hw import __version__, checked
from lut2hw.artefact import netlist_file, verilog
from lut2hw.artefact.stream_vectors import StreamVectors
from lut2hw.artefact.vectors import Vectors
from lut2hw.artefact.vhdl import to_vhdl
from lut2hw.checked import Either, List, Maybe, OneOf, Real, Table, Text, Whole, check, optional
from lut2hw.choices import Interface
from lut2hw.compile.options import CompileOptions
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.files import alive, open_regular, read_bytes, remove_leftovers
from lut2hw.fold.program import RESTART, Program, ProgramError, Shape, places_of
from lut2hw.logic.netlist import Cell, Netlist
from lut2hw.logic.port import (
    ANSWER,
    CLOCK_PORT,
    DETECT,
    INPUT,
    INPUT_PORTS,
    OUTPUT,
    OUTPUT_PORTS,
    OUTPUTS,
    RESET_PORT,
    TOP,
    Field,
    InputPort,
    OutputPort,
    ports_of,
)
from lut2hw.model.check import MAX_BIAS, MAX_FRACTION
from lut2hw.model.detect import Detector
from lut2hw.model.file import ModelFileError
from lut2hw.model.network import LutNetwork, from_bytes
from lut2hw.targets.base import Target
from lut2hw.targets.registry import TARGETS, get

FORMAT, VERSION = "lut2hw core", 2
MANIFEST, CORE, MODEL, NETLIST, VECTORS = "manifest.json", "core.v", "model.lut", "netlist.json", "vectors.npz"
PROGRAM = "program.txt"
OWN = {
    MANIFEST,
    CORE,
    MODEL,
    NETLIST,
    PROGRAM,
    VECTORS,
    "summary.txt",
    "Makefile",
    "core_tb.v",
    "models.v",
    "vectors_in.hex",
}
OWN |= {"vectors_out.hex", f"{TOP}.core", "build.json", "verify.json", "chip.v"}
CORE_VHDL, MODELS_VHDL, PACKAGE, CONSTANTS = "core.vhd", "models.vhd", f"{TOP}_pkg.vhd", f"{TOP}.vh"
OWN |= {CORE_VHDL, MODELS_VHDL, PACKAGE, CONSTANTS}
"""Names in the folder that are nobody else's to write to."""
LARGEST = {MANIFEST: 1 << 26, CORE: 1 << 28, MODEL: 1 << 30, NETLIST: 1 << 30, VECTORS: 1 << 30, PROGRAM: 1 << 26}
"""Bytes of the largest files that are read."""


@dataclass(frozen=True, eq=False)
class Manifest:
    """An emitted folder, its files as they were when it was loaded.

    What scripts and tools get to see of it is checked: names are the ones that `emit` gives, and the Verilog is only
    to be had through `verilog`.
    """

    directory: Path
    """Where it is."""
    target: str
    """Name of the family."""
    top: str
    """Module of the core in `sources`."""
    sources: tuple[str, ...]
    """Verilog files."""
    clock: str | None
    """Its ports (rising edge, synchronous and active high), None for a core without registers."""
    reset: str | None
    """Its ports (rising edge, synchronous and active high), None for a core without registers."""
    input_port: InputPort
    """Layouts of `i_payload` and `o_payload`."""
    output_port: OutputPort
    """Layouts of `i_payload` and `o_payload`."""
    class_names: tuple[str, ...]
    """One per class that can be answered, `LutNetwork.answer_names`; none where the answer is numbers or labels."""
    latency: int
    """Cycles from an accepted example to its answer."""
    n_vectors: int
    """Expected vectors in the folder."""
    simulation_models: tuple[str, ...]
    """Files that simulate the primitives."""
    options: CompileOptions
    """Of its compilation."""
    data: Mapping[str, Any]
    """The whole of manifest.json."""
    files: Mapping[str, bytes | OSError]
    """Content by name of the other files, or why there is none."""
    code_port: InputPort | None = None
    """Of a stream, the bits that the network behind the front end reads; `input_port` is that of samples then."""

    @property
    def stream(self) -> bool:
        """Whether samples go in, and answers to whole sequences come out."""
        return self.code_port is not None

    @property
    def network_port(self) -> InputPort:
        """Layout of the netlist's input: `input_port`, but of a stream that of the bits behind the front end."""
        return self.input_port if self.code_port is None else self.code_port

    @cached_property
    def detector(self) -> Detector | None:
        """What looks at a stream without end; None where answers are of whole sequences, or of examples."""
        return self.options.detector(self.network)

    @property
    def network_output(self) -> OutputPort:
        """Layout of the netlist's output: `output_port`, but of a detector that of what it reads."""
        return self.output_port if self.options.detect is None else self.options.network_output(self.network)

    @property
    def cycles(self) -> int | None:
        """Cycles from an example to its answer, None where that depends on it."""
        return None if self.stream else self.latency

    @property
    def clocks_per_sample(self) -> int:
        """Clocks from one sample to the next, at most; 1 of a core that takes examples."""
        return int(self.data["stream"]["clocks_per_sample"]) if self.stream else 1

    @cached_property
    def digest(self) -> str:
        """SHA-256 of its files, in hexadecimal: another core has another one."""
        return digest_of(self.files)

    @property
    def stalls(self) -> bool:
        """Whether both sides may wait: there is ready beside valid."""
        return self.options.interface != Interface.BARE

    @property
    def source_paths(self) -> list[Path]:
        """Where the Verilog files lie, to name them; what they hold may be anybody's until `verilog` has read it."""
        return [self.directory / source for source in self.sources]

    def file(self, name: str) -> bytes:
        """Content of one of the folder's files.

        Parameters
        ----------
        name : str
            One of its files.

        Raises
        ------
        Lut2hwError
        """
        content = self.files[name]
        if isinstance(content, OSError):
            path = self.directory / name
            raise Lut2hwError(f"cannot read {path}: {content.strerror or content}; emit the core again")
        return content

    @cached_property
    def verilog(self) -> dict[str, str]:
        """The Verilog for tools, by file name: without comments, but line for line.

        Raises
        ------
        Lut2hwError
            If a file holds anything that `emit` does not write for this netlist.
        """
        if self.folded:
            return {CORE: self._folded_verilog()}
        if self.stream:
            return {self.sources[0]: self._stream_verilog()}
        known = verilog.primitives_of(map(get(self.target).primitive, _one_of_each(self.netlist)))
        texts = {}
        for name in self.sources:
            try:
                texts[name] = verilog.vetted(self.file(name).decode("ascii", "replace"), self.top, known)
            except verilog.Refused as error:
                raise Lut2hwError(
                    f"{self.directory / name} is not as `lut2hw emit` writes it ({error}), so no tool gets it; "
                    "emit the core again"
                ) from None
        return texts

    def _folded_verilog(self) -> str:
        """The Verilog of a folded core, which is written anew from its program: the file must be the same."""
        # Here, not above: who only reads a manifest needs no Amaranth.
        from lut2hw.hdl import folded

        text = folded.to_verilog(self.program, get(self.target).folds_in_block_ram)
        return _as_written(self.directory / CORE, self.file(CORE), text, "//", PROGRAM)

    @property
    def folded(self) -> bool:
        """Whether the core is an engine with a program."""
        return "fold" in self.data

    @property
    def reloadable(self) -> bool:
        """Whether the core is an engine that takes other programs."""
        return self.folded and self.program.shape.reloadable

    @property
    def engine(self) -> Shape:
        """The engine that takes other programs.

        Raises
        ------
        UsageError
            If the core takes none.
        """
        if not self.reloadable:
            raise UsageError(
                f"the core of {self.directory} takes no other program; emit it with --fold and --reloadable"
            )
        return self.program.shape

    @cached_property
    def program(self) -> Program:
        """The program of a folded core.

        Raises
        ------
        Lut2hwError
            If it is none, or does not fit this manifest.
        """
        path = self.directory / PROGRAM
        try:
            program = Program.from_bytes(self.file(PROGRAM))
        except ProgramError as error:
            raise Lut2hwError(f"{path} is damaged: {error}; emit the core again") from None
        shape = program.shape
        if (
            any(self.data.get(name) != value for name, value in fold_values(program).items())
            or shape.answer != places_of(self.output_port)
            or shape.beats != -(-max(1, self.input_port.width) // shape.lanes)
            or self.latency != program.latency
        ):
            raise Lut2hwError(f"{path} is not the program of this folder; emit the core again")
        return program

    @property
    def parts(self) -> dict[str, int]:
        """How an example comes in, for a bench (`lut2hw.sim.bench.Bench`): nothing of one that comes whole."""
        if not self.folded:
            return {}
        shape = self.program.shape
        return {"beats": shape.beats, "lanes": shape.lanes, "clocks": self.program.clocks}

    @property
    def clocks(self) -> int:
        """Clocks an example, or a sample of a stream."""
        return self.program.clocks if self.folded else self.clocks_per_sample

    def _stream_verilog(self) -> str:
        """The Verilog that the model and the netlist give, which that of the folder must be: memories, which a front
        end has, are nothing to read from anybody.
        """
        from lut2hw.hdl.stream import stream_verilog

        name = self.sources[0]
        made = stream_verilog(self.stream_core(get(self.target)))
        return _as_written(self.directory / name, self.file(name), made, "//", "its model")

    def stream_core(self, target: Target | None) -> Any:
        """The `lut2hw.hdl.stream.StreamCore` of a model with a front end, plain vectors for payloads.

        Parameters
        ----------
        target : Target or None
            Family of the primitives; None for behaviour.
        """
        # Here, not above: who only reads a folder does without Amaranth.
        from lut2hw.hdl.stream import StreamCore

        return StreamCore(
            self.network,
            self.netlist,
            self.network_port,
            latency=self.latency,
            target=target,
            output=self.output_port,
            detector=self.detector,
            fields=False,
        )

    @cached_property
    def vhdl(self) -> str:
        """The core in VHDL for tools, without its comments.

        Raises
        ------
        Lut2hwError
            If there is none, or another than `emit` writes for this netlist.
        """
        path = self.directory / CORE_VHDL
        try:
            content = read_bytes(path, LARGEST[CORE])
        except OSError as error:
            raise Lut2hwError(f"cannot read {path}: {error.strerror or error}; emit the core again") from None
        made = to_vhdl(self.netlist, latency=self.latency, target=get(self.target), interface=self.options.interface)
        return _as_written(path, content, made, "--", "this netlist")

    @cached_property
    def network(self) -> LutNetwork:
        """The golden model.

        Raises
        ------
        UsageError
            Also if it does not fit this manifest.
        """
        path = self.directory / MODEL
        try:
            network = from_bytes(self.file(MODEL))
        except ModelFileError as error:
            raise ModelFileError(f"{path} is not a usable model file: {error}; emit the core again") from None
        try:
            fits = (
                network.answer_names == self.class_names
                and self.options.core_output(network) == self.output_port
                and (network.front_end is not None) == self.stream
                and self._port_of(network) == self.network_port
                and (not self.stream or InputPort.of_samples(network.front_end.samples) == self.input_port)
            )
            known = derived(network, self.network_port, self.output_port, self.options) if fits else {}
        except (IndexError, OverflowError, UsageError):
            fits = False
        if not fits:
            raise Lut2hwError(f"{path} is not the model of this folder; emit the core again")
        where = first_difference({name: self.data[name] for name in known}, known)
        if where is not None:
            raise Lut2hwError(
                f"{path} is not the model of this folder: {MANIFEST} differs from it in {where}; emit the core again"
            )
        return network

    def _port_of(self, network: LutNetwork) -> InputPort:
        """The port that is this manifest's, if it is one of the network."""
        encoded = self.network_port.encoded
        if self.options.reloadable:
            return InputPort.whole(network, encoded=encoded)
        return InputPort.of(network, self._bits_of(network), encoded=encoded)

    def _bits_of(self, network: LutNetwork) -> list[int]:
        """Encoder bits whose port is this manifest's, if it is one of the network."""
        if self.network_port.encoded:
            return [field.index for field in self.network_port.fields if field.index < len(network.encoder)]
        wanted = {field.index for field in self.input_port.fields}
        return [bit for bit, feature in enumerate(network.encoder.feature.tolist()) if feature in wanted]

    @cached_property
    def netlist(self) -> Netlist:
        """The netlist that the Verilog was written from."""
        path = self.directory / NETLIST
        if self.folded:
            raise Lut2hwError(f"{self.directory} has a folded core, which is no netlist")
        text = self.file(NETLIST)
        try:
            netlist = netlist_file.from_json(text.decode(), get(self.target).kinds)
            if (len(netlist.inputs[INPUT]), list(netlist.outputs)) != (self.network_port.width, [OUTPUT]):
                raise ValueError
            if len(netlist.outputs[OUTPUT]) != self.network_output.width:
                raise ValueError
            if netlist.latency != self.latency and netlist.latency:
                raise ValueError
            if dict(netlist.count()) != self.data["cells"]:
                raise ValueError
            if {part: dict(kinds) for part, kinds in netlist.count_parts().items()} != self.data["parts"]:
                raise ValueError
            for cell in _one_of_each(netlist):
                get(self.target).primitive(cell)
            return netlist
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
            raise Lut2hwError(f"{path} is damaged; emit the core again") from None

    @property
    def bits_read(self) -> tuple[list[int], list[int]]:
        """Bits of the input port that the core reads (one if it reads none), and those that it does not."""
        if self.folded:
            return list(range(max(1, self.input_port.width))), []
        if self.stream:
            return list(range(self.input_port.width)), []
        netlist = self.netlist
        read = {net for cell in netlist.cells for net in cell.inputs}.union(*netlist.outputs.values())
        used = [bit for bit, net in enumerate(netlist.inputs[INPUT]) if net in read] or [0]
        return used, sorted(set(range(max(1, len(netlist.inputs[INPUT])))) - set(used))

    @cached_property
    def vectors(self) -> Vectors:
        """Expected vectors."""
        content = self.file(VECTORS)
        output = None if self.output_port.classes_alone else self.output_port.width
        if self.stream:
            return StreamVectors.of_bytes(
                content,
                self.directory / VECTORS,
                self.n_vectors,
                self.data["vectors"]["samples"],
                self.input_port,
                output,
                bool(self.class_names),
                self.detector,
            )
        return Vectors.from_bytes(
            content,
            self.directory / VECTORS,
            self.n_vectors,
            self.input_port.width,
            output,
            classes=bool(self.class_names),
        )


def _as_written(path: Path, content: bytes, made: str, mark: str, what: str) -> str:
    """What a file holds below its line comments, made anew of `what`, which it must be.

    Raises
    ------
    Lut2hwError
        If it is another text.
    """
    if re.sub(rf"\A(?:{mark}[^\n]*\n)*", "", content.decode("ascii", "replace")) != made:
        raise Lut2hwError(
            f"{path} is not as `lut2hw emit` writes it for {what}, so no tool gets it; emit the core again"
        )
    return made


def digest_of(files: Mapping[str, bytes | OSError]) -> str:
    """SHA-256 of the files of a folder, in hexadecimal."""
    whole = hashlib.sha256()
    for name in LARGEST:
        content = files[name]
        if name == PROGRAM and not isinstance(content, bytes):
            continue  # which only a folded core has
        whole.update(hashlib.sha256(content if isinstance(content, bytes) else b"").digest())
    return whole.hexdigest()


def _one_of_each(netlist: Netlist) -> Iterable[Cell]:
    """A cell for each primitive that the netlist may map to, flip-flops left out."""
    seen: dict[tuple[str, int, int, int], Cell] = {}
    for cell in netlist.cells:
        if cell.kind != "ff":
            # what a LUT or RAM holds does not choose its primitive; other kinds' tables are options of few values
            table = 0 if cell.kind in ("lut", "ram") else cell.table
            seen.setdefault((cell.kind, len(cell.inputs), len(cell.outputs), table), cell)
    return seen.values()


def field_values(network: LutNetwork, port: InputPort, field: Field) -> dict[str, Any]:
    """What the manifest says of a field of the port beside its place."""
    if network.front_end is not None and not port.encoded:
        samples = network.front_end.samples
        if field.index >= len(samples):  # a mark
            return {"low": 0, "high": 1, "scale": 1.0, "zero": 0.0}
        number = field.index
        low, high = int(samples.low[number]), int(samples.high[number])
        scale, zero = float(samples.scale[number]), float(samples.offset[number])
        return {"low": low, "high": high, "scale": scale, "zero": zero}
    features, encoder = network.features, network.encoder
    feature = int(encoder.feature[field.index]) if port.encoded else field.index
    values: dict[str, Any] = (
        {"feature": features.names[feature], "threshold": int(encoder.threshold[field.index])}
        if port.encoded
        else {"low": int(features.low[feature]), "high": int(features.high[feature])}
    )
    if features.missing[feature] and not port.encoded:
        values["missing"] = int(features.low[feature])
    # a real value r is the integer rint((r - zero) * scale)
    return values | {"scale": float(features.scale[feature]), "zero": float(features.offset[feature])}


def stream_values(network: LutNetwork, code: InputPort, detector: Detector | None = None) -> dict[str, Any]:
    """What the manifest says of a stream; nothing of a model without a front end."""
    if network.front_end is None:
        return {}
    bits = [field.index for field in code.fields]
    encoder = network.encoder
    asked = encoder.feature[bits], encoder.threshold[bits]
    clocks = network.front_end.clocks_per_sample(*asked)
    values = {"front_end": network.front_end.kind, "clocks_per_sample": clocks, "bits": bits}
    if detector is None:
        return values
    if not detector.slides:  # its windows end within the stream
        values["clocks_per_sample"] = max(clocks, network.front_end.clocks_at_end(*asked))
    return {**values, "detect": detector.as_json()}


def output_values(network: LutNetwork) -> dict[str, Any]:
    """What the manifest says of the answers beside their places; nothing of classes without rejection."""
    values: dict[str, Any] = {}
    if network.target_names:
        values["targets"] = list(network.target_names)
    if network.head.reject:
        values["reject"] = network.head.reject
    return values


def fold_values(program: Program) -> dict[str, Any]:
    """What the manifest says of a folded core beside the layouts of its ports."""
    shape = program.shape
    return {
        "fold": {
            "lanes": shape.lanes,
            "k": shape.k,
            "rows": len(program),
            "beats": shape.beats,
            "beat_bits": RESTART + shape.lanes,
            "clocks": program.clocks,
            **({"capacity": shape.rows, "engine": f"{shape.fingerprint:08x}"} if shape.reloadable else {}),
        },
        "cells": {},
        "parts": {},
        "program": PROGRAM,
    }


def score_values(network: LutNetwork, field: Field) -> dict[str, Any]:
    """What the manifest says of a field of the answers beside its place: how an integer becomes a number."""
    if network.head.fraction is None:
        return {}
    fraction = int(network.head.fraction[field.index])
    return {"fraction": fraction, "scale": 2.0**-fraction}


def derived(network: LutNetwork, port: InputPort, output: OutputPort, options: CompileOptions) -> dict[str, Any]:
    """What the manifest says that follows from the model and the layout of its ports: names, ranges, scales, sizes.

    Parameters
    ----------
    network : LutNetwork
        The golden model.
    port : InputPort
        What the network reads; of a stream that is behind the front end.
    output : OutputPort
        What it puts out.
    options : CompileOptions
        Of its compilation.
    """
    encoder = network.encoder
    stream = stream_values(network, port, options.detector(network))
    in_core = bool(stream) or not port.encoded
    port = InputPort.of_samples(network.front_end.samples) if stream else port
    into, out = ports_of(options.interface)
    return {
        "input": {
            **into,
            "width": port.width,
            "encoded": port.encoded,
            "fields": [asdict(field) | field_values(network, port, field) for field in port.fields],
        },
        "output": {
            **out,
            "width": output.width,
            "classes": list(network.answer_names),
            **output_values(network),
            "outputs": list(output.outputs),
            "fields": [
                asdict(field) | (score_values(network, field) if part == "score" else {})
                for field, part in zip(output.fields, output.parts, strict=True)
            ],
        },
        "encoder": {
            "bits": len(encoder),
            "comparators": len({(int(f), int(t)) for f, t in zip(encoder.feature, encoder.threshold, strict=True)}),
            "in_core": in_core,
        },
        **({"stream": stream} if stream else {}),
        "luts": network.n_luts,
    }


def first_difference(said: Any, known: Any, path: str = "") -> str | None:
    """Where a JSON value differs from what it should be; None if it does not.

    Parameters
    ----------
    said, known : object
        JSON values.
    path : str
        Where they are.
    """
    if isinstance(said, dict) and isinstance(known, dict):
        for name in [*known, *(name for name in said if name not in known)]:
            where = f"{path}.{name}" if path else name
            if name not in said or name not in known:
                return where
            if (found := first_difference(said[name], known[name], where)) is not None:
                return found
        return None
    if isinstance(said, list) and isinstance(known, list) and len(said) == len(known):
        pairs = enumerate(zip(said, known, strict=True))
        each = (first_difference(one, other, f"{path}[{at}]") for at, (one, other) in pairs)
        return next((where for where in each if where is not None), None)
    return None if said == known else path


def is_emitted(directory: Path) -> bool:
    """Whether the folder holds a manifest of ours, of any version."""
    try:
        with open_regular(directory / MANIFEST) as file:
            return f'"format": "{FORMAT}"'.encode() in file.read(4096)
    except OSError:
        return False


def is_own(path: Path) -> bool:
    """Whether a path is that of a file that `emit`, `verify` or `build` write into an emitted folder."""
    path = Path(os.path.realpath(path))
    return path.name in OWN and is_emitted(path.parent)


def _read(directory: Path) -> dict[str, bytes | OSError]:
    """The files of one folder, even if another takes its name meanwhile.

    Raises
    ------
    OSError
        Without a manifest.
    """
    with opened(directory) as handle:
        return read_files(handle)


def read_files(folder: int) -> dict[str, bytes | OSError]:
    """The files of the folder of an open descriptor.

    Raises
    ------
    OSError
        Without a manifest, or if the folder was removed.
    """
    files: dict[str, bytes | OSError] = {}
    for name, largest in LARGEST.items():
        try:
            files[name] = read_bytes(name, largest, folder=folder)
        except OSError as error:
            if name == MANIFEST:
                raise
            files[name] = error
    if not os.fstat(folder).st_nlink:
        raise FileNotFoundError(errno.ENOENT, "it was replaced")
    return files


@contextlib.contextmanager
def opened(directory: Path) -> Iterator[int]:
    """A descriptor of a folder, which stays the same one if another takes its name."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def _read_whole(directory: Path) -> dict[str, bytes | OSError]:
    """`_read`, but while `emit` replaces the folder, which takes it a moment, wait for the new one."""
    for _ in range(50):
        try:
            files = _read(directory)
            there = {name for name, content in files.items() if isinstance(content, bytes)}
            if files.keys() - there in ({NETLIST}, {PROGRAM}):
                return files
        except FileNotFoundError:
            files = {}
        if not _being_replaced(directory):
            break
        time.sleep(0.02)
    return files or _read(directory)


def _being_replaced(directory: Path) -> bool:
    path = Path(os.path.abspath(directory))  # noqa: PTH100 - a link stays what it is
    with contextlib.suppress(OSError):
        return any(path.parent.glob(f"{glob.escape(f'.{path.name[:40]}.')}*"))
    return False


def load(directory: str | Path) -> Manifest:
    """Read an emitted folder.

    Parameters
    ----------
    directory : str | Path
        A folder that `emit` wrote.

    Raises
    ------
    UsageError
        If it is none.
    Lut2hwError
        If its manifest is damaged.
    """
    directory = Path(directory)
    path = directory / MANIFEST
    try:
        files = _read_whole(directory)
    except FileNotFoundError:
        what = "is no emitted folder" if directory.is_dir() else "does not exist"
        raise UsageError(
            f"{directory} {what}; make one with `lut2hw emit MODEL --target ice40 -o {directory}`"
        ) from None
    except NotADirectoryError:
        raise UsageError(
            f"{directory} is a file, not an emitted folder; of a model make one with `lut2hw emit {directory}`"
        ) from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    try:
        data = checked.parse(files[MANIFEST])  # type: ignore[arg-type]
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise UsageError(f"{path} is not a manifest of lut2hw; give a folder that `lut2hw emit` wrote")
        if data.get("version") != VERSION or type(data["version"]) is not int:
            raise Lut2hwError(
                f"{path} has format version {str(data.get('version'))[:40]}, this lut2hw reads {VERSION}; emit the "
                "core again"
            )
        return _parse(directory, data, files)
    except checked.Damaged as error:
        raise Lut2hwError(f"{path} is damaged ({error}); emit the core again") from None


_FIELD = {
    "name": Text(),
    "index": Whole(0, 1 << 31),
    "offset": Whole(),
    "width": Whole(1, 64),
    "signed": bool,
    "scale": Real(),
    "zero": Real(),
}


_RAW = {
    "low": Whole(-(1 << 62), 1 << 62),
    "high": Whole(-(1 << 62), 1 << 62),
    "missing": Maybe(Whole(-(1 << 62), 1 << 62)),
}
_ENCODED = {"feature": Text(), "threshold": Whole(-(1 << 62), 1 << 62)}


_ANSWER = {"name": Text(200), "index": Whole(0, 1 << 31), "offset": Whole(), "width": Whole(1, 64), "signed": bool}
_SCALE = {"fraction": Maybe(Whole(-MAX_FRACTION, MAX_FRACTION)), "scale": Maybe(Real())}


def _shape(target: Target) -> dict[str, Any]:
    """What a manifest of the target holds."""
    return {
        "lut2hw": Text(100),
        "top": OneOf([TOP]),
        "sources": OneOf([[CORE]]),
        "clock": OneOf([CLOCK_PORT, None]),
        "reset": OneOf([RESET_PORT, None]),
        "latency_cycles": Whole(0, 1 << 16),
        "clock_mhz_expected": optional(Real(0)),
        "input": {
            **{name: Maybe(OneOf([port])) for name, port in INPUT_PORTS.items()},
            "width": Whole(),
            "encoded": bool,
            "fields": List(_FIELD),
        },
        "output": {
            **{name: Maybe(OneOf([port])) for name, port in OUTPUT_PORTS.items()},
            "width": Whole(1, 1 << 24),
            "classes": List(Text()),
            "targets": Maybe(List(Text(), 1)),
            "reject": Maybe(Whole(1, MAX_BIAS)),
            "outputs": Maybe(List(OneOf((*OUTPUTS[1:], DETECT)), 1)),
            "fields": Maybe(List({**_ANSWER, **_SCALE}, 1)),
        },
        "stream": Maybe(
            {
                "front_end": Text(100),
                "clocks_per_sample": Whole(1, 1 << 32),
                "bits": List(Whole(0, 1 << 31)),
                "detect": Maybe(
                    {
                        **dict.fromkeys(("every", "window", "sum", "copies"), Whole(1, 1 << 32)),
                        "refractory": Whole(0, 1 << 32),
                        **dict.fromkeys(("onset", "hold"), Real()),
                        "of": Text(),
                    }
                ),
            }
        ),
        "encoder": {"bits": Whole(), "comparators": Whole(), "in_core": bool},
        "luts": Whole(),
        "cells": Table(Whole()),
        "discarded": Maybe(List(Text(200), 1)),
        "parts": Table(Table(Whole())),
        "model": OneOf([MODEL]),
        "vectors": {
            "file": OneOf([VECTORS]),
            "count": Whole(0, 1 << 24),
            "source": Text(),
            "samples": Maybe(Whole(0, 1 << 30)),
        },
        "simulation_models": OneOf([list(target.simulation_models)]),
        "options": Table(Either((*checked.SCALAR.shapes, List(Text(100))))),
    }


_NETLIST = {"compared": Table(Whole()), "kept": Text(100), "netlist": OneOf([NETLIST])}
_FOLD = {
    "fold": dict.fromkeys(("lanes", "k", "rows", "beats", "beat_bits", "clocks"), Whole(1)),
    "program": OneOf([PROGRAM]),
}
"""What a manifest of either kind of core holds besides."""


def _parse(directory: Path, data: dict[str, Any], files: Mapping[str, bytes | OSError]) -> Manifest:
    target = get(check(data, {"target": OneOf(TARGETS)})["target"])
    check(data, {**_shape(target), **(_FOLD if "fold" in data else _NETLIST)})
    fields, offset = [], 0
    for at, entry in enumerate(data["input"]["fields"]):
        check(entry["offset"], OneOf([offset]), f"input.fields[{at}].offset")
        check(entry, _ENCODED if data["input"]["encoded"] else _RAW, f"input.fields[{at}]")
        fields.append(Field(entry["name"], entry["index"], offset, entry["width"], entry["signed"]))
        offset += entry["width"]
    check(data["input"]["width"], OneOf([offset]), "input.width")
    code = None
    if "stream" in data:
        check(data["vectors"], {"samples": Whole(0, 1 << 30)}, "vectors")
        check(data["input"]["encoded"], OneOf([False]), "input.encoded")
        if len(fields) < 3 or [(field.width, field.signed) for field in fields[-2:]] != [(1, False)] * 2:
            raise checked.Damaged("input.fields are not those of samples")
        bits = data["stream"]["bits"]
        code = InputPort(tuple(Field(f"bit{bit}", bit, at, 1, False) for at, bit in enumerate(bits)), True)
    clocked = data["latency_cycles"] > 0 or code is not None
    check(data["clock"], OneOf([CLOCK_PORT if clocked else None]), "clock")
    check(data["reset"], OneOf([RESET_PORT if clocked else None]), "reset")
    try:
        options = CompileOptions.from_json(data["options"])
    except UsageError as error:
        raise Lut2hwError(f"{directory / MANIFEST} has wrong options ({error}); emit the core again") from None
    for side, ports in zip(("input", "output"), ports_of(options.interface), strict=True):
        for part in INPUT_PORTS:
            check(data[side].get(part), OneOf([ports.get(part)]), f"{side}.{part}")
    if "targets" not in data["output"]:
        check(data["output"]["classes"], List(Text(), 2), "output.classes")
    output = OutputPort.of_classes(len(data["output"]["classes"]))
    if "fields" in data["output"]:
        outputs = tuple(data["output"].get("outputs", ()))
        outputs = outputs or (("class",) if ANSWER in options.outputs else tuple(options.outputs))
        there = ["labels", "scores"] if "targets" in data["output"] else ["class", "margin", "scores"]
        there = there if options.detect is None else [DETECT]
        check(list(outputs), List(OneOf(there), 1), "output.outputs")
        answers, offset = [], 0
        for at, entry in enumerate(data["output"]["fields"]):
            check(entry["offset"], OneOf([offset]), f"output.fields[{at}].offset")
            answers.append(Field(*(entry[name] for name in _ANSWER)))
            offset += entry["width"]
        output = OutputPort(tuple(answers), outputs)
    check(data["output"]["width"], OneOf([output.width]), "output.width")
    return Manifest(
        directory,
        target.name,
        TOP,
        (CORE,),
        data["clock"],
        data["reset"],
        InputPort(tuple(fields), data["input"]["encoded"]),
        output,
        tuple(data["output"]["classes"]),
        data["latency_cycles"],
        data["vectors"]["count"],
        target.simulation_models,
        options,
        data,
        files,
        code,
    )


def check_folder(path: Path) -> None:
    """Raise `UsageError` unless nothing is at `path`, or an emitted or an empty folder."""
    if path.is_symlink():
        raise UsageError(f"{path} is a symbolic link; give the folder itself")
    if path.exists() and not is_emitted(path) and not _is_empty(path):
        raise UsageError(f"{path} exists and was not written by `lut2hw emit`; choose another folder")


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A folder that takes the name `path` only once it is complete and on disk.

    It is a hidden sibling until then. An emitted folder that was there before is replaced; anything else is refused.
    What a killed run left behind is removed.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link that is to be refused
    check_folder(path)
    part = path.with_name(f".{path.name[:40]}.{os.getpid()}.part")
    old = part.with_suffix(".old")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        part.mkdir()
        yield part
        for file in part.iterdir():
            _sync(file)
        _sync(part)
        if path.exists():
            path.rename(old)
        part.rename(path)
        _sync(path.parent)
    except OSError as error:
        raise Lut2hwError(
            f"cannot write {path}: {error.strerror or error}; check the folder, its permissions and the free space"
        ) from error
    finally:
        if old.exists() and not path.exists():
            old.rename(path)
        for folder in (part, old):
            shutil.rmtree(folder, ignore_errors=True)


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_leftovers(path: Path) -> None:
    prefix = f".{path.name[:40]}."
    remove_leftovers(path.parent, prefix)
    for folder in path.parent.glob(f"{glob.escape(prefix)}*.old"):
        match = re.fullmatch(r"([1-9]\d{0,9})\.old", folder.name[len(prefix) :])
        if match and not alive(int(match[1])):
            if not path.exists() and is_emitted(folder):
                folder.rename(path)  # killed between the two renames: the whole one is the old one
            else:
                shutil.rmtree(folder, ignore_errors=True)


def _in_words(output: Mapping[str, Any]) -> str:
    """What the output port holds."""
    classes, outputs, targets = len(output["classes"]), output["outputs"], len(output.get("targets", ()))
    if outputs == [DETECT]:
        return ", ".join(field["name"] for field in output["fields"])
    if targets:
        numbers = len(output["fields"]) == targets and "scores" in outputs
        kinds = {"labels": "label", "scores": "number" if numbers else "score"}
        return ", ".join(f"{targets} {kinds[name]}{'s' * (targets > 1)}" for name in outputs)
    if outputs == ["class"]:
        return f"{classes} classes"
    scores = len(output["fields"]) - len(outputs) + 1
    held = [f"{scores} score{'s' * (scores > 1)}" if name == "scores" else name for name in outputs]
    return f"{', '.join(held)} of {classes} classes"


def in_words_of(detect: Mapping[str, Any]) -> str:
    """A detector of a manifest in words."""
    copies, several = detect["copies"], detect["sum"]
    evidence = f"the sum of the last {several}" if several > 1 else "the evidence"
    return (
        f"Detector of {detect['of']}: the last {detect['window']:,} samples every {detect['every']:,}"
        + (f", by {copies} front ends in turn" if copies > 1 else "")
        + f"; begins where {evidence} is at least {detect['onset']:g}, ends below {detect['hold']:g}"
        + (f", then rests for {detect['refractory']:,} answers" if detect["refractory"] else "")
    )


def describe(manifest: dict[str, Any]) -> str:
    """The manifest in words."""
    area = ", ".join(f"{count} {kind}" for kind, count in sorted(manifest["cells"].items())) or "no cells"
    fold = manifest.get("fold")
    if fold:
        area = (
            f"an engine of {fold['lanes']} table{'s' * (fold['lanes'] > 1)} of {fold['k']} inputs a clock, a program "
            f"of {fold['rows']:,} rows"
        )
    parts = [
        f"  {part:10} " + ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()))
        for part, kinds in sorted(manifest["parts"].items())
    ]
    port = manifest["input"]
    compared = manifest.get("compared")
    if compared:
        parts.append(
            "  compared   "
            + ", ".join(f"{name} {count:,} cells" for name, count in compared.items())
            + f"; {manifest['kept']}'s mapping kept"
        )
    parts += [f"  discarded  {each}" for each in manifest.get("discarded", ())]
    rate = f"an example every {fold['clocks']:,} clocks" if fold else "one example per clock"
    latency = [f"Latency: {manifest['latency_cycles']} cycles, {rate}"]
    if "stream" in manifest:
        made = manifest["stream"]
        latency = [
            f"Front end: {made['front_end']}, whose {len(made['bits'])} bits the network reads; its own cells are "
            "not counted above",
            f"A sample in at most {made['clocks_per_sample']:,} clocks; {manifest['latency_cycles']} cycles of the "
            "network after the last one's",
        ]
        if "detect" in made:
            latency.append(in_words_of(made["detect"]))
    asked, expected = manifest["options"].get("fmax"), manifest["clock_mhz_expected"]
    if asked is not None and expected is not None:
        short = expected < 0.99 * asked and manifest["options"].get("pipeline", "auto") == "auto"
        latency.append(
            f"Clock: {asked:g} MHz asked, about {expected:g} expected"
            + ("; no stage can be cut shorter" if short else "")
        )
    return "\n".join(
        [
            f"Core {manifest['top']} for {manifest['target']}, written by lut2hw {__version__}",
            f"Cells: {area}",
            *parts,
            f"Input: {port['width']} bits "
            + (
                f"({len(port['fields']) - 2} channels, first, last)"
                if "stream" in manifest
                else f"({len(port['fields'])} {'encoded bits' if port['encoded'] else 'features'})"
            )
            + (f", in {fold['beats']} beats of {fold['lanes']}" if fold else ""),
            f"Output: {manifest['output']['width']} bits ({_in_words(manifest['output'])})",
            *latency,
            f"Vectors: {manifest['vectors']['count']} ({manifest['vectors']['source']})",
            "",
        ]
    )
