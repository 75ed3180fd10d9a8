"""Single-event upsets: what a flipped configuration bit of a core in an iCE40 does to its answers.

Every bit of the cells that the core's answers depend on, and of the multiplexers on the wires between them, is
flipped in a model of the chip that was read back from its bitstream (`lut2hw.verify.fabric`), for many examples side
by side. Registers are transparent there, as in a core that nothing stalls.

What cannot be told from tables and wires is taken to be the worst: a bit that adds or removes a flip-flop, or that
changes clock, enable or reset of a tile, makes every answer wrong. A wire that loses its driver is 0; one that gets
another shows that one's value, and a signal from outside the core is random.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.artefact.folder import Manifest, load
from lut2hw.artefact.vectors import packed_port
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.extras import need
from lut2hw.kernels.faults import TABLE, inject
from lut2hw.logic.walk import operands_first
from lut2hw.verify.bitstream import own_chip
from lut2hw.verify.chip import prove_chip
from lut2hw.verify.fabric import ASYNC, CARRY, ENTRIES, FLOP, SET, Cell, Fabric, Place, read_fabric
from lut2hw.verify.formal.circuit import Bit

EXAMPLES = 1_024
"""That a single flip is tried on, at most."""
CHUNK = 4_096
"""Flips at once."""
FLIPS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
"""How many flips together the curve shows."""
TRIALS = 32
"""Draws of as many flips."""
CONST0, CONST1, RANDOM, FIRST_INPUT = range(4)
"""Rows of values: constants, a signal from outside, and the first input."""
_MAJORITY = sum(1 << p for p in range(16) if (p & 1) + (p >> 1 & 1) + (p >> 2 & 1) >= 2)
KINDS = ("table", "wire", "carry", "flip-flop", "reset value", "clock, enable or reset")

Change = tuple[int, int, int]
"""Node, pin (`TABLE` for its table), and the new row or table."""


@dataclass
class Fault:
    """What flipping one bit changes.

    Attributes
    ----------
    place : tuple of int
        Column and row of the tile, row and column of the bit in it.
    kind : str
        One of `KINDS`.
    changes : list of (int, int, int)
        Of nodes; none for a bit without effect.
    fatal : bool
        Every answer is taken to be wrong.
    """

    place: Place
    kind: str
    changes: list[Change] = field(default_factory=list)
    fatal: bool = False


@dataclass
class _Core:
    """Tables and wires of the core in a chip, in topological order."""

    tables: NDArray[np.uint16]
    sources: NDArray[np.int32]
    outputs: NDArray[np.int32]
    keys: list[tuple[str, Cell]]
    """What each node is: "lut" or "carry" of a cell."""
    values: bits.Packed
    first: int
    rows: dict[tuple[str, Cell], int]
    inputs: dict[Cell, int]
    """Row of each cell whose flip-flop holds a bit of the example."""


def _cells_of(verilog: str, nets: Mapping[str, Sequence[Bit]]) -> dict[Bit, Cell]:
    """Logic cells by the net of their flip-flop."""
    found = re.findall(r"^/\* FF +(\d+) +(\d+) +(\d+) \*/ always .*? if \(.*?\) (\w+) <=", verilog, re.M)
    return {nets[name][0]: (int(x), int(y), int(z)) for x, y, z, name in found if name in nets}


def read_core(manifest: Manifest, timeout: float | None = None) -> tuple[Fabric, _Core]:
    """The core in the chip of a folder that was built for no board.

    Parameters
    ----------
    manifest : Manifest
        The folder.
    timeout : float, optional
        Seconds for each tool.

    Raises
    ------
    UsageError
        For what is not of this kind.
    Lut2hwError
        If the chip is not the one of the folder.
    """
    if manifest.target != "ice40" or manifest.folded:
        raise UsageError("seu reads the bits of an iCE40 with an unfolded core; emit such a one and build it")
    own = own_chip(manifest, timeout)
    if own is None:
        raise UsageError(f"{manifest.directory} has no chip without a board; run `lut2hw build {manifest.directory}`")
    chip, design = own
    proof = prove_chip(manifest, chip, design, manifest.vectors.first(256))
    if proof.found is None or proof.wanted is None:
        raise Lut2hwError(f"the chip is not shown to be the one of this folder: {proof.words}; run `lut2hw verify`")
    cells, wanted = _cells_of(chip.verilog, proof.found.vectors), proof.wanted
    there = {net: cells[twin] for net, twin in proof.twins.items() if twin in cells}

    def of(name: str) -> list[Cell | None]:
        return [there.get(net) for net in wanted.vectors.get(f"chip.link.{name}", ())]

    answer, example = of("answer"), of("example")
    if None in answer or len(answer) != manifest.output_port.width:
        raise UsageError(
            "seu knows chips whose whole answer is held at their pins: at most 16 bits, all of which change"
        )
    fabric = read_fabric(chip.asc)
    constant = dict.fromkeys([*of("left"), *of("done")], CONST0) | dict.fromkeys(of("full"), CONST1)
    inputs = {cell: FIRST_INPUT + at for at, cell in enumerate(example) if cell is not None}
    packed = packed_port(manifest.input_port, manifest.vectors.inputs)[manifest.bits_read[0]]
    head = np.zeros((3, packed.shape[1]), np.uint64)
    head[CONST1] = ~np.uint64(0)
    head[RANDOM] = np.random.default_rng(0).integers(0, 1 << 64, packed.shape[1], np.uint64)
    core = _build(fabric, [cell for cell in answer if cell], inputs, constant, np.concatenate([head, packed]))
    mask = bits.tail_mask(len(manifest.vectors))
    rows = bits.pack(
        np.unpackbits(manifest.vectors.answer_rows(len(answer)), axis=1, bitorder="little").T[: len(answer)]
    )
    if ((core.values[core.outputs] ^ rows) & mask).any():
        raise Lut2hwError("the cells and wires of the chip do not answer as its model does; please report this")
    return fabric, core


def _row_of(
    fabric: Fabric, wire: int, inputs: dict[Cell, int], constant: dict[Any, int], rows: dict[tuple[str, Cell], int]
) -> int | tuple[str, Cell]:
    """What a wire shows: a row of values, or a node that has none yet."""
    way = fabric.way(wire)
    if way[-1] not in fabric.drivers:
        return RANDOM if way[-1] in fabric.outside else CONST0
    x, y, name = fabric.drivers[way[-1]]
    cell = x, y, int(name[6])
    if name.endswith("cout"):
        key = ("carry", cell)
        return rows.get(key, key) if fabric.is_set(cell, CARRY) else CONST0
    held = name.endswith("/out") and fabric.is_set(cell, FLOP)
    if held and cell in inputs:
        return inputs[cell]
    if held and cell in constant:
        return constant[cell]
    key = ("lut", cell)
    return rows.get(key, key)


def _pins(fabric: Fabric, key: tuple[str, Cell]) -> list[int | None]:
    """Wires that a node reads; None for the constant carry at the lowest cell of a tile."""
    kind, (x, y, z) = key
    if kind == "lut":
        return [fabric.wires[x, y, f"lutff_{z}/in_{pin}"] for pin in range(4)]
    below = fabric.wires[x, y, f"lutff_{z - 1}/cout"] if z else fabric.wires.get((x, y, "carry_in_mux"))
    if not z and (below is None or fabric.source(below) is None):
        below = None
    return [fabric.wires[x, y, f"lutff_{z}/in_{pin}"] for pin in (1, 2)] + [below]


def _carry_in(fabric: Fabric, cell: Cell) -> int:
    """The constant carry into the lowest cell of a tile."""
    return CONST1 if fabric.bit((cell[0], cell[1], 1, 50)) == "1" else CONST0


def _build(
    fabric: Fabric, answer: list[Cell], inputs: dict[Cell, int], constant: dict[Any, int], head: bits.Packed
) -> _Core:
    rows: dict[tuple[str, Cell], int] = {}

    def shown(key: tuple[str, Cell]) -> list[int | tuple[str, Cell]]:
        return [
            _carry_in(fabric, key[1]) if wire is None else _row_of(fabric, wire, inputs, constant, rows)
            for wire in _pins(fabric, key)
        ]

    def loop(key: Any) -> Exception:
        return Lut2hwError("the chip's core has a loop")

    order: dict[tuple[str, Cell], int] = {}
    wanted = [("lut", cell) for cell in answer]
    reads: dict[tuple[str, Cell], list[int | tuple[str, Cell]]] = {}

    def needs(key: tuple[str, Cell]) -> list[tuple[str, Cell]]:
        if key not in reads:
            reads[key] = shown(key)
        return [each for each in reads[key] if isinstance(each, tuple)]

    for key in operands_first(wanted, needs, order, loop):
        order[key] = len(order)
    keys = list(order)
    first = len(head)
    rows = {key: first + at for at, key in enumerate(keys)}
    tables = np.array([fabric.table(cell) if kind == "lut" else _MAJORITY for kind, cell in keys], np.uint16)
    sources = np.full((len(keys), 4), CONST0, np.int32)
    for at, key in enumerate(keys):
        for pin, each in enumerate(reads[key]):
            sources[at, pin] = rows[each] if isinstance(each, tuple) else each
    values = np.concatenate([head, np.zeros((len(keys), head.shape[1]), np.uint64)])
    outputs = np.array([rows["lut", cell] for cell in answer], np.int32)
    core = _Core(tables, sources, outputs, keys, values, first, rows, inputs)
    for at in range(len(keys)):
        values[first + at] = _evaluate(int(tables[at]), values[sources[at]])
    return core


def _evaluate(table: int, pins: bits.Packed) -> bits.Packed:
    out = np.zeros(pins.shape[1], np.uint64)
    for entry in range(16):
        if table >> entry & 1:
            out |= np.bitwise_and.reduce([pins[pin] if entry >> pin & 1 else ~pins[pin] for pin in range(4)])
    return out


def faults(fabric: Fabric, core: _Core) -> list[Fault]:
    """Every bit of the core, and what flipping it changes.

    Parameters
    ----------
    fabric, core
        As `read_core` returns them.
    """
    out: dict[Place, Fault] = {}

    def add(place: Place, kind: str, changes: Sequence[Change] = (), *, fatal: bool = False) -> None:
        fault = out.setdefault(place, Fault(place, kind))
        fault.changes += changes
        fault.fatal |= fatal

    sinks: dict[int, list[tuple[int, int]]] = {}
    clocked: set[tuple[int, int]] = set()
    for node, key in enumerate(core.keys):
        kind, cell = key
        if kind == "lut":
            table = int(core.tables[node])
            for entry, number in enumerate(ENTRIES):
                add(fabric.cell_bit(cell, number), "table", [(node, TABLE, table ^ 1 << entry)])
            add(fabric.cell_bit(cell, FLOP), "flip-flop", fatal=True)
            for number in (SET, ASYNC):
                add(fabric.cell_bit(cell, number), "reset value")
            if fabric.is_set(cell, FLOP):
                clocked.add(cell[:2])
        else:
            add(fabric.cell_bit(cell, CARRY), "carry", [(node, TABLE, 0)])
        for pin, wire in enumerate(_pins(fabric, key)):
            if wire is None:
                other = CONST0 if _carry_in(fabric, cell) == CONST1 else CONST1
                add((cell[0], cell[1], 1, 50), "carry", [(node, pin, other)])
            else:
                for each in fabric.way(wire):
                    sinks.setdefault(each, []).append((node, pin))
    for wire, readers in sinks.items():
        for number in fabric.of.get(wire, ()):
            mux = fabric.muxes[number]
            now = fabric.values(mux)
            for at, place in enumerate(mux.places):
                flipped = now[:at] + "10"[int(now[at])] + now[at + 1 :]
                source = mux.sources.get(flipped)
                if now not in mux.sources and (source is None or not fabric.driven(source)):
                    add(place, "wire")  # what drives the wire already still does
                    continue
                row = CONST0 if source is None else _row_or_random(fabric, core, wire, source)
                add(place, "wire", [(node, pin, row) for node, pin in readers])
    for x, y in clocked:
        add((x, y, 0, 0), "clock, enable or reset", fatal=True)
        for name in ("clk", "cen", "s_r"):
            for each in fabric.way(fabric.wires[x, y, f"lutff_global/{name}"])[:2]:
                for number in fabric.of.get(each, ()):
                    mux = fabric.muxes[number]
                    now = fabric.values(mux)
                    for at, place in enumerate(mux.places):
                        flipped = now[:at] + "10"[int(now[at])] + now[at + 1 :]
                        add(place, "clock, enable or reset", fatal=now in mux.sources or flipped in mux.sources)
    return [out[place] for place in sorted(out)]


def _row_or_random(fabric: Fabric, core: _Core, wire: int, source: int) -> int:
    """The row that a wire shows once `source` drives it."""
    if wire in fabric.way(source):
        return CONST0
    found = _row_of(fabric, source, core.inputs, {}, core.rows)
    return found if isinstance(found, int) else RANDOM


def inject_all(core: _Core, groups: Sequence[Sequence[Fault]], words: int) -> bits.Packed:
    """Outputs uint64 (n_groups, n_outputs, words) with all faults of each group; fatal ones are the caller's."""
    starts = np.cumsum([0, *(sum(len(fault.changes) for fault in group) for group in groups)]).astype(np.int64)
    flat = [change for group in groups for fault in group for change in fault.changes]
    nodes, pins, news = (np.array([change[at] for change in flat], np.int32) for at in range(3))
    shown = np.zeros((len(groups), len(core.outputs), words), np.uint64)
    values = np.ascontiguousarray(core.values[:, :words])
    inject(core.tables, core.sources, core.outputs, values, core.first, starts, nodes, pins, news, shown)
    return shown


