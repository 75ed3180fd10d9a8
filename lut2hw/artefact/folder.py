"""The emitted folder: written whole or not at all, and read back as untrusted input.

core.v          the core (module lut2hw_core), over the target's primitives
manifest.json   all that verify and build need
model.lut       the golden model
netlist.json    the netlist, cell by cell
vectors.npz     inputs and expected classes
summary.txt     the same in words
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lut2hw import __version__
from lut2hw.artefact import netlist_file
from lut2hw.artefact.vectors import Vectors
from lut2hw.compile.options import CompileOptions
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.files import alive, remove_leftovers
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.port import INPUT, OUTPUT, Field, InputPort
from lut2hw.model.network import LutNetwork
from lut2hw.targets.registry import get

FORMAT, VERSION = "lut2hw core", 1
MANIFEST = "manifest.json"
MAX_MANIFEST = 1 << 26
MAX_NETLIST = 1 << 30


@dataclass(frozen=True, eq=False)
class Manifest:
    """An emitted folder.

    top: module of the core in `sources`. clock, reset: its ports (rising edge, synchronous and active high), None
    for a core without registers. input_port: layout of `i__payload`. latency: cycles from an accepted example to its
    answer. options: of its compilation. data: the whole of manifest.json.
    """

    directory: Path
    target: str
    top: str
    sources: tuple[str, ...]
    clock: str | None
    reset: str | None
    input_port: InputPort
    class_names: tuple[str, ...]
    latency: int
    n_vectors: int
    simulation_models: tuple[str, ...]
    options: CompileOptions
    data: Mapping[str, Any]

    @property
    def source_paths(self) -> list[Path]:
        """The Verilog files."""
        return [self.directory / source for source in self.sources]

    @cached_property
    def network(self) -> LutNetwork:
        """The golden model. Errors: also if it does not fit this manifest's ports."""
        network = LutNetwork.load(self.directory / "model.lut")
        port = self.input_port
        known = len(network.encoder) if port.encoded else len(network.features)
        widths = [1] * known if port.encoded else network.features.widths
        if network.class_names != self.class_names or any(
            field.index >= known or field.width != widths[field.index] for field in port.fields
        ):
            raise Lut2hwError(f"{self.directory / 'model.lut'} is not the model of this folder; emit the core again")
        return network

    @cached_property
    def netlist(self) -> Netlist:
        """The netlist that the Verilog was written from."""
        path = self.directory / "netlist.json"
        kinds = get(self.target).kinds
        try:
            if path.stat().st_size > MAX_NETLIST:
                raise ValueError
            netlist = netlist_file.from_json(path.read_text(), kinds)
            if (len(netlist.inputs[INPUT]), list(netlist.outputs)) != (self.input_port.width, [OUTPUT]):
                raise ValueError
            if netlist.latency != self.latency and netlist.latency:
                raise ValueError
            return netlist
        except OSError as error:
            raise Lut2hwError(f"cannot read {path}: {error.strerror or error}; emit the core again") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Lut2hwError(f"{path} is damaged; emit the core again") from None

    @property
    def bits_read(self) -> tuple[list[int], list[int]]:
        """Bits of the input port that the core reads (one if it reads none), and those that it does not."""
        netlist = self.netlist
        read = {net for cell in netlist.cells for net in cell.inputs}.union(*netlist.outputs.values())
        used = [bit for bit, net in enumerate(netlist.inputs[INPUT]) if net in read] or [0]
        return used, sorted(set(range(max(1, len(netlist.inputs[INPUT])))) - set(used))

    @cached_property
    def vectors(self) -> Vectors:
        """Expected vectors."""
        return Vectors.load(self.directory / "vectors.npz", self.n_vectors, self.input_port.width)


def is_emitted(directory: Path) -> bool:
    """Whether the folder holds a manifest of ours, of any version."""
    try:
        with (directory / MANIFEST).open("rb") as file:
            return f'"format": "{FORMAT}"'.encode() in file.read(4096)
    except OSError:
        return False


