"""Altered copies of sequences for a training set, in integers: the same samples on every machine."""

from __future__ import annotations

import numpy as np

from lut2hw.frontends.sequences import Sequences
from lut2hw.model.features import Features

UNIT = 128
"""A gain of 1."""
GAINS = (64, 181)
"""Least and greatest gain, in 1 / `UNIT`: half to square root of two."""
SHIFT = 16
"""A sequence is shifted by up to its length divided by this."""
NOISE = (9, 5)
"""Bits that the greatest noise is shifted down from the peak of a sequence: least and most of it."""


def varied(sequences: Sequences, samples: Features, rng: np.random.Generator) -> Sequences:
    """Sequences that begin a little earlier or later, are louder or quieter, and have noise.

    Parameters
    ----------
    sequences : Sequences
        Integers in range.
    samples : Features
        Their channels. What is louder or quieter is so about 0, or about the middle of a range above 0; that value
        is also put before what begins later.
    rng : numpy.random.Generator
        What is drawn from.

    Returns
    -------
    Sequences
        As many, of other lengths; integers in range.
    """
    centre = np.where(samples.low < 0, np.minimum(samples.high, 0), (samples.low + samples.high) // 2)
    out = []
    for sequence in sequences:
        n = len(sequence)
        most = n // SHIFT
        shift, gain, bits = (int(rng.integers(a, b + 1)) for a, b in ((-most, most), GAINS, NOISE[::-1]))
        x = sequence[max(0, -shift) :] - centre
        noise = np.abs(x).max(axis=0) >> bits
        x = (x * gain) // UNIT + rng.integers(-noise, noise, x.shape, endpoint=True)
        before = np.zeros((max(0, shift), len(centre)), np.int64)
        out.append(samples.clip(np.concatenate([before, x]) + centre))
    return Sequences.of(out) if out else sequences
