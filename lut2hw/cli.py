"""The command line: it parses, calls and prints.

A command is a function below `@app.command()` that imports what it needs inside (start-up stays fast), raises
`Lut2hwError` for anything that goes wrong, and ends with `report`, which prints either text or the one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lut2hw import __version__
from lut2hw.console import check_output_file, print_table, progress_bar, report
from lut2hw.errors import Lut2hwError, UsageError, unknown_name

if TYPE_CHECKING:
    from lut2hw.data import Dataset
    from lut2hw.encode import Encoder
    from lut2hw.fit import Size
    from lut2hw.model import LutNetwork

app = typer.Typer(
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Start with `lut2hw train --data digits`, or your own table: `lut2hw train --data FILE.csv "
    "--label COLUMN`; each command says what comes next. `lut2hw COMMAND --help` has examples.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="Model file (.lut).", show_default=False)]
DATA_HELP = "Name (see `lut2hw datasets`), or a .npz, .csv or .pla file, or a folder with MNIST-style idx.gz files."


def complete_target(incomplete: str) -> list[str]:
    """Names of families, for the shell."""
    from lut2hw.targets import TARGETS

    return [name for name in TARGETS if name.startswith(incomplete)]


def complete_device(incomplete: str) -> list[str]:
    """Names of devices of all families, for the shell."""
    from lut2hw.targets import TARGETS

    return [name for target in TARGETS.values() for name in target.devices if name.startswith(incomplete)]


def complete_board(incomplete: str) -> list[str]:
    """Names of boards, for the shell."""
    from lut2hw.boards.catalogue import BOARDS

    return [name for name in BOARDS if name.startswith(incomplete)]


IgnoreOption = Annotated[
    str | None,
    typer.Option("--ignore", rich_help_panel="Data", metavar="COLUMN,...", help="Columns of a .csv to leave out."),
]
DropMissingOption = Annotated[
    bool, typer.Option("--drop-missing", rich_help_panel="Data", help="Leave out lines of a .csv that lack a value.")
]


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 done, 1 failed, 2 wrong usage; errors are one line on stderr."""
    debug = bool(os.environ.get("LUT2HW_DEBUG"))
    if "_LUT2HW_COMPLETE" in os.environ:  # a shell asks for completions
        app(prog_name="lut2hw")
    try:
        command = typer.main.get_command(app)
        with command.make_context("lut2hw", list(sys.argv[1:] if arguments is None else arguments)) as context:
            command.invoke(context)
        sys.stdout.flush()
        return 0
    except typer.Exit as done:
        return done.exit_code
    except (KeyboardInterrupt, typer.Abort):
        if debug:
            raise
        code = _fail("interrupted; nothing half-written is left", 1)
        if arguments is None:
            # Everything is unwound. Python would wait for the kernels' threads, and end by the signal, not with
            # this code, if it came during an exec.
            sys.stderr.flush()
            os._exit(code)
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has gone: nothing to tell it
        return 1
    except Lut2hwError as error:
        if debug:
            raise
        return _fail(str(error), error.exit_code)
    except MemoryError:
        if debug:
            raise
        return _fail("not enough memory; use less data, fewer LUTs or a smaller k", 1)
    except OSError as error:  # of a disk or a folder that no reader or writer expects to fail
        if debug:
            raise
        where = f" ({error.filename})" if error.filename else ""
        return _fail(
            f"{error.strerror or error}{where}; check the free space and the permissions, also of the "
            "folder for temporary files",
            1,
        )
    except Exception as error:
        if debug:
            raise
        if hasattr(error, "format_message"):  # wrong usage, found by the option parser
            return _fail(f"{error.format_message()} (see `lut2hw {_command_of(error)}--help`)", 2)
        return _fail(f"{type(error).__name__}: {error} (unexpected; LUT2HW_DEBUG=1 shows the traceback)", 1)


def _fail(message: str, code: int) -> int:
    line = " ".join(message.split())
    # Names in it may be anybody's: nothing of them may steer the terminal.
    print("error: " + "".join(letter if letter.isprintable() else "?" for letter in line), file=sys.stderr)
    return code


