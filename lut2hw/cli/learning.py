"""Commands on data and learning.

A command imports what it needs inside (start-up stays fast), raises `Lut2hwError` for anything that goes wrong, and
ends with `report`, which prints either text or the one JSON object.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lut2hw import flags
from lut2hw.cli.generate import several, with_options
from lut2hw.cli.options import (
    DATA_HELP,
    ClusterOption,
    DetectOption,
    DropMissingOption,
    EncodedOption,
    JsonOption,
    LearnerOption,
    ModelArgument,
    PositiveOption,
    SplitOption,
    TargetOption,
    app,
)
from lut2hw.cli.render import (
    check_output_file,
    cluster_at,
    print_table,
    progress_bar,
    report,
    say,
    show_notes,
    shown,
    stream_json,
)
from lut2hw.data.options import DataOptions
from lut2hw.data.stream_options import StreamOptions
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.flags import AUTO
from lut2hw.training.options import TrainOptions, all_flags

if TYPE_CHECKING:
    from lut2hw.data.dataset import Dataset
    from lut2hw.data.sequences import SequenceDataset
    from lut2hw.model.network import LutNetwork
    from lut2hw.training.train import Trained


@app.command(rich_help_panel="Data and learning")
@with_options(data_options=DataOptions, streams=StreamOptions, options=all_flags())
def train(
    data: Annotated[str, typer.Option("--data", metavar="NAME|FILE", help=DATA_HELP)] = "digits",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="MODEL", help="Model file to write.", show_default="DATA.lut"),
    ] = None,
    learner: LearnerOption = None,
    options: Any = None,
    data_options: Any = None,
    streams: Any = None,
    cluster: ClusterOption = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on from MODEL.state, which a training on a cluster keeps after each sweep."
        ),
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Learn a network of lookup tables from labelled data and write it to a model file.

    Example: lut2hw train --data digits --luts 100 -o digits.lut
    """
    asked = TrainOptions.of(learner, **options)
    if output is None:
        name = os.path.basename(os.path.abspath(data))  # noqa: PTH100, PTH119 - any text, also what is no path
        output = Path(name or "model").with_suffix(".lut")
    check_output_file(output, data, data_options.test_data)
    from lut2hw.data import majority_accuracy
    from lut2hw.kernels import watch
    from lut2hw.model.network import LutNetwork
    from lut2hw.training.like import load_for
    from lut2hw.training.train import train as learn

    before = watch.seconds[0]
    dataset: Any
    if asked.like is not None:
        if streams.sequence:
            raise UsageError("--like has no effect on sequences; leave it out")
        dataset = load_for(data, LutNetwork.load(asked.like), **flags.given(data_options))
    else:
        dataset = streams.load(data, data_options) if streams.sequence else data_options.load(data)
    show_notes(dataset.notes)
    if (cluster is not None or resume) and streams.sequence:
        raise UsageError(
            "--cluster and --resume have no effect on sequences, which are trained on one machine; leave it out"
        )
    with cluster_at(cluster) as client, progress_bar() as progress:
        if streams.sequence:
            from lut2hw.training.streams import train_stream

            trained = train_stream(dataset, asked, progress, front_end=streams.front_end or AUTO)
        else:
            state = output.with_name(f"{output.name}.state") if cluster is not None or resume else None
            try:
                trained = learn(dataset, asked, progress, client=client, state=state, resume=resume)
            except UsageError:
                raise
            except Lut2hwError as error:
                if state is None or not state.exists():
                    raise
                raise Lut2hwError(f"{error}; {state} has the state after the last sweep: add --resume") from None
    network = trained.network
    network.save(output)
    classes = bool(dataset.class_names)
    widest = trained.options.k or max((layer.k for layer in network.layers), default=0)
    majority = {"majority_accuracy": round(majority_accuracy(dataset.y_test), 6)} if classes else {}
    scores = {"train": 0.0, "test": 0.0, **trained.accuracy} if classes else trained.accuracy
    chosen = {name: max(each, key=each.__getitem__) for name, each in trained.tried.items()}
    taught = network.meta.get("taught")
    result = {
        "model": str(output),
        "data": dataset.name,
        "learner": trained.options.learner.name,
        **{f"{split}_accuracy": share for split, share in scores.items()},
        **{
            f"{split}_{name}": value
            for split, each in trained.metrics.items()
            for name, value in each.items()
            if name != "accuracy"
        },
        **majority,
        **({"signal": trained.signal} if classes else {}),
        "luts": network.n_luts,
        "encoder_bits": len(network.encoder),
        **stream_json(network),
        **({"classes": network.n_classes} if classes else {"targets": list(network.target_names)}),
        "train_examples": len(dataset.y_train),
        "test_examples": len(dataset.y_test),
        "seconds": round(trained.seconds, 3),
        **chosen,
        **({"tried": trained.tried} if trained.tried else {}),
        **({"taught": taught} if taught else {}),
        **({"device": asked.place.device, "logic_cells": trained.size.cells} if trained.size and asked.place else {}),
    }
    report(
        result,
        json_output,
        "".join(
            f"{name.replace('_', ' ')}: held-out {'accuracy' if trained.measure == 'accuracy' else 'score'} "
            f"{', '.join(f'{share:.4f} with {_value(value)}' for value, share in each.items())}\n"
            for name, each in trained.tried.items()
        )
        + (f"teacher: {taught['teacher']}, {taught['made_up']:,} made-up examples\n" if taught else "")
        + _measured(trained, dataset, majority.get("majority_accuracy"))
        + f"{network.n_luts:,} LUTs of up to {widest} inputs on {len(network.encoder):,} encoder bits, "
        f"{trained.seconds:.2f} s{_compiled(watch.seconds[0] - before)}"
        f"{f', about {trained.size.cells:,} logic cells of {asked.board or asked.device}' if trained.size else ''}"
        f"{', ended early by ' + trained.ended if trained.ended != 'done' else ''}\n"
        f"{output}",
        then=[
            "lut2hw",
            "emit",
            output,
            *(["--target", asked.place.target] if asked.place and asked.place.target != "ice40" else []),
        ],
    )


