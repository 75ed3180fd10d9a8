"""The experiments of "Learning and Memorization" (S. Chatterjee, ICML 2018), each with its claim."""

from __future__ import annotations

import csv
import io
import os
import platform
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lut2hw.cluster import cluster_of
from lut2hw.errors import Lut2hwError, UsageError, unknown_name
from lut2hw.extras import need
from lut2hw.files import write_beside
from lut2hw.studies.reproduce.experiments import EXPERIMENTS, Context, Result


def run(
    names: Iterable[str],
    directory: str | Path,
    quick: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    done: Callable[[dict[str, Any]], None] | None = None,
    client: Any = None,
) -> list[dict[str, Any]]:
    """Run experiments and write NAME.csv, .md, .png and .svg of each, and reproduction.md, into `directory`.

    Parameters
    ----------
    names : Iterable[str]
        Of `EXPERIMENTS`; none means all.
    quick : bool, default=False
        Smaller networks, fewer examples, seeds and settings.
    done : Callable[[dict[str, Any]], None], optional
        Called with the summary of each experiment as it ends.
    client : distributed.Client, optional
        A Dask cluster that runs the experiments, all at once; its workers need their data.

    Returns
    -------
    list[dict[str, Any]]
        The summaries: name, status ("ran" or "skipped", the latter if its data is not there), holds (whether the
        claim does), line (which says so), rows, seconds.
    """
    need("matplotlib", "PIL", extra="report")
    names = list(dict.fromkeys(names)) or list(EXPERIMENTS)
    for name in names:
        if name not in EXPERIMENTS:
            raise unknown_name("experiment", name, EXPERIMENTS)
    directory = Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {directory}: {error.strerror or error}") from None
    context = Context(quick, progress)
    cluster = cluster_of(client)
    elsewhere: dict[str, tuple[Result | Lut2hwError, float]] = {}
    if cluster is not None:
        ended: list[int] = []

        def show(number: int, _: object) -> None:
            ended.append(number)
            if progress is not None:
                progress("experiments", len(ended), len(names))

        found = cluster.map(_experiment, [(name, quick) for name in names], show)
        elsewhere = dict(zip(names, found, strict=True))
    summaries = []
    results: dict[str, Result] = {}
    for name in names:
        result, seconds = elsewhere.get(name) or _experiment(name, quick, context)
        drawn = time.perf_counter()
        if isinstance(result, Lut2hwError):
            summary: dict[str, Any] = {"name": name, "status": "skipped", "line": f"skipped: {result}"}
        else:
            results[name] = result
            for suffix, data in result.figures().items():
                write_beside(directory / f"{name}.{suffix}", data)
            write_beside(directory / f"{name}.csv", to_csv(result))
            write_beside(directory / f"{name}.md", to_markdown(result, f"{name}.png"))
            summary = {
                "name": name,
                "status": "ran",
                "holds": result.holds,
                "line": result.line,
                "columns": result.columns,
                "rows": result.rows,
            }
        summary["seconds"] = round(seconds + time.perf_counter() - drawn, 1)
        summaries.append(summary)
        if done is not None:
            done(summary)
    if not results:
        raise Lut2hwError("no experiment could run; " + str(summaries[0]["line"]).removeprefix("skipped: "))
    write_beside(directory / "reproduction.md", report(results, summaries, quick))
    return summaries


def _experiment(name: str, quick: bool, context: Context | None = None) -> tuple[Result | Lut2hwError, float]:
    """An experiment's result, or why it cannot be run; and how long it took."""
    began = time.perf_counter()
    try:
        result: Result | Lut2hwError = EXPERIMENTS[name](context or Context(quick))
    except Lut2hwError as error:
        result = error
    return result, time.perf_counter() - began


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def to_csv(result: Result) -> str:
    """The table, numbers in full."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(result.columns)
    writer.writerows(result.rows)
    return out.getvalue()


def to_markdown(result: Result, picture: str) -> str:
    """What is claimed, whether it holds, the plot and the table."""
    lines = [
        f"## {result.title}",
        "",
        f"Claim: {result.claim}",
        "",
        f"**{'Holds' if result.holds else 'Does not hold'}:** {result.line}",
        "",
        f"![{result.title}]({picture})",
        "",
        "| " + " | ".join(result.columns) + " |",
        "| " + " | ".join("---" for _ in result.columns) + " |",
    ]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in result.rows]
    return "\n".join([*lines, "", result.note, ""])


def report(results: dict[str, Result], summaries: list[dict[str, Any]], quick: bool) -> str:
    """All experiments in one page, with the machine and the versions."""
    import numba
    import numpy
    import sklearn

    from lut2hw import __version__

    seconds = sum(summary["seconds"] for summary in summaries)
    command = "lut2hw reproduce" + (" --quick" if quick else "")
    lines = [
        '# The experiments of "Learning and Memorization", repeated',
        "",
        'S. Chatterjee, "Learning and Memorization", ICML 2018 (PMLR 80:755-763). Made by',
        "",
        f"    {command}",
        "",
        f"in {seconds / 60:.1f} minutes: {processor()}, {numba.get_num_threads()} thread(s), Python "
        f"{platform.python_version()}, lut2hw {__version__}, NumPy {numpy.__version__}, numba "
        f"{numba.__version__}, scikit-learn {sklearn.__version__}. Numbers are shares of right answers; ± is "
        "the standard deviation over seeds (wiring and ties).",
        "",
        "| experiment | claim holds | in numbers |",
        "| --- | --- | --- |",
    ]
    for summary in summaries:
        holds = {True: "yes", False: "no", None: "skipped"}[summary.get("holds")]
        name = summary["name"]
        link = f"[{name}](#{anchor(results[name].title)})" if name in results else name
        lines.append(f"| {link} | {holds} | {summary['line']} |")
    for name, result in results.items():
        lines += ["", to_markdown(result, f"{name}.png").rstrip()]
    return "\n".join([*lines, ""])


def anchor(title: str) -> str:
    """What Markdown viewers call a heading in links."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def processor() -> str:
    """The processor's name and number of cores."""
    name = platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    except OSError:
        name = platform.processor() or name
    return f"{name}, {os.cpu_count()} cores"