def _command_of(error: Any) -> str:
    context = getattr(error, "ctx", None)
    name = context.info_name if context is not None and context.parent is not None else None
    return f"{name} " if name else ""


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """From labelled data to FPGA logic: learn networks of lookup tables, compile them, prove them."""
    if version:
        print(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit


# --- data and learning --------------------------------------------------------------------------------------------


def parse_layers(text: str) -> list[int]:
    """`256,256,256` to numbers; `none` to no layers."""
    if text.strip().lower() == "none":
        return []
    try:
        widths = [int(part) for part in text.split(",")]
    except ValueError:
        widths = [0]
    if min(widths) < 1:
        raise UsageError(f"--layers {text} must be whole numbers from 1, separated by commas, as in 256,256,256")
    return widths


def parse_bits(text: str) -> list[int]:
    """`2`, `1,2,4` or `auto` to numbers of thresholds per feature."""
    if text.strip().lower() == "auto":
        from lut2hw.learn.choose import AUTO_BITS

        return list(AUTO_BITS)
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = [0]
    if not all(1 <= count <= 256 for count in counts):
        raise UsageError(
            f"--bits-per-feature {text} must be auto or whole numbers from 1 to 256, separated by commas, as in 1,2,4"
        )
    return counts


def parse_number(option: str, text: str, kind: type[int] | type[float]) -> float:
    """A number for an option that may also be auto; `train_descent` checks its range."""
    try:
        return kind(text)
    except ValueError:
        raise UsageError(f"{option} {text} must be a {'whole ' if kind is int else ''}number or auto") from None


def accuracy(predicted: Any, y: Any) -> float:
    """Share of right answers, to six digits; NaN never: no examples count as 0."""
    return round(float((predicted == y).mean()), 6) if len(y) else 0.0


DATA_PANEL, BITS_PANEL = "Data", "How values become bits"
FILL_PANEL, DESCENT_PANEL = "Fill a device", "Descent in detail"


@app.command(rich_help_panel="Data and learning")
def train(
    data: Annotated[str, typer.Option("--data", metavar="NAME|FILE", help=DATA_HELP)] = "digits",
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="MODEL", help="Model file to write.", show_default="DATA.lut")
    ] = Path(),
    learner: Annotated[
        str | None,
        typer.Option(
            "--learner", help="How to learn: memorize or descent.", show_default="descent; memorize with --layers"
        ),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            "--layers",
            help="memorize: LUTs in each layer, or none. Two-class tasks end in one more LUT.",
            show_default="256,256,256",
        ),
    ] = None,
    luts: Annotated[
        int | None,
        typer.Option("--luts", min=1, metavar="N", help="descent: LUTs in the network.", show_default="500"),
    ] = None,
    k: Annotated[int | None, typer.Option("-k", help="Inputs of each LUT.", show_default="6; descent: 4")] = None,
    votes: Annotated[
        int | None,
        typer.Option(
            "--votes",
            rich_help_panel=DESCENT_PANEL,
            metavar="N",
            help="descent: LUTs that are counted; the others are grown at their inputs.",
        ),
    ] = None,
    levels: Annotated[
        str | None,
        typer.Option(
            "--levels",
            rich_help_panel=DESCENT_PANEL,
            metavar="N|auto",
            help="descent: LUTs in a row, at most; auto tries 1 to 3 by validation.",
        ),
    ] = None,
    share: Annotated[
        bool | None,
        typer.Option(
            "--share/--no-share",
            rich_help_panel=DESCENT_PANEL,
            help="descent: whether several LUTs may read a grown one.",
            show_default="share",
        ),
    ] = None,
    sweeps: Annotated[
        int | None,
        typer.Option(
            "--sweeps",
            rich_help_panel=DESCENT_PANEL,
            metavar="N",
            help="descent: visits of each LUT after each growth.",
        ),
    ] = None,
    restarts: Annotated[
        int | None,
        typer.Option(
            "--restarts",
            rich_help_panel=DESCENT_PANEL,
            metavar="N",
            help="descent: further sweeps that draw each LUT's inputs anew and keep the better.",
        ),
    ] = None,
    inputs: Annotated[
        int | None,
        typer.Option(
            "--inputs",
            rich_help_panel=DESCENT_PANEL,
            metavar="N",
            help="descent: encoder bits that may be read.",
            show_default="all",
        ),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(
            "--window",
            rich_help_panel=DESCENT_PANEL,
            metavar="PIXELS",
            help="descent, images: side of the square that a vote reads.",
            show_default="the whole image",
        ),
    ] = None,
    subspace: Annotated[
        float | None,
        typer.Option(
            "--subspace",
            rich_help_panel=DESCENT_PANEL,
            metavar="SHARE",
            help="descent: share of the encoder bits that a vote reads.",
            show_default="all",
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            rich_help_panel=FILL_PANEL,
            autocompletion=complete_device,
            metavar="NAME",
            help="descent: without --luts, fill this device of the --target.",
        ),
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            "--target",
            rich_help_panel=FILL_PANEL,
            autocompletion=complete_target,
            metavar="FAMILY",
            help="FPGA family that --device is of.",
        ),
    ] = "ice40",
    utilization: Annotated[
        float | None,
        typer.Option(
            "--utilization",
            rich_help_panel=FILL_PANEL,
            metavar="SHARE",
            help="Share of the --device to fill.",
            show_default="0.85",
        ),
    ] = None,
    proposals: Annotated[
        int | None,
        typer.Option(
            "--proposals",
            rich_help_panel=DESCENT_PANEL,
            metavar="N",
            help="descent: signals tried at each input; 0 tries all.",
        ),
    ] = None,
    tau: Annotated[
        str | None,
        typer.Option(
            "--tau",
            rich_help_panel=DESCENT_PANEL,
            metavar="T|auto",
            help="descent: temperature of the softmax, in votes; auto tries larger ones by validation.",
        ),
    ] = None,
    augment: Annotated[
        str | None,
        typer.Option(
            "--augment",
            rich_help_panel=DESCENT_PANEL,
            metavar="NAME",
            help="descent, images: add copies "
            "moved by one pixel (shift1, shift1x9), N warped ones "
            "(warpN) or mirrored ones (flip, flip+shift1).",
        ),
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(
            "--validation",
            rich_help_panel=DESCENT_PANEL,
            metavar="SHARE",
            help="descent: keep the sweep that does best on this share of the training set.",
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            "--patience",
            rich_help_panel=DESCENT_PANEL,
            metavar="N",
            help="descent: sweeps to wait for a better validation accuracy.",
        ),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            "--margin",
            rich_help_panel=DESCENT_PANEL,
            metavar="M",
            help="descent: evidence an entry of a table needs, in examples.",
        ),
    ] = None,
    time_limit: Annotated[
        float | None,
        typer.Option(
            "--time-limit",
            rich_help_panel=DESCENT_PANEL,
            metavar="SECONDS",
            help="descent: end with what there is by then.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same bytes.")] = 0,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", rich_help_panel=BITS_PANEL, help="One bit per feature: value >= N.", metavar="N"),
    ] = None,
    bits_per_feature: Annotated[
        str | None,
        typer.Option(
            "--bits-per-feature",
            rich_help_panel=BITS_PANEL,
            metavar="N|N,N,...|auto",
            help="Thermometer code with N quantile thresholds, or the best of several by validation.",
            show_default="3; tables of up to 32 columns: 8",
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            "--classes",
            rich_help_panel=DATA_PANEL,
            metavar="A,B:C,D",
            help="Group labels into classes; other labels are left out.",
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label",
            rich_help_panel=DATA_PANEL,
            metavar="NAME",
            help="Label column of a .csv (else `label`), or output of a .pla.",
        ),
    ] = None,
    test_split: Annotated[
        float | None,
        typer.Option(
            "--test-split",
            rich_help_panel=DATA_PANEL,
            metavar="SHARE",
            help="Share to test with, of data without a test split; 0.25 if not told.",
        ),
    ] = None,
    ignore: IgnoreOption = None,
    drop_missing: DropMissingOption = False,
    json_output: JsonOption = False,
) -> None:
    """Learn a network of lookup tables from labelled data and write it to a model file.

    Example: lut2hw train --data digits --luts 100 -o digits.lut
    """
    from lut2hw import data as datasets
    from lut2hw import encode, learn

    # --layers belongs to one learner only, so it chooses it; else the one with the better accuracy per LUT.
    learner = learner or ("memorize" if layers is not None else "descent")
    learn_with = learn.learner(learner)
    special: dict[str, dict[str, Any]] = {
        "memorize": {"layers": layers},
        "descent": {
            "luts": luts,
            "votes": votes,
            "levels": levels,
            "share": share,
            "sweeps": sweeps,
            "restarts": restarts,
            "inputs": inputs,
            "window": window,
            "subspace": subspace,
            "proposals": proposals,
            "device": device,
            "tau": tau,
            "augment": augment,
            "validation": validation,
            "patience": patience,
            "margin": margin,
            "time_limit": time_limit,
        },
    }
    settings: dict[str, Any] = {name: value for name, value in special[learner].items() if value is not None}
    for other, names in special.items():
        for name, value in names.items():
            if other != learner and value is not None:
                raise UsageError(
                    f"--{name.replace('_', '-')} is an option of --learner {other}; leave it out or "
                    f"give --learner {other}"
                )
    if learner == "memorize":
        settings["layers"] = parse_layers("256,256,256" if layers is None else layers)
    if threshold is not None and bits_per_feature is not None:
        raise UsageError("give --threshold or --bits-per-feature, not both")
    counts = [] if bits_per_feature is None else parse_bits(bits_per_feature)
    search = {name for name in ("levels", "tau") if settings.get(name) == "auto"}
    for name, kind in (("levels", int), ("tau", float)):
        if name in search:
            del settings[name]
        elif name in settings:
            settings[name] = parse_number(f"--{name}", settings[name], kind)
    device = settings.pop("device", None)
    if device is not None and luts is not None:
        raise UsageError("--luts and --device both choose the size; give one of them")
    if k is None:
        k = 6 if learner == "memorize" else 4
        if device is not None:
            from lut2hw.fit import default_k

            k = default_k(target)
    if output == Path():
        name = os.path.basename(os.path.abspath(data))  # noqa: PTH100, PTH119 - any text, also what is no path
        output = Path(name or "model").with_suffix(".lut")
    check_output_file(output)
    dataset = datasets.load(
        data, label=label, classes=classes, test_split=test_split, ignore=ignore, drop_missing=drop_missing
    )
    for note in dataset.notes:
        typer.echo(note, err=True)
    counts = counts or [encode.usual_bits(dataset.features)]
    tried: dict[str, dict[Any, float]] = {}
    size: Size | None = None

    def encoder_of(dataset: Dataset) -> Encoder:
        if threshold is not None:
            return encode.fixed(dataset.features, threshold)
        return encode.thermometer(dataset.features, dataset.x_train, counts[0])

    def learn_from(dataset: Dataset, encoder: Encoder, progress: Any = None, once: bool = True) -> LutNetwork:
        nonlocal size
        if device is None:
            return learn_with(dataset, encoder, k=k, seed=seed, progress=progress, **settings)
        from lut2hw.fit import fill, is_local, regions_for

        shape = dataset.features.image_shape
        if not {"window", "subspace"} & settings.keys():
            settings.update(regions_for(target, device, utilization, shape))
        network, size = fill(
            lambda size: learn_with(
                dataset,
                encoder,
                k=k,
                seed=seed,
                progress=progress,
                **{"luts": size.luts, "votes": size.votes, "levels": 3, "inputs": size.inputs, **settings},
            ),
            encoder,
            len(dataset.class_names),
            target=target,
            device=device,
            k=k,
            utilization=utilization,
            local=is_local(shape, window=settings.get("window", 0), subspace=settings.get("subspace", 0.0)),
            once=once,
        )
        return network

    with progress_bar() as progress:
        began = time.perf_counter()
        if len(counts) > 1:
            from lut2hw.learn.choose import choose_bits

            bits = choose_bits(dataset, learn_from, counts, seed=seed, progress=progress)
            counts, tried["bits_per_feature"] = [bits.best], bits.accuracy
        if search:
            from lut2hw.learn.choose import choose_levels, choose_tau

            for name, choose_one in (("levels", choose_levels), ("tau", choose_tau)):

                def with_value(part: Dataset, value: float | None, name: str = name) -> LutNetwork:
                    settings[name] = value
                    return learn_from(part, encoder_of(part))

                if name in search:
                    chosen = choose_one(dataset, with_value, seed=seed, progress=progress)
                    settings[name], tried[name] = chosen.best, chosen.accuracy
        network = learn_from(dataset, encoder_of(dataset), progress, once=time_limit is not None)
        seconds = time.perf_counter() - began
        scores = {}
        for done, split in enumerate(("train", "test")):
            progress("scoring", done, 2)
            x, y = dataset.split(split)
            scores[split] = accuracy(network.predict_integers(x), y)
        progress("scoring", 2, 2)
    if size is not None:
        settings = {"luts": size.luts, "votes": size.votes, "levels": 3, "inputs": size.inputs, **settings}
    network = network.with_meta(
        data=dataset.options,
        learner=learner,
        k=k,
        seed=seed,
        **settings,
        threshold=threshold,
        bits_per_feature=None if threshold is not None else counts[0],
        **({"tried": tried} if tried else {}),
        train_accuracy=scores["train"],
        test_accuracy=scores["test"],
    )
    network.save(output)
    result = {
        "model": str(output),
        "data": dataset.name,
        "learner": learner,
        "train_accuracy": scores["train"],
        "test_accuracy": scores["test"],
        "luts": network.n_luts,
        "encoder_bits": len(network.encoder),
        "classes": network.n_classes,
        "train_examples": len(dataset.y_train),
        "test_examples": len(dataset.y_test),
        "seconds": round(seconds, 3),
        **{name: max(each, key=each.__getitem__) for name, each in tried.items()},
        **({"tried": tried} if tried else {}),
        **({"device": device, "logic_cells": size.cells} if size else {}),
    }
    report(
        result,
        json_output,
        "".join(
            f"{name.replace('_', ' ')}: held-out accuracy "
            f"{', '.join(f'{share:.4f} with {value:g}' for value, share in each.items())}\n"
            for name, each in tried.items()
        )
        + f"train accuracy {scores['train']:.4f} ({len(dataset.y_train):,} examples), "
        f"test accuracy {scores['test']:.4f} ({len(dataset.y_test):,})\n"
        f"{network.n_luts:,} LUTs of up to {k} inputs on {len(network.encoder):,} encoder bits, {seconds:.2f} s"
        f"{f', about {size.cells:,} logic cells of {device}' if size else ''}"
        f"{', ended early by ' + network.meta['ended'] if network.meta.get('ended', 'done') != 'done' else ''}\n"
        f"{output}",
        then=["lut2hw", "emit", output, *(["--target", target] if target != "ice40" else [])],
    )


