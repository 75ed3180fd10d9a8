"""The largest network that fits a device: sizes for the descent learner, from the compiler's own area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lut2hw import bits
from lut2hw.compile import compile_network
from lut2hw.compile.area import estimate_netlist
from lut2hw.encode import Encoder
from lut2hw.errors import UsageError, unknown_name
from lut2hw.model import Head, Layer, LutNetwork
from lut2hw.targets import get

CHIP_CELLS = 30  # counter, handshake and answer register of the chip that `lut2hw build` puts around a core


@dataclass(frozen=True)
class Size:
    """A network for a device: LUTs, how many of them are votes, encoder bits they may read, and the logic cells that
    the whole chip is estimated to take.
    """

    luts: int
    votes: int
    inputs: int
    cells: int


def default_k(target: str) -> int:
    """Inputs of a LUT that the family has in hardware."""
    return get(target).lut_inputs


def stand_in(encoder: Encoder, luts: int, votes: int, inputs: int, k: int, n_classes: int) -> LutNetwork:
    """A network of that size with random wiring and tables: two levels, every LUT read, `inputs` bits read."""
    rng = np.random.default_rng(0)
    at = np.sort(rng.permutation(len(encoder))[:inputs])
    small = Encoder(encoder.features, encoder.feature[at], encoder.threshold[at])
    hidden = luts - votes
    tables = bits.pack_tables(rng.integers(0, 2, (luts, 1 << k)))
    ends = np.resize(rng.permutation(inputs), hidden * k + votes * k).astype(np.int32)
    top = ends[hidden * k:].reshape(votes, k)
    top.ravel()[:hidden] = inputs + np.arange(hidden)
    layers = (Layer(ends[:hidden * k].reshape(hidden, k), tables[:hidden]), Layer(top, tables[hidden:]))
    signals = inputs + hidden + np.arange(votes)
    head = (Head.threshold(signals, votes // 2) if n_classes == 2 else
            Head.argmax(signals, np.arange(votes) % n_classes, n_classes))
    return LutNetwork(small, layers, head, tuple(str(c) for c in range(n_classes)))


def chip_cells(network: LutNetwork, target: str) -> int:
    """Logic cells of core, encoder and the chip around them, with a flip-flop for each input bit that is read."""
    compiled = compile_network(network, get(target), pipeline="none")
    netlist = compiled.netlist
    read = {net for cell in netlist.cells for net in cell.inputs}
    held = sum(net in read for nets in netlist.inputs.values() for net in nets)
    return estimate_netlist(netlist, get(target)) + held + CHIP_CELLS


def largest(encoder: Encoder, n_classes: int, *, target: str, device: str, k: int,
            utilization: float = 0.85) -> Size:
    """The largest network of which the whole chip takes at most `utilization` of the device's logic cells.

    A fifth of the LUTs are votes (half for k > 4) and the others are grown; the encoder bits that may be read take
    up to a third of the cells, since the chip holds each in a flip-flop. Errors: `UsageError`.
    """
    family = get(target)
    if device not in family.devices:
        raise unknown_name(f"device of {target}", device, family.devices)
    if not 0 < utilization <= 1:
        raise UsageError(f"--utilization must be above 0 and at most 1, not {utilization:g}")
    budget = int(family.devices[device].logic_cells * utilization)
    inputs = min(len(encoder), max(16, budget // 3))

    def size(luts: int) -> Size:
        votes = max(n_classes, -(-luts // 5) if k <= 4 else luts // 2)
        some = min(inputs, luts * k)
        network = stand_in(encoder, max(luts, votes), votes, some, k, n_classes)
        return Size(max(luts, votes), votes, some, chip_cells(network, target))

    least = size(2 * n_classes)
    if least.cells > budget:
        raise UsageError(f"{device} is too small: {least.luts} LUTs for {n_classes} classes take {least.cells} of "
                         f"{budget} logic cells; choose a larger device or a larger --utilization")
    # The cells grow nearly in proportion, so a few corrections hit the budget.
    best, luts = least, max(2 * n_classes, budget // 2)
    for _ in range(6):
        trial = size(luts)
        if best.luts < trial.luts and trial.cells <= budget:
            best = trial
        if 0.98 * budget <= trial.cells <= budget:
            break
        per_lut = (trial.cells - least.cells) / max(1, trial.luts - least.luts)
        luts = max(2 * n_classes, trial.luts + int((0.99 * budget - trial.cells) / per_lut))
    return best
