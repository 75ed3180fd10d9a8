"""A whole chip, proved: its bits are the core and the link that they should be, and the core is the model.

The circuit read back from the bits and the design that the tools were given, the emitted core in its link, are
proved to put out the same in every clock after power-up, whatever comes in at the pins
(`lut2hw.verify.formal.induction`). That the emitted core equals the golden model is proved beside it
(`lut2hw.verify.formal.prove`). That the link's description keeps its protocol is no part of this; vectors show it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lut2hw.artefact.folder import Manifest
from lut2hw.artefact.vectors import Vectors
from lut2hw.flow.boards import pin_name
from lut2hw.flow.chips import Design
from lut2hw.hdl.chip import TOP
from lut2hw.hdl.emitted import identity_of
from lut2hw.hdl.links.uart import uart_divisor
from lut2hw.hdl.protocol import END, classify_request, identify_request
from lut2hw.logic.aig import FALSE, TRUE, Aig
from lut2hw.logic.equivalence import equal
from lut2hw.verify.formal.circuit import Bit, Circuit, UnknownCell, read_design
from lut2hw.verify.formal.induction import Checker, Match, match
from lut2hw.verify.formal.machine import machine
from lut2hw.verify.readback import TOP as READ_BACK
from lut2hw.verify.readback import ReadBack

Stimulus = dict[str, NDArray[np.uint64]]

EXAMPLES = 4
"""That are shifted in in each run of the simulation that suggests what to prove."""
MOST_CLOCKS = 30_000
"""Of that simulation."""
START = 20e-6
"""Seconds that a board's chip gets before it is asked anything; it holds itself in reset for 15 us."""


@dataclass(frozen=True)
class ChipProof:
    """What is known of a chip.

    Attributes
    ----------
    equal : bool or None
        Whether its bits are the design; None if that is not known.
    words : str
        Why not.
    match : Match or None
        What the induction said.
    found, wanted : Circuit or None
        The chip and its design as circuits, where it is proved.
    twins : mapping of Bit to Bit
        Output net of a flip-flop of the design to that of one of the chip which holds the same.
    """

    equal: bool | None
    words: str = ""
    match: Match | None = None
    found: Circuit | None = None
    wanted: Circuit | None = None
    twins: Mapping[Bit, Bit] = field(default_factory=dict)


def prove_chip(
    manifest: Manifest,
    chip: ReadBack,
    design: Design,
    vectors: Vectors,
    *,
    seed: int = 0,
    limit: float = 120.0,
    checker: Checker = equal,
) -> ChipProof:
    """Prove that a chip read back from its bitstream is the design that it was built of.

    Parameters
    ----------
    manifest : Manifest
        The emitted folder.
    chip : ReadBack
        What its bits say.
    design : Design
        What the tools were given, made again of the folder.
    vectors : Vectors
        That are sent in a simulation which suggests what to prove.
    seed : int
        Of random inputs.
    limit : float
        Seconds.
    checker : callable
        What proves graphs equal.

    Raises
    ------
    ToolError
    """
    try:
        wanted = read_design(design.rtlil, list(manifest.verilog.values()), TOP, timeout=limit + 60)
        if design.board:
            pins: dict[str, list[Bit]] = {pin_name(name): nets for name, nets in wanted.ports.items()}
            stimulus = uart_stimulus(manifest, design, vectors, seed)
        else:
            pins = wanted.ports
            stimulus = shift_stimulus(manifest, vectors, seed)
        right = machine(wanted, pins)
    except UnknownCell as error:
        return ChipProof(None, f"the design has {error}, of which there is no formal model")
    # What the design does not have, its chip may not have either.
    if re.search(r"\balways @(?!\(posedge \w+\))", chip.verilog):
        return ChipProof(False, "a flip-flop with an asynchronous reset, or on the other edge of the clock")
    try:
        found = read_design("", [chip.verilog], READ_BACK, timeout=limit + 60)
        named = chip.pins if design.board else {**chip.pins, **_constants(found, chip, wanted, pins)}
        left = machine(found, _pins_of(found, named))
    except UnknownCell as error:
        return ChipProof(False, f"the chip has {error}")
    result = match(left, right, stimulus, seed=seed, limit=limit, checker=checker)
    if result.labels is None:
        return ChipProof(result.equal, result.reason, result)
    at = len(left.registers)
    there = dict(zip(result.labels[:at].tolist(), left.registers, strict=True))
    twins = {
        net: there[label]
        for net, label in zip(right.registers, result.labels[at:].tolist(), strict=True)
        if label and label in there
    }
    return ChipProof(True, "", result, found, wanted, twins)


