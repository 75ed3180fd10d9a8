"""Patch: other tables in the bitstream of an iCE40, without synthesis, place and route.

A model of the same wiring is compiled as the one in the chip was. Where both netlists differ in tables alone, each
LUT that changes is found in the chip: nextpnr left the name of each net in its .asc file, and the fabric of the bits
says which cell drives the net and what that cell reads, in which order (`lut2hw.verify.fabric`). What a cell holds
must be the old table in that order before the new one is written there. `lut2hw.verify.bitstream` proves the result
as it does every other chip.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from lut2hw import tools
from lut2hw.artefact.emit import emit_model
from lut2hw.artefact.folder import Manifest, atomic_folder, check_folder, is_emitted, load
from lut2hw.artefact.results import BUILD, read_build
from lut2hw.checked import dumps
from lut2hw.data import Dataset
from lut2hw.errors import Lut2hwError, ToolError, UsageError
from lut2hw.files import read_bytes, read_text, scratch
from lut2hw.flow.result import NAME, built_for
from lut2hw.flow.result import read_build as read_board_build
from lut2hw.hdl.emitted import identity_of
from lut2hw.hdl.links.framing import FINGERPRINT, fingerprint_tables
from lut2hw.logic.netlist import CONST0, CONST1, Netlist
from lut2hw.logic.netlist import Cell as Netcell
from lut2hw.logic.port import INPUT, OUTPUT
from lut2hw.model.network import LutNetwork
from lut2hw.verify.fabric import ENTRIES, FLOP, Cell, Fabric, read_fabric, read_tiles
from lut2hw.verify.readback import MAX_ASC, MAX_BITSTREAM, unpack

INDEX = (-1, -2)
"""Stand for the nets that choose a byte of the fingerprint, the least significant first."""
UNKNOWN = -3
"""Stands for a net that has no name in the file of the routed design."""


@dataclass(frozen=True)
class Patched:
    """What `patch` did.

    Attributes
    ----------
    manifest : Manifest
        The folder of the new model, with its chip.
    bitstream : Path
        The patched one, in there.
    luts : int
        LUTs of the chip whose table changed, those of its fingerprint among them.
    bits : int
        Bits of the bitstream's tables that changed.
    """

    manifest: Manifest
    bitstream: Path
    luts: int
    bits: int


@dataclass(frozen=True)
class _Change:
    """A LUT of the chip: the net that it drives by name, the nets that it reads, and its tables."""

    name: str
    output: int | str
    inputs: tuple[int, ...]
    old: int
    new: int


@dataclass(frozen=True)
class _Chip:
    """A built chip: its folder, what `build.json` says, its files, and what the net of each wire is called."""

    manifest: Manifest
    board: str | None
    built: Mapping[str, Any]
    asc: str
    bits: str

    @property
    def symbols(self) -> dict[int, str]:
        found = re.findall(r"^\.sym (\d{1,9}) (\S+)$", self.asc, re.M | re.A)
        return {int(wire): name for wire, name in found}


def patch(
    bitstream: str | Path,
    network: LutNetwork,
    directory: str | Path,
    *,
    data: Dataset | None = None,
    seed: int = 0,
    timeout: float | None = None,
) -> Patched:
    """Write the folder of a model of the same wiring with the bitstream of a chip, other tables in it.

    Parameters
    ----------
    bitstream : str or Path
        In the folder that `lut2hw.flow.build.build` made it in; or that folder, if it has one chip.
    network : LutNetwork
        A model with the encoder, wiring and head of the one in the chip, such as `train --like` makes.
    directory : str or Path
        Folder to write: new, empty, or an emitted one, which is replaced.
    data : Dataset, optional
        For the expected vectors, as of `lut2hw.artefact.emit.emit_model`.
    seed : int
        Of random vectors.
    timeout : float, optional
        Seconds for each tool.

    Returns
    -------
    Patched
        The folder, and what changed.

    Raises
    ------
    UsageError
        If the bitstream is not one that can be patched, or the model differs in more than tables.
    Lut2hwError
        If a LUT is not found in the chip; nothing is written.
    ToolError
    """
    chip = _chip_of(Path(bitstream), timeout)
    manifest = chip.manifest
    directory = Path(directory)
    if directory.resolve() == manifest.directory.resolve():
        raise UsageError(f"{directory} is the folder of the chip that is patched; write the new one elsewhere (-o)")
    check_folder(directory)
    if (words := first_unlike(manifest.network, network)) is not None:
        raise UsageError(f"only tables can be patched, and {words}; train the model with --like")
    with scratch() as work:
        made = emit_model(network, work / "core", manifest.options, target=manifest.target, data=data, seed=seed)
        changes = [*_table_changes(manifest, made), *_fingerprint_changes(chip, made)]
        fabric = read_fabric(chip.bits)
        cells = _placed(fabric, chip, manifest.netlist, changes)
        asc, binary, flipped = _rewritten(chip, fabric, cells, timeout)
        folder = directory if chip.board is None else directory / chip.board
        file = folder / f"{directory.resolve().name if chip.board is None else NAME}.bin"
        values = {
            **chip.built,
            "built_of": made.digest,
            "fingerprint": f"{identity_of(made).fingerprint:08x}",
            "bitstream_sha256": sha256(binary).hexdigest(),
            "bitstream": str(file),
            "patched_from": chip.built["bitstream_sha256"],
        }
        with atomic_folder(directory) as part:
            for source in sorted(made.directory.iterdir()):
                (part / source.name).write_bytes(source.read_bytes())
            inner = part if chip.board is None else part / chip.board
            inner.mkdir(exist_ok=True)
            (inner / file.with_suffix(".asc").name).write_text(asc)
            (inner / file.name).write_bytes(binary)
            (inner / BUILD).write_text(dumps(values, indent=1) + "\n")
    changed = sum(fabric.table(cell) != table for cell, table in cells.items())
    return Patched(load(directory), file, changed, flipped)


def first_unlike(one: LutNetwork, other: LutNetwork) -> str | None:
    """The first thing besides tables in which a model differs from another, in words; None if there is none.

    Parameters
    ----------
    one : LutNetwork
        That of the chip.
    other : LutNetwork
        The new one.
    """
    a, b = one.features, other.features
    if a.names != b.names or not (np.array_equal(a.low, b.low) and np.array_equal(a.high, b.high)):
        return "the model reads other features, or other ranges"
    if not np.array_equal(a.missing, b.missing) or a.front_end != b.front_end:
        return "the model takes other values as missing, or other samples"
    if (one.class_names, one.target_names) != (other.class_names, other.target_names):
        return "the model has other classes or outputs"
    for at in range(max(len(one.encoder), len(other.encoder))):
        if at >= min(len(one.encoder), len(other.encoder)):
            return f"the model's encoder has {len(other.encoder):,} bits, the chip's {len(one.encoder):,}"
        for name in ("feature", "threshold"):
            if getattr(one.encoder, name)[at] != getattr(other.encoder, name)[at]:
                return f"bit {at} of the model's encoder has another {name}"
    if [len(layer) for layer in one.layers] != [len(layer) for layer in other.layers]:
        return "the model has another number of LUTs"
    for number, (left, right) in enumerate(zip(one.layers, other.layers, strict=True), 1):
        if left.k != right.k:
            return f"LUTs of layer {number} have {right.k} inputs, those of the chip {left.k}"
        unlike = np.flatnonzero((left.wiring != right.wiring).any(axis=1))
        if len(unlike):
            return f"LUT {unlike[0]} of layer {number} is wired to other signals"
    p, q = one.head, other.head
    if (p.kind, p.reject) != (q.kind, q.reject):
        return "the model has another head"
    said = {
        "signal": "other signals vote",
        "class_of": "votes are for other classes",
        "weight": "votes have other weights",
        "bias": "biases differ",
        "fraction": "scales differ",
    }
    for field, words in said.items():
        if not np.array_equal(getattr(p, field), getattr(q, field)):
            return words
    return None


def _chip_of(path: Path, timeout: float | None) -> _Chip:
    """The chip that a bitstream is of.

    Raises
    ------
    UsageError
        If it is not in the folder that it was built in, is of another core, or cannot be patched.
    """
    if path.is_dir():
        manifest = load(path)
        boards = built_for(manifest)
        alone = read_build(path)
        if len(boards) + (alone is not None) != 1:
            which = f"has {len(boards) + 1} chips; name a bitstream" if boards else "is not built; run `lut2hw build`"
            raise UsageError(f"{path} {which}")
        board = boards[0] if boards else None
    elif not path.is_file():
        raise UsageError(f"there is no bitstream {path}; give the one that `lut2hw build` wrote")
    else:
        path = path.resolve()
        board = None if is_emitted(path.parent) else path.parent.name
        folder = path.parent if board is None else path.parent.parent
        if not is_emitted(folder):
            raise UsageError(f"{path} is not in the folder that it was built in, which says what its LUTs are")
        manifest = load(folder)
    folder = manifest.directory
    if manifest.target != "ice40":
        raise UsageError(f"bitstreams of iCE40 can be patched, not those of {manifest.target}; emit and build anew")
    if manifest.folded:
        raise UsageError("a folded core has no LUTs of its model; emit with --reloadable and use `lut2hw load`")
    if manifest.stream:
        raise UsageError("a chip for sequences cannot be patched, since its bits are not proved; build it anew")
    built = read_build(folder) if board is None else dict(read_board_build(manifest, board))
    if built is None or not built["bitstream"]:
        raise UsageError(f"{folder} is not built; run `lut2hw build {folder}`")
    binary = (folder if board is None else folder / board) / Path(built["bitstream"]).name
    if path.is_file() and path != binary.resolve():
        raise UsageError(f"{path} is not the bitstream that {BUILD} beside it is of; give {binary}")
    content = read_bytes(binary, MAX_BITSTREAM) if binary.is_file() else b""
    if built.get("bitstream_sha256") != sha256(content).hexdigest() or built.get("built_of") != manifest.digest:
        raise UsageError(f"{binary} is not the chip of this folder as it is now; run `lut2hw build` again")
    if board is not None and not manifest.options.patchable:
        raise UsageError(
            "a board's chip says the fingerprint of its core, which only one that is emitted with --patchable can "
            "change; emit and build it so"
        )
    try:
        asc = read_text(binary.with_suffix(".asc"), MAX_ASC, errors="replace")
    except OSError:
        raise UsageError(f"{binary.with_suffix('.asc')}, which names the nets, is gone; run `lut2hw build`") from None
    bits = unpack(binary, timeout)
    if _tiles(bits) != _tiles(asc):
        raise UsageError(f"{binary.with_suffix('.asc')} is not of the bitstream beside it; run `lut2hw build` again")
    return _Chip(manifest, board, built, asc, bits)


def _tiles(asc: str) -> dict[tuple[str, str, str], list[str]]:
    """Rows of bits of the tiles that have any set."""
    found = re.findall(r"^\.(\w+_tile) (\d+) (\d+)\n((?:[01]+\n)+)", asc + "\n", re.M)
    return {(kind, x, y): rows.split() for kind, x, y, rows in found if "1" in rows}


def _table_changes(manifest: Manifest, made: Manifest) -> Iterator[_Change]:
    """LUTs of the netlist whose table changes.

    Raises
    ------
    UsageError
        If the netlists differ in anything else.
    """
    old, new = manifest.netlist, made.netlist
    unlike = next(
        (
            f"cell {at} ({one.kind} {one.outputs[0]})"
            for at, (one, other) in enumerate(zip(old.cells, new.cells, strict=False))
            if (one.kind, one.inputs, one.outputs) != (other.kind, other.inputs, other.outputs)
            or (one.kind != "lut" and one.table != other.table)
        ),
        f"the number of cells ({len(new.cells):,} instead of {len(old.cells):,})"
        if len(old.cells) != len(new.cells)
        else None,
    )
    if unlike is None and (old.inputs, old.outputs) != (new.inputs, new.outputs):
        unlike = "the order of inputs or outputs"
    if unlike is not None:
        raise UsageError(
            "the compiler merged tables, so that more than tables changes, the first of it "
            f"{unlike}; emit and build the first model with --patchable"
        )
    for one, other in zip(old.cells, new.cells, strict=True):
        if one.table != other.table:
            yield _Change(f"LUT {one.outputs[0]}", one.outputs[0], one.inputs, one.table, other.table)


def _fingerprint_changes(chip: _Chip, made: Manifest) -> Iterator[_Change]:
    """LUTs that hold what a board's chip says of its core."""
    if chip.board is None:
        return
    old, new = (
        fingerprint_tables(identity_of(manifest).fingerprint.to_bytes(4, "little"))
        for manifest in (chip.manifest, made)
    )
    for bit, (before, after) in enumerate(zip(old, new, strict=True)):
        yield _Change(
            f"bit {bit} of the fingerprint", f"{FINGERPRINT}[{bit}]", (*INDEX, CONST0, CONST0), before, after
        )


