"""Named datasets: from scikit-learn, from the folder in LUT2HW_DATA, or from OpenML."""

from __future__ import annotations

import importlib.util
import io
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.data.formats import read
from lut2hw.data.idx import read_idx_folder
from lut2hw.data.npz import open_npz, table_of_arrays
from lut2hw.data.table import Table
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.extras import need


@dataclass(frozen=True)
class Entry:
    """A named dataset: what it is, how to read it, and where a local copy may lie below LUT2HW_DATA."""

    description: str
    reader: Callable[[str], Table]
    local: tuple[str, ...] = ()

    def local_path(self) -> Path | None:
        """The first local copy that is there."""
        folder = os.environ.get("LUT2HW_DATA")
        if not folder:
            return None
        return next((path for name in self.local if (path := Path(folder) / name).exists()), None)

    @property
    def source(self) -> str:
        """Where it would come from now."""
        if not self.local:
            return "scikit-learn"
        path = self.local_path()
        return str(path) if path is not None else "OpenML (download)"


def _digits(name: str) -> Table:
    """Handwritten digits, E. Alpaydin and C. Kaynak, UCI 1998; the copy inside scikit-learn, pixels 0 to 16."""
    found = importlib.util.find_spec("sklearn")
    path = Path(found.origin or "").parent / "datasets" / "data" / "digits.csv.gz" if found is not None else Path()
    if path.is_file():  # without importing scikit-learn, which takes longer than all else that a command does
        rows = np.loadtxt(path, np.int64, delimiter=",")
        x, y = rows[:, :-1], rows[:, -1]
    else:
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
    return Table(name, x.astype(np.uint8), y.astype(np.int64), image_shape=(8, 8), low=0, high=16)


def _openml(name: str, openml_name: str, version: int) -> tuple[NDArray[Any], NDArray[Any]]:
    from sklearn.datasets import fetch_openml

    entry = CATALOGUE[name]
    try:
        # scikit-learn keeps the download in its own data folder and checks its MD5.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # each retry warns; the error below says it once
            data = fetch_openml(openml_name, version=version, as_frame=False, n_retries=1, delay=0.5)
    except Exception as error:  # network, HTTP, cache and parser errors
        text = " ".join(str(error).split())[:120]
        raise Lut2hwError(
            f"dataset {name} is neither in LUT2HW_DATA (as {' or '.join(entry.local)}) nor could it be "
            f"downloaded from OpenML ({text}); set LUT2HW_DATA to a folder that has it"
        ) from None
    return data.data, data.target


def _images(openml_name: str, shape: tuple[int, ...], n_train: int) -> Callable[[str], Table]:
    """Reader of image sets whose first `n_train` rows on OpenML are the training set."""

    def reader(name: str) -> Table:
        path = CATALOGUE[name].local_path()
        if path is not None:
            if path.is_dir():
                table = read_idx_folder(path)
            elif path.name.endswith("_jpeg.npz"):
                table = table_of_arrays(name, _decode_jpegs(path, shape))
            else:
                table = read(path)
            table.name = name
            return table
        x, y = _openml(name, openml_name, 1)
        if len(shape) == 3:  # OpenML keeps the channels in front
            x = x.reshape(-1, shape[2], shape[0], shape[1]).transpose(0, 2, 3, 1)
        x = x.reshape(-1, *shape).astype(np.uint8)
        y = y.astype(np.int64)
        return table_of_arrays(
            name, {"x_train": x[:n_train], "y_train": y[:n_train], "x_test": x[n_train:], "y_test": y[n_train:]}
        )

    return reader


def _decode_jpegs(path: Path, shape: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    """Images stored as JPEG files end to end (`jpeg`, `offset`, `label`, `train_count`)."""
    from concurrent.futures import ThreadPoolExecutor

    need("PIL", extra="report")
    from PIL import Image

    arrays = open_npz(path, ("jpeg", "offset", "label", "train_count"))
    data, offset, label = arrays["jpeg"], arrays["offset"], arrays["label"]
    n, n_train = len(label), int(arrays["train_count"])
    if (
        len(offset) != n + 1
        or (np.diff(offset) < 0).any()
        or offset[0] != 0
        or offset[-1] != len(data)
        or not 0 < n_train < n
    ):
        raise UsageError(f"{path} is damaged: its offsets do not fit its images")
    out = np.empty((n, *shape), np.uint8)

    def decode(first: int) -> None:
        for i in range(first, min(first + 1000, n)):
            with Image.open(io.BytesIO(data[offset[i] : offset[i + 1]].tobytes()), formats=["JPEG"]) as image:
                if image.size != (shape[1], shape[0]):
                    raise ValueError(f"image {i} is {image.size}")
                out[i] = np.asarray(image.convert("RGB"))

    try:
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:  # the decoder runs outside the interpreter lock
            list(pool.map(decode, range(0, n, 1000)))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is damaged: {error}") from None
    return {"x_train": out[:n_train], "y_train": label[:n_train], "x_test": out[n_train:], "y_test": label[n_train:]}


def _jsc(name: str) -> Table:
    """Jet substructure: 16 real features of simulated LHC jets, 5 kinds of jet (hls4ml)."""
    path = CATALOGUE[name].local_path()
    if path is not None:
        table = read(path)
        table.name = name
        return table
    x, y = _openml(name, "hls4ml_lhc_jets_hlf", 1)
    return Table(name, x.astype(np.float64), y.astype(str))


CATALOGUE: dict[str, Entry] = {
    "digits": Entry("1,797 handwritten digits, 8 x 8 pixels of 0 to 16, 10 classes", _digits),
    "mnist": Entry(
        "70,000 handwritten digits, 28 x 28 pixels of 0 to 255, 10 classes",
        _images("mnist_784", (28, 28), 60000),
        ("mnist.npz", "mnist"),
    ),
    "fashion-mnist": Entry(
        "70,000 pictures of clothes, 28 x 28 pixels of 0 to 255, 10 classes",
        _images("Fashion-MNIST", (28, 28), 60000),
        ("fashion-mnist.npz", "fashion-mnist"),
    ),
    "cifar10": Entry(
        "60,000 colour pictures, 32 x 32 x 3 values of 0 to 255, 10 classes",
        _images("CIFAR_10", (32, 32, 3), 50000),
        ("cifar10.npz", "cifar10_jpeg.npz"),
    ),
    "jsc": Entry("830,000 simulated particle jets, 16 real features, 5 classes", _jsc, ("jsc.npz",)),
}
