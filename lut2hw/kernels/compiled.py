"""Compilation of the kernels, with a cache that may be missing, damaged, full or not writable: then they compile."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable
from typing import Any

import numba
from numba.core.caching import FunctionCache

from lut2hw.kernels import watch


class _Cache(FunctionCache):
    """Numba's cache on disk, of which nothing is an error."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        found = None
        try:
            found = super().load_overload(sig, target_context)
        except (OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, ImportError, RuntimeError):
            self._forget()
        except pickle.UnpicklingError:
            self._forget()
        if found is None:
            for listener in watch.listeners:
                listener()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except (EOFError, ValueError, TypeError, LookupError, AttributeError, pickle.UnpicklingError):
            self._forget()  # a damaged index: the next run writes it anew
        except OSError:
            pass

    def _forget(self) -> None:
        with contextlib.suppress(OSError):
            self.flush()


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """As `numba.njit(cache=True, **options)`, but no state of the cache's folder is an error."""

    def compile_later(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(**options)(function)
        with contextlib.suppress(RuntimeError):  # neither the package's folder nor the home can be written
            dispatcher._cache = _Cache(dispatcher.py_func)
        return dispatcher

    return compile_later