def _constants(found: Circuit, chip: ReadBack, wanted: Circuit, pins: Mapping[str, Sequence[Bit]]) -> dict[str, str]:
    """Ports of a chip for outputs that the design holds constant, which have no name in what nextpnr writes.

    Nothing says which is which of the pins that are the same constant, so they are taken in turn.
    """
    free: dict[int, list[str]] = {}
    for port, way in chip.ports.items():
        if way == "output" and port not in chip.pins.values():
            free.setdefault(_constant(found, found.ports[port][0]), []).append(port)
    out = {}
    for word, nets in pins.items():
        for at, net in enumerate(nets):
            name = word if len(nets) == 1 else f"{word}[{at}]"
            named = {name, f"{name}[0]"} & chip.pins.keys()
            if not named and (value := _constant(wanted, net)) >= 0 and free.get(value):
                out[name] = free[value].pop(0)
    return out


def _constant(circuit: Circuit, net: Bit) -> int:
    """What a net always is, that of a register which never changes too; -1 if it depends on anything."""
    register = circuit.registers.get(net)
    if register is None:
        return _fixed(circuit, net)
    first = circuit.initial.get(net, 0)
    same = register.d == net or _fixed(circuit, register.d) == first
    return first if same and (register.reset is None or register.value == first) else -1


def _fixed(circuit: Circuit, net: Bit) -> int:
    """What logic of constants alone puts out, -1 for other nets."""
    try:
        literal = circuit.literals(Aig(0), {}, [net], through=False)[0]
    except UnknownCell:
        return -1
    return (FALSE, TRUE).index(literal) if literal in (FALSE, TRUE) else -1


def _pins_of(circuit: Circuit, pins: Mapping[str, str]) -> dict[str, list[Bit]]:
    """Nets of a read-back chip by what they are, those of a vector under one name."""
    out: dict[str, dict[int, Bit]] = {}
    for name, port in pins.items():
        word, _, index = name.partition("[")
        out.setdefault(word, {})[int(index[:-1] or 0) if index else 0] = circuit.ports[port][0]
    return {name: [nets[at] for at in sorted(nets)] for name, nets in out.items()}


def _lanes(rows: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Bits (n_clocks, 64 n_words) as words (n_clocks, n_words)."""
    return np.ascontiguousarray(np.packbits(rows, axis=1, bitorder="little")).view(np.uint64)


def shift_stimulus(manifest: Manifest, vectors: Vectors, seed: int = 0, words: int = 2) -> Stimulus:
    """Examples shifted in, with pauses and now and then a reset, another in each run."""
    bits, rng = manifest.bits_read[0], np.random.default_rng(seed)
    examples = max(1, min(EXAMPLES, MOST_CLOCKS // len(bits)))
    runs = 64 * words
    known = np.unpackbits(vectors.inputs, axis=1, bitorder="little")[:, list(bits)]
    stream = known[rng.integers(0, len(known), (runs, examples))].reshape(runs, -1).astype(bool)
    clocks = round(1.03 * stream.shape[1]) + 4 * manifest.latency + 16
    shift = rng.random((clocks, runs)) < 0.99
    reset = rng.random((clocks, runs)) < 0.2 / len(stream[0])
    reset[0] = True
    place = np.minimum(np.cumsum(shift & ~reset, axis=0) - 1, stream.shape[1] - 1).clip(0)
    data = stream.T[place, np.arange(runs)[None]]
    return {"shift": _lanes(shift), "reset": _lanes(reset), "data": _lanes(data)}


def uart_stimulus(manifest: Manifest, design: Design, vectors: Vectors, seed: int = 0) -> Stimulus:
    """Requests at the UART's pin: examples, what the chip is, and damaged ones."""
    assert design.clock_mhz is not None and design.baud is not None  # of every board
    hertz = design.clock_mhz * 1e6
    divisor, identity, rng = uart_divisor(hertz, design.baud), identity_of(manifest), np.random.default_rng(seed)
    start, runs = round(START * hertz), 64
    words, lines = vectors.words(), []
    for run in range(runs):
        data = bytearray([END] + (list(identify_request()) if run % 8 == 7 else []))
        for tag in range(3):
            data += classify_request(rng.integers(256).item(), words[(run + runs * tag) % len(words)], identity)
        if run % 4 == 3:
            data[rng.integers(len(data))] ^= 1 << rng.integers(8).item()
        levels = [1] * (run % (2 * divisor))
        for byte in data:
            levels += [level for bit in (0, *(byte >> at & 1 for at in range(8)), 1) for level in [bit] * divisor]
            if start + len(levels) > MOST_CLOCKS:
                break
        lines.append(([1] * start + levels)[:MOST_CLOCKS])
    clocks = max(map(len, lines)) + 20 * divisor
    rows = np.ones((clocks, runs), bool)
    for run, line in enumerate(lines):
        rows[: len(line), run] = line
    return {"rx": _lanes(rows)}
