"""What examples cost: memory by packed bits, time of descent by examples, memorize out of core by reading the data.

Made-up data of 28 real features and two classes, as HIGGS has, from a seeded generator, in Parquet files of 100,000
rows. Each measurement is a process of its own. Memory is what no file stands for (RssAnon), beyond that of 100,000
examples; what is mapped from the scratch folder can leave memory at any time.

    python benchmarks/scale.py --examples 100000 300000 1000000
    python benchmarks/scale.py --csv 200000
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEATURES, PART, BITS, BASE = 28, 100_000, 8, 100_000


def part(number: int, rows: int) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Rows of one file: half of the features are of no use, the others take part in products and sums."""
    rng = np.random.default_rng((21, number))
    x = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    x[:, 7:14] = np.exp(x[:, 7:14] / 2)
    score = x[:, 0] * x[:, 1] + x[:, 2] * x[:, 8] - np.abs(x[:, 3]) + x[:, 9] + rng.normal(size=rows)
    return x, (score > 0).astype(np.int8)


def write(folder: Path, examples: int) -> None:
    """The data as a folder of Parquet files."""
    import pandas as pd

    folder.mkdir()
    for number, first in enumerate(range(0, examples, PART)):
        x, y = part(number, min(PART, examples - first))
        frame = pd.DataFrame(x, columns=[f"f{i:02}" for i in range(FEATURES)]).assign(label=y)
        frame.to_parquet(folder / f"part-{number:05}.parquet", index=False)


