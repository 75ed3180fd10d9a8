"""The largest network that fits a device: sizes for the descent learner, from the compiler's own area."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lut2hw import bits
from lut2hw.compile.area import estimate, estimate_netlist
from lut2hw.compile.compiler import compile_network
from lut2hw.errors import UsageError, unknown_name
from lut2hw.model.encoder import Encoder
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head, Layer
from lut2hw.targets.base import Device
from lut2hw.targets.registry import get

FILL = 0.85  # of a device's logic cells
NEAR = 0.4  # of an image's side: squares up to that leave a full part wires enough
SUBSPACE = 0.5  # of the encoder bits: subspaces up to that do, too
SLACK = 0.1  # of a device's share that a trained network may leave unused
ROUNDS = 4  # trainings to fill a device, at most
LINK_CELLS = {"uart": 390, "spi": 340, "axi-stream": 80, "wishbone": 120}
"""Of links but the shift register, with counters, handshake and buffers, beside the register of the input. Measured
on iCE40: a chip with a uart takes 344 and 364 cells more than one with a shift register; the others by synthesis."""
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
    top = ends[hidden * k :].reshape(votes, k)
    top.ravel()[:hidden] = inputs + np.arange(hidden)
    layers = (Layer(ends[: hidden * k].reshape(hidden, k), tables[:hidden]), Layer(top, tables[hidden:]))
    signals = inputs + hidden + np.arange(votes)
    head = (
        Head.threshold(signals, votes // 2)
        if n_classes == 2
        else Head.argmax(signals, np.arange(votes) % n_classes, n_classes)
    )
    return LutNetwork(small, layers, head, tuple(str(c) for c in range(n_classes)))


def chip_cells(network: LutNetwork, target: str, link: str = "shift") -> int:
    """Logic cells of core, encoder, pipeline and the chip around them with that link, with a flip-flop for each input
    bit that is read.

    On iCE40 a flip-flop that follows no LUT of its own takes a cell; elsewhere LUTs have flip-flops to spare.
    """
    family = get(target)
    compiled = compile_network(network, family, pipeline="auto")
    netlist = compiled.netlist
    read = {net for cell in netlist.cells for net in cell.inputs}
    held = sum(net in read for nets in netlist.inputs.values() for net in nets)
    cells = estimate_netlist(netlist, family)
    around = LINK_CELLS.get(link, CHIP_CELLS)
    if family.carry == "shared":
        return cells + held + around
    return max(cells + around, held + netlist.count()["ff"])


def largest(
    encoder: Encoder,
    n_classes: int,
    *,
    target: str,
    device: str,
    k: int,
    utilization: float | None = None,
    local: bool = False,
    link: str = "shift",
) -> Size:
    """The largest network of which the whole chip takes at most `utilization` of the device's logic cells; None:
    `FILL`, or what routes.

    A fifth of the LUTs are votes (half for k > 4) and the others are grown; encoder and input register take up to a
    third of the cells, which bounds the encoder bits that may be read.

    Parameters
    ----------
    local : bool, default=False
        As `is_local`.

    Raises
    ------
    UsageError
    """
    budget = _budget(target, device, utilization, local)

    def size(luts: int, inputs: int) -> Size:
        luts, votes = shape(luts, k, n_classes)
        some = min(inputs, luts * k)
        return Size(luts, votes, some, chip_cells(stand_in(encoder, luts, votes, some, k, n_classes), target, link))

    inputs = len(encoder)
    while inputs > n_classes:  # the smallest network that reads them all, and a third of the cells
        trial = size(-(-inputs // k), inputs)
        if trial.cells - trial.luts <= budget // 3:
            break
        inputs = max(n_classes, min(inputs * 3 // 4, inputs * budget // (3 * trial.cells)))
    best = least = size(2 * n_classes, inputs)
    if least.cells > budget:
        raise UsageError(
            f"{device} is too small: {least.luts} LUTs for {n_classes} classes take {least.cells} of "
            f"{budget} logic cells; choose a larger device, a larger --utilization or fewer bits per "
            "feature"
        )
    # The cells grow nearly in proportion, so a few corrections hit the budget.
    luts = max(2 * n_classes, budget // 2)
    for _ in range(6):
        trial = size(luts, inputs)
        if best.luts < trial.luts and trial.cells <= budget:
            best = trial
        if 0.98 * budget <= trial.cells <= budget:
            break
        per_lut = max(0.5, (trial.cells - least.cells) / max(1, trial.luts - least.luts))
        luts = max(2 * n_classes, trial.luts + int((0.99 * budget - trial.cells) / per_lut))
    return best


def shape(luts: int, k: int, n_classes: int) -> tuple[int, int]:
    """LUTs and votes of a network of about so many LUTs for a device."""
    votes = max(n_classes, -(-luts // 5) if k <= 4 else luts // 2)
    return max(luts, votes), votes


def fill(
    train: Callable[[Size], LutNetwork],
    encoder: Encoder,
    n_classes: int,
    *,
    target: str,
    device: str,
    k: int,
    utilization: float | None = None,
    local: bool = False,
    once: bool = False,
    link: str = "shift",
) -> tuple[LutNetwork, Size]:
    """Train a network that fills a device, and its size with the logic cells that the trained network takes.

    Parameters
    ----------
    train : Callable[[Size], LutNetwork]
        Makes a network of a size. Training decides how much of the LUTs the compiler finds superfluous, so where the
        trained network misses the budget by more than `SLACK` it is trained anew, a few times, with more or fewer
        LUTs; the largest that fits is returned.
    local : bool, default=False
        As for `largest`.
    once : bool, default=False
        Not anew unless it is too large.

    Raises
    ------
    UsageError
    """
    budget = _budget(target, device, utilization, local)
    size = largest(
        encoder, n_classes, target=target, device=device, k=k, utilization=utilization, local=local, link=link
    )
    best: tuple[LutNetwork, Size] | None = None
    for _ in range(ROUNDS):
        network = train(size)
        size = replace(size, cells=chip_cells(network, target, link))
        if size.cells <= budget and (best is None or size.cells > best[1].cells):
            best = network, size
        interrupted = network.meta.get("ended") == "interrupt"
        if best is not None and (once or interrupted or budget * (1 - SLACK) <= size.cells <= budget):
            break
        if interrupted:
            raise KeyboardInterrupt
        fixed = size.cells - estimate(network, get(target))
        luts = int(size.luts * max(0.5, min(2.0, (budget * (1 - SLACK / 2) - fixed) / max(1, size.cells - fixed))))
        size = Size(*shape(luts, k, n_classes), size.inputs, 0)
    if best is None:
        raise UsageError(
            f"no network of {ROUNDS} fits into {budget} logic cells of {device}; choose a larger device "
            "or a larger --utilization"
        )
    return best


def regions_for(
    target: str, device: str, utilization: float | None, image_shape: tuple[int, ...] | None
) -> dict[str, Any]:
    """Options of the descent learner with which chips of the share route: regions, or none where any wiring does.

    Raises
    ------
    UsageError
        As for `largest`.
    """
    part = _part(target, device)
    if not part.routable or _share(part, utilization) <= part.routable:
        return {}
    return {"subspace": SUBSPACE} if image_shape is None else {"window": _near(image_shape)}


def is_local(image_shape: tuple[int, ...] | None, *, window: int = 0, subspace: float = 0.0) -> bool:
    """Whether votes that read such a region leave wires enough for a full part."""
    return 0 < subspace <= SUBSPACE or (image_shape is not None and 0 < window <= _near(image_shape))


def _near(image_shape: tuple[int, ...]) -> int:
    return max(2, round(NEAR * max(image_shape[:2])))


def _part(target: str, device: str) -> Device:
    family = get(target)
    if device not in family.devices:
        raise unknown_name(f"device of {target}", device, family.devices)
    return family.devices[device]


def _share(part: Device, utilization: float | None) -> int:
    if utilization is None:
        utilization = FILL
    if not 0 < utilization <= 1:
        raise UsageError(f"--utilization must be above 0 and at most 1, not {utilization:g}")
    return int(part.logic_cells * utilization)


def _budget(target: str, device: str, utilization: float | None, local: bool) -> int:
    """Logic cells to fill: without a share 0.85, but no more than what routes.

    Raises
    ------
    UsageError
        For an unknown device or a share that is none.
    """
    part = _part(target, device)
    share = _share(part, utilization)
    return share if local or not part.routable or utilization is not None else min(share, part.routable)
