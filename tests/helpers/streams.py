"""Random front ends and sequences, and a front end's component under Amaranth's simulator."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator
from numpy.typing import NDArray

from helpers.networks import random_network
from lut2hw import bits
from lut2hw.frontends.base import FrontEnd
from lut2hw.frontends.registry import fit
from lut2hw.frontends.sequences import Sequences
from lut2hw.logic.port import InputPort
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Layer


def random_sequences(seed: int, channels: int, *, longest: int = 24, n: int = 3) -> Sequences:
    """Sequences of one sample, of two, and of random lengths, with values beyond the ranges of `random_samples`."""
    rng = np.random.default_rng(seed)
    return Sequences.of(
        [rng.integers(-90, 90, (length, channels)) for length in [1, 2, *rng.integers(1, longest, n)]]
    )


def random_samples(seed: int, channels: int | None = None) -> Features:
    """Channels with ranges that are signed or not."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 3)) if channels is None else channels
    low = rng.integers(-60, 3, n)
    return Features.integers(low, low + rng.integers(1, 90, n), tuple("abcd"[:n]))


def options_of(kind: str, seed: int) -> str:
    """A small front end of that kind."""
    rng = np.random.default_rng(seed)
    if kind == "window":
        return f"window,length={rng.integers(1, 12)},step={rng.integers(1, 3)}"
    if kind == "filterbank":
        bands = f"bands={rng.integers(1, 4)},segments={rng.integers(1, 5)},pairs={rng.choice([0, 30])}"
        return f"filterbank,{bands},frames={rng.choice([2, 4, 8])},frame={rng.integers(1, 4)}"
    if kind == "edges":
        width, cell = int(rng.integers(2, 6)), int(rng.integers(1, 3))
        return f"edges,width={width},height={rng.integers(2, 8)},cell={cell},strengths=9/30"
    if kind == "patches":
        width, cell = int(rng.integers(1, 6)), 1 if seed % 3 else 2
        options = (
            f"patches,width={max(width, cell)},height={rng.integers(2, 8)},cell={cell},size={rng.integers(1, 4)}"
        )
        return f"{options},tables={rng.integers(1, 9)},inputs={rng.integers(1, 6)},levels={rng.integers(1, 4)}"
    options = f"{kind},segments={rng.integers(1, 4)},length={rng.integers(1, 14)}"
    if kind == "kernels":
        options += f",dilations=1/2/5,kernels={rng.integers(1, 20)},gain={rng.choice([0, 3, 4])}"
    return options


def random_front_end(kind: str, seed: int) -> tuple[FrontEnd, Sequences]:
    """A front end, and sequences that it was not fitted to alone."""
    samples = random_samples(seed, (1, 3)[seed % 2] if kind == "edges" else None)
    sequences = random_sequences(seed, len(samples), longest=60 if kind in ("edges", "patches") else 24)
    clipped = sequences.mapped(samples.clip(sequences.values))
    return fit(options_of(kind, seed), clipped, samples, seed), sequences