@app.command(name="eval", rich_help_panel="Data and learning")
def evaluate(
    model: ModelArgument,
    data: Annotated[
        str | None, typer.Option("--data", metavar="NAME|FILE", help=DATA_HELP, show_default="what it was trained on")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            metavar="train|test|all",
            help="Examples to use; data other than it was trained on is used whole if it has no splits.",
            show_default="test",
        ),
    ] = None,
    classes: Annotated[
        str | None, typer.Option("--classes", metavar="A,B:C,D", help="Grouping of labels, if not that of training.")
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="NAME", help="Label column, if not that of training.")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Accuracy, confusion matrix and speed of a model. Its own encoder, classes and data options are used.

    Example: lut2hw eval digits.lut --data digits
    """
    import numpy as np

    from lut2hw import data as datasets
    from lut2hw.model import LutNetwork

    if split not in (None, "train", "test", "all"):
        raise unknown_name("split", split, ("train", "test", "all"))
    network = LutNetwork.load(model)
    if data is None:
        dataset = datasets.recall(network)
    else:
        dataset = datasets.load(data, label=label, classes=classes, like=network)
    if not len(dataset.y_train):
        if split not in (None, "all"):
            raise UsageError(
                f"{dataset.name} has no {split} split, and the model was not trained on it; leave "
                "--split out to use all of it"
            )
        split = "all"
    split = split or "test"
    x, y = dataset.split(split)
    network.predict_integers(x[:64])  # compile outside of the timing
    began = time.perf_counter()
    predicted = network.predict_packed(network.encoder(x), len(y))
    seconds = time.perf_counter() - began
    n = network.n_classes
    confusion = np.bincount(y * n + predicted, minlength=n * n).reshape(n, n)
    result = {
        "model": str(model),
        "data": dataset.name,
        "split": split,
        "accuracy": accuracy(predicted, y),
        "examples": len(y),
        "examples_per_second": round(len(y) / max(seconds, 1e-9)),
        "classes": list(network.class_names),
        "confusion": confusion.tolist(),
    }

    def text() -> None:
        print(
            f"accuracy {result['accuracy']:.4f} on {len(y):,} examples ({split}) of {dataset.name}, "
            f"{result['examples_per_second']:,} examples per second with encoding"
        )
        print_table(
            "confusion (rows: label, columns: answer)",
            ["", *network.class_names],
            [[name, *row] for name, row in zip(network.class_names, confusion.tolist(), strict=True)],
        )

    report(result, json_output, text)


@app.command(rich_help_panel="Data and learning")
def reproduce(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            show_default=False,
            help="lookup, mnist-binary, support, depth, width, random-labels, "
            "pairwise-mnist, cifar-binary, pairwise-cifar10, boundary, noise; all if none is named.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for tables and plots.")
    ] = Path("reproduction"),
    quick: Annotated[bool, typer.Option("--quick", help="Smaller networks, less data: under two minutes.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Repeat the experiments of "Learning and Memorization": a table, a plot and a verdict for each.

    Example: lut2hw reproduce --quick
    """
    from lut2hw.reproduce import run

    def done(summary: dict[str, Any]) -> None:
        if not json_output:
            verdict = {True: "holds", False: "does not hold", None: "skipped"}[summary.get("holds")]
            line = summary["line"].removeprefix("skipped: ")
            print(f"{summary['name']} ({summary['seconds']} s): {verdict}: {line}", flush=True)

    with progress_bar() as progress:
        summaries = run(names or [], output, quick, progress, done)
    report(
        {"directory": str(output), "quick": quick, "experiments": summaries},
        json_output,
        f"tables and plots: {output / 'reproduction.md'}",
    )


