"""lut2hw's front ends beside 84 kernels and ridge regression in floats, on the same splits.

    LUT2HW_DATA=FOLDER python benchmarks/streams.py random speakers
    python benchmarks/streams.py FOLDER/GunPoint FOLDER/ArrowHead --front-end auto

Each line is one learner on one split; the test split decides nothing. `spoken_digits.npz` (Free Spoken Digit Dataset,
8 kHz) is cut in two ways:

    random      a tenth of the recordings tests, three draws
    speakers    one of five speakers tests, each in turn

NAME:TRAIN:TEST, as in mnist:3000:2000, are the first so many pictures of a named data set, a pixel at a time.
Anything else is a folder NAME with NAME_TRAIN.ts and NAME_TEST.ts of the UCR and UEA archives; the wheel of `aeon`
has a dozen below aeon/datasets/data.

The float reference has all 84 kernels of each channel at up to six dilations, two biases each, taps around a sample,
shares of samples above a bias over the whole sequence and its two halves, of samples scaled by the sequence's peak,
and ridge regression with its weight chosen by leave-one-out. lut2hw reads samples as they come: it knows neither peak
nor length beforehand.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lut2hw.data.sequences import SequenceDataset, load_sequences
from lut2hw.data.splits import test_rows
from lut2hw.frontends.kernels import KERNELS, TAPS
from lut2hw.frontends.sequences import Sequences
from lut2hw.model.features import Features
from lut2hw.training.options import TrainOptions
from lut2hw.training.streams import train_stream

DILATIONS = (1, 2, 4, 8, 16, 32)
BIASES = (1 / 3, 2 / 3)


def load() -> tuple[Sequences, NDArray[np.int64], NDArray[np.int64]]:
    """Recordings, digits and speakers."""
    with np.load(Path(os.environ["LUT2HW_DATA"]) / "spoken_digits.npz", allow_pickle=False) as file:
        values, length = file["samples"].astype(np.int64)[:, None], file["length"].astype(np.int64)
        return Sequences(values, length), file["label"].astype(np.int64), file["speaker"].astype(np.int64)


def reference(x: Sequences, train: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float32]:
    """Float features of all sequences; biases are quantiles of outputs on training sequences."""
    scaled = [each / np.maximum(1e-9, np.abs(each).max(axis=0)) for each in x]
    dilations = [d for d in DILATIONS if d == 1 or (TAPS - 1) * d < np.median(x.length)]

    def outputs(values: NDArray[np.float64], dilation: int) -> Iterator[NDArray[np.float64]]:
        reach = dilation * (TAPS // 2)
        padded = np.pad(values, reach)
        taps = np.stack([padded[j * dilation : j * dilation + len(values)] for j in range(TAPS)])
        whole = taps.sum(axis=0)
        for kernel in KERNELS:
            yield 3 * taps[list(kernel)].sum(axis=0) - whole

    out = np.zeros((len(x), x.channels, len(dilations), len(KERNELS), len(BIASES), 3), np.float32)
    looked = rng.choice(train, min(200, len(train)), replace=False)
    for c in range(x.channels):
        for d, dilation in enumerate(dilations):
            seen = [
                np.concatenate([rng.choice(output, 50) for output in each])
                for each in zip(*(outputs(scaled[row][:, c], dilation) for row in looked), strict=True)
            ]
            biases = np.array([np.quantile(each, BIASES) for each in seen])
            for row, values in enumerate(scaled):
                half = len(values) // 2
                for k, output in enumerate(outputs(values[:, c], dilation)):
                    above = output[:, None] > biases[k]
                    parts = (above, above[: max(1, half)], above[half:])
                    out[row, c, d, k] = np.stack([part.mean(axis=0) for part in parts], 1)
    return out.reshape(len(x), -1)


def splits(what: str, draws: int) -> Iterator[tuple[str, SequenceDataset]]:
    """Names and splits of what was named."""
    folder = Path(what)
    if folder.is_dir():
        yield folder.name, load_sequences(folder / f"{folder.name}_TRAIN.ts")
        return
    if ":" in what:
        name, n, m = what.split(":")
        data = load_sequences(name)
        first, last = np.arange(int(n)), np.arange(int(m))
        yield (
            what,
            replace(
                data,
                train=data.train.take(first),
                y_train=data.y_train[first],
                test=data.test.take(last),
                y_test=data.y_test[last],
            ),
        )
        return
    x, y, speaker = load()
    samples = Features.integers([-(1 << 15)], [(1 << 15) - 1], ("x",))
    speakers = np.unique(speaker)
    masks = [speaker == each for each in speakers] if what == "speakers" else [_tenth(y, n) for n in range(draws)]
    for number, test in enumerate(masks):
        data = SequenceDataset(what, samples, tuple("0123456789"), x.take(~test), y[~test], x.take(test), y[test])
        yield f"{what} {number}", data


def main() -> None:
    """Run what was named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["random"], help="random, speakers, or folders of .ts files")
    parser.add_argument("--front-end", default="filterbank")
    parser.add_argument("--luts", type=int, default=500)
    parser.add_argument("--bits-per-feature", type=int, default=2)
    parser.add_argument("--augment", default="none")
    parser.add_argument("--draws", type=int, default=3, help="Of random splits.")
    parser.add_argument("--no-reference", action="store_true")
    args = parser.parse_args()
    for what in args.what:
        for number, (name, data) in enumerate(splits(what, args.draws)):
            began = time.perf_counter()
            options = TrainOptions.of(
                luts=args.luts, k=4, seed=number, bits_per_feature=(args.bits_per_feature,), augment=args.augment
            )
            trained = train_stream(data, options, front_end=args.front_end)
            network = trained.network
            clocks = network.front_end.clocks_per_sample(network.encoder.feature, network.encoder.threshold)
            print(
                f"{name}: lut2hw {trained.accuracy['test']:.4f} with {args.luts} LUT4, {network.front_end.kind}, "
                f"{len(network.encoder)} bits, {clocks:,} clocks a sample, {time.perf_counter() - began:.0f} s",
                flush=True,
            )
            if not args.no_reference:
                began = time.perf_counter()
                x, n = data.train.joined(data.test), len(data.train)
                features = reference(x, np.arange(n), np.random.default_rng(number))
                ridge = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(0, 4, 5)))
                found = ridge.fit(features[:n], data.y_train).score(features[n:], data.y_test)
                print(f"{name}: floats {found:.4f}, {time.perf_counter() - began:.0f} s", flush=True)


def _tenth(y: NDArray[np.int64], draw: int) -> NDArray[np.bool_]:
    order = np.random.default_rng(draw).permutation(len(y))
    test = np.zeros(len(y), bool)
    test[order] = test_rows(y[order], len(y), "share", 0.1)
    return test


if __name__ == "__main__":
    main()
