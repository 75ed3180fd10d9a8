"""The network for a device: sizes for the descent learner, from the compiler's own area."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.choices import Task
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
FEWEST = 10  # LUTs that are tried
SURE = 0.8  # of the budget: a stand-in below that leaves no doubt that the trained network fits
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

    @property
    def flat(self) -> bool:
        """Whether all LUTs are votes."""
        return self.votes == self.luts

    @property
    def name(self) -> str:
        """As it is shown."""
        return f"{self.luts} {'flat' if self.flat else 'deep'}"


def default_k(target: str) -> int:
    """Inputs of a LUT that the family has in hardware."""
    return get(target).lut_inputs


def stand_in(
    encoder: Encoder, luts: int, votes: int, inputs: int, k: int, outputs: int, task: Task = Task.CLASSIFICATION
) -> LutNetwork:
    """A network of that size with random wiring and tables: every LUT read, `inputs` bits read, and the head that
    the task has: `outputs` are its classes, targets or labels.
    """
    rng = np.random.default_rng(0)
    at = np.sort(rng.permutation(len(encoder))[:inputs])
    small = Encoder(encoder.features, encoder.feature[at], encoder.threshold[at])
    hidden = luts - votes
    tables = bits.pack_tables(rng.integers(0, 2, (luts, 1 << k)))
    ends = np.resize(rng.permutation(inputs), hidden * k + votes * k).astype(np.int32)
    top = ends[hidden * k :].reshape(votes, k)
    top.ravel()[:hidden] = inputs + np.arange(hidden)
    layers = [Layer(ends[: hidden * k].reshape(hidden, k), tables[:hidden])] if hidden else []
    signals = inputs + hidden + np.arange(votes)
    head, names = _head(task, signals, outputs), tuple(str(c) for c in range(outputs))
    return LutNetwork(
        small,
        (*layers, Layer(top, tables[hidden:])),
        head,
        names if head.classifies else (),
        target_names=() if head.classifies else names,
    )


def _head(task: Task, signals: NDArray[np.integer], outputs: int) -> Head:
    of, ones = np.arange(len(signals)) % outputs, np.ones(len(signals), np.int64)
    if task is Task.REGRESSION:
        return Head.number(signals, of, ones, np.zeros(outputs, np.int64), np.zeros(outputs, np.int64))
    if task is Task.MULTILABEL:
        votes = np.bincount(of, minlength=outputs)
        return Head.labels(signals, of, ones, -(votes // 2))
    return Head.threshold(signals, len(signals) // 2) if outputs == 2 else Head.argmax(signals, of, outputs)


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


@dataclass(frozen=True)
class Room:
    """What a network is to fit into, and what it answers.

    outputs: classes (at least two), targets or labels. utilization: share of the device's logic cells; None: `FILL`,
    or what routes. local: as `is_local`.
    """

    encoder: Encoder
    outputs: int
    target: str
    device: str
    k: int
    utilization: float | None = None
    local: bool = False
    link: str = "shift"
    task: Task = Task.CLASSIFICATION

    @property
    def budget(self) -> int:
        """Logic cells to fill.

        Raises
        ------
        UsageError
            For an unknown device or a share that is none.
        """
        return _budget(self.target, self.device, self.utilization, self.local)

    def size(self, luts: int, inputs: int, flat: bool = False) -> Size:
        """The size of about so many LUTs that read so many encoder bits, with the cells of a stand-in."""
        luts, votes = shape(luts, self.k, self.outputs, flat)
        some = min(inputs, luts * self.k)
        network = stand_in(self.encoder, luts, votes, some, self.k, self.outputs, self.task)
        return Size(luts, votes, some, chip_cells(network, self.target, self.link))

    def largest(self, flat: bool = False) -> Size:
        """The largest network of which the whole chip fits.

        A fifth of the LUTs are votes (half for k > 4, all if `flat`) and the others are grown; encoder and input
        register take up to a third of the cells that the link leaves, which bounds the encoder bits that may be read.

        Raises
        ------
        UsageError
            If the smallest does not fit.
        """
        budget, k, outputs = self.budget, self.k, self.outputs
        link = LINK_CELLS.get(self.link, CHIP_CELLS) - CHIP_CELLS
        inputs = len(self.encoder)
        while inputs > outputs:  # the smallest network that reads them all, and a third of the cells
            trial = self.size(-(-inputs // k), inputs, flat)
            if trial.cells - trial.luts - link <= (budget - link) // 3:
                break
            share = inputs * (budget - link) // (3 * (trial.cells - link))
            inputs = max(outputs, min(inputs * 3 // 4, share))
        best = least = self.size(2 * outputs, inputs, flat)
        if least.cells > budget:
            what = "classes" if self.task in (Task.CLASSIFICATION, Task.ANOMALY) else "outputs"
            raise UsageError(
                f"{self.device} is too small: {least.luts} LUTs for {outputs} {what} take {least.cells} of "
                f"{budget} logic cells; choose a larger device, a larger --utilization or fewer bits per "
                "feature"
            )
        # The cells grow nearly in proportion, so a few corrections hit the budget.
        luts = max(2 * outputs, budget // 2)
        for _ in range(6):
            trial = self.size(luts, inputs, flat)
            if best.luts < trial.luts and trial.cells <= budget:
                best = trial
            if 0.98 * budget <= trial.cells <= budget:
                break
            per_lut = max(0.5, (trial.cells - least.cells) / max(1, trial.luts - least.luts))
            luts = max(2 * outputs, trial.luts + int((0.99 * budget - trial.cells) / per_lut))
        return best

    def smaller(self, luts: int, flat: bool) -> Size:
        """So many LUTs that read as many encoder bits as leaves the chip within the budget."""
        inputs = len(self.encoder)
        while True:
            trial = self.size(luts, inputs, flat)
            if trial.cells <= self.budget or trial.inputs <= self.outputs:
                return trial
            inputs = max(self.outputs, trial.inputs * 3 // 4)

    def ladder(self, flat: bool, least: int = 0) -> list[Size]:
        """Sizes from few LUTs, at least `least`, to the largest, each about twice the one before."""
        top = self.largest(flat)
        out = [top]
        while out[0].luts // 2 >= max(FEWEST, 2 * self.outputs, least):
            out.insert(0, self.smaller(out[0].luts // 2, flat))
        return out


def largest(encoder: Encoder, n_classes: int, *, target: str, device: str, k: int, **options: Any) -> Size:
    """`Room.largest`, with further fields of `Room` by name."""
    return Room(encoder, n_classes, target, device, k, **options).largest()


def shape(luts: int, k: int, n_classes: int, flat: bool = False) -> tuple[int, int]:
    """LUTs and votes of a network of about so many LUTs for a device."""
    votes = max(n_classes, luts if flat else -(-luts // 5) if k <= 4 else luts // 2)
    return max(luts, votes), votes


def learns_by_heart(size: Size, k: int, labels: NDArray[Any], task: Task) -> bool:
    """Whether tables of that size hold half as many bits as the labels: then a smaller network may answer better, and
    validation has to say which.
    """
    if task is Task.REGRESSION:
        bits_of = 8.0 * labels.size
    elif task is Task.MULTILABEL:
        bits_of = float(labels.size)
    else:
        bits_of = len(labels) * float(np.log2(max(2, len(np.unique(labels)))))
    return 2.0 * (size.luts << k) >= bits_of


def fill(
    train: Callable[[Size], LutNetwork], room: Room, size: Size | None = None, *, once: bool = False
) -> tuple[LutNetwork, Size]:
    """Train a network for a device, and its size with the logic cells that the trained network takes.

    Parameters
    ----------
    train : Callable[[Size], LutNetwork]
        Makes a network of a size. Training decides how much of the LUTs the compiler finds superfluous, so where the
        trained network misses the budget by more than `SLACK` it is trained anew, a few times, with more or fewer
        LUTs; the largest that fits is returned.
    room : Room
        What it is to fit into.
    size : Size, optional
        To begin with. None: the largest.
    once : bool, default=False
        Not anew unless it is too large.

    Raises
    ------
    UsageError
    """
    budget, target = room.budget, room.target
    size = size or room.largest()
    flat = size.flat
    best: tuple[LutNetwork, Size] | None = None
    for _ in range(ROUNDS):
        network = train(size)
        size = replace(size, cells=chip_cells(network, target, room.link))
        if size.cells <= budget and (best is None or size.cells > best[1].cells):
            best = network, size
        interrupted = network.meta.get("ended") == "interrupt"
        if best is not None and (once or interrupted or budget * (1 - SLACK) <= size.cells <= budget):
            break
        if interrupted:
            raise KeyboardInterrupt
        fixed = size.cells - estimate(network, get(target))
        luts = int(size.luts * max(0.5, min(2.0, (budget * (1 - SLACK / 2) - fixed) / max(1, size.cells - fixed))))
        size = Size(*shape(luts, room.k, room.outputs, flat), size.inputs, 0)
    if best is None:
        raise UsageError(
            f"no network of {ROUNDS} fits into {budget} logic cells of {room.device}; choose a larger device "
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
