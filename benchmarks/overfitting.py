"""How much networks memorized, by `lut2hw.studies.inspection`: real labels against shuffled ones, without a test set.

python benchmarks/overfitting.py digits      # memorize, three layers of 256 LUTs, by k, and descent
python benchmarks/overfitting.py mnist       # memorize, five layers of 256 LUT8s or LUT12s, and descent
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import numpy as np

from lut2hw import data
from lut2hw.learn import registry as learn
from lut2hw.model import encoder as encode
from lut2hw.studies.inspection import inspect

LINES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "digits": [("memorize", {"layers": [256] * 3, "k": k}) for k in (4, 6, 8, 10, 12)]
    + [("descent", {"luts": 500, "k": k, "levels": 1}) for k in (4, 6, 8)]
    + [("descent", {"luts": 500, "k": 4, "votes": 120, "levels": 3})],
    "mnist": [
        ("memorize", {"layers": [256] * 5, "k": 8}),
        ("memorize", {"layers": [256] * 5, "k": 12}),
        ("descent", {"luts": 500, "k": 4, "levels": 1, "sweeps": 1}),
        ("descent", {"luts": 500, "k": 8, "levels": 1, "sweeps": 1}),
        ("descent", {"luts": 500, "k": 4, "votes": 120, "levels": 3, "sweeps": 1}),
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=LINES)
    parser.add_argument("--shuffle", type=int, default=0, help="seed of the shuffled labels")
    parser.add_argument("--line", type=int, help="only this network, from 0")
    arguments = parser.parse_args()
    real = data.load(arguments.data)
    labels = np.random.default_rng(arguments.shuffle).permutation(real.y_train)
    encoder = (
        encode.fixed(real.features, 128)
        if arguments.data == "mnist"
        else encode.thermometer(real.features, real.x_train, 3)
    )
    print("| network | labels | train | many / few / none | decided by few | memorization | by chance | test |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    chosen = slice(None) if arguments.line is None else slice(arguments.line, arguments.line + 1)
    for name, options in LINES[arguments.data][chosen]:
        train = learn.learner(name)
        for kind, dataset in (("real", real), ("shuffled", replace(real, y_train=labels))):
            network = train(dataset, encoder, seed=0, progress=lambda what, done, total: None, **options)
            found = inspect(network, dataset.x_train, dataset.y_train)
            share = np.average(
                [[layer.many, layer.few, layer.none] for layer in found.layers],
                axis=0,
                weights=[layer.luts << layer.k for layer in found.layers],
            )
            test = (network.predict_integers(real.x_test) == real.y_test).mean()  # shown, not used
            grown = ", grown" if options.get("levels", 1) > 1 else ""
            print(
                f"| {name}, k = {options['k']}{grown} | {kind} | {found.train_accuracy:.3f} | "
                f"{' / '.join(f'{each:.2f}' for each in share)} | {found.decided_by_rare:.3f} | "
                f"{found.memorization:.2f} | {found.by_chance:.2f} | {test:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
