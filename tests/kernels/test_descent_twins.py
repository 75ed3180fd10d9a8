"""Kernels of the descent learner against their twins in NumPy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numba
import numpy as np
import pytest
from helpers.threads import ALONE, numbers, running
from helpers.twins import descent as twins
from helpers.twins.descent import Loss
from hypothesis import given
from hypothesis import strategies as st

from lut2hw import bits
from lut2hw.kernels import descent as kernels
from lut2hw.learn.descent import moves

MOST = 12  # votes a class
seeds = st.integers(0, 2**32)
shards = st.integers(1, 7)
keeps = st.sampled_from([0, 30, 128, 256])


@dataclass
class State:
    """A training set in the middle of training; the loss is any table of integers."""

    seed: int
    n: int
    n_classes: int
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = rng = np.random.default_rng(self.seed)
        self.n_words = bits.n_words(self.n)
        self.valid = bits.tail_mask(self.n)
        self.label = rng.integers(0, self.n_classes, self.n).astype(np.int32)
        self.labels = bits.pack(self.label == np.arange(self.n_classes)[:, None])
        self.scores = rng.integers(0, MOST, (self.n, self.n_classes), np.int16, endpoint=True)
        width = 4 * MOST  # differences of scores, and as many votes that change at once
        w = rng.integers(1, 5000, 2 * width + 1, np.int32)
        first, last = (int(np.float32(u).view(np.int32)) >> 13 for u in (1, 2.0**31))
        loss = rng.integers(-9000, 9000, last - first + 1).astype(np.int32)
        loss[:] = np.where(rng.random(len(loss)) < 0.3, 7, loss)  # equal ones: no effect
        self.loss = Loss(w, width, loss, first)
        self.own = self.scores[np.arange(self.n), self.label]
        self.u = twins.reset(self.scores, self.label, w, width).astype(np.int32)

    @property
    def tables(self) -> tuple[np.ndarray, int, np.ndarray, int]:
        return self.loss.w, self.loss.zero, self.loss.loss, self.loss.base

    def columns(self, count: int) -> np.ndarray:
        """Packed signals, of which some are constant; zero past the last example."""
        density = self.rng.choice([0, 0.05, 0.5, 1], (count, 1))
        return bits.pack(self.rng.random((count, self.n)) < density)

    def table(self, k: int, *shape: int) -> np.ndarray:
        return self.rng.integers(0, 2, (*shape, 1 << k), np.uint8)

    def lists(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where a kernel lists examples, effects and patterns."""
        size = 64 * self.n_words
        return np.zeros(size, np.int32), np.zeros(size, np.int16), np.zeros(size, np.uint8)


states = st.builds(State, seeds, st.integers(1, 400), st.integers(2, 6))


def test_lowest():
    instruction = kernels.lowest
    call = numba.njit()(lambda word: instruction(word))
    for bit in range(64):
        for word in (1 << bit, (1 << 64) - (1 << bit), 1 << bit | 1 << 63):
            assert call(np.uint64(word)) == twins.lowest(word)


@given(states)
def test_single_examples(state: State):
    w, zero, loss, base = state.tables
    for i in range(min(5, state.n)):
        y = int(state.label[i])
        for own in (int(state.own[i]), 0, MOST):
            total = kernels.weight_sum(state.scores, i, y, own, w, zero)
            assert total == twins.weight_sum(state.scores, i, y, own, w, zero)
            assert kernels.level(total, loss, base) == twins.level(total, loss, base)


@given(states, numbers)
def test_sums_over_all_examples(state: State, threads: int):
    w, zero, loss, base = state.tables
    u, (first, last) = np.zeros_like(state.u), np.sort(state.rng.integers(0, state.n + 1, 2))
    with running(threads):
        kernels.reset(state.scores, state.label, w, zero, u)
        total = kernels.total_loss(u, loss, base)
        right = kernels.correct(state.scores, state.label, int(first), int(last))
    assert (u == twins.reset(state.scores, state.label, w, zero)).all()
    assert total == twins.total_loss(u, loss, base)
    assert right == twins.correct(state.scores, state.label, first, last)


@given(states, st.integers(0, 8), shards, numbers)
def test_evaluate(state: State, k: int, parts: int, threads: int):
    columns, table, out = state.columns(10), state.table(k), state.columns(1)[0]
    wiring = state.rng.integers(0, 10, k).astype(np.int32)
    with running(threads):
        kernels.evaluate(columns, wiring, table, state.valid, out, parts)
    assert (out == twins.evaluate(columns, wiring, table, state.valid)).all()


