"""Where depth pays: accuracy of the descent learner on MNIST against area, for one, two and three levels.

    python benchmarks/descent_depth.py --json depth.json            # train, add a line per model to depth.json
    python benchmarks/descent_depth.py --plot docs/img/depth.png --json depth.json

LUT4 models are measured in iCE40 logic cells of the core (tables, popcount and argmax), LUT6 models in 6-input LUTs
of the generic target. 1-bit pixels, training set as it is, every grown LUT with one reader; with --copies N, N warped
copies of each image and grown LUTs shared, in three sweeps instead of four.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

from lut2hw import data, targets
from lut2hw.compile.area import estimate
from lut2hw.learn.descent import train_descent
from lut2hw.model import encoder as encode

# k: levels: (LUTs, votes) of each model
SIZES = {
    4: {
        1: [(120, 120), (240, 240), (480, 480)],
        2: [(150, 50), (300, 100), (660, 220)],
        3: [(200, 40), (400, 80), (800, 160)],
    },
    6: {
        1: [(80, 80), (160, 160), (320, 320)],
        2: [(100, 50), (200, 100), (400, 200)],
        3: [(120, 40), (240, 80), (480, 160)],
    },
}


def measure(out: Path, copies: int, stop_after: float) -> None:
    start = time.monotonic()
    mnist = data.load("mnist")
    coder = encode.fixed(mnist.features, 128)
    done = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    options = {"sweeps": 3, "augment": f"warp{copies}"} if copies else {"sweeps": 4, "share": False}
    for k, by_levels in SIZES.items():
        for size in range(3):
            for levels, sizes in by_levels.items():
                luts, votes = sizes[size]
                if any((row["k"], row["levels"], row["luts"]) == (k, levels, luts) for row in done):
                    continue
                if time.monotonic() - start > stop_after:
                    return
                began = time.process_time()
                network = train_descent(mnist, coder, luts=luts, k=k, votes=votes, levels=levels, **options)
                seconds = time.process_time() - began
                row = {
                    "k": k,
                    "levels": levels,
                    "luts": luts,
                    "votes": votes,
                    "area": estimate(network, targets.get("ice40" if k == 4 else "generic")),
                    "train": float((network.predict(mnist.x_train) == mnist.y_train).mean()),
                    "test": float((network.predict(mnist.x_test) == mnist.y_test).mean()),
                    "cpu": round(seconds, 1),
                }
                with out.open("a") as file:
                    print(json.dumps(row), file=file)
                print(row, flush=True)


def plot(rows: list[dict], out: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    for axes, k, area in zip(
        figure.subplots(1, 2, sharey=True), SIZES, ("iCE40 logic cells of the core", "LUT6s of the core"), strict=True
    ):
        for levels, colour in ((1, "tab:gray"), (2, "tab:blue"), (3, "tab:red")):
            line = sorted(
                (row for row in rows if row["k"] == k and row["levels"] == levels), key=lambda row: row["area"]
            )
            x = [row["area"] for row in line]
            axes.plot(
                x,
                [100 * row["test"] for row in line],
                "o-",
                color=colour,
                label=f"{levels} level{'s' if levels > 1 else ''}, test",
            )
            axes.plot(x, [100 * row["train"] for row in line], ":", color=colour, label="train")
        axes.set(xscale="log", xlabel=area, title=f"LUT{k}")
        axes.minorticks_off()
        ticks = [200, 250, 300, 400, 500, 700, 1000, 1400]
        low, high = axes.get_xlim()
        axes.set_xticks([tick for tick in ticks if low <= tick <= high])
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("accuracy, %")
    figure.axes[0].legend(fontsize=8)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--copies", type=int, default=0, help="warped copies of each image")
    parser.add_argument(
        "--stop-after",
        type=float,
        default=math.inf,
        metavar="SECONDS",
        help="start no further training after that; go on later",
    )
    arguments = parser.parse_args()
    if arguments.plot:
        plot([json.loads(line) for line in arguments.json.read_text().splitlines()], arguments.plot)
    else:
        measure(arguments.json, arguments.copies, arguments.stop_after)


if __name__ == "__main__":
    main()
