"""A folder of pictures with a folder for each class."""

from __future__ import annotations

import os
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lut2hw.data.table import MAX_BYTES, Format, ReadOptions, Table, some
from lut2hw.errors import UsageError
from lut2hw.extras import need
from lut2hw.files import open_regular

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm", ".ppm", ".pnm", ".tif", ".tiff", ".webp")
_KINDS = ["PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP"]
_SPLITS = (("train", "training"), ("test", "val", "valid", "validation"))


def read_pictures(folder: Path, options: ReadOptions) -> Table:
    """Pictures in `CLASS/*.png` and so on, or `train/CLASS/...` and `test/CLASS/...`, in the order of their names.

    Each is brought to the size asked for, or that of all pictures if they have one, and to shades of grey, or to red,
    green and blue with `colour`.
    """
    need("PIL", extra="pictures")
    parts = [next((folder / name for name in names if (folder / name).is_dir()), None) for names in _SPLITS]
    wanted = [part for part in parts if part is not None] if parts[0] is not None else [folder]
    found = [_labelled(part) for part in wanted]
    if not options.labelled and not found[-1]:
        found = [[(path, "") for path in _pictures(folder)]]
    if not all(found):
        raise UsageError(f"{folder} has no folders with pictures; put those of a class into a folder of its name")
    size = parse_size(options.size)
    xs = []
    for each in found:
        x, size = _decoded([path for path, _ in each], size, options.colour)
        xs.append(x)
    assert size is not None
    ys = [np.array([label for _, label in each]) for each in found]
    shape = (size[1], size[0], 3) if options.colour else (size[1], size[0])
    flat = [x.reshape(len(x), -1) for x in xs]
    split = len(flat) > 1
    return Table(
        str(folder),
        flat[0],
        ys[0],
        flat[1] if split else None,
        ys[1] if split else None,
        image_shape=shape,
        low=0,
        high=255,
    )


def parse_size(size: str | None) -> tuple[int, int] | None:
    """(width, height) of "28x28".

    Raises
    ------
    UsageError
    """
    if size is None:
        return None
    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", size.strip().lower())
    if not match or not int(match[1]) or not int(match[2]):
        raise UsageError(f"--size {size} must be WIDTHxHEIGHT in pixels, as in 28x28")
    return int(match[1]), int(match[2])


def holds_pictures(folder: Path) -> bool:
    """Whether there is a picture in the folder, its folders or theirs."""
    return any(
        path.suffix.lower() in SUFFIXES for pattern in ("*", "*/*", "*/*/*") for path in sorted(folder.glob(pattern))
    )


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )


def _labelled(folder: Path) -> list[tuple[Path, str]]:
    """Pictures and their classes."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return [(path, each.name) for each in classes for path in _pictures(each)]


def _decoded(
    paths: list[Path], size: tuple[int, int] | None, colour: bool
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Bytes uint8 (n, height, width[, 3]) of pictures, and their width and height."""
    from PIL import Image

    def decode(path: Path) -> NDArray[np.uint8]:
        try:
            with open_regular(path) as file, Image.open(file, formats=_KINDS) as image:
                picture = image.convert("RGB" if colour else "L")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning) as error:
            raise UsageError(
                f"{path} is not a readable picture ({type(error).__name__}); mend it or take it away"
            ) from None
        if size is not None and picture.size != size:
            picture = picture.resize(size, Image.Resampling.BOX)
        return np.asarray(picture)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of odd tags, to the terminal
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        first = decode(paths[0])
        if len(paths) * first.nbytes > MAX_BYTES:
            raise UsageError(
                f"{len(paths):,} pictures of {first.shape[1]}x{first.shape[0]} are too many; give --size"
            )
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:  # the decoder runs outside the interpreter lock
            made = list(pool.map(decode, paths))
    shapes = {each.shape for each in made}
    if len(shapes) > 1:
        other = next(i for i, each in enumerate(made) if each.shape != first.shape)
        sizes = [f"{made[i].shape[1]}x{made[i].shape[0]} ({paths[i].name})" for i in (0, other)]
        raise UsageError(
            f"the pictures of {paths[0].parent.parent} have different sizes, {some(sizes)}; give --size 28x28"
        )
    return np.stack(made), (first.shape[1], first.shape[0])


FORMAT = Format("folder of pictures", (), read_pictures, frozenset({"size", "colour"}), holds_pictures)
