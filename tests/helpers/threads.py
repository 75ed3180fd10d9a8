"""Kernels on a number of threads, or in a child that may have none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import numba
from hypothesis import strategies as st

from lut2hw.kernels import threads

ALONE = 0
numbers = st.sampled_from([1, 2, 5, ALONE])
"""Threads; `ALONE` is the twin of a parallel loop that a forked child takes."""


@contextmanager
def running(number: int) -> Iterator[None]:
    """So many threads, beyond the cores too where parts are dealt out; numba's own have at most one a core."""
    before = numba.get_num_threads()
    numba.set_num_threads(max(1, min(number, numba.config.NUMBA_NUM_THREADS)))
    try:
        with (
            mock.patch.object(threads, "get_num_threads", lambda: max(1, number)),
            mock.patch.object(threads, "_alone", number == ALONE),
        ):
            yield
    finally:
        numba.set_num_threads(before)
