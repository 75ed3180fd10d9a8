"""What commands print with: results, tables, progress; and the check that comes before work."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from lut2hw import quote
from lut2hw.checked import dumps
from lut2hw.errors import UsageError
from lut2hw.kernels import watch


def report(result: dict[str, Any], as_json: bool, text: str | Callable[[], None], then: Iterable[Any] = ()) -> None:
    """The end of a command: `result` as one line of JSON, or `text` for people (printed, or called to print).

    Parameters
    ----------
    then : Iterable[Any], default=()
        Words of the command that one would run next, shown to a person at a terminal.
    """
    if as_json:
        print(dumps(result))
        return
    if callable(text):
        text()
    else:
        say(text)
    if then and sys.stdout.isatty() and sys.stderr.isatty():
        from rich.console import Console

        Console(stderr=True, highlight=False, markup=False).print(
            f"next: {shlex.join(map(str, then))}", style="dim", soft_wrap=True
        )


@contextlib.contextmanager
def cluster_at(text: str | None) -> Iterator[Any]:
    """The cluster that `--cluster` names, whose dashboard is told on stderr; None without the option."""
    if text is None:
        yield None
        return
    from lut2hw.cluster import connect

    with connect(text, lambda line: show_notes([line])) as cluster:
        yield cluster


def show_notes(notes: Iterable[str]) -> None:
    """Sentences on the data, on stderr, each in one line."""
    for note in notes:
        print(quote.line(note), file=sys.stderr)


def say(text: object) -> None:
    """Print a text for people; names of others in it steer no terminal."""
    print(quote.plain(text), flush=True)


def shown(share: float | None) -> str:
    """A metric in a table: four digits after the point, or four significant ones where there is more to tell."""
    if share is None:
        return "-"
    return f"{share:.4f}" if share == 0 or 0.01 <= abs(share) < 10 else f"{share:.4g}"


def print_table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    """A table on stdout; columns of numbers to the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for i, column in enumerate(columns):
        numbers = all(isinstance(row[i], int | float) for row in rows)
        table.add_column(quote.line(column), justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(quote.line, row))
    # A pipe has no width: do not wrap what programs will read.
    console = Console(width=None if sys.stdout.isatty() else 200, markup=False, highlight=False)
    if title:
        console.print(quote.line(title), style="italic")  # a table's own title wraps at its width
    console.print(table)


@contextlib.contextmanager
def progress_bar(lines: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """A callback progress(what, done, total) that shows bars on stderr if that is a terminal.

    One bar for each `what`, of which a part after a colon may change. Elsewhere nothing is shown, or a line for each
    call if `lines`, for work of minutes to hours whose log is worth a look.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        if lines:
            yield lambda what, done, total: print(f"{what}: {done} of {total}", file=sys.stderr, flush=True)
        else:
            yield lambda what, done, total: None
        return
    with (
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=False,
        ) as bars,
        contextlib.ExitStack() as stack,
    ):
        tasks: dict[str, Any] = {}
        # Kernels may have to be compiled before there is progress to tell of.
        waiting: list[Any] = [bars.add_task("getting ready", total=None)]

        def compiling() -> None:
            if not waiting:
                waiting.append(bars.add_task("", total=None))
            bars.update(waiting[-1], description="compiling kernels (once)", refresh=True)

        stack.callback(watch.listeners.remove, compiling)
        watch.listeners.append(compiling)

        def update(what: str, done: int, total: int) -> None:
            what = quote.line(what)
            while waiting:
                bars.remove_task(waiting.pop())
            name = what.partition(":")[0]
            if name not in tasks:
                tasks[name] = bars.add_task(what, total=total)
            bars.update(tasks[name], description=what, completed=done, total=total)

        yield update
        while waiting:
            bars.remove_task(waiting.pop())


def check_output_file(path: Path, *sources: str | Path | None, data: bool = False) -> None:
    """Raise before the work, not after it, if `path` cannot be written, or is one of the `sources` that are read.

    Files of data, of which a model remembers its own, are written over by other data alone (`data`).
    """
    for source in sources:
        if source is not None and path.exists() and Path(source).exists() and path.samefile(source):
            raise UsageError(f"{path} is what is read; give another name")
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the name of a file")
    if not data and path.is_file():
        from lut2hw.data.formats import is_named_as_data

        if is_named_as_data(path) and path.stat().st_size:
            raise UsageError(f"{path} is a file of data, which this would write over; give another name")
    if (Path(os.path.realpath(path)).parent / "manifest.json").exists():
        from lut2hw.artefact.folder import is_own

        if is_own(path):
            raise UsageError(f"{path} is a file of the emitted folder {path.parent}; give another name")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a regular file; give another name")
    if not path.parent.is_dir():
        raise UsageError(f"the folder {path.parent} does not exist; make it first")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UsageError(f"cannot write into {path.parent}: {error.strerror or error}") from None


@contextlib.contextmanager
def live_accuracy(total: int) -> Iterator[Callable[[int, int, int], None]]:
    """A callback (done, right, mismatches) that shows the accuracy so far, on stderr and only if it is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, right, mismatches: None
        return
    text = "accuracy {task.fields[accuracy]:.4f}, {task.fields[mismatches]} unlike the golden model"
    with Progress(
        TextColumn(text), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    ) as bars:
        task = bars.add_task("", total=total, accuracy=0.0, mismatches=0)
        yield lambda done, right, mismatches: bars.update(
            task, completed=done, accuracy=right / done, mismatches=mismatches
        )


def stream_json(network: Any, clocks: int | None = None) -> dict[str, Any]:
    """What commands say of a model with a front end, in JSON; nothing of others.

    `clocks` are those of its core; by default of one that reads all of the encoder's bits.
    """
    if network.front_end is None:
        return {}
    encoder = network.encoder
    if clocks is None:
        clocks = network.front_end.clocks_per_sample(encoder.feature, encoder.threshold)
    return {"front_end": network.front_end.kind, "clocks_per_sample": clocks}