@given(states, st.integers(1, 8), shards, numbers)
def test_sensitivity(state: State, k: int, parts: int, threads: int):
    columns, table, j = state.columns(10), state.table(k), int(state.rng.integers(k))
    wiring = state.rng.integers(0, 10, k).astype(np.int32)
    high, low = state.columns(2)
    low &= ~high
    wanted = twins.sensitivity(columns, wiring, table, j, high, low)
    with running(threads):
        kernels.sensitivity(columns, wiring, table, j, high, low, parts)
    assert (high == wanted[0]).all() and (low == wanted[1]).all()


def check_list(n: int, lists: tuple[np.ndarray, ...], wanted: tuple[np.ndarray, ...]) -> None:
    assert n == len(wanted[0])
    for got, expected in zip(lists, wanted, strict=True):
        assert (got[:n] == expected).all()


@given(states, st.integers(0, 8), shards, keeps, numbers)
def test_effects(state: State, k: int, parts: int, keep: int, threads: int):
    rng, c = state.rng, int(state.rng.integers(state.n_classes))
    columns, wiring = state.columns(10), rng.integers(0, 10, k).astype(np.int32)
    root, high, low = state.columns(3)
    low &= ~high
    lists, seed = state.lists(), int(rng.integers(1 << 32))
    some = (c, root, high, low, state.scores)
    with running(threads):
        n = kernels.effects(
            *some, state.own, state.labels, state.u, *state.tables, columns, wiring, parts, keep, seed, *lists
        )
    check_list(n, lists, twins.effects(*some, state.label, state.loss, columns, wiring, keep, seed))


@given(states, st.integers(1, 6), st.integers(1, 6), st.integers(1, 8), shards, keeps, numbers)
def test_shared_effects(state: State, m: int, k: int, n_read: int, parts: int, keep: int, threads: int):
    rng = state.rng
    columns, wiring = state.columns(10 + m), rng.integers(0, 10, n_read).astype(np.int32)
    # A LUT reads a column, the signal, or a LUT of the cone before it.
    source = np.array([rng.integers(-1 - i, 10, k) for i in range(m)], np.int32).reshape(m, k)
    class_of = rng.integers(-1, state.n_classes, m).astype(np.int32)
    some = (columns[3], np.arange(10, 10 + m, dtype=np.int32), source, state.table(k, m), class_of, columns)
    lists, seed = state.lists(), int(rng.integers(1 << 32))
    given_ = (*some, state.valid, state.scores)
    with running(threads):
        n, largest, total = kernels.shared_effects(
            *given_, state.own, state.label, state.u, *state.tables, wiring, parts, keep, seed, *lists
        )
    wanted = twins.shared_effects(*given_, state.label, state.loss, wiring, keep, seed)
    assert (largest, total) == (abs(wanted[1]).max(initial=0), abs(wanted[1]).sum())
    wanted[1][:] = wanted[1].astype(np.int16)  # the caller looks at the largest
    check_list(n, lists, wanted)


def effect_list(state: State, k: int, most: int) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """A list of examples with effects up to `most`, with room behind it."""
    rng = state.rng
    index = np.flatnonzero(rng.random(state.n) < rng.choice([0, 0.2, 1])).astype(np.int32)
    n = len(index)
    effect = rng.integers(-most, most, n, np.int16, endpoint=True)
    pattern = rng.integers(0, 1 << k, n, np.uint8, endpoint=False) if k < 8 else rng.integers(0, 256, n, np.uint8)
    return n, *(np.concatenate([each, np.ones(5, each.dtype)]) for each in (index, effect, pattern))


@given(states, st.integers(1, 8), shards, numbers)
def test_repattern(state: State, k: int, parts: int, threads: int):
    n, index, _, pattern = effect_list(state, k, 99)
    column, j = state.columns(1)[0], int(state.rng.integers(k))
    wanted = twins.repattern(n, j, column, index, pattern)
    with running(threads):
        kernels.repattern(n, j, column, index, pattern, parts)
    assert (pattern == wanted).all()


@given(states, st.integers(0, 8), shards, numbers)
def test_histogram(state: State, k: int, parts: int, threads: int):
    n, index, effect, pattern = effect_list(state, k, (1 << 15) - 1)
    column, out = state.columns(1)[0], np.ones(1 << k, np.int64)
    with running(threads):
        on = kernels.histogram(n, column, index, effect, pattern, out, parts)
    wanted, wanted_on = twins.histogram(n, column, index, effect, pattern, 1 << k)
    assert (out == wanted).all() and on == wanted_on