@app.command(rich_help_panel="Data and learning")
def inspect(
    model: ModelArgument,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="NAME|FILE",
            help="What it was trained on, if the model does not say.",
            show_default="what it was trained on",
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Tell from a network and its training data alone how much it memorized.

    Example: lut2hw inspect digits.lut
    """
    from lut2hw import data as datasets
    from lut2hw.inspect import RARE, SURE
    from lut2hw.inspect import inspect as look
    from lut2hw.model import LutNetwork

    network = LutNetwork.load(model)
    dataset = datasets.recall(network) if data is None else datasets.load(data, like=network)
    # A file that the model does not know is all of it what it was trained on.
    found = look(network, *dataset.split("train" if len(dataset.y_train) else "all"))

    def text() -> None:
        print_table(
            f"table entries by training examples behind them (few: 1 to {RARE})",
            ["layer", "LUTs", "k", "many", "few", "none", "look-ups of few", "of chance"],
            [
                [
                    number,
                    e.luts,
                    e.k,
                    round(e.many, 4),
                    round(e.few, 4),
                    round(e.none, 4),
                    round(e.rare_lookups, 4),
                    round(e.chance_lookups, 4),
                ]
                for number, e in enumerate(found.layers)
            ],
        )
        print_table(
            "training accuracy with entries of up to so many examples rewritten",
            ["examples", "accuracy"],
            [
                [0, round(found.train_accuracy, 4)],
                *([level, round(a, 4)] for level, a in found.counterfactual.items()),
            ],
        )
        print_table(
            "training accuracy with entries of less evidence rewritten",
            ["bits", "accuracy"],
            [[bits, round(a, 4)] for bits, a in found.by_evidence.items()],
        )
        if found.rare_patterns:
            print_table(
                f"rare patterns that decide training examples alone, the first of {len(found.rare_patterns)}",
                ["layer", "LUT", "pattern", "examples", "decides"],
                [
                    [e.layer, e.lut, f"{e.pattern:0{network.layers[e.layer].k}b}", e.examples, e.decides]
                    for e in found.rare_patterns[:10]
                ],
            )
        print(
            f"{found.decided_by_rare:.1%} of {found.examples:,} training examples are right only by entries that "
            f"few show; memorization {found.memorization:.2f} (0 generalizes, 1 memorized)"
        )
        print(
            f"without entries whose labels may be chance (less than {SURE} bits of evidence) "
            f"{found.by_evidence[SURE]:.1%} are right, instead of {found.train_accuracy:.1%}; by chance "
            f"{found.by_chance:.2f} (0 learned, 1 as random labels would be)"
        )

    report({"model": str(model), **found.as_json()}, json_output, text)


@app.command(rich_help_panel="Data and learning")
def datasets(json_output: JsonOption = False) -> None:
    """List the named datasets and where each would come from.

    Example: lut2hw datasets
    """
    from lut2hw.data import CATALOGUE

    rows = [
        {"name": name, "description": entry.description, "source": entry.source} for name, entry in CATALOGUE.items()
    ]
    report(
        {"datasets": rows},
        json_output,
        lambda: print_table("", ["name", "what it is", "from"], [list(row.values()) for row in rows]),
    )


@app.command(rich_help_panel="Hardware")
def targets(json_output: JsonOption = False) -> None:
    """List the FPGA families and their devices.

    Example: lut2hw targets
    """
    from lut2hw.targets import TARGETS

    rows = [
        {"name": name, "description": target.description, "devices": sorted(target.devices)}
        for name, target in TARGETS.items()
    ]
    report(
        {"targets": rows},
        json_output,
        lambda: print_table(
            "",
            ["name", "what it is", "devices"],
            [[row["name"], row["description"], ", ".join(row["devices"])] for row in rows],
        ),
    )


# --- hardware: emit and check ---------------------------------------------------------------------------------------

TargetOption = Annotated[
    str,
    typer.Option(
        "--target", autocompletion=complete_target, metavar="FAMILY", help="FPGA family (see `lut2hw targets`)."
    ),
]
PipelineOption = Annotated[str, typer.Option("--pipeline", metavar="N|auto|none", help="Register stages.")]
EncodedOption = Annotated[bool, typer.Option("--encoded-inputs", help="Leave the encoder out of the hardware.")]
DontCaresOption = Annotated[
    str,
    typer.Option(
        "--dont-cares",
        metavar="off|unseen|rare:N",
        help="Table entries that may change: those training never showed, or fewer than N times.",
    ),
]
EffortOption = Annotated[str, typer.Option("--effort", metavar="normal|high", help="Of the compiler.")]
FmaxOption = Annotated[float | None, typer.Option("--fmax", metavar="MHZ", help="Clock to cut --pipeline auto for.")]
RamOption = Annotated[
    str,
    typer.Option(
        "--ram", metavar="never|auto", help="Wide tables into block RAM where that saves logic cells (ice40, ecp5)."
    ),
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device",
        autocompletion=complete_device,
        help="Whose block RAMs and speed count.",
        show_default="up5k for ice40, and so on",
    ),
]


@app.command(rich_help_panel="Hardware")
def emit(
    model: ModelArgument,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder to write.", show_default="build/MODEL")
    ] = Path(),
    target: TargetOption = "ice40",
    pipeline: PipelineOption = "auto",
    encoded_inputs: EncodedOption = False,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="NAME|FILE", help="For the expected vectors.", show_default="what it was trained on"
        ),
    ] = None,
    dont_cares: DontCaresOption = "off",
    effort: EffortOption = "normal",
    fmax: FmaxOption = None,
    ram: RamOption = "never",
    device: DeviceOption = None,
    json_output: JsonOption = False,
) -> None:
    """Compile a model for an FPGA family: Verilog, expected vectors, and a manifest for verify and build.

    Example: lut2hw emit digits.lut --target ice40 --device hx8k --ram auto --fmax 50 -o build/digits
    """
    from lut2hw import data as datasets
    from lut2hw.emit import emit_model
    from lut2hw.model import LutNetwork

    network = LutNetwork.load(model)
    dataset = None if data is None else datasets.load(data, like=network)
    with progress_bar() as progress:
        progress("compiling", 0, 1)
        manifest = emit_model(
            network,
            Path("build") / model.stem if output == Path() else output,
            target=target,
            data=dataset,
            pipeline=pipeline,
            encoded_inputs=encoded_inputs,
            dont_cares=dont_cares,
            effort=effort,
            fmax=fmax,
            ram=ram,
            device=device,
        )
        progress("compiling", 1, 1)
    free = manifest.network.meta.get("dont_cares") if dont_cares != "off" else None
    changed = (
        "".join(
            f"{split} accuracy {free['before'][split]:.4f}, with don't-cares {free['after'][split]:.4f}\n"
            for split in free["after"]
        )
        if free
        else ""
    )
    cells = manifest.data["cells"]
    report(
        {
            "target": manifest.target,
            "luts": cells.get("lut", 0),
            "latency_cycles": manifest.latency,
            "directory": str(manifest.directory),
            "cells": cells,
            "parts": manifest.data["parts"],
            "vectors": manifest.n_vectors,
            "input_bits": manifest.input_port.width,
            "dont_cares": free,
        },
        json_output,
        (manifest.directory / "summary.txt").read_text() + changed + str(manifest.directory),
        then=["lut2hw", "verify", manifest.directory],
    )


@app.command(rich_help_panel="Hardware")
def verify(
    core: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|MODEL",
            help="Emitted folder, or a model file to emit to a temporary folder first.",
            show_default=False,
        ),
    ],
    engine: Annotated[
        str | None,
        typer.Option("--engine", metavar="NAME[,NAME]|all", help="What to check with.", show_default="cocotb"),
    ] = None,
    vectors: Annotated[
        int | None,
        typer.Option(
            "--vectors",
            metavar="N",
            min=1,
            help="How many to stream.",
            show_default="the emitted ones and 1,000 random ones",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of stalls and random vectors.")] = 0,
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", min=0.001, help="For each tool and proof.")
    ] = None,
    target: TargetOption = "ice40",
    pipeline: PipelineOption = "auto",
    json_output: JsonOption = False,
) -> None:
    """Check an emitted core against the golden model. --target and --pipeline are for a MODEL only.

    Example: lut2hw verify build/digits
    """
    from lut2hw.emit import emit_model, load
    from lut2hw.files import write_text
    from lut2hw.model import LutNetwork
    from lut2hw.verify import ENGINES, describe
    from lut2hw.verify import verify as check

    engines = list(ENGINES) if engine == "all" else engine.split(",") if engine else []
    with contextlib.ExitStack() as stack:
        if core.is_dir() or not core.exists():
            manifest = load(core)
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lut2hw-")))
            manifest = emit_model(LutNetwork.load(core), folder / "core", target=target, pipeline=pipeline)
        progress = stack.enter_context(progress_bar())
        started: list[str] = []

        def on_start(name: str) -> None:
            for other in started[-1:]:
                progress(other, 1, 1)
            started.append(name)
            progress(name, 0, 1)

        outcomes = check(manifest, engines, vectors=vectors, seed=seed, timeout=timeout, on_start=on_start)
        progress(started[-1], 1, 1)
        words = [describe(manifest, outcome) for outcome in outcomes]
    wrong = [outcome for outcome in outcomes if outcome.passed is False]
    passed = not wrong and any(outcome.passed for outcome in outcomes)
    one = (wrong or outcomes)[0]
    result = {
        "passed": passed,
        "vectors": sum(o.vectors for o in outcomes),
        "engine": engine or one.engine,
        "mismatches": sum(o.mismatches for o in outcomes),
        "first": one.first,
        "engines": [outcome.as_json() for outcome in outcomes],
    }
    if core.is_dir():
        with contextlib.suppress(Lut2hwError):  # for the report; a folder that cannot be written is checked as well
            write_text(core / "verify.json", json.dumps({**result, "asked": vectors, "seed": seed}) + "\n")

    def text() -> None:
        if len(outcomes) == 1:
            print(words[0])
        else:
            print_table(
                "",
                ["engine", "result", "seconds"],
                [[o.engine, said, round(o.seconds, 1)] for o, said in zip(outcomes, words, strict=True)],
            )

    word = "emit" if not core.is_dir() else "report" if (core / "build.json").exists() else "build"
    report(result, json_output, text, then=["lut2hw", word, core] if passed else [])
    if not passed:
        raise typer.Exit(1)


@app.command(rich_help_panel="Hardware")
def build(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Emitted folder.", show_default=False)],
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            autocompletion=complete_device,
            help="See `lut2hw targets`.",
            show_default="as emitted for, or up5k for ice40, and so on",
        ),
    ] = None,
    package: Annotated[
        str | None, typer.Option("--package", help="As nextpnr spells it.", show_default="the device's usual one")
    ] = None,
    freq: Annotated[
        float | None,
        typer.Option(
            "--freq",
            metavar="MHZ",
            min=0.001,
            max=10_000,
            help="Clock that place and route aims at.",
            show_default="that of emit --fmax, or 50",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=(1 << 31) - 1, help="Of the placer.")] = 1,
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", min=0.001, help="For each tool.")
    ] = None,
    board: Annotated[
        str | None,
        typer.Option(
            "--board",
            autocompletion=complete_board,
            metavar="NAME",
            help="Make the chip for a board, with a serial link to talk to (see `lut2hw boards`).",
        ),
    ] = None,
    baud: Annotated[
        int | None,
        typer.Option("--baud", min=1, help="Of the board's serial link.", show_default="what the board manages"),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Synthesize, place and route an emitted core in a small chip around it, and make its bitstream.

    Example: lut2hw build build/digits --device up5k --package sg48
    """
    from lut2hw.build import build as make

    if board is None and baud is not None:
        raise UsageError("--baud is of the serial link of a board; give --board too")
    with progress_bar() as progress:
        if board is None:
            result = make(directory, device, package, freq=freq, seed=seed, timeout=timeout, progress=progress)
        else:
            from lut2hw import emit as emitted
            from lut2hw.boards import build as board_build

            if device or package:
                raise UsageError(f"the {board} has its own device and package; leave --device and --package out")
            result = board_build.build(
                emitted.load(directory), board, baud=baud, seed=seed, timeout=timeout, progress=progress
            )

    def board_text() -> None:
        columns = list(result["core"])
        print_table(
            f"{board} ({result['device']})",
            ["", *columns],
            [[what, *(result[what][column] for column in columns)] for what in ("core", "chip")],
        )
        print(
            f"{result['chip']['logic_cells']:,} logic cells, Fmax {result['fmax_mhz']:.1f} MHz for a clock of "
            f"{result['clock_mhz']:g} MHz, up to {result['examples_per_second']:,} examples per second at "
            f"{result['baud']:,} baud"
        )
        print(result["bitstream"])

    def text() -> None:
        if board is not None:
            board_text()
            return
        counts = list(result["core"])
        print_table(
            f"{result['device']}-{result['package']}",
            ["", *counts],
            [[what, *(result[what][count] for count in counts)] for what in ("core", "chip")],
        )
        print(
            f"Fmax {result['fmax_mhz']:.1f} MHz, latency {result['latency_cycles']} cycles = "
            f"{result['latency_ns']:.1f} ns, {result['classifications_per_second']:,} classifications per second"
        )
        print(result["bitstream"] or f"{directory} (no open tool packs a bitstream for {result['device']})")

    report(
        result,
        json_output,
        text,
        then=["lut2hw", "report", directory] if board is None else ["lut2hw", "flash", directory],
    )


from lut2hw import cli_boards as cli_boards  # noqa: E402 - more commands; they need what is above
from lut2hw import cli_tools as cli_tools  # noqa: E402