class _Wires:
    """What the wires of a chip carry: nets of the netlist, by the names that nextpnr left, and by what they must be.

    A net of the netlist may have another name in the chip. A LUT whose other inputs are known says what the last one
    is, and a cell that alone can be a LUT says what it drives.
    """

    def __init__(self, fabric: Fabric, symbols: Mapping[int, str], netlist: Netlist) -> None:
        self.fabric, self.symbols, self.same = fabric, symbols, _same(netlist)
        self.luts = [
            Netcell("lut", tuple(map(self.one, cell.inputs)), (self.one(cell.outputs[0]),), cell.table)
            for cell in netlist.cells
            if cell.kind == "lut" and cell.outputs[0] not in self.same
        ]
        self.nets: dict[int | str, int | str] = {}
        """By name of the chip, or wire without one, the net or the name of a bit of the fingerprint."""
        self.cells: dict[int | str, list[Cell]] = {}
        """Cells that drive what has this name."""
        self.follower = {self.one(cell.inputs[0]): cell.outputs[0] for cell in netlist.cells if cell.kind == "ff"}
        inputs, outputs = netlist.inputs[INPUT], netlist.outputs[OUTPUT]
        for name in set(symbols.values()):
            if match := re.search(r"\bcore\.(?:[nq]|[a-z]+_(?=\d+_C?O$))(\d+)(?:_C?O)?$", name):
                self.nets[name] = self.one(int(match[1]))
            elif match := re.search(r"\bcore\.([io])_payload(?:\[(\d+)\])?$", name):
                port, at = inputs if match[1] == "i" else outputs, int(match[2] or 0)
                if at < len(port):
                    self.nets[name] = self.one(port[at])
            elif match := re.search(rf"\b{FINGERPRINT}(\[\d\])$", name):
                self.nets[name] = FINGERPRINT + match[1]
        for wire, (x, y, name) in fabric.drivers.items():
            if name.endswith("/out") and wire in symbols:
                self.cells.setdefault(symbols[wire], []).append((x, y, int(name[6])))
        self._resolve()

    def one(self, net: int) -> int:
        """A net, or the one that a buffer makes it of."""
        return self.same.get(net, net)

    def pins(self, cell: Cell) -> list[tuple[int | str, int | str]]:
        """By pin of a cell's LUT its net and the name of it: `CONST0` where nothing drives it, `UNKNOWN` for a net
        that is not known."""
        x, y, z = cell
        out: list[tuple[int | str, int | str]] = []
        for pin in range(4):
            end = self.fabric.way(self.fabric.wires[x, y, f"lutff_{z}/in_{pin}"])[-1]
            name: int | str = self.symbols.get(end, end)
            out.append((self.nets.get(name, UNKNOWN) if self.fabric.driven(end) else CONST0, name))
        return out

    def drivers(self, name: int | str) -> list[Cell]:
        """Cells that make a net; the router passes it on through LUTs, too, which read what they drive."""
        cells = self.cells.get(name, [])
        return [cell for cell in cells if name not in [read for _, read in self.pins(cell)]] if cells else []

    def places(self) -> dict[int | str, list[Cell]]:
        """Cells of LUTs by the net that they drive, those in whose cell it has a register, too."""
        out: dict[int | str, list[Cell]] = {}
        before = {q: d for d, q in self.follower.items()}
        for name, net in self.nets.items():
            for cell in self.drivers(name):
                if not self.fabric.is_set(cell, FLOP):
                    out.setdefault(net, []).insert(0, cell)
                elif isinstance(net, int) and net in before:
                    out.setdefault(before[net], []).append(cell)
        return {
            net: [cell for cell in cells if not self.fabric.is_set(cell, FLOP)] or cells for net, cells in out.items()
        }

    def _resolve(self) -> None:
        while True:
            known, places, away = len(self.nets), self.places(), []
            for lut in self.luts:
                cells = places.get(lut.outputs[0], [])
                if len(cells) != 1:
                    away.append(lut)
                    continue
                pins = self.pins(cells[0])
                unknown = {name for net, name in pins if net == UNKNOWN}
                missing = {net for net in lut.inputs if net > CONST1} - {net for net, _ in pins}
                if len(unknown) == len(missing) == 1:
                    self.nets[unknown.pop()] = missing.pop()
            if len(self.nets) == known and away:
                self._find(away)
            if len(self.nets) == known:
                return

    def _find(self, luts: Sequence[Netcell]) -> None:
        """Give names to what LUTs drive that only one cell can be."""
        free = [(name, cell) for name in self.cells if name not in self.nets for cell in self.drivers(name)]
        pins = {cell: self.pins(cell) for _, cell in free}
        for lut in luts:
            change = _Change("", lut.outputs[0], lut.inputs, lut.table, lut.table)
            wanted, found = {*lut.inputs, UNKNOWN, CONST0}, []
            for name, cell in free:
                held = self.fabric.is_set(cell, FLOP)
                if held and lut.outputs[0] not in self.follower:
                    continue
                known = [net for net, _ in pins[cell] if isinstance(net, int) and net > CONST1]
                fits = bool(known) and all(net in wanted for net, _ in pins[cell])
                if fits and _tables(change, pins[cell], self.fabric.table(cell), None)[0]:
                    found.append((name, self.follower[lut.outputs[0]] if held else lut.outputs[0]))
            if len(found) == 1 and found[0][0] not in self.nets:
                self.nets[found[0][0]] = found[0][1]