def check_sums(state: State, k: int, units: int, most: int, margin: int, n_sums: int, threads: int) -> None:
    rng, width = state.rng, units * kernels.NARROW
    n, index, effect, pattern = effect_list(state, k, most)
    rows = rng.integers(0, 1 << 32, (state.n, width), np.uint32)
    first, last = np.sort(rng.integers(0, units + 1, 2)) * kernels.NARROW
    sums = rng.integers(-9, 9, (n_sums, 1 << k, 32 * width)).astype(np.int32)
    value = rng.integers(-9, 9, (k, 32 * width)).astype(np.int32)
    totals = rng.integers(-9, 9, (n_sums, 1 << k))
    wanted, some = value.copy(), slice(32 * first, 32 * last)
    true, true_totals = twins.sum_signals(n, k, rows, index, effect, pattern)
    wanted[:, some] = twins.value_signals(k, true, true_totals, margin)[:, some]
    chunk = ((1 << 15) - 1) // most
    with running(threads):
        kernels.sum_signals(n, rows, int(first), int(last), index, effect, pattern, chunk, sums, totals)
        assert (sums.sum(axis=0)[:, some] == true[:, some]).all() and (totals.sum(axis=0) == true_totals).all()
        kernels.value_signals(k, int(first), int(last), sums, totals, margin, value)
    assert (value == wanted).all() and (totals[0] == true_totals).all()
    wide = moves.wide_values(true, true_totals, margin)
    assert (wide[:, some] == wanted[:, some]).all()


@given(
    states,
    st.integers(1, 6),
    st.integers(1, 8),
    st.sampled_from([1, 120, (1 << 15) - 1]),
    st.integers(0, 300),
    shards,
    numbers,
)
def test_sums_of_signals_and_their_value(
    state: State, k: int, units: int, most: int, margin: int, n_sums: int, threads: int
):
    check_sums(state, k, units, most, margin, n_sums, threads)


@pytest.mark.parametrize("threads", [1, 2, ALONE])
def test_sums_of_several_blocks(threads: int):
    check_sums(State(threads, 2 * kernels.BLOCK + 77, 2), 3, 3, 120, 5, 4, threads)


@given(states, shards, numbers)
def test_change_vote(state: State, parts: int, threads: int):
    c, (old, new) = int(state.rng.integers(state.n_classes)), state.columns(2)
    wanted = twins.change_vote(c, old, new, state.scores, state.label, state.loss)
    scores, own, u, (w, zero, *_) = state.scores, state.own, state.u, state.tables
    with running(threads):
        kernels.change_vote(c, old, new, scores, own, state.label, u, w, zero, parts)
    for got, expected in zip((scores, own, u), wanted, strict=True):
        assert (got == expected).all()


@given(states, st.integers(1, 4), shards, numbers)
def test_rows(state: State, width: int, parts: int, threads: int):
    """Laid out by example, of the first examples alone, and after one signal changed."""
    rng = state.rng
    columns = state.columns(9)
    candidates = rng.integers(0, 9, int(rng.integers(1, 32 * width + 1))).astype(np.int32)
    rows = rng.integers(0, 1 << 32, (int(rng.integers(1, state.n + 1)), width), np.uint32)
    place = int(rng.integers(len(candidates)))
    old, new = columns[candidates[place]], columns[int(rng.integers(9))]
    with running(threads):
        kernels.fill_rows(columns, candidates, rows)
    wanted: Any = twins.fill_rows(columns, candidates, rows.shape)
    assert (rows == wanted).all()
    wanted = twins.change_rows(place, old, new, rows)
    with running(threads):
        kernels.change_rows(place, old, new, rows, parts)
    assert (rows == wanted).all()


@given(states, st.integers(0, 8), st.integers(0, 5), numbers)
def test_care_set(state: State, k: int, n_luts: int, threads: int):
    columns = state.columns(12)
    wiring = state.rng.integers(0, 12, (n_luts, k)).astype(np.int32)
    valid, care = state.columns(1)[0] & state.valid, np.zeros((n_luts, 1 << k), np.uint8)
    with running(threads):
        kernels.care_set(columns, wiring, valid, care)
    assert (care == twins.care_set(columns, wiring, valid)).all()
