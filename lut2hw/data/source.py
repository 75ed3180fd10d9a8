"""The bytes and the text of a data file: compressed or not, in any common encoding, and never more than is honest."""

from __future__ import annotations

import codecs
import gzip
import zipfile
import zlib
from pathlib import Path
from typing import IO

from lut2hw.data.table import MAX_BYTES
from lut2hw.errors import UsageError
from lut2hw.files import open_regular

COMPRESSED = (".gz", ".zip")
ALWAYS_ALLOWED = 256 << 20
MAX_RATIO = 100
_MARKS = (  # the longer first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def most_bytes(compressed: int) -> int:
    """Bytes that so many compressed ones may become.

    Tables compress to a tenth or so; what expands a hundredfold to more than 256 MiB is made to fill the memory.
    """
    return min(MAX_BYTES, max(ALWAYS_ALLOWED, MAX_RATIO * compressed))


def suffix_of(path: Path) -> str:
    """What a file's name ends in, lower case; of a compressed file that of what is in it."""
    suffix = path.suffix.lower()
    if suffix not in COMPRESSED:
        return suffix
    inner = Path(path.stem).suffix.lower()
    if suffix == ".zip" and not inner and path.is_file():
        try:
            with open_regular(path) as file, zipfile.ZipFile(file) as archive:
                return Path(_only_member(path, archive).filename).suffix.lower()
        except zipfile.BadZipFile:
            raise UsageError(f"{path} is not a readable zip archive; it is damaged or cut short") from None
    return inner


def content_of(path: Path) -> bytes:
    """All bytes of a file, decompressed.

    Raises
    ------
    UsageError
        If it is damaged or expands beyond reason.
    """
    size = path.stat().st_size
    try:
        if path.suffix.lower() == ".gz":
            with open_regular(path) as file, gzip.open(file) as packed:
                return _bounded(path, packed, most_bytes(size))
        if path.suffix.lower() == ".zip":
            with open_regular(path) as file, zipfile.ZipFile(file) as archive:
                member = _only_member(path, archive)
                if member.flag_bits & 1:
                    raise UsageError(f"{path} is encrypted; unpack it first")
                with archive.open(member) as packed:
                    return _bounded(path, packed, most_bytes(size))
    except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise UsageError(f"{path} cannot be decompressed: it is damaged or cut short ({error})") from None
    if size > MAX_BYTES:
        raise _too_large(path, MAX_BYTES)
    with open_regular(path) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _too_large(path, MAX_BYTES)
    return data


def text_of(path: Path) -> tuple[str, tuple[str, ...]]:
    """The text of a file and notes on how it was read.

    A byte order mark decides, or the zero bytes that UTF-16 has in every second place; else it is UTF-8, or where
    that cannot be, Windows-1252, of which Latin-1 is a part.

    Raises
    ------
    UsageError
        If it is not text.
    """
    data = content_of(path)
    notes: tuple[str, ...] = ()
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if encoding is None:
        encoding = _unmarked(data[:1024])
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8" or data.startswith(codecs.BOM_UTF8):
            raise UsageError(f"{path} is not text: its bytes are not the {encoding.upper()} they seem") from None
        try:
            text, known = data.decode("cp1252"), "Windows-1252"
        except UnicodeDecodeError:
            text, known = data.decode("latin-1"), "Latin-1"
        if "\0" not in text:
            notes = (f"{path} is not UTF-8 and was read as {known}; if names look wrong, convert it to UTF-8 first",)
    del data
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        raise UsageError(f"{path} is not text: it has zero bytes in it")
    return text, notes


def _unmarked(start: bytes) -> str:
    """Encoding of text without a mark, as its first bytes look."""
    even, odd = start[0::2], start[1::2]
    if len(start) >= 4 and not any(odd) and all(even[: len(odd)]):
        return "utf-16-le"
    if len(start) >= 4 and not any(even) and all(odd):
        return "utf-16-be"
    return "utf-8"


def _only_member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    files = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")  # what macOS adds to archives
    ]
    if len(files) != 1:
        raise UsageError(f"{path} holds {len(files)} files, but a data archive holds one; unpack it and give that")
    return files[0]


def _bounded(path: Path, file: IO[bytes] | gzip.GzipFile, most: int) -> bytes:
    data = bytearray()
    while part := file.read(1 << 20):
        data += part
        if len(data) > most:
            raise _too_large(path, most)
    return bytes(data)


def _too_large(path: Path, most: int) -> UsageError:
    return UsageError(f"{path} is larger than {most >> 20:,} MiB when it is read; give a sample of it")
