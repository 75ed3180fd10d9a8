"""Compilation of the kernels, with a cache that may be missing, damaged, full or not writable: then they compile."""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import time
import types
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core.caching import FunctionCache

from lut2hw.ending import held
from lut2hw.errors import Lut2hwError
from lut2hw.files import atomic_write
from lut2hw.kernels import watch

_DIGEST = 32  # bytes of a SHA-256


@cache
def _stamp() -> str:
    """Of all kernels and what compiles them: a kernel has others compiled into it."""
    stamp = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        stamp.update(path.read_bytes())
    return stamp.hexdigest()[:16]


class _Files:
    """The files of a kernel, one for each signature, under a name that says all that it depends on.

    Numba's own have an index that is written before what it points to, and two processes may give one name to two
    signatures: a process that is ended in between leaves the code of something else.
    """

    def __init__(self, folder: str, name: str) -> None:
        self.folder, self.name = Path(folder), name

    def _path(self, key: Any) -> Path:
        return self.folder / f"{self.name}.{_stamp()}.{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.nbc"

    def load(self, key: Any) -> Any:
        """What was saved under the key; None if there is nothing, or nothing whole."""
        try:
            stored = self._path(key).read_bytes()
        except OSError:
            return None
        whole = hashlib.sha256(stored[_DIGEST:]).digest() == stored[:_DIGEST]
        return pickle.loads(stored[_DIGEST:]) if whole else None

    def save(self, key: Any, data: Any) -> None:
        """Save data under the key, and remove what was compiled from other sources."""
        path, stored = self._path(key), pickle.dumps(data, protocol=pickle.HIGHEST_PROTOCOL)
        with atomic_write(path) as file:
            file.write(hashlib.sha256(stored).digest() + stored)
        for other in self.folder.glob(f"{self.name}.*.nb[ci]"):
            if _stamp() not in other.name:
                other.unlink(missing_ok=True)

    def flush(self) -> None:
        """Nothing: what is damaged is written anew."""


class _Cache(FunctionCache):
    """Numba's cache on disk, of which nothing is an error."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file: Any = _Files(self._cache_path, self._impl.filename_base)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        found = None
        with contextlib.suppress(
            OSError,
            EOFError,
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
            ImportError,
            RuntimeError,
            pickle.UnpicklingError,
        ):
            found = super().load_overload(sig, target_context)
        if found is None:
            for listener in watch.listeners:
                listener()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(Lut2hwError, OSError, ValueError, TypeError, RuntimeError, pickle.PicklingError):
            super().save_overload(sig, data)


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """As `numba.njit(cache=True, **options)`, but no state of the cache is an error, and no signal is lost."""

    def compile_later(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(**options)(function)
        with contextlib.suppress(RuntimeError):  # neither the package's folder nor the home can be written
            dispatcher._cache = _Cache(dispatcher.py_func)
        compile_now = dispatcher.compile

        def compile_whole(self: Any, sig: Any) -> Any:
            began, before = time.perf_counter(), watch.seconds[0]
            try:
                with held():
                    return compile_now(sig)
            finally:
                watch.seconds[0] = before + time.perf_counter() - began  # those that it calls included

        dispatcher.compile = types.MethodType(compile_whole, dispatcher)
        return dispatcher

    return compile_later
