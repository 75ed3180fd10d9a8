"""Sweep: train over a grid of options, and show accuracy against logic cells with the Pareto front.

Every point is a file of its own in the output folder, written when it is done: a sweep that was stopped goes on where
it was, and a larger grid reuses what is there.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import math
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lut2hw import checked, quote
from lut2hw.checked import Either, Real, Text, Whole
from lut2hw.cluster import cluster_of
from lut2hw.ending import become_worker
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.extras import need
from lut2hw.files import read_bytes, subfolder, write_into
from lut2hw.flags import Flag
from lut2hw.training.options import TrainOptions

if TYPE_CHECKING:
    from lut2hw.data.dataset import Dataset
    from lut2hw.training.train import Trained

MAX_POINTS = 10_000
COLUMNS = (
    "learner",
    "k",
    "luts",
    "levels",
    "bits_per_feature",
    "threshold",
    "seed",
    "train_accuracy",
    "test_accuracy",
    "trained_luts",
    "encoder_bits",
    "logic_cells",
    "pareto",
    "seconds",
    "model",
    "error",
)


@dataclass(frozen=True)
class Point:
    """One training of a sweep."""

    options: TrainOptions
    luts: int | str | None = None
    """What stands in the table: LUTs of the network and LUTs in a row (descent), or LUTs of each layer and layers
    (memorize); None where `options` leave them open.
    """
    levels: int | str | None = None
    """What stands in the table: LUTs of the network and LUTs in a row (descent), or LUTs of each layer and layers
    (memorize); None where `options` leave them open.
    """

    def columns(self) -> dict[str, Any]:
        """Its options as JSON values, those that every sweep has first."""
        bits, options = self.options.bits_per_feature, self.options
        fixed = {
            "learner": options.learner.name,
            "k": options.k,
            "luts": self.luts,
            "levels": self.levels,
            "bits_per_feature": bits[0] if isinstance(bits, tuple) and len(bits) == 1 else bits,
            "threshold": options.threshold,
            "seed": options.seed,
        }
        implied = {"luts", "levels"} | ({"layers"} if self.luts is not None else set())
        given = {name: value for name, value in options.given().items() if name not in implied}
        return {**given, **fixed}

    def cost(self) -> tuple[int, int]:
        """Grows with the time that training takes."""
        luts, levels = (value if isinstance(value, int) else 0 for value in (self.luts, self.levels))
        return max(luts, 1) * max(levels, 1), self.options.k or 0

    def key(self, what: str) -> str:
        """Name of the point's files; `what` says on which data and for which target."""
        text = json.dumps([self.columns(), what], sort_keys=True)
        options = self.options
        short = f"{options.learner.name}-k{options.k}-{self.luts}x{self.levels}-s{options.seed}"
        return f"{short}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def grid(learner: str, **axes: Sequence[Any]) -> list[Point]:
    """All combinations of options of a training.

    Parameters
    ----------
    learner : str
        Name of the learner.
    **axes
        Values by the names of `TrainOptions` and of the learner's options. `luts` and `levels` of memorize are LUTs
        of each layer, and layers. Thresholds and bits per feature are one axis, encoders.

    Raises
    ------
    UsageError
        If there are no points or too many, or a value is out of range.
    """
    axes = {name: values for name, values in axes.items() if len(values)}
    encoders = [{"bits_per_feature": n} for n in axes.pop("bits_per_feature", ())]
    encoders += [{"threshold": t} for t in axes.pop("threshold", ())]
    combinations = math.prod(len(values) for values in axes.values()) * max(1, len(encoders))
    if combinations > 100 * MAX_POINTS:
        raise UsageError(f"a sweep has 1 to {MAX_POINTS} points, not {combinations}")
    points = []
    for values in itertools.product(*axes.values(), encoders or [{}]):
        given = {**dict(zip(axes, values[:-1], strict=True)), **values[-1]}
        luts, levels = given.get("luts"), given.get("levels")
        if learner == "memorize" and "layers" not in given:
            given.pop("luts", None), given.pop("levels", None)
            if not isinstance(luts, int) or not isinstance(levels, int | None):
                raise UsageError("a sweep of --learner memorize needs --luts and --levels as numbers, or --layers")
            given["layers"] = (luts,) * (levels or 1)
        points.append(Point(TrainOptions.of(learner, **given), luts, levels))
    points = list(dict.fromkeys(points))
    if not 0 < len(points) <= MAX_POINTS:
        raise UsageError(f"a sweep has 1 to {MAX_POINTS} points, not {len(points)}")
    return points


