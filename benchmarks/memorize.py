"""Speed and memory of memorization, as ratios measured in one run.

    python benchmarks/memorize.py [train] [infer] [memory] [growth] [--plot FILE] [--json]

Every figure is the best of several runs: other load on the machine only ever adds time. Figures of one thread are in
processor time, so that they hold on a busy machine too; that of two threads needs an idle one. MNIST comes from
LUT2HW_DATA; without it, random bits of the same size take its place, which changes no time by much.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

from lut2hw import bits, data
from lut2hw.errors import Lut2hwError
from lut2hw.learn.memorize import memorize
from lut2hw.model import encoder as encode
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head, Layer

ALL = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
LAYERS, K = [1024] * 5, 8


def best(work: Callable[[], Any], times: int = 7, clock: Callable[[], float] = time.process_time) -> float:
    """Seconds of the fastest of several calls, after one that compiles."""
    work()
    seconds = []
    for _ in range(times):
        began = clock()
        work()
        seconds.append(clock() - began)
    return min(seconds)


def task() -> tuple[encode.Encoder, bits.Packed, np.ndarray, str]:
    """Encoder, packed bits and classes of experiment 2: 60,000 x 784."""
    try:
        if not os.environ.get("LUT2HW_DATA"):
            raise Lut2hwError("no data")
        mnist = data.load("mnist", classes="0,1,2,3,4:5,6,7,8,9")
        encoder = encode.fixed(mnist.features, 128)
        return encoder, encoder(mnist.x_train), mnist.y_train, "MNIST"
    except Lut2hwError:
        return *random_task(60_000, 784), "random bits"


def random_task(n: int, d: int, n_classes: int = 2) -> tuple[encode.Encoder, bits.Packed, np.ndarray]:
    """Random packed bits."""
    rng = np.random.default_rng(0)
    encoder = encode.fixed(encode.Features.integers(np.zeros(d), np.ones(d)), 1)
    packed = rng.integers(0, 1 << 64, (d, bits.n_words(n)), np.uint64)
    packed &= bits.tail_mask(n)
    return encoder, packed, rng.integers(0, n_classes, n)


@numba.njit(nogil=True)
def bare_increments(patterns, counts, times):
    """The floor: what no counting in a histogram can avoid."""
    for _ in range(times):
        for i in range(len(patterns)):
            counts[patterns[i]] += np.uint32(1)


@numba.njit(nogil=True)
def index_by_index(x, wiring, tables, first, out):
    """Plain evaluation of one layer: build each index, look it up. x: uint8 (n, n_signals)."""
    n_luts, k = wiring.shape
    for i in range(len(x)):
        for lut in range(n_luts):
            p = 0
            for j in range(k):
                p |= x[i, wiring[lut, j]] << j
            out[i, first + lut] = tables[lut, p]


def train() -> dict[str, Any]:
    """Training of experiment 2 against as many bare histogram increments."""
    encoder, packed, y, source = task()
    fit = lambda: memorize(encoder, packed, y, ("a", "b"), layers=LAYERS, k=K, counts=False)  # noqa: E731
    network = fit()
    signals = bits.unpack(network.signals(packed), len(y))
    wires = network.layers[2].wiring[:32]
    columns = [signals[wires[:, j]].astype(np.uint8) << np.uint8(j) for j in range(K)]
    patterns = np.sum(columns, axis=0, dtype=np.uint8).ravel()
    counts = np.zeros(1 << K, np.uint32)
    increments = network.n_luts * len(y)
    times = max(1, increments // len(patterns) // 8)
    numba.set_num_threads(1)
    seconds, floors = [], []
    for _ in range(10):  # turn and turn about, so that both see the same machine
        seconds_here = best(lambda: bare_increments(patterns, counts, times), 1)
        floors.append(seconds_here * increments / (times * len(patterns)))
        seconds.append(best(fit, 1))
    one, floor = min(seconds), min(floors)
    wall = best(fit, clock=time.perf_counter)
    numba.set_num_threads(ALL)
    two = best(fit, clock=time.perf_counter)
    return {
        "what": f"5 x 1024 LUTs, k = 8, on {source}, {len(y):,} x {len(packed)} bits",
        "table increments": increments,
        "floor: bare increments, seconds": floor,
        "one thread, seconds": one,
        "ratio to the floor (goal: at most 1.5)": one / floor,
        "one thread, seconds by the clock": wall,
        f"{ALL} threads, seconds by the clock": two,
        "faster with two threads (goal: at least 1.8)": wall / two,
    }


def flat_votes(n_luts: int, k: int, n_bits: int, encoder: encode.Encoder) -> LutNetwork:
    """One layer of random tables with a ten-class head."""
    rng = np.random.default_rng(1)
    layer = Layer(
        rng.integers(0, n_bits, (n_luts, k)).astype(np.int32), bits.pack_tables(rng.integers(0, 2, (n_luts, 1 << k)))
    )
    return LutNetwork(
        encoder,
        (layer,),
        Head.argmax(np.arange(n_bits, n_bits + n_luts), np.arange(n_luts) % 10, 10),
        tuple("0123456789"),
    )


def infer() -> dict[str, Any]:
    """Bit-parallel inference against index-by-index evaluation, one core."""
    numba.set_num_threads(1)
    encoder, packed, y, source = task()
    out: dict[str, Any] = {"what": f"examples per second of one core, inputs of {source} packed beforehand"}
    reference = memorize(encoder, packed, y, ("a", "b"), layers=LAYERS, k=K, counts=False)
    models = {
        "5 x 1024 LUT8 (experiment 2)": reference,
        "500 LUT4, ten classes": flat_votes(500, 4, len(packed), encoder),
    }
    for name, network in models.items():
        n = len(y)
        parallel = n / best(lambda network=network, n=n: network.predict_packed(packed, n))  # type: ignore[misc]
        m = 2000
        x = np.zeros((m, network.n_signals), np.uint8)
        x[:, : len(packed)] = bits.unpack(packed[:, : bits.n_words(m)], m).T
        layers = [
            (layer.wiring, layer.table_bits, first)
            for layer, first in zip(network.layers, network.first_signal, strict=True)
        ]

        def by_index(layers: list = layers, x: np.ndarray = x) -> None:
            for wiring, tables, first in layers:
                index_by_index(x, wiring, tables, first, x)

        plain = m / best(by_index, 3)
        out[name] = {"bit-parallel": parallel, "index by index": plain, "ratio": parallel / plain}
    n = 20_000
    raw = np.random.default_rng(0).integers(0, 256, (n, len(packed)), np.uint8)
    pixels = encode.fixed(encode.Features.integers(np.zeros(len(packed)), np.full(len(packed), 255)), 128)
    out["encoding and packing of raw bytes"] = n / best(lambda: pixels(raw), 3)
    unpacked = (raw >= 128).T.copy()
    out["packing of bits"] = n / best(lambda: bits.pack(unpacked), 3)
    numba.set_num_threads(ALL)
    return out


def peak() -> int:
    """Largest resident size of this process so far, in bytes."""
    with contextlib.suppress(OSError, StopIteration):  # on Linux, ru_maxrss begins with that of the parent
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def memory_child(n: int, d: int, width: int) -> None:
    """In a process of its own: peak memory of training on n x d bits, beyond that of the program itself."""
    encoder, packed, y = random_task(4096, d)
    memorize(encoder, packed, y, ("a", "b"), layers=[width, width], k=8)
    start = peak()
    encoder, *given = random_task(n, d)
    y, size = given.pop(), given[0].nbytes
    filled = peak()
    began = time.perf_counter()
    network = memorize(encoder, given.pop(), y, ("a", "b"), layers=[width] * 3, k=8, counts=False)
    seconds = time.perf_counter() - began
    tables = 0
    for layer in network.layers:
        assert layer.care is not None
        tables += layer.tables.nbytes + layer.care.nbytes + layer.wiring.nbytes
    print(
        json.dumps(
            {"packed": size, "tables": tables, "data": filled - start, "peak": peak() - start, "seconds": seconds}
        )
    )


def memory() -> dict[str, Any]:
    """Peak memory of training on 1,000,000 x 1,024 synthetic bits."""
    n, d, width = 1_000_000, 1024, 1024
    done = subprocess.run(
        [sys.executable, __file__, "--memory-child", str(n), str(d), str(width)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    got = json.loads(done.stdout)
    ratio = (got["peak"] - got["tables"]) / got["packed"]
    return {
        "what": f"3 x {width} LUTs, k = 8, on {n:,} x {d:,} random bits",
        "packed input, MiB": got["packed"] / 2**20,
        "tables, MiB": got["tables"] / 2**20,
        "peak above the idle program, MiB": got["peak"] / 2**20,
        "ratio to the packed input, tables apart (goal: below 3)": ratio,
        "seconds": got["seconds"],
    }


def growth(plot: str | None) -> dict[str, Any]:
    """Time against examples, input bits, layers and k; each over the reference size."""
    n, d, layers, k = 40_000, 512, 3, 8
    numba.set_num_threads(1)

    def seconds(n: int = n, d: int = d, layers: int = layers, k: int = k) -> float:
        encoder, packed, y = random_task(n, d)
        return best(lambda: memorize(encoder, packed, y, ("a", "b"), layers=[256] * layers, k=k, counts=False), 4)

    settings = {
        "n": [5_000, 10_000, 20_000, 40_000, 80_000, 160_000],
        "d": [64, 128, 256, 512, 1024, 2048],
        "layers": [1, 2, 4, 8, 16],
        "k": [2, 4, 6, 8, 10, 12, 14, 16],
    }
    names = {"n": "examples", "d": "input bits", "layers": "layers", "k": "inputs of a LUT (k)"}
    times = {key: [seconds(**{key: value}) for value in values] for key, values in settings.items()}
    # Counting predicts a fixed part and one in proportion to the value; the fit weighs relative errors.
    fits = {key: np.polyfit(settings[key], times[key], 1, w=1 / np.array(times[key])) for key in ("n", "d", "layers")}
    off = {key: float(max(abs(np.polyval(fit, settings[key]) / times[key] - 1))) for key, fit in fits.items()}
    numba.set_num_threads(ALL)
    if plot:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 5.4), layout="constrained")
        for axes, (key, values) in zip(figure.subplots(2, 2).flat, settings.items(), strict=True):
            axes.plot(values, times[key], "o-", label="measured")
            if key in fits:
                axes.plot(values, np.polyval(fits[key], values), ":", label="fixed part + proportional part")
            if key != "k":
                axes.set_xscale("log", base=2)
            axes.set_xticks(values)
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.set_yscale("log", base=2)
            low, high = np.floor(np.log2(min(times[key]) * 1000)), np.ceil(np.log2(max(times[key]) * 1000))
            axes.set_yticks(2.0 ** np.arange(low, high + 1) / 1000)
            axes.yaxis.set_major_formatter(lambda seconds, _: f"{seconds * 1000:g}")
            axes.set_xlabel(names[key])
            axes.set_ylabel("milliseconds")
            axes.grid(alpha=0.3)
            axes.legend()
        figure.suptitle(f"Training {layers} x 256 LUTs, k = {k}, {n:,} x {d} bits, one value varied; one thread")
        figure.savefig(plot, dpi=110, metadata={"Software": None} if plot.endswith(".png") else None)
    return {
        "what": f"{layers} x 256 LUTs, k = {k}, {n:,} x {d} bits, one of them varied, one thread",
        **{f"largest distance from fixed + proportional to {names[key]}": value for key, value in off.items()},
        **{
            f"seconds by {names[key]}": dict(zip(values, times[key], strict=True)) for key, values in settings.items()
        },
    }


def show(value: Any) -> str:
    """A number with three digits that count."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {show(each)}" for key, each in value.items())
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "parts",
        nargs="*",
        choices=["train", "infer", "memory", "growth", []],
        metavar="PART",
        help="train, infer, memory, growth; all if none is named",
    )
    parser.add_argument("--plot", help="write the plot of `growth` to this file")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--memory-child", nargs=3, type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_child:
        memory_child(*arguments.memory_child)
        return
    results = {}
    for part in arguments.parts or ["train", "infer", "memory", "growth"]:
        results[part] = (
            growth(arguments.plot) if part == "growth" else {"train": train, "infer": infer, "memory": memory}[part]()
        )
        if not arguments.json:
            print(part + ": " + results[part].pop("what"))
            for key, value in results[part].items():
                print(f"  {key}: {show(value)}")
    if arguments.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