def _compiled(seconds: float) -> str:
    """What of the time went into compiling kernels, if it is worth a word."""
    return f" ({seconds:.1f} s of it to compile, this once)" if seconds > 1 else ""


def _value(value: Any) -> str:
    """A value that was tried, as it is shown."""
    return value if isinstance(value, str) else f"{value:g}"


def _measured(trained: Trained, dataset: Dataset | SequenceDataset, majority: float | None) -> str:
    """What a training reached, in a line."""
    if trained.measure == "accuracy":
        scores = {"train": 0.0, "test": 0.0, **trained.accuracy}
        return (
            f"train accuracy {scores['train']:.4f} ({len(dataset.y_train):,} examples), "
            f"test accuracy {scores['test']:.4f} ({len(dataset.y_test):,}), majority class {majority or 0.0:.4f}\n"
        ) + (NO_SIGNAL if trained.signal is False else "")
    parts = []
    for split, each in trained.metrics.items():
        shown = [
            f"{WORDS.get(name, name.replace('_', ' '))} {value:.4g}"
            for name, value in each.items()
            if value is not None
        ]
        examples = len(dataset.y_train if split == "train" else dataset.y_test)
        parts.append(f"{split} ({examples:,} examples): {', '.join(shown)}\n")
    return "".join(parts)


NO_SIGNAL = "no signal: answers to test examples are no better than chance; give more examples or other columns\n"

WORDS = {"r2": "R2", "rmse": "RMSE", "mae": "MAE", "roc_auc": "ROC AUC", "f1": "F1"}
"""Metrics as people write them."""


