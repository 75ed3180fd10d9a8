"""Each front end: the definition against plain Python, and the component against the definition."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from helpers.streams import random_bits, random_front_end, random_samples, simulate, words_of

from lut2hw import checked
from lut2hw.errors import UsageError
from lut2hw.frontends.differences import QUANTITIES
from lut2hw.frontends.kernels import KERNELS
from lut2hw.frontends.registry import FRONT_ENDS, fit, from_json, parse
from lut2hw.frontends.sequences import Sequences
from lut2hw.model.features import Features


def window(front_end, x):
    return [x[-1 - age][c] if age < len(x) else int(front_end.before[c]) for c, age in front_end.rows.tolist()]


def differences(front_end, x):
    length, out = front_end.segments.length, []
    for s, c, q in front_end.rows.tolist():
        part = [sample[c] for sample in x[s * length : (s + 1) * length]]
        whole = [*part, *[0] * (length - len(part))]
        half, centre = max(1, length // 2), front_end.centre[c]
        at = range(s * length, s * length + len(part))
        crossings = sum((x[t][c] < centre) != (x[t - 1][c] < centre) for t in at if t)
        halves = sum(whole[length - length // 2 :]) - sum(whole[: length // 2])
        values = (
            [min(part), max(part), sum(part) // length, max(part) - min(part), halves // half, crossings]
            if part
            else [0] * 6
        )
        out.append(dict(zip(QUANTITIES, values, strict=True))[QUANTITIES[q]])
    return out


def kernels(front_end, x):
    greatest, read = [0] * len(x[0]), []
    for sample in x:
        greatest = [max(a, abs(v)) for a, v in zip(greatest, sample, strict=True)]
        shifts = [max(0, a.bit_length() - front_end.gain + 1) if front_end.gain else 0 for a in greatest]
        read.append([v >> shift for v, shift in zip(sample, shifts, strict=True)])
    length, out = front_end.segments.length, []
    for s, c, d, k, bias in front_end.rows.tolist():
        count = 0
        for t in range(s * length, min(len(x), (s + 1) * length)):
            taps = [read[t - j * d][c] if t >= j * d else 0 for j in range(9)]
            count += sum((2 if j in KERNELS[k] else -1) * tap for j, tap in enumerate(taps)) > bias
        out.append(count)
    return out


def filterbank(front_end, x):
    def floor_log(value):
        top = value.bit_length() - 1
        return 0 if value < 1 else 8 * top + (8 * value >> top) - 8

    def outputs(c, b):
        last, before, values = 0, 0, []
        for t, sample in enumerate(x):
            d = sample[c] - (x[t - 2][c] if t > 1 else 0)
            y = d * 2 ** (10 - front_end.shift[b]) + front_end.forward[b] * last - front_end.back[b] * before
            y = max(-front_end.limit, min(front_end.limit, y // 1024))
            last, before = y, last
            values.append(abs(y))
        return values

    def cell(s, c, b):
        frames, length = [], front_end.frame
        for t, value in enumerate(outputs(c, b)):
            if t == length * front_end.frames:
                if length == front_end.frame << front_end.doublings:
                    break
                length *= 2
                frames = [sum(pair) for pair in zip(frames[::2], frames[1::2], strict=True)]
            if t % length == 0:
                frames.append(0)
            frames[-1] += value
        return floor_log(sum(v for f, v in enumerate(frames) if f * front_end.segments // len(frames) == s))

    return [cell(*row[:3]) - (cell(*row[3:]) if row[3] >= 0 else 0) for row in front_end.rows.tolist()]


def edges(front_end, x):
    width, side = front_end.width, front_end.cell
    rows = [x[at : at + width] for at in range(0, min(len(x), width * front_end.height), width)]
    if len(x[0]) == 3:
        rows = [[((r + 2 * g + b) // 4, r - g, b - g) for r, g, b in row] for row in rows]

    def found(r, c, q, s):
        if q >= 8:
            return rows[r][c][q - 8]
        if r < 2 or c < 2:
            return 0
        across = rows[r - 1][c][0] - rows[r - 1][c - 2][0]
        down = rows[r][c - 1][0] - rows[r - 2][c - 1][0]
        direction = (across < 0) + 2 * (down < 0) + 4 * (abs(across) > abs(down))
        return int(direction == q and max(abs(across), abs(down)) >= front_end.strengths[s])

    def cell(i, j, q, s):
        if ((i + 1) * side - 1) * width + (j + 1) * side > len(x):
            return 0
        return sum(
            found(r, c, q, s) for r in range(i * side, (i + 1) * side) for c in range(j * side, (j + 1) * side)
        )

    return [cell(*row) for row in front_end.rows.tolist()]


def patches(front_end, x):
    width, side, size = front_end.width, front_end.cell, front_end.size
    rows = [x[at : at + width] for at in range(0, min(len(x), width * front_end.height), width)]

    def found(r, c, t):
        if r < size - 1 or c < size - 1:
            return 0
        entry = 0
        for place, (down, across, plane) in enumerate(front_end.taps[t]):
            channel, threshold = front_end.planes[plane]
            entry |= (rows[r - down][c - across][channel] >= threshold) << place
        return front_end.tables[t] >> entry & 1

    def cell(i, j, t):
        if ((i + 1) * side - 1) * width + (j + 1) * side > len(x):
            return 0
        return sum(found(r, c, t) for r in range(i * side, (i + 1) * side) for c in range(j * side, (j + 1) * side))

    return [cell(*row) for row in front_end.rows.tolist()]


PLAIN = {
    "window": window,
    "differences": differences,
    "kernels": kernels,
    "filterbank": filterbank,
    "edges": edges,
    "patches": patches,
}


def test_every_front_end_is_tested():
    assert PLAIN.keys() == FRONT_ENDS.keys()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", PLAIN)
def test_transform_is_what_plain_python_computes(kind, seed):
    front_end, sequences = random_front_end(kind, seed)
    found = front_end.transform(sequences)
    plain = [PLAIN[kind](front_end, front_end.samples.clip(each).tolist()) for each in sequences]
    assert found.tolist() == plain
    low, high = front_end.ranges()
    assert (low <= found).all() and (found <= high).all()
    assert len(set(front_end.names())) == len(front_end.rows) == found.shape[1]
    some = np.random.default_rng(seed).permutation(found.shape[1])[:3]
    assert (front_end.only(some).transform(sequences) == found[:, some]).all()
    again = from_json(json.loads(json.dumps(front_end.as_json())))
    assert (again.transform(sequences) == found).all() and again.as_json() == front_end.as_json()


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(6, 20))])
@pytest.mark.parametrize("kind", PLAIN)
def test_component_is_the_definition(kind, seed):
    """Whatever stalls, with and without marks of the first sample, and after a sequence that breaks off."""
    front_end, sequences = random_front_end(kind, seed)
    values = front_end.transform(sequences)
    feature, threshold = random_bits(front_end, values, seed)
    want = [int(sum(int(bit) << b for b, bit in enumerate(row))) for row in values[:, feature] >= threshold]
    core = front_end.create(feature, threshold)
    words = words_of(core.port, front_end.samples, sequences, first=seed % 2 == 0)
    stall = (0.0, 0.3)[seed // 2 % 2]
    broken, marked, reset_at = words, want, None
    if seed % 2 == 0:  # a sequence that breaks off, and one that begins all the same
        short = words_of(core.port, front_end.samples, sequences.take([4]))[:-1]
        broken, marked = [*short, *words], want
    elif seed >= 4:  # a reset inside of the last sequence, which is then sent anew
        last = int(sequences.length[-1])
        reset_at = len(words) - last + last // 2
        broken = [*words[:reset_at], *words[len(words) - last :]]
    got, most = simulate(core, broken, len(want), seed=seed, stall=stall, reset_at=reset_at)
    assert got == marked
    clocks = front_end.clocks_per_sample(feature, threshold)
    assert most <= clocks or stall or reset_at is not None
    if kind in ("window", "differences", "edges", "patches"):
        assert clocks == 1


@pytest.mark.parametrize("text", ["window,length=3", "differences,segments=2,length=2"])
def test_all_short_sequences(text):
    """Every sequence of up to four samples of one bit, every feature with every threshold, one after the other."""
    samples = Features.integers([-1], [0], ("x",))
    every = [list(each) for n in range(1, 5) for each in itertools.product((-1, 0), repeat=n)]
    sequences = Sequences.of([np.array(each) for each in every])
    front_end = fit(text, sequences, samples)
    low, high = front_end.ranges()
    pairs = [(f, t) for f in range(len(low)) for t in range(low[f] + 1, high[f] + 1)]
    feature, threshold = np.array(pairs).T
    core = front_end.create(feature, threshold)
    got, _ = simulate(core, words_of(core.port, samples, sequences, first=False), len(every), stall=0.0)
    bits = front_end.transform(sequences)[:, feature] >= threshold
    assert got == [sum(int(bit) << b for b, bit in enumerate(row)) for row in bits]


@pytest.mark.parametrize("kind", ["kernels", "filterbank"])
def test_clocks_per_sample_are_reached(kind):
    front_end, _ = random_front_end(kind, 1)
    sequences = Sequences.of(np.zeros((1, 60, len(front_end.samples)), np.int64))
    feature = np.arange(len(front_end.rows))
    threshold = np.ones(len(feature), np.int64)
    core = front_end.create(feature, threshold)
    _, most = simulate(core, words_of(core.port, front_end.samples, sequences), 1, stall=0.0)
    assert most == front_end.clocks_per_sample(feature, threshold)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("windows", "unknown front end 'windows'; did you mean 'window'?"),
        ("window,size=3", "unknown option of the front end window 'size'"),
        ("window,length", "give option length"),
        ("window,length=0", "front end window: length 0 must be a whole number from 1"),
        ("kernels,dilations=0/2", "dilations=0/2 must be whole numbers"),
        ("kernels,segments=999", "front end kernels: segments 999 must be"),
    ],
)
def test_what_no_front_end_has_is_refused(text, message):
    samples = random_samples(0, 1)
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        kind, options = parse(text)
        kind.fit(options, Sequences.of(np.zeros((3, 9), np.int64)), samples)


def test_samples_of_other_shapes_are_refused():
    front_end = fit("window,length=3", Sequences.of(np.zeros((3, 9), np.int64)), random_samples(0, 1))
    with pytest.raises(UsageError, match="2 channels but the front end reads 1"):
        front_end.transform(np.zeros((3, 9, 2), np.int64))
    with pytest.raises(UsageError, match="reads integers, not float64"):
        front_end.transform(np.zeros((3, 9)))
    with pytest.raises(UsageError, match="sequence 1 has no sample"):
        front_end.transform([[1, 2], []])


@pytest.mark.parametrize("kind", PLAIN)
def test_damaged_json_is_refused(kind):
    good = random_front_end(kind, 3)[0].as_json()
    rows = good["rows"]
    for change in (
        {"kind": "other"},
        {"rows": []},
        {"rows": [[*rows[0], 1]]},
        {"rows": [[1 << 39] * len(rows[0])]},
        {"samples": {**good["samples"], "low": [5, 5, 5]}},
        {"parameters": None},
    ):
        if kind == "window" and change == {"parameters": None}:
            continue
        with pytest.raises((UsageError, checked.Damaged)):
            from_json({**good, **change})
