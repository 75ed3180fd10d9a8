"""How many threads a step takes."""

from __future__ import annotations

import time

import numba

_PROBE, _PAUSE = 4, 100  # steps that time all threads, and as many one thread; steps until that is done again


class Pace:
    """All threads while they are faster than one.

    A step is many short parallel loops. On a free machine two threads nearly halve it; where other work holds the
    cores, the thread that has one waits in every loop for the thread that has none, and a step takes several times as
    long as alone. So a few steps are timed with all threads and as many with one, again after `pause` steps, which
    double while one is faster. No result depends on it.
    """

    def __init__(self, threads: int) -> None:
        self.threads, self.step, self.pause = threads, 0, _PAUSE
        self.began = self.all_took = 0.0

    def next(self) -> None:
        """To be called before each step."""
        if self.threads == 1:
            return
        now = time.perf_counter()
        if self.step == 0:
            numba.set_num_threads(self.threads)
            self.began = now
        elif self.step == _PROBE:
            numba.set_num_threads(1)
            self.all_took, self.began = now - self.began, now
        elif self.step == 2 * _PROBE:
            if self.all_took < now - self.began:
                numba.set_num_threads(self.threads)
                self.pause = _PAUSE
            else:
                self.pause *= 2
        self.step = self.step + 1 if self.step < 2 * _PROBE + self.pause else 0
