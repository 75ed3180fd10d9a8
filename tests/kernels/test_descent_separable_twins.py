"""Kernels of separable losses against their twins in NumPy."""

from __future__ import annotations

import numpy as np
from helpers.threads import numbers, running
from helpers.twins import descent_separable as twins
from hypothesis import given
from hypothesis import strategies as st

from lut2hw import bits
from lut2hw.kernels import descent_separable as kernels

seeds = st.integers(0, 2**32)
shards = st.integers(1, 7)
keeps = st.sampled_from([0, 30, 128, 256])


class State:
    """A training set in the middle of training; the loss is any table of integers, and scores leave it, too."""

    def __init__(self, seed: int, n: int, n_outputs: int) -> None:
        self.rng = rng = np.random.default_rng(seed)
        self.n, self.n_outputs, self.n_words = n, n_outputs, bits.n_words(n)
        self.valid = bits.tail_mask(n)
        self.table = rng.integers(-9000, 9000, int(rng.integers(1, 200))).astype(np.int32)
        self.table[rng.random(len(self.table)) < 0.3] = 7  # equal ones: no effect
        self.zero = int(rng.integers(len(self.table)))
        self.scores = rng.integers(-100, 100, (n_outputs, n)).astype(np.int32)
        self.target = rng.integers(-100, 100, (n_outputs, n)).astype(np.int32)

    def columns(self, count: int) -> np.ndarray:
        """Packed signals, of which some are constant; zero past the last example."""
        return bits.pack(self.rng.random((count, self.n)) < self.rng.choice([0, 0.05, 0.5, 1], (count, 1)))

    def lists(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where a kernel lists examples, effects and patterns."""
        size = 64 * self.n_words
        return np.zeros(size, np.int32), np.zeros(size, np.int64), np.zeros(size, np.uint8)


states = st.builds(State, seeds, st.integers(1, 300), st.integers(1, 4))


def check_list(n: int, lists: tuple[np.ndarray, ...], wanted: tuple[np.ndarray, ...]) -> None:
    assert n == len(wanted[0])
    for got, expected in zip(lists, wanted, strict=True):
        assert (got[:n] == expected).all()


@given(states)
def test_entry(state: State):
    for difference in (-(1 << 20), -1, 0, 1, 1 << 20):
        assert kernels.entry(state.table, state.zero, difference) == twins.entry(state.table, state.zero, difference)


@given(states, st.integers(0, 8), shards, keeps, st.integers(-40, 40), numbers)
def test_effects(state: State, k: int, parts: int, keep: int, weight: int, threads: int):
    rng, output = state.rng, int(state.rng.integers(state.n_outputs))
    columns, wiring = state.columns(10), rng.integers(0, 10, k).astype(np.int32)
    root, high, low = state.columns(3)
    low &= ~high
    lists, seed = state.lists(), int(rng.integers(1 << 32))
    some = (output, weight, root, high, low, state.scores, state.target, state.table, state.zero, columns, wiring)
    with running(threads):
        n = kernels.effects(*some, parts, keep, seed, *lists)
    check_list(n, lists, twins.effects(*some, keep, seed))


@given(states, st.integers(1, 6), st.integers(1, 6), st.integers(1, 8), shards, keeps, numbers)
def test_shared_effects(state: State, m: int, k: int, n_read: int, parts: int, keep: int, threads: int):
    rng = state.rng
    columns, wiring = state.columns(10 + m), rng.integers(0, 10, n_read).astype(np.int32)
    # A LUT reads a column, the signal, or a LUT of the cone before it.
    source = np.array([rng.integers(-1 - i, 10, k) for i in range(m)], np.int32).reshape(m, k)
    output = rng.integers(-1, state.n_outputs, m).astype(np.int32)
    weight = rng.integers(-40, 40, m).astype(np.int32)
    tables = rng.integers(0, 2, (m, 1 << k), np.uint8)
    cone, seed = np.arange(10, 10 + m, dtype=np.int32), int(rng.integers(1 << 32))
    some = (columns[3], cone, source, tables, output, weight, columns, state.valid)
    some += (state.scores, state.target, state.table, state.zero, wiring)
    lists = state.lists()
    with running(threads):
        n = kernels.shared_effects(*some, parts, keep, seed, *lists)
    check_list(n, lists, twins.shared_effects(*some, keep, seed))


@given(states, st.booleans(), numbers)
def test_total_loss(state: State, weighted: bool, threads: int):
    weight = state.rng.integers(0, 256, state.n if weighted else 0)
    some = (state.scores, state.target, state.table, state.zero, weight, int(state.rng.integers(state.n + 1)))
    with running(threads):
        total = kernels.total_loss(*some)
    assert total == twins.total_loss(*some)


@given(states, st.integers(-40, 40), shards, numbers)
def test_change_vote(state: State, weight: int, parts: int, threads: int):
    old, new = state.columns(2)
    wanted = twins.change_vote(weight, old, new, state.scores[0])
    with running(threads):
        kernels.change_vote(weight, old, new, state.scores[0], parts)
    assert (state.scores[0] == wanted).all()
