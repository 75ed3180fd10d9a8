"""Results that commands leave in folders: build.json and verify.json, read as what anybody may have written."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lut2hw import checked
from lut2hw.artefact.folder import Manifest, digest_of, opened, read_files
from lut2hw.checked import List, Maybe, Real, Text, Whole, optional
from lut2hw.errors import Lut2hwError
from lut2hw.files import read_bytes, write_at

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
    "built_of": Maybe(Text(64)),
    "bitstream_sha256": Maybe(optional(Text(64))),
}

_VERIFY = {
    "passed": bool,
    "vectors": Whole(),
    "engine": Text(),
    "mismatches": Whole(),
    "asked": Maybe(optional(Whole(1))),
    "seed": Maybe(Whole()),
    "core": Maybe(Text(64)),
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

_BOARD = {"baud": Whole(1, 1 << 31), **{name: _BUILD[name] for name in ("built_of", "bitstream_sha256")}}


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


def keep_verify(
    manifest: Manifest, engines: Sequence[Mapping[str, Any]], *, asked: int | None = None, seed: int = 0
) -> bool:
    """Write what engines found into an emitted folder; what other engines found of the same core before stays.

    Parameters
    ----------
    manifest : Manifest
        The folder as it was when it was checked.
    engines : sequence of mapping
        Their outcomes as JSON values.
    asked : int, optional
        Vectors asked for.
    seed : int, default=0
        Of stalls and random vectors.

    Returns
    -------
    bool
        False if the folder cannot be written, or holds another core by now: that is nobody's to judge.
    """
    found = {str(each["engine"]): dict(each) for each in engines}
    try:
        with opened(manifest.directory) as folder:
            if digest_of(read_files(folder)) != manifest.digest:
                return False
            with contextlib.suppress(OSError, ValueError):
                before = checked.check(checked.parse(read_bytes(VERIFY, LARGEST, folder=folder)), _VERIFY)
                if before.get("core") == manifest.digest:
                    found = {**{str(each["engine"]): each for each in before["engines"]}, **found}
            every = list(found.values())
            wrong = [each for each in every if each["passed"] is False]
            result = {
                "passed": not wrong and any(each["passed"] for each in every),
                "vectors": sum(each["vectors"] for each in every),
                "engine": ",".join(found),
                "mismatches": sum(each["mismatches"] for each in every),
                "first": (wrong or every)[0].get("first"),
                "engines": every,
                "asked": asked,
                "seed": seed,
                "core": manifest.digest,
            }
            write_at(folder, VERIFY, (checked.dumps(result) + "\n").encode())
    except OSError:
        return False
    return True


def read_board(folder: Path) -> dict[str, Any] | None:
    """What `build --board` left in a board's folder, None if nothing.

    Raises
    ------
    Lut2hwError
        If it is damaged.
    """
    return _read(folder, BUILD, _BOARD, f"build {folder.parent} --board {folder.name}")
