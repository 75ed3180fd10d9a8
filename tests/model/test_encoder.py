"""Thresholds of the thermometer code: quantiles, weighted ones, and round numbers near them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lut2hw.model.encoder import NEAR, roundest, thermometer
from lut2hw.model.features import Features


def zeros_at_end(number: int) -> int:
    return 64 if number == 0 else (number & -number).bit_length() - 1


@given(st.integers(-300, 300), st.integers(0, 200))
def test_roundest_number_of_a_range(least: int, more: int) -> None:
    most = least + more
    found = roundest(least, most)
    assert least <= found <= most
    assert zeros_at_end(found) == max(map(zeros_at_end, range(least, most + 1)))


def test_examples_count_as_often_as_their_weights_say() -> None:
    rng = np.random.default_rng(0)
    x, weight = rng.integers(0, 1000, (200, 3)), rng.integers(1, 5, 200)
    features = Features.integers([0] * 3, [1000] * 3)
    one = thermometer(features, x, 7, weight=weight)
    other = thermometer(features, np.repeat(x, weight, axis=0), 7)
    assert one.threshold.tolist() == other.threshold.tolist()
    same = thermometer(features, x, 7, weight=np.full(200, 5))
    assert same.threshold.tolist() == thermometer(features, x, 7).threshold.tolist()


@given(st.integers(0, 1000), st.integers(1, 12), st.integers(2, 300))
def test_thresholds_move_to_round_numbers_near_by(seed: int, count: int, different: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.sort(rng.choice(rng.integers(-5000, 5000, different), (150, 1)), axis=0)
    if len(np.unique(x)) == 1:
        return
    features = Features.integers([-5000], [5000])
    plain, moved = thermometer(features, x, count), thermometer(features, x, count, rounded=True)
    assert len(moved) == len(plain)  # no two become one
    assert (np.diff(moved.threshold) > 0).all()
    zeros = [list(map(zeros_at_end, each.threshold.tolist())) for each in (plain, moved)]
    assert sum(zeros[1]) >= sum(zeros[0])
    below = np.array([[(x < t).sum() for t in each.threshold] for each in (plain, moved)])
    assert (abs(below[0] - below[1]) <= NEAR * len(x) / (count + 1)).all()
    assert (below[1] > 0).all() and (below[1] < len(x)).all()


def test_columns_of_few_values_are_told_as_before() -> None:
    x = np.array([[3], [7], [9], [9]])
    features = Features.integers([0], [15])
    moved = thermometer(features, x, 8, rounded=True)
    assert moved.threshold.tolist() == [4, 8]
    assert moved(x).tolist() == thermometer(features, x, 8)(x).tolist()