@dataclass(frozen=True)
class Upsets:
    """What flipped bits do.

    Attributes
    ----------
    bits : int
        Of the core: of its cells, and of what can drive its wires.
    critical : int
        Those whose flip alone changes an answer of the examples.
    kinds : dict of str to (int, int)
        Bits and critical bits by what they are, of `KINDS`.
    examples : int
        That each flip was tried on.
    worst : list of dict
        The bits that change most answers in simulation: tile, bit, kind, and share of the answers; those that are
        taken to change all are left out.
    curve : list of dict
        By number of `flips` together: mean (`right`), 5 % and 95 % quantiles (`low`, `high`) over the draws of the
        share of the emitted vectors whose answer stays.
    """

    bits: int
    critical: int
    kinds: dict[str, tuple[int, int]]
    examples: int
    worst: list[dict[str, Any]]
    curve: list[dict[str, float]]

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        kinds = {name: {"bits": each[0], "critical": each[1]} for name, each in self.kinds.items()}
        share = self.critical / self.bits
        return {**vars(self), "kinds": kinds, "critical_share": round(share, 6)}


def upsets(
    directory: str | Path,
    *,
    flips: Sequence[int] = FLIPS,
    trials: int = TRIALS,
    worst: int = 10,
    seed: int = 0,
    timeout: float | None = None,
) -> Upsets:
    """Flip every configuration bit of a core in turn, then several together.

    Parameters
    ----------
    directory : str or Path
        An emitted folder with a chip of an iCE40 that was built for no board.
    flips : sequence of int
        How many flips together the curve has.
    trials : int
        Draws of each.
    worst : int
        How many bits are listed.
    seed : int
        Of the draws.
    timeout : float, optional
        Seconds for each tool.

    Raises
    ------
    UsageError
        For a folder of another kind.
    Lut2hwError
        If the chip is not the one of the folder.
    """
    manifest = load(directory)
    fabric, core = read_core(manifest, timeout)
    every = faults(fabric, core)
    n = min(EXAMPLES, len(manifest.vectors))
    words, mask = bits.n_words(n), bits.tail_mask(n)
    base = core.values[core.outputs, :words]
    hurt = np.zeros(len(every), np.int64)
    for begin in range(0, len(every), CHUNK):
        part = every[begin : begin + CHUNK]
        shown = inject_all(core, [[fault] for fault in part], words)
        differ = np.bitwise_or.reduce(shown ^ base, axis=1) & mask
        hurt[begin : begin + len(part)] = np.bitwise_count(differ).sum(axis=1)
    hurt[[at for at, fault in enumerate(every) if fault.fatal]] = n
    counts, critical = Counter(fault.kind for fault in every), Counter[str]()
    critical.update(fault.kind for fault, harm in zip(every, hurt, strict=True) if harm)
    simulated = [at for at, fault in enumerate(every) if hurt[at] and not fault.fatal]
    order = sorted(simulated, key=lambda at: (-hurt[at], every[at].place))[:worst]
    return Upsets(
        len(every),
        int((hurt > 0).sum()),
        {kind: (counts[kind], critical[kind]) for kind in KINDS if counts[kind]},
        n,
        [_listed(every[at], int(hurt[at]), n) for at in order],
        _curve(manifest, core, every, [each for each in flips if each <= len(every)], trials, seed),
    )


