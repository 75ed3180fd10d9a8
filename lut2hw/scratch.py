"""Room for arrays: in memory, or in files below a scratch folder where they may be larger than memory."""

from __future__ import annotations

import math
import mmap
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lut2hw.errors import UsageError


@dataclass(frozen=True)
class Scratch:
    """A folder for arrays that are mapped into memory, or memory itself.

    The files have no names: they are gone when the arrays are, also if the process is killed.
    """

    folder: Path | None = None
    """An existing folder on a disk; None: arrays are in memory."""

    def __post_init__(self) -> None:
        if self.folder is not None and not self.folder.is_dir():
            raise UsageError(f"--scratch {self.folder} is no folder; make it first, on a disk with room")

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array in C order: zeros in a file, any values in memory.

        Parameters
        ----------
        shape : tuple[int, ...]
            Its shape.
        dtype : DTypeLike
            Of numbers.

        Raises
        ------
        UsageError
            If the disk has no room for it, which is taken at once: a page that finds none later kills the process.
        """
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        if self.folder is None or not size:
            return np.empty(shape, dtype)
        try:
            with tempfile.TemporaryFile(dir=self.folder) as file:
                os.posix_fallocate(file.fileno(), 0, size)
                mapped = mmap.mmap(file.fileno(), size)
        except OSError as error:
            raise UsageError(
                f"--scratch {self.folder} cannot take {size / 2**30:,.2f} GiB more "
                f"({error.strerror or error}); give a folder with room"
            ) from None
        return np.frombuffer(mapped, dtype).reshape(shape)


MEMORY = Scratch()
"""Arrays in memory."""