def measure_of(row: dict[str, Any]) -> str:
    """The column that says how good a network is: of classes, the accuracy on the test split."""
    return f"test_{row.get('measure', 'accuracy')}"


def merit(row: dict[str, Any]) -> float:
    """How good the network of a row is; the higher the better."""
    return float(row[measure_of(row)])


def pareto(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that no other beats in both `merit` and logic cells, by rising cells."""
    front: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda r: (r["logic_cells"], -merit(r))):
        if not front or merit(row) > merit(front[-1]):
            front.append(row)
    return front


def run(
    points: Sequence[Point],
    data: dict[str, Any],
    output: str | Path,
    *,
    target: str = "ice40",
    encoded_inputs: bool = False,
    jobs: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    client: Any = None,
) -> list[dict[str, Any]]:
    """Train the points that are not there yet, `jobs` at a time (all cores if None), and write the results.

    Parameters
    ----------
    data : dict[str, Any]
        Keyword arguments of `lut2hw.data.load`.
    client : distributed.Client, optional
        A Dask cluster that trains the points instead; the data are read, and files written, here.

    Returns
    -------
    list[dict[str, Any]]
        A row for every point, with the keys of `COLUMNS`. Writes into `output`: points/ (results and models),
        sweep.csv, sweep.json, sweep.svg and sweep.png.

    Raises
    ------
    UsageError
        If the data cannot be read or nothing can be trained; a point that cannot be trained has its reason in
        `error`.
    """
    need("matplotlib", extra="report")
    from lut2hw import targets
    from lut2hw.training.choose import default_bits

    targets.get(target)
    likes = {point.options.like for point in points}
    if len(likes) > 1:
        raise UsageError("all trainings of a sweep read data in one way; give one --like")
    [like] = likes
    if like is not None:
        data = {**data, "model": like}
    dataset = _dataset(data)
    if not len(dataset.y_test):
        raise UsageError(f"{dataset.name} has no test examples; give --test-split")
    points = [
        replace(point, options=point.options.but(bits_per_feature=default_bits(dataset.features, point.options)))
        if (point.options.bits_per_feature, point.options.threshold, like) == (None, None, None)
        else point
        for point in points
    ]
    what = json.dumps(
        [dataset.options, target, encoded_inputs, len(dataset.y_train), len(dataset.y_test)], sort_keys=True
    )
    output = Path(output)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write into {output}: {error.strerror or error}") from None
    folder = subfolder(output, "points")
    keys = [point.key(what) for point in points]
    found = {key: _read(folder / f"{key}.json", point) for point, key in zip(points, keys, strict=True)}
    done = {key: row for key, row in found.items() if row is not None}
    todo = [(point, key) for point, key in zip(points, keys, strict=True) if key not in done]
    report = progress or (lambda name, count, total: None)
    report("sweep", len(done), len(points))
    jobs = max(1, min(jobs or os.cpu_count() or 1, len(todo) or 1))
    # The widest first, so that the last ones are short.
    todo.sort(key=lambda each: each[0].cost(), reverse=True)
    cluster = cluster_of(client)
    try:
        if cluster is not None:

            def take(number: int, made: tuple[dict[str, Any], bytes | None]) -> None:
                key = todo[number][1]
                done[key] = _keep(*made, folder / key)
                report("sweep", len(done), len(points))

            shared = cluster.share(dataset)
            cluster.map(_point, [(point, shared, target, encoded_inputs) for point, _ in todo], take)
        else:
            _train(
                todo,
                [(point, data, target, encoded_inputs, str(folder / key)) for point, key in todo],
                jobs,
                done,
                lambda: report("sweep", len(done), len(points)),
            )
    except KeyboardInterrupt:
        raise Lut2hwError(
            f"interrupted; {len(done)} of {len(points)} points are done, run it again to go on"
        ) from None
    except BrokenExecutor:
        raise Lut2hwError(
            f"a training was killed, perhaps for its memory; {len(done)} of {len(points)} points are done, "
            "run it again to go on, with a smaller --jobs"
        ) from None
    rows = [{**done[key], "model": f"points/{key}.lut" if done[key]["error"] is None else ""} for key in keys]
    good = [row for row in rows if row["error"] is None]
    if not good:
        raise UsageError(f"no point could be trained; the first says: {rows[0]['error']}")
    front = pareto(good)
    rows = [{**row, "pareto": any(row is each for each in front)} for row in rows]
    _write(output, rows, dataset.name, target)
    return rows


def _train(
    todo: Sequence[tuple[Point, str]],
    work: Sequence[tuple[Any, ...]],
    jobs: int,
    done: dict[str, dict[str, Any]],
    report: Callable[[], None],
) -> None:
    """Call `_work` for all of `work`, and fill `done` as results come."""
    if jobs == 1:
        for (_, key), arguments in zip(todo, work, strict=True):
            done[key] = _work(*arguments)
            report()
        return
    with _pool(jobs) as pool:
        waiting = {pool.submit(_work, *arguments): key for (_, key), arguments in zip(todo, work, strict=True)}
        while waiting:
            ended, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ended:
                done[waiting.pop(future)] = future.result()
            report()


@contextmanager
def _pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Processes of one thread each; stopped at once on an error or Ctrl-C."""
    # inherited by the processes, which take no modules from the current folder
    names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONSAFEPATH")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=become_worker)
    try:
        yield pool
    except BaseException:
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _dataset(data: dict[str, Any]) -> Dataset:
    """Data by the keywords of `lut2hw.data.load`, with `model` as that model reads it."""
    from lut2hw.choices import Task
    from lut2hw.data import load
    from lut2hw.model.network import LutNetwork
    from lut2hw.training.like import load_for

    options = {name: value for name, value in data.items() if name not in ("data", "model")}
    if data.get("model") is None:
        return load(data["data"], **options)
    asked = {name: value for name, value in options.items() if value not in (None, False, Task.CLASSIFICATION)}
    return load_for(data["data"], LutNetwork.load(data["model"]), **asked)


_loaded: dict[str, Any] = {}  # dataset of this process


def _measured(trained: Trained) -> dict[str, Any]:
    """What a row says of a task whose measure is not the accuracy."""
    if trained.measure == "accuracy":
        return {}
    return {
        "measure": trained.measure,
        **{
            f"{split}_{name}": value
            for split, each in trained.metrics.items()
            for name, value in each.items()
            if value is not None
        },
    }


def _work(point: Point, data: dict[str, Any], target: str, encoded_inputs: bool, path: str) -> dict[str, Any]:
    """Train one point, usually in a process of the pool, and write PATH.lut and then PATH.json."""
    key = json.dumps(data, sort_keys=True)
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = _dataset(data)
    return _keep(*_point(point, _loaded[key], target, encoded_inputs), Path(path))


def _keep(row: dict[str, Any], model: bytes | None, path: Path) -> dict[str, Any]:
    """Write a point's files."""
    if model is not None:
        write_into(path.parent, f"{path.name}.lut", model)
    write_into(path.parent, f"{path.name}.json", checked.dumps(row) + "\n")
    return row


def _point(point: Point, dataset: Dataset, target: str, encoded_inputs: bool) -> tuple[dict[str, Any], bytes | None]:
    """Train one point: its row, and its model if it could be trained."""
    from lut2hw import targets
    from lut2hw.compile import area
    from lut2hw.model.network import to_bytes
    from lut2hw.training.train import train

    row: dict[str, Any] = {**point.columns(), "error": None}
    model = None
    try:
        trained = train(dataset, point.options)
        network = trained.network
        row |= {
            "seconds": round(trained.seconds, 2),
            **{f"{split}_accuracy": share for split, share in trained.accuracy.items()},
            **_measured(trained),
            "trained_luts": network.n_luts,
            "encoder_bits": len(network.encoder),
            "logic_cells": area.estimate(network, targets.get(target), encoded_inputs=encoded_inputs),
        }
        given = trained.options.given()
        row |= {name: given[name] for name in trained.tried if name in given}
        if isinstance(row["bits_per_feature"], tuple):
            row["bits_per_feature"] = row["bits_per_feature"][0]
        model = to_bytes(network)
    except (UsageError, MemoryError) as error:
        row["error"] = " ".join(str(error).split()) or type(error).__name__
    return row, model


_ROW = {
    **dict.fromkeys(("seed", "logic_cells", "trained_luts", "encoder_bits"), Whole()),
    **dict.fromkeys(("luts", "levels", "k"), Either((None, Whole(), Text(20)))),
    **dict.fromkeys(("test_accuracy", "train_accuracy"), Real(0, 1)),
    "seconds": Real(0),
    "error": None,
}
_OTHER = {name: kind for name, kind in _ROW.items() if not name.endswith("_accuracy")} | {"measure": Text(20)}
_FAILED = {"error": Text()}


def _read(path: Path, point: Point) -> dict[str, Any] | None:
    """A finished point; None if it is not there, not whole or another, and then it is trained again."""
    try:
        row = checked.check(checked.parse(read_bytes(path, 1 << 20)), Either((_ROW, _OTHER, _FAILED)))
    except (OSError, ValueError):
        return None
    asked = {name: value for name, value in point.columns().items() if isinstance(value, int | float)}
    if row["error"] is None and not isinstance(row.get(measure_of(row)), int | float):
        return None
    if row["error"] is None and any(row.get(name) != value for name, value in asked.items()):
        return None
    return row if row["error"] is not None or path.with_suffix(".lut").is_file() else None


def _write(output: Path, rows: Sequence[dict[str, Any]], name: str, target: str) -> None:
    text = io.StringIO()
    others = sorted({name for row in rows for name in row} - set(COLUMNS))
    table = csv.DictWriter(text, [*COLUMNS[:7], *others, *COLUMNS[7:]], restval="", lineterminator="\n")
    table.writeheader()
    table.writerows({key: "" if value is None else value for key, value in row.items()} for row in rows)
    write_into(output, "sweep.csv", text.getvalue())
    state = {"data": name, "target": target, "points": list(rows)}
    write_into(output, "sweep.json", checked.dumps(state, indent=1) + "\n")
    svg, png = draw(rows, name, target)
    write_into(output, "sweep.svg", svg)
    write_into(output, "sweep.png", png)


def draw(rows: Sequence[dict[str, Any]], name: str, target: str) -> tuple[str, bytes]:
    """Accuracy against logic cells: an SVG and a PNG. Colours are k, shapes are levels, the line is the front."""
    from lut2hw.report import figures

    good = [row for row in rows if row["error"] is None]
    front = pareto(good)
    figure, ax = figures.axes(7.2, 4.6)
    ks, levels = (sorted({row[name] or 0 for row in good}) for name in ("k", "levels"))
    for k in ks:
        for level in levels:
            own = [row for row in good if (row["k"] or 0, row["levels"] or 0) == (k, level)]
            if own:
                depth = f", {level} level{'s' * (level != 1)}" if len(levels) > 1 else ""
                ax.scatter(
                    [row["logic_cells"] for row in own],
                    [100 * merit(row) for row in own],
                    s=34,
                    color=figures.COLOURS[ks.index(k) % 5],
                    marker="os^Dv"[levels.index(level) % 5],
                    alpha=0.85,
                    linewidths=0,
                    label=f"k = {k}{depth}",
                )
    ax.step(
        [row["logic_cells"] for row in front],
        [100 * merit(row) for row in front],
        where="post",
        color=figures.COLOURS[5],
        linewidth=1.4,
        zorder=0,
        label="Pareto front",
    )
    last = None
    for row in front:
        here = (row["logic_cells"], 100 * merit(row))
        if last is None or here[0] > 1.25 * last:  # no labels on top of each other
            ax.annotate(
                f"{row['luts'] or row['trained_luts']}",
                here,
                textcoords="offset points",
                xytext=(-3, 6),
                size=7,
                ha="right",
                color=figures.FOREGROUND,
            )
            last = here[0]
    cells = [max(row["logic_cells"], 1) for row in good]
    if max(cells) > 4 * min(cells):
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_xlim(min(cells) * 0.8, max(cells) * 1.2)
    ax.grid(color=figures.MUTED, alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_xlabel(f"logic cells on {target} (estimate); small numbers: LUTs trained")
    what = measure_of(good[0]).replace("_", " ")
    ax.set_ylabel(f"{what} on {quote.figure(Path(name).name)}, %")
    figures.legend(ax, loc="lower right")
    return figures.svg(figure, "sweep", "Accuracy against logic cells", standalone=True), figures.png_of(figure)


def values(each: Flag, text: str) -> list[Any]:
    """Values of one option, separated by commas; those that have commas of their own, by colons.

    Raises
    ------
    UsageError
        That names the option.
    """
    parts = text.split(":" if each.field == "layers" else ",")
    try:
        return [each.read(part) for part in parts]
    except UsageError as error:
        if each.kind in (int, float, tuple):
            between = "colons" if each.field == "layers" else "commas"
            raise UsageError(
                f"{each.name} {text} must be numbers separated by {between}, each {each.range()}"
            ) from None
        raise error