def _same(netlist: Netlist) -> dict[int, int]:
    """Nets that buffers make of others, which the tools leave out: carries of a constant, and LUTs that read one."""
    out: dict[int, int] = {}
    carries = set()
    for cell in netlist.cells:
        inputs = tuple(out.get(net, net) for net in cell.inputs)
        if cell.kind == "carry":
            carries.add(cell.outputs[0])
            if {CONST0, CONST1} <= set(inputs) and len(set(inputs)) == 3:
                out[cell.outputs[0]] = max(inputs)
        elif cell.kind == "lut":
            live = [(at, net) for at, net in enumerate(inputs) if net > CONST1]
            if len(live) == 1 and (live[0][1] in carries or cell.inputs[live[0][0]] in carries):
                at, net = live[0]
                entry = sum(1 << j for j, each in enumerate(inputs) if each == CONST1)
                if (cell.table >> entry & 1, cell.table >> (entry | 1 << at) & 1) == (0, 1):
                    out[cell.outputs[0]] = net
    return out


def _placed(fabric: Fabric, chip: _Chip, netlist: Netlist, changes: Sequence[_Change]) -> dict[Cell, int]:
    """New tables by cell of the chip.

    Raises
    ------
    Lut2hwError
        If a LUT is not found, or is not what the netlist says.
    """
    if not changes:
        return {}
    wires = _Wires(fabric, chip.symbols, netlist)
    places = wires.places()
    out: dict[Cell, int] = {}
    index: set[tuple[int | str, ...]] | None = None
    for each in changes:
        change = each
        if isinstance(each.output, int):
            change = replace(each, output=wires.one(each.output), inputs=tuple(map(wires.one, each.inputs)))
        place, found = places.get(change.output, []), set[int]()
        if len(place) == 1:
            found, index = _tables(change, wires.pins(place[0]), fabric.table(place[0]), index)
        if len(found) != 1:
            why = "is not found in" if len(place) != 1 else "reads other signals, or holds another table, in"
            raise Lut2hwError(f"{change.name} {why} the chip; emit with --patchable and build again, or build anew")
        out[place[0]] = found.pop()
    return out