def random_bits(
    front_end: FrontEnd, features: NDArray[np.int64], seed: int, most: int = 30
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Features and thresholds that a network might compare, most of them with a value that occurs."""
    rng = np.random.default_rng(seed)
    low, high = front_end.ranges()
    there = np.flatnonzero(high > low)
    feature = rng.choice(there, min(len(there), int(rng.integers(1, most)))) if len(there) else there
    threshold = np.where(
        rng.random(len(feature)) < 0.8,
        features[rng.integers(0, len(features), len(feature)), feature],
        rng.integers(low[feature] + 1, high[feature] + 1),
    )
    return feature, np.clip(threshold, low[feature] + 1, high[feature])


def network_over(front_end: FrontEnd, head: str, seed: int, x: NDArray[np.int64]) -> LutNetwork:
    """A random network of one layer that reads random bits of a front end, as `random_network` but for that."""
    rng = np.random.default_rng(seed)
    model = random_network(seed, head=head)
    feature, threshold = random_bits(front_end, x, seed, 12)
    n, k, luts = len(feature), int(rng.integers(1, 4)), int(rng.integers(1, 8))
    wiring = rng.integers(0, max(1, n), (luts, k if n else 0)).astype(np.int32)
    tables = bits.pack_tables(rng.random((luts, 1 << wiring.shape[1])) < 0.5)
    encoder = Encoder(front_end.features(), feature.astype(np.int32), threshold.astype(np.int64))
    signal = rng.integers(0, n + luts, len(model.head.signal)).astype(np.int32)
    return replace(model, encoder=encoder, layers=(Layer(wiring, tables),), head=replace(model.head, signal=signal))


def words_of(port: InputPort, samples: Features, sequences: Sequences, *, first: bool = True) -> list[int]:
    """Words of the port, sample by sample, the ones that begin a sequence marked unless `first` is False."""
    out = []
    for sequence in sequences:
        for at, sample in enumerate(samples.clip(sequence).tolist()):
            values = [*sample, int(first and at == 0), int(at == len(sequence) - 1)]
            word = 0
            for field, value in zip(port.fields, values, strict=True):
                word |= (value & (1 << field.width) - 1) << field.offset
            out.append(word)
    return out


def simulate(
    core: Any,
    words: list[int],
    answers: int,
    *,
    seed: int = 0,
    stall: float = 0.3,
    reset_at: int | None = None,
    after_reset: int = 1,
) -> tuple[list[int], int]:
    """What a core with streams `i` and `o` answers, and clocks between two samples of a sequence at most.

    Parameters
    ----------
    reset_at : int, optional
        Reset for a clock after so many words, once all answers but `after_reset` are there, and go on with the next
        word.
    """
    rng = random.Random(seed)
    got: list[int] = []
    last_bit = len(core.i.payload) - 1
    m = Module()
    m.submodules.core = core
    m.domains.sync = domain = ClockDomain("sync")
    most = 1

    async def bench(ctx: Any) -> None:
        nonlocal most, reset_at
        at = idle = clock = 0
        taken: int | None = None
        offered = False
        while len(got) < answers and idle < 20_000:
            wait = reset_at is not None and at == reset_at
            reset = wait and len(got) == answers - after_reset
            if reset:
                reset_at = None
            offered = not wait and (offered or (at < len(words) and rng.random() >= stall))
            ready = not reset and rng.random() >= stall
            ctx.set(domain.clk, 0)
            ctx.set(domain.rst, int(reset))
            ctx.set(core.i.valid, int(offered))
            ctx.set(core.i.payload, words[at] if offered else rng.getrandbits(last_bit + 1))
            ctx.set(core.o.ready, int(ready))
            await ctx.delay(1e-9)
            into, out, payload = ctx.get(core.i.ready), ctx.get(core.o.valid), ctx.get(core.o.payload)
            ctx.set(domain.clk, 1)
            await ctx.delay(1e-9)
            clock, idle = clock + 1, idle + 1
            if offered and into:
                if taken is not None:
                    most = max(most, clock - taken)
                taken = None if words[at] >> last_bit else clock
                at, idle, offered = at + 1, 0, False
            if ready and out and not reset:
                got.append(int(payload))
                idle = 0

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    return got, most


def tones(n: int = 60, seed: int = 0) -> tuple[list[NDArray[np.int16]], NDArray[np.int64]]:
    """Two classes of different pitch, lengths of 20 to 39."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(n):
        t = np.arange(int(rng.integers(20, 40)))
        out.append((50 * np.sin(t * (0.4, 1.3)[i % 2] + rng.random()) + rng.normal(0, 5, len(t))).astype(np.int16))
    return out, np.arange(n) % 2


def ragged(path: Path, **more: Any) -> Path:
    """`tones` in a .npz file, end to end."""
    x, y = tones()
    np.savez(path, samples=np.concatenate(x), length=[len(each) for each in x], label=y, **more)
    return path
