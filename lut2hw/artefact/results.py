"""Results that commands leave in folders: build.json and verify.json, read as what anybody may have written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lut2hw import checked
from lut2hw.checked import List, Maybe, Real, Text, Whole, optional
from lut2hw.errors import Lut2hwError
from lut2hw.files import read_bytes

BUILD, VERIFY = "build.json", "verify.json"
LARGEST = 1 << 26

_COUNTS = {name: Whole() for name in ("logic_cells", "lut4", "carry", "ff", "ram")}

_BUILD = {
    "device": Text(100),
    "package": Text(100),
    "core": _COUNTS,
    "chip": _COUNTS,
    "fmax_mhz": Real(0, 1e6),
    "latency_cycles": Whole(),
    "latency_ns": optional(Real(0)),
    "classifications_per_second": Whole(),
    "seed": Whole(),
    "bitstream": optional(Text()),
    "target": Maybe(Text(100)),
    "freq_mhz": Maybe(Real(0, 1e6)),
}

_VERIFY = {
    "passed": bool,
    "vectors": Whole(),
    "engine": Text(),
    "mismatches": Whole(),
    "asked": Maybe(optional(Whole(1))),
    "seed": Maybe(Whole()),
    "engines": List(
        {
            "engine": Text(),
            "passed": optional(bool),
            "vectors": Whole(),
            "mismatches": Whole(),
            "note": Text(),
            "seconds": Real(0),
            "errors": List(Text()),
        }
    ),
}

_BOARD = {"baud": Whole(1, 1 << 31)}


def _read(folder: Path, name: str, shape: dict[str, Any], command: str) -> dict[str, Any] | None:
    """A result file of a folder, None if it is not there.

    Raises
    ------
    Lut2hwError
        If it has another shape.
    """
    path = folder / name
    try:
        data: dict[str, Any] = checked.check(checked.parse(read_bytes(path, LARGEST)), shape)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise Lut2hwError(f"{path} is damaged ({reason}); make it again with `lut2hw {command}`") from None
    return data


def read_build(folder: Path) -> dict[str, Any] | None:
    """What `build` left in an emitted folder, None if nothing.

    Raises
    ------
    Lut2hwError
        If it is damaged.
    """
    return _read(folder, BUILD, _BUILD, f"build {folder}")


def read_verify(folder: Path) -> dict[str, Any] | None:
    """What `verify` left in an emitted folder, None if nothing.

    Raises
    ------
    Lut2hwError
        If it is damaged.
    """
    return _read(folder, VERIFY, _VERIFY, f"verify {folder}")


def read_board(folder: Path) -> dict[str, Any] | None:
    """What `build --board` left in a board's folder, None if nothing.

    Raises
    ------
    Lut2hwError
        If it is damaged.
    """
    return _read(folder, BUILD, _BOARD, f"build {folder.parent} --board {folder.name}")