def _tables(
    change: _Change, pins: Sequence[tuple[int | str, int | str]], held: int, index: set[tuple[int | str, ...]] | None
) -> tuple[set[int], set[tuple[int | str, ...]] | None]:
    """What the cell may hold then: one table, unless its inputs cannot be told apart; none if it is another LUT.

    Parameters
    ----------
    pins : sequence of tuple
        As `_Wires.pins` returns them.
    index : set of tuple, optional
        Names that may be the nets `INDEX`, by what was found of earlier LUTs.

    Returns
    -------
    tables : set of int
    index : set of tuple, optional
    """
    shown = {net for net, _ in pins}
    free = [net for net in dict.fromkeys(change.inputs) if net != CONST0 and net not in shown]
    choices = [[net] if net != UNKNOWN else [*free, UNKNOWN] for net, _ in pins]
    indexed = INDEX[0] in change.inputs
    found: dict[tuple[int | str, ...], int] = {}
    for nets in itertools.product(*choices):
        at = tuple(
            next((name for net, (_, name) in zip(nets, pins, strict=True) if net == each), -1) for each in INDEX
        )
        if indexed and index is not None and not any(_agree(at, other) for other in index):
            continue
        if _seen(nets, change, change.old, held) is not None:
            new = _seen(nets, change, change.new, None)
            if new is not None:
                found[(*nets, *at)] = new
    if indexed:
        index = {each[-2:] for each in found if -1 not in each[-2:]} or index
    return set(found.values()), index