def anonymous() -> int:
    """Bytes of memory of this process that no file stands for."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) << 10
    return 0


class Peak:
    """The most memory while it is entered."""

    def __enter__(self) -> Peak:
        self.most, self.watching = anonymous(), True
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while self.watching:
            self.most = max(self.most, anonymous())
            time.sleep(0.002)

    def __exit__(self, *_: object) -> None:
        self.watching = False
        self._thread.join()


def packed(folder: Path, scratch: Path) -> Any:
    """The data set and its examples as learners read them."""
    from lut2hw import data
    from lut2hw.data.packed import PackedExamples
    from lut2hw.training.choose import quantile_encoder

    dataset = data.load(folder, scratch=scratch)
    encoder = quantile_encoder(dataset, BITS)
    return dataset, PackedExamples.encode(encoder, dataset.x_train, dataset.y_train)


def memory(folder: Path, scratch: Path) -> dict[str, float]:
    """Bytes held by packed examples, and at most while they are made."""
    with Peak() as peak:
        dataset, examples = packed(folder, scratch)
        n, n_bits = examples.n, len(examples.code)
        del dataset
    return {"n": n, "bits": n_bits, "held": anonymous(), "peak": peak.most}


def descent(folder: Path, scratch: Path, *, luts: int, sweeps: int) -> dict[str, float]:
    """Seconds of descent, compiled before, and bytes at most."""
    from lut2hw import data
    from lut2hw.learn.descent.train import train_descent
    from lut2hw.training.choose import quantile_encoder

    dataset = data.load(folder, scratch=scratch)
    encoder = quantile_encoder(dataset, BITS)
    options: dict[str, Any] = {"k": 6, "sweeps": sweeps, "restarts": 0, "tau": 2.0, "threads": 2}
    train_descent(dataset.training(np.arange(5000)), encoder, luts=20, **options)
    with Peak() as peak:
        began = time.perf_counter()
        train_descent(dataset, encoder, luts=luts, **options)
        seconds = time.perf_counter() - began
    return {"n": len(dataset.y_train), "seconds": seconds, "peak": peak.most}


def memorize(folder: Path, scratch: Path, *, layers: int) -> dict[str, float]:
    """Seconds of memorize with signals in files, and of reading the data once for each layer."""
    import pyarrow.parquet

    from lut2hw import data
    from lut2hw.learn.memorize import learn
    from lut2hw.training.choose import quantile_encoder

    def read() -> None:
        for _ in range(layers + 1):  # two classes end in one more LUT
            for file in sorted(folder.iterdir()):
                for batch in pyarrow.parquet.ParquetFile(file).iter_batches(1 << 16):
                    assert batch.num_rows

    dataset = data.load(folder, scratch=scratch)
    encoder = quantile_encoder(dataset, BITS)
    learn(dataset.training(np.arange(5000)), encoder, layers=(8,), k=6)
    return {
        "n": len(dataset.y_train),
        "seconds": timed(lambda: learn(dataset, encoder, layers=(256,) * layers, k=6)),
        "reading": timed(read),
    }


def csv(folder: Path, scratch: Path, *, repeats: int) -> dict[str, float]:
    """CPU seconds of reading a CSV file as examples, and of pandas, turn by turn; the least of each."""
    import pandas as pd

    from lut2hw import data

    file = folder / "table.csv"
    pd.read_parquet(folder).to_csv(file, index=False)
    small = scratch / "small.csv"
    pd.read_csv(file, nrows=100).to_csv(small, index=False)
    data.load(small)  # imports
    found = []
    for _ in range(repeats):
        here = []
        for call in (lambda: pd.read_csv(file), lambda: data.load(file)):
            began = time.process_time(), time.perf_counter()
            call()
            here += [time.process_time() - began[0], time.perf_counter() - began[1]]
        found.append(here)
    names = ("pandas", "pandas_clock", "seconds", "clock")
    return dict(zip(names, np.min(found, axis=0).tolist(), strict=True))


def timed(call: Callable[[], object]) -> float:
    """Seconds of a call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def measured(kind: str, folder: Path, scratch: Path, **options: int) -> dict[str, float]:
    """A measurement in a process of its own."""
    words = [sys.executable, __file__, "--one", kind, str(folder), str(scratch), json.dumps(options)]
    # What is freed is given back at once, so that what is left is what is held.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(1 << 18)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, nargs="+", default=[100_000, 300_000, 1_000_000])
    parser.add_argument("--luts", type=int, default=500, help="LUT6s of descent")
    parser.add_argument("--sweeps", type=int, default=1)
    parser.add_argument("--layers", type=int, default=3, help="layers of 256 LUT6s of memorize")
    parser.add_argument("--scratch", type=Path, help="where data and scratch files go")
    parser.add_argument("--csv", type=int, help="rows of a CSV file whose reading is measured, and nothing else")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        kind, folder, scratch, options = arguments.one
        kinds: dict[str, Callable[..., dict[str, float]]] = {
            "csv": csv,
            "memory": memory,
            "descent": descent,
            "memorize": memorize,
        }
        print(json.dumps(kinds[kind](Path(folder), Path(scratch), **json.loads(options))))
        return
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as name:
        root = Path(name)
        if arguments.csv:
            write(root / "data", arguments.csv)
            here = measured("csv", root / "data", root, repeats=5)
            print(
                f"{arguments.csv:,} rows: {here['seconds']:.2f} s of CPU, pandas {here['pandas']:.2f} s: "
                f"{here['seconds'] / here['pandas']:.2f} x; by the clock {here['clock'] / here['pandas_clock']:.2f} x"
            )
            return
        folders = {n: root / f"data{n}" for n in sorted({BASE, *arguments.examples})}
        for n, folder in folders.items():
            write(folder, n)
        measured("memory", folders[BASE], root)  # compiles, if that is still to be done
        base = measured("memory", folders[BASE], root)
        print("| training examples | held, of packed bits | while made | descent | a visit and example | memorize |")
        print("| --- | --- | --- | --- | --- | --- |")
        for n in sorted(arguments.examples):
            here = measured("memory", folders[n], root)
            size = (here["n"] - base["n"]) * here["bits"] / 8
            ratios = [
                f"{(here[name] - base[name]) / size:.2f} x" if size else "the base" for name in ("held", "peak")
            ]
            learned = measured("descent", folders[n], root, luts=arguments.luts, sweeps=arguments.sweeps)
            out = measured("memorize", folders[n], root, layers=arguments.layers)
            visit = learned["seconds"] / (arguments.luts * arguments.sweeps * learned["n"])
            print(
                f"| {here['n']:,.0f} | {ratios[0]} | {ratios[1]} | {learned['seconds']:.1f} s, "
                f"{(learned['peak'] - base['held']) / learned['n']:.0f} bytes an example | {visit * 1e9:.1f} ns | "
                f"{out['seconds']:.1f} s, {out['seconds'] / out['reading']:.2f} x reading |"
            )


if __name__ == "__main__":
    main()
