"""Compiled kernels on several threads.

Kernels release the interpreter lock and work on part `i` of `n`, or on what they take; parts share nothing that is
written, so the result is the same for any number of threads. The number is numba's: NUMBA_NUM_THREADS or
`numba.set_num_threads`, else one for each core.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from numba import get_num_threads

from lut2hw.kernels.compiled import njit

_pool: ThreadPoolExecutor | None = None
_mine = threading.local()
_alone = False  # in a forked child of a process whose threads of numba had begun


def _after_fork() -> None:
    global _pool, _alone
    _pool = None  # its threads stay behind in the parent
    try:
        # GNU OpenMP ends a process that goes on with the threads of its parent.
        _alone = numba.threading_layer() == "omp"
    except ValueError:  # none had begun
        _alone = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def parallel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel with `prange`, for Python to call.

    It runs on numba's threads; on one below `alone`, and in a forked child, where these cannot be used: a twin, which
    takes half the time to compile.
    """
    name = f"{function.__name__}_alone"
    twin = types.FunctionType(function.__code__, function.__globals__, name, function.__defaults__)
    twin.__module__, twin.__qualname__ = function.__module__, name  # by which the cache tells them apart
    many, one = njit(parallel=True)(function), njit(nogil=True)(twin)

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        return one(*arguments) if _alone or getattr(_mine, "alone", None) else many(*arguments)

    call.py_func = function  # type: ignore[attr-defined]
    return call


@contextlib.contextmanager
def alone(one: bool) -> Iterator[None]:
    """Let `parallel` kernels that this thread calls run on one thread or not; the outermost such block decides."""
    if getattr(_mine, "alone", None) is not None:
        yield
        return
    _mine.alone = one
    try:
        yield
    finally:
        _mine.alone = None


def in_parts(kernel: Callable[..., Any], n_items: int, *arguments: Any, per_thread: int = 4) -> None:
    """Call kernel(*arguments, part, n_parts) for every part, on all threads.

    Parameters
    ----------
    n_items : int
        How much there is to share.
    per_thread : int, default=4
        Parts for each thread; several even out unequal ones.
    """
    n_threads = min(get_num_threads(), n_items)
    n_parts = min(n_threads * per_thread, n_items) if n_threads > 1 else 1
    parts = iter(range(n_parts))

    def work() -> None:
        for part in parts:  # next() of a range iterator is atomic
            kernel(*arguments, part, n_parts)

    _on_threads(work, n_threads)


def in_turn(kernel: Callable[..., Any], n_items: int, *arguments: Any) -> None:
    """Call kernel(*arguments, taken) on every thread; it takes items by `simd.take` until `n_items` are taken.

    taken: int64 (1,), how many are. Finer than parts, without coming back from the kernel for each.
    """
    taken = np.zeros(1, np.int64)
    _on_threads(lambda: kernel(*arguments, taken), min(get_num_threads(), n_items))


def _on_threads(work: Callable[[], None], n_threads: int) -> None:
    global _pool
    if n_threads <= 1:
        work()
        return
    if _pool is None:
        _pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="lut2hw")
    futures = [_pool.submit(work) for _ in range(n_threads)]
    for future in futures:
        future.result()
