"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import glob
import io
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import Lut2hwError, UsageError


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """A binary file that takes the name `path` only once it is complete and on disk.

    The data go to a temporary file in the same folder, are flushed with fsync and renamed over `path`. On any
    error the temporary file is removed and whatever `path` held before is left as it was. What killed runs left
    behind is removed. A link is followed; what is no regular file (a device, a folder) is refused.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a regular file; give another name")
    temporary = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.{os.getpid()}.", suffix=".part", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; a result is as readable as any other new file.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
        remove_leftovers(path.parent, f".{path.name[:40]}.")
    except OSError as error:
        raise Lut2hwError(
            f"cannot write {path}: {error.strerror or error}; check the folder, its permissions and the free space"
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def replace_files(folder: Path, files: Mapping[str, bytes], seal: str) -> None:
    """Write files that belong together: all of them or none. Errors: as of `atomic_write`.

    seal: the one of them without which the others do not count. It is not there while they change.
    """
    with contextlib.ExitStack() as stack:
        # Each is renamed when its context ends, the last one entered first: by then all are written.
        for name in sorted(files, key=lambda name: name != seal):
            file = stack.enter_context(atomic_write(folder / name))
            file.write(files[name])
            file.flush()
            os.fsync(file.fileno())
        stack.callback((folder / seal).unlink, missing_ok=True)


def alive(pid: int) -> bool:
    """Whether a process of that number runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def remove_leftovers(folder: Path, prefix: str) -> None:
    """Remove temporary files and folders, prefix and process number to `.part`, whose process is gone."""
    with contextlib.suppress(OSError):
        for path in folder.glob(f"{glob.escape(prefix)}*"):
            match = re.fullmatch(r"([1-9]\d{0,9})\.(\w+\.)?part", path.name[len(prefix) :])
            if match and not alive(int(match[1])):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with atomic_write(path) as file:
        file.write(data)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` atomically as UTF-8."""
    write_bytes(path, text.encode())


def npz_bytes(arrays: Iterable[tuple[str, NDArray]]) -> bytes:
    """A NumPy zip archive of named arrays, in the order given; the same arrays give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in arrays:
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(value), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy")  # its fixed default date keeps the bytes the same
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member.getbuffer())
    return out.getvalue()