def _agree(one: tuple[int | str, ...], other: tuple[int | str, ...]) -> bool:
    return all(a in (-1, b) for a, b in zip(one, other, strict=True))


def _seen(nets: Sequence[int | str], change: _Change, table: int, held: int | None) -> int | None:
    """A LUT's table over the pins that show `nets`; None if it is not `held`, or depends on what no pin shows."""
    out = 0
    for entry in range(16):
        shown: dict[int | str, int] = {CONST0: 0, CONST1: 1}
        values = [(net, entry >> pin & 1) for pin, net in enumerate(nets) if net != UNKNOWN]
        if any(shown.setdefault(net, value) != value for net, value in values):
            continue  # two pins show one net, or one a constant: this never comes
        missing = [net for net in dict.fromkeys(change.inputs) if net not in shown]
        bits: set[int] = set()
        for guess in range(1 << len(missing)):
            known: dict[int | str, int] = {**shown, **{net: guess >> at & 1 for at, net in enumerate(missing)}}
            bits.add(table >> sum(known[net] << at for at, net in enumerate(change.inputs)) & 1)
        if len(bits) != 1:
            return None
        [bit] = bits
        if held is not None and held >> entry & 1 != bit:
            return None
        out |= bit << entry
    return out


def _rewritten(
    chip: _Chip, fabric: Fabric, cells: Mapping[Cell, int], timeout: float | None
) -> tuple[str, bytes, int]:
    """The file of the routed design and the bitstream with other tables, and how many bits changed.

    Raises
    ------
    ToolError
        If what is packed does not read back as what was meant.
    """
    tiles: dict[tuple[int, int], list[list[str]]] = {}
    flipped = 0
    for cell, table in cells.items():
        rows = tiles.setdefault(cell[:2], [list(row) for row in fabric.tiles[cell[:2]]])
        for entry, number in enumerate(ENTRIES):
            _, _, row, column = fabric.cell_bit(cell, number)
            value = str(table >> entry & 1)
            flipped += rows[row][column] != value
            rows[row][column] = value
    asc = chip.asc
    for (x, y), rows in tiles.items():
        body = "".join("".join(row) + "\n" for row in rows)
        asc = re.sub(rf"^(\.logic_tile {x} {y}\n)(?:[01]+\n)+", rf"\g<1>{body}", asc, count=1, flags=re.M)
    with scratch() as work:
        (work / "chip.asc").write_text(asc)
        tools.run("icepack", ["chip.asc", "chip.bin"], cwd=work, timeout=timeout, makes=["chip.bin"])
        binary = (work / "chip.bin").read_bytes()
        back = read_tiles(unpack(work / "chip.bin", timeout))
    wanted = {**fabric.tiles, **{place: ["".join(row) for row in rows] for place, rows in tiles.items()}}
    if back != {place: rows for place, rows in wanted.items() if place in back} or len(back) != len(wanted):
        raise ToolError("icepack made another bitstream of the patched design; is its version another?")
    return asc, binary, flipped