@app.command(name="eval", rich_help_panel="Data and learning")
def evaluate(
    model: ModelArgument,
    data: Annotated[
        str | None, typer.Option("--data", metavar="NAME|FILE", help=DATA_HELP, show_default="what it was trained on")
    ] = None,
    split: SplitOption = None,
    classes: Annotated[
        str | None, typer.Option("--classes", metavar="A,B:C,D", help="Grouping of labels, if not that of training.")
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="NAME", help="Label column, if not that of training.")
    ] = None,
    positive: PositiveOption = None,
    drop_missing: DropMissingOption = False,
    cluster: ClusterOption = None,
    detect: DetectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Accuracy and other metrics, confusion matrix and speed of a model. Its own encoder and data options are used.

    Example: lut2hw eval digits.lut --data digits
    """
    from lut2hw.model.network import LutNetwork
    from lut2hw.studies.evaluate import as_json
    from lut2hw.studies.evaluate import evaluate as judge
    from lut2hw.training.recall import load_like, recall

    network = LutNetwork.load(model)
    if detect is not None:
        if positive is not None or cluster is not None or drop_missing:
            raise UsageError("--positive, --cluster and --drop-missing are not for --detect; leave them out")
        _detected(network, model, data, detect, split, {"label": label, "classes": classes}, json_output)
        return
    if data is None:
        dataset = recall(network)
    else:
        dataset = load_like(data, network, label=label, classes=classes, drop_missing=drop_missing or None)
    show_notes(dataset.notes)
    with cluster_at(cluster) as client:
        found = judge(network, dataset, split, positive=positive, client=client)
    result = {
        "model": str(model),
        "data": dataset.name,
        "split": found.split,
        **as_json(found),
        **stream_json(network),
    }

    def text() -> None:
        head, speed = "", f"{result['examples_per_second']:,} examples per second with encoding"
        on = f"{len(found.y):,} examples ({found.split}) of {dataset.name}"
        if network.head.kind == "number":
            head = f"R2 {shown(found.metrics['r2'])} on {on}"
        elif network.head.kind == "labels":
            head = (
                f"every label right {found.accuracy:.4f} on {on}, most frequent answer {found.majority_accuracy:.4f}"
            )
        else:
            head = f"accuracy {found.accuracy:.4f} on {on}, majority class {found.majority_accuracy:.4f}"
        say(f"{head}, {speed}")
        print_table(
            found.heading,
            ["metric", "value", "what it is"],
            [[row.name, shown(row.value), row.words] for row in found.table()],
        )
        if network.head.classifies:
            print_table(
                "confusion (rows: label, columns: answer)",
                ["", *network.answer_names],
                [[name, *row] for name, row in zip(network.class_names, found.confusion.tolist(), strict=True)],
            )
        elif len(found.targets) > 1:
            names = list(next(iter(found.targets.values())))
            print_table(
                "each alone",
                ["", *(name.replace("_", " ") for name in names)],
                [[target, *map(shown, each.values())] for target, each in found.targets.items()],
            )

    report(result, json_output, text)


def _detected(
    network: LutNetwork,
    model: Path,
    data: str | None,
    options: str,
    split: str | None,
    labels: dict[str, str | None],
    json_output: bool,
) -> None:
    """What a detector finds in recordings."""
    from lut2hw.model.detect import Detector
    from lut2hw.studies.detection import detect
    from lut2hw.training.recall import load_sequences_like, recall_sequences

    Detector.of_network(network, options)  # what is wrong with them is said before data is read
    dataset = recall_sequences(network) if data is None else load_sequences_like(data, network, **labels)
    show_notes(dataset.notes)
    found = detect(network, dataset, options, split)

    def text() -> None:
        print_table(
            f"events in {found.split} recordings of {dataset.name}",
            ["metric", "value", "what it is"],
            [[row.name, "-" if row.value is None else f"{row.value:,g}", row.words] for row in found.table()],
        )

    report({"model": str(model), "data": dataset.name, **found.as_json(), **stream_json(network)}, json_output, text)


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
    cluster: ClusterOption = None,
    json_output: JsonOption = False,
) -> None:
    """Repeat the experiments of "Learning and Memorization": a table, a plot and a verdict for each.

    Example: lut2hw reproduce --quick
    """
    from lut2hw.studies.reproduce.run import run

    def done(summary: dict[str, Any]) -> None:
        if not json_output:
            verdict = {True: "holds", False: "does not hold", None: "skipped"}[summary.get("holds")]
            line = summary["line"].removeprefix("skipped: ")
            say(f"{summary['name']} ({summary['seconds']} s): {verdict}: {line}")

    with cluster_at(cluster) as client, progress_bar() as progress:
        summaries = run(names or [], output, quick, progress, done, client)
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
    from lut2hw.model.network import LutNetwork
    from lut2hw.studies.inspection import RARE, SURE
    from lut2hw.studies.inspection import inspect as look
    from lut2hw.training.recall import load_like, recall

    network = LutNetwork.load(model)
    dataset = recall(network) if data is None else load_like(data, network)
    show_notes(dataset.notes)
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
        say(
            f"{found.decided_by_rare:.1%} of {found.examples:,} training examples are right only by entries that "
            f"few show; memorization {found.memorization:.2f} (0 generalizes, 1 memorized)"
        )
        say(
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


def _sweep_folds(model: Path, output: Path | None, target: str, axes: dict[str, str], json_output: bool) -> None:
    """`sweep --fold`."""
    from lut2hw.model.network import LutNetwork
    from lut2hw.studies.folds import COLUMNS, folds

    if others := sorted(axes.keys() - {"device"}):
        option = f"--{others[0].replace('_', '-')}"
        raise UsageError(f"--fold trains nothing, so that {option} has no effect; leave it out")
    if output is None:
        output = Path(f"folds-{model.stem}")
    with progress_bar(lines=not json_output) as progress:
        rows = folds(LutNetwork.load(model), output, target=target, device=axes.get("device"), progress=progress)

    def text() -> None:
        good = [row for row in rows if row["error"] is None]
        names = ["tables a clock", "cells", "RAMs", "clocks", "MHz", "examples/s"]
        values = [[row[name] for name in COLUMNS] for row in good]
        print_table("", names, [["all" if each[0] is None else each[0], *each[1:]] for each in values])
        for row in rows:
            if row["error"] is not None:
                say(f"{'unfolded' if row['fold'] is None else row['fold']}: {row['error']}")
        say(output / "folds.png")

    report({"output": str(output), "cores": rows}, json_output, text)


AXES = {name: each for name, each in all_flags().items() if name != "target"}
"""Options of a training that a sweep takes several values of."""
GRID: dict[str, Sequence[Any]] = {"k": (4, 6), "luts": (50, 100, 200, 400), "levels": (1, 3), "seed": (0,)}
"""What a sweep tries by default."""


@app.command(rich_help_panel="Data and learning")
@with_options(data_options=DataOptions, axes=several(AXES, GRID))
def sweep(
    data: Annotated[str, typer.Option("--data", metavar="NAME|FILE", help=DATA_HELP)] = "digits",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Folder for results and models; what it has already is not trained again.",
            show_default="sweep-DATA",
        ),
    ] = None,
    learner: LearnerOption = None,
    axes: Any = None,
    target: TargetOption = "ice40",
    encoded_inputs: EncodedOption = False,
    data_options: Any = None,
    jobs: Annotated[
        int | None,
        typer.Option("-j", "--jobs", min=1, max=1024, help="Trainings at a time.", show_default="all cores"),
    ] = None,
    cluster: ClusterOption = None,
    fold: Annotated[
        Path | None,
        typer.Option(
            "--fold",
            metavar="MODEL",
            help="Instead of training: build this model as folded cores of 1 to 16 tables a clock, and unfolded.",
            show_default="none",
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Train over a grid of options and show accuracy against logic cells with the Pareto front (CSV, PNG, SVG).

    Each option of a training takes several values, separated by commas (--layers: by colons). Stop it with Ctrl-C and
    run it again to go on. The front is chosen on the test set: for an unbiased accuracy of the model you pick,
    evaluate it on data that the sweep has not seen.

    Example: lut2hw sweep --data digits -k 2,4,6 --luts 50,100,200,400
    """
    from lut2hw.studies import sweep as sweeps

    if fold is not None:
        _sweep_folds(fold, output, target, axes, json_output)
        return
    if output is None:
        output = Path(f"sweep-{Path(data).stem}")
    sized = {"luts", "levels"} if axes.keys() & {"device", "board", "layers"} else set()
    if "like" in axes:
        sized = {"k", "luts", "levels"}
    values = {name: tried for name, tried in GRID.items() if name not in sized}
    values |= {name: sweeps.values(AXES[name], text) for name, text in axes.items()}
    name = learner or ("memorize" if "layers" in values else "descent")
    if "device" in values:
        values["target"] = [target]
    points = sweeps.grid(name, **values)
    if cluster is not None and jobs is not None:
        raise UsageError("--jobs has no effect on a cluster, whose workers are what there is; leave it out")
    with cluster_at(cluster) as client, progress_bar(lines=not json_output) as progress:
        rows = sweeps.run(
            points,
            {"data": data, **data_options.by_name()},
            output,
            target=target,
            encoded_inputs=encoded_inputs,
            jobs=jobs,
            progress=progress,
            client=client,
        )
    front = sorted((row for row in rows if row["pareto"]), key=lambda row: row["logic_cells"])
    failed = [row for row in rows if row["error"] is not None]

    def text() -> None:
        measure = sweeps.measure_of(front[0])
        names = ["k", "luts", "levels", "bits_per_feature", "threshold", "logic_cells", measure, "model"]
        names = [name for name in names if any(row[name] is not None for row in front)]
        short = {"bits_per_feature": "bits", "logic_cells": "cells", "test_accuracy": "accuracy"}  # of 80 columns
        shown = [{**row, "model": Path(row["model"]).name} for row in front]
        print_table(
            "Pareto front",
            [short.get(name, name) for name in names],
            [["" if row[name] is None else row[name] for name in names] for row in shown],
        )
        if failed:
            say(f"{len(failed)} of {len(rows)} points could not be trained, the first: {failed[0]['error']}")
        say(f"{output}: sweep.csv, sweep.png, sweep.svg, points: {len(rows) - len(failed)} models")

    report({"directory": str(output), "points": len(rows), "failed": len(failed), "front": front}, json_output, text)