def _listed(fault: Fault, harm: int, n: int) -> dict[str, Any]:
    x, y, row, column = fault.place
    return {"tile": [x, y], "bit": f"B{row}[{column}]", "kind": fault.kind, "changed": round(harm / n, 4)}


def _curve(
    manifest: Manifest, core: _Core, every: Sequence[Fault], flips: Sequence[int], trials: int, seed: int
) -> list[dict[str, float]]:
    """Share of right answers over the number of flips."""
    rng, n = np.random.default_rng(seed), len(manifest.vectors)
    words, mask = bits.n_words(n), bits.tail_mask(n)
    base, out = core.values[core.outputs, :words], []
    for number in flips:
        groups = [[every[at] for at in rng.choice(len(every), number, replace=False)] for _ in range(trials)]
        differ = np.bitwise_or.reduce(inject_all(core, groups, words) ^ base, axis=1) & mask
        right = 1 - np.bitwise_count(differ).sum(axis=1) / n
        right[[any(fault.fatal for fault in group) for group in groups]] = 0
        low, high = np.quantile(right, [0.05, 0.95])
        out.append({"flips": number, "right": round(float(right.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)})  # fmt: skip # noqa: E501
    return out


def picture(result: Upsets) -> str:
    """The curve of right answers over the number of flips, as SVG.

    Parameters
    ----------
    result : Upsets
        What is shown.
    """
    need("matplotlib", extra="report")
    from matplotlib.figure import Figure

    from lut2hw.report import figures

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    x, low, high = ([each[name] for each in result.curve] for name in ("flips", "low", "high"))
    axes.fill_between(x, low, high, alpha=0.25, linewidth=0)
    axes.plot(x, [each["right"] for each in result.curve], marker="o", markersize=3)
    axes.set(xscale="log", xlabel=f"flipped bits, of {result.bits:,}", ylabel="answers as without", ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    return figures.svg(figure, "upsets", "Answers that stay as they are, by number of flipped bits", standalone=True)