def load(directory: str | Path) -> Manifest:
    """Read an emitted folder. Errors: `UsageError` if it is none, `Lut2hwError` if its manifest is damaged."""
    directory = Path(directory)
    path = directory / MANIFEST
    try:
        if path.stat().st_size > MAX_MANIFEST:
            raise Lut2hwError(f"{path} is too large for a manifest; emit the core again")
        text = path.read_text()
    except FileNotFoundError:
        what = "is no emitted folder" if directory.is_dir() else "does not exist"
        raise UsageError(
            f"{directory} {what}; make one with `lut2hw emit MODEL --target ice40 -o {directory}`"
        ) from None
    except NotADirectoryError:
        raise UsageError(
            f"{directory} is a file, not an emitted folder; of a model make one with `lut2hw emit {directory}`"
        ) from None
    except UnicodeDecodeError:
        raise Lut2hwError(f"{path} is damaged (it is not text); emit the core again") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    try:
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise UsageError(f"{path} is not a manifest of lut2hw; give a folder that `lut2hw emit` wrote")
        if data.get("version") != VERSION:
            raise Lut2hwError(
                f"{path} has format version {data.get('version')!r}, this lut2hw reads {VERSION}; emit the core again"
            )
        return _parse(directory, data)
    except Lut2hwError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        reason = str(error) if type(error) is ValueError else type(error).__name__
        raise Lut2hwError(f"{path} is damaged ({reason[:100]}); emit the core again") from None


def _parse(directory: Path, data: dict[str, Any]) -> Manifest:
    def need(condition: Any, what: str) -> None:
        if not condition:
            raise ValueError(what)

    def identifier(value: Any) -> str:
        need(isinstance(value, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", value), "bad name")
        return value

    def whole(value: Any, low: int, high: int) -> int:
        need(type(value) is int and low <= value <= high, "bad number")
        return value

    fields, offset = [], 0
    for entry in data["input"]["fields"]:
        need(isinstance(entry["name"], str) and type(entry["signed"]) is bool, "bad field")
        fields.append(
            Field(
                entry["name"],
                whole(entry["index"], 0, 1 << 31),
                whole(entry["offset"], offset, offset),
                whole(entry["width"], 1, 64),
                entry["signed"],
            )
        )
        offset += entry["width"]
    need(type(data["input"]["encoded"]) is bool and data["input"]["width"] == offset, "bad input port")
    sources = data["sources"]
    need(
        isinstance(sources, list)
        and sources
        and all(isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_]{1,60}\.v", name) for name in sources),
        "bad source name",
    )
    models = data["simulation_models"]
    need(
        isinstance(models, list)
        and all(
            isinstance(name, str) and re.fullmatch(r"([A-Za-z0-9_]+/)*[A-Za-z0-9_]+\.v", name) for name in models
        ),
        "bad simulation model",
    )
    classes = data["output"]["classes"]
    need(
        isinstance(classes, list) and len(classes) >= 2 and all(isinstance(name, str) for name in classes),
        "bad class names",
    )
    need(isinstance(data["options"], dict), "bad options")
    try:
        options = CompileOptions.from_json(data["options"])
    except UsageError as error:
        raise Lut2hwError(f"{directory / MANIFEST} has wrong options ({error}); emit the core again") from None
    latency = whole(data["latency_cycles"], 0, 1 << 16)
    clock, reset = (None if data[key] is None else identifier(data[key]) for key in ("clock", "reset"))
    return Manifest(
        directory,
        identifier(data["target"]),
        identifier(data["top"]),
        tuple(sources),
        clock,
        reset,
        InputPort(tuple(fields), data["input"]["encoded"]),
        tuple(classes),
        latency,
        whole(data["vectors"]["count"], 0, 1 << 24),
        tuple(models),
        options,
        data,
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


def describe(manifest: dict[str, Any]) -> str:
    """The manifest in words."""
    area = ", ".join(f"{count} {kind}" for kind, count in sorted(manifest["cells"].items())) or "no cells"
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
    latency = [f"Latency: {manifest['latency_cycles']} cycles, one example per clock"]
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
            f"({len(port['fields'])} {'encoded bits' if port['encoded'] else 'features'})",
            f"Output: {manifest['output']['width']} bits ({len(manifest['output']['classes'])} classes)",
            *latency,
            f"Vectors: {manifest['vectors']['count']} ({manifest['vectors']['source']})",
            "",
        ]
    )
