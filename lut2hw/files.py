"""Files that are either whole or not there, written to the name itself and read only if they are regular files.

Folders and files may come from anybody. The name that a user gives may be a link, and is followed; the names of files
inside a folder (`replace_files`, `write_into`) never are: what a link points to is nobody's to overwrite.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import io
import os
import re
import shutil
import stat
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import Lut2hwError, UsageError

MAX_FILE = 1 << 32
"""Bytes of the largest file that is read whole."""


def open_regular(path: str | Path, limit: int = MAX_FILE, *, folder: int | None = None) -> BinaryIO:
    """Open a regular file to read it.

    Parameters
    ----------
    path
        The file; a link to a regular file is followed.
    limit
        Bytes that it may have.
    folder
        Descriptor of the folder that a relative `path` starts from, instead of the current one.

    Raises
    ------
    OSError
        Also for a folder, a FIFO, a device and a file of more than `limit` bytes, none of which is waited for.
    """

    def check(status: os.stat_result) -> None:
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        if status.st_size > limit:
            raise OSError(errno.EFBIG, f"it has more than {limit:,} bytes", str(path))

    check(os.stat(path, dir_fd=folder))
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, dir_fd=folder)
    try:
        check(os.fstat(handle))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_bytes(path: str | Path, limit: int = MAX_FILE, *, folder: int | None = None) -> bytes:
    """The content of a regular file of at most `limit` bytes.

    Raises
    ------
    UsageError
        As of `open_regular`.
    """
    with open_regular(path, limit, folder=folder) as file:
        data = file.read(limit + 1)
    if len(data) > limit:  # it grew, or its size is not known before (/proc)
        raise OSError(errno.EFBIG, f"it has more than {limit:,} bytes", str(path))
    return data


def read_text(path: str | Path, limit: int = MAX_FILE, *, errors: str = "strict") -> str:
    """The content of a regular file as UTF-8.

    Raises
    ------
    UnicodeDecodeError
        As of `open_regular`, and.
    """
    return read_bytes(path, limit).decode(errors=errors)


@contextlib.contextmanager
def atomic_write(path: str | Path, *, follow: bool = True) -> Iterator[BinaryIO]:
    """A binary file that takes the name `path` only once it is complete and on disk.

    The data go to a temporary file in the same folder, are flushed with fsync and renamed over `path`. On any error
    the temporary file is removed and whatever `path` held before is left as it was. What killed runs left behind is
    removed. What is no regular file (a device, a folder) is refused.

    Parameters
    ----------
    follow : bool, default=True
        Write to the file that a link points to. Otherwise the link is replaced, and that file stays as it is.
    """
    path = Path(os.path.realpath(path)) if follow else Path(path)
    with contextlib.suppress(OSError):
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
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
    """Write files that belong together: all of them or none; links of these names are replaced, not followed.

    Parameters
    ----------
    seal : str
        The one of them without which the others do not count. It is not there while they change.

    Raises
    ------
    UsageError
        As of `atomic_write`.
    """
    with contextlib.ExitStack() as stack:
        # Each is renamed when its context ends, the last one entered first: by then all are written.
        for name in sorted(files, key=lambda name: name != seal):
            file = stack.enter_context(atomic_write(folder / name, follow=False))
            file.write(files[name])
            file.flush()
            os.fsync(file.fileno())
        stack.callback((folder / seal).unlink, missing_ok=True)


def write_into(folder: Path, name: str, data: bytes | str) -> None:
    """Write file `name` of `folder` atomically, text as UTF-8; a link of that name is replaced, not followed.

    Raises
    ------
    UsageError
        As of `atomic_write`.
    """
    with atomic_write(folder / name, follow=False) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def write_at(folder: int, name: str, data: bytes) -> None:
    """Write file `name` atomically into the folder of an open descriptor, whatever takes its path meanwhile.

    Raises
    ------
    OSError
        Also if the folder was removed.
    """
    temporary = f".{name[:40]}.{os.getpid()}.part"
    handle = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=folder
    )
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(temporary, dir_fd=folder)
        raise


def write_beside(path: Path, data: bytes | str) -> None:
    """`write_into` by the whole path, for a name that nobody chose."""
    write_into(path.parent, path.name, data)


def subfolder(folder: Path, name: str) -> Path:
    """The folder `name` in `folder`, made if it is not there.

    Raises
    ------
    Lut2hwError
        Also for a link to a folder.
    """
    path = folder / name
    try:
        path.mkdir(exist_ok=True)
        if path.is_symlink():
            raise Lut2hwError(f"{path} is a link to another folder; remove the link")
    except OSError as error:
        raise Lut2hwError(
            f"cannot make {path}: {error.strerror or error}; check the folder and its permissions"
        ) from None
    return path


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A new private folder among the temporary files, removed at the end, as is what killed runs left there."""
    try:
        folder = Path(tempfile.gettempdir())
        remove_leftovers(folder, "lut2hw.", age=3600)  # another system's processes may share the folder
        work = tempfile.TemporaryDirectory(
            prefix=f"lut2hw.{os.getpid()}.", suffix=".part", dir=folder, ignore_cleanup_errors=True
        )
    except OSError as error:
        raise Lut2hwError(
            f"cannot make a folder for temporary files: {error.strerror or error}; check the free space, or set "
            "TMPDIR to another folder"
        ) from None
    with work as name:
        yield Path(name)


def alive(pid: int) -> bool:
    """Whether a process of that number runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def remove_leftovers(folder: Path, prefix: str, age: float = 0) -> None:
    """Remove temporary files and folders, prefix and process number to `.part`, whose process is gone.

    Parameters
    ----------
    age : float, default=0
        Seconds since they were last changed, at least.
    """
    with contextlib.suppress(OSError):
        for path in folder.glob(f"{glob.escape(prefix)}*"):
            match = re.fullmatch(r"([1-9]\d{0,9})\.(\w+\.)?part", path.name[len(prefix) :])
            if match and not alive(int(match[1])) and time.time() - path.lstat().st_mtime >= age:
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


def npz_bytes(arrays: Iterable[tuple[str, NDArray[Any]]]) -> bytes:
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
