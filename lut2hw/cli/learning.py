"""Commands on data and learning.

A command imports what it needs inside (start-up stays fast), raises `Lut2hwError` for anything that goes wrong, and
ends with `report`, which prints either text or the one JSON object.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lut2hw.cli.options import (
    DATA_HELP,
    DropMissingOption,
    EncodedOption,
    IgnoreOption,
    JsonOption,
    ModelArgument,
    accuracy,
    app,
    complete_device,
    complete_target,
    parse_bits,
    parse_layers,
    parse_number,
)
from lut2hw.cli.render import check_output_file, print_table, progress_bar, report, show_notes
from lut2hw.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from lut2hw.data import Dataset
    from lut2hw.model import Encoder, LutNetwork
    from lut2hw.training.fill import Size


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
    from lut2hw.learn import registry as learn
    from lut2hw.model import encoder as encode

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
            from lut2hw.training.fill import default_k

            k = default_k(target)
    if output == Path():
        name = os.path.basename(os.path.abspath(data))  # noqa: PTH100, PTH119 - any text, also what is no path
        output = Path(name or "model").with_suffix(".lut")
    check_output_file(output)
    dataset = datasets.load(
        data, label=label, classes=classes, test_split=test_split, ignore=ignore, drop_missing=drop_missing
    )
    show_notes(dataset.notes)
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
        from lut2hw.training.fill import fill, is_local, regions_for

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
            from lut2hw.training.choose import choose_bits

            bits = choose_bits(dataset, learn_from, counts, seed=seed, progress=progress)
            counts, tried["bits_per_feature"] = [bits.best], bits.accuracy
        if search:
            from lut2hw.training.choose import choose_levels, choose_tau

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

    from lut2hw.model.network import LutNetwork
    from lut2hw.training.recall import load_like, recall

    if split not in (None, "train", "test", "all"):
        raise unknown_name("split", split, ("train", "test", "all"))
    network = LutNetwork.load(model)
    if data is None:
        dataset = recall(network)
    else:
        dataset = load_like(data, network, label=label, classes=classes)
    show_notes(dataset.notes)
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
    from lut2hw.studies.reproduce.run import run

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


@app.command(rich_help_panel="Data and learning")
def sweep(
    data: Annotated[str, typer.Option("--data", metavar="NAME|FILE", help=DATA_HELP)] = "digits",
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Folder for results and models; what it has already is not trained again.",
            show_default="sweep-DATA",
        ),
    ] = Path(),
    learner: Annotated[str, typer.Option("--learner", help="descent or memorize.")] = "descent",
    k: Annotated[str, typer.Option("-k", metavar="K,K,...", help="Inputs of each LUT.")] = "4,6",
    luts: Annotated[
        str,
        typer.Option("--luts", metavar="N,N,...", help="LUTs of the network (descent) or of each layer (memorize)."),
    ] = "50,100,200,400",
    levels: Annotated[str, typer.Option("--levels", metavar="N,N,...", help="Depth: LUTs in a row.")] = "1,3",
    bits_per_feature: Annotated[
        str | None,
        typer.Option(
            "--bits-per-feature", metavar="N,N,...", help="Thermometer codes; as for train if no encoder is given."
        ),
    ] = None,
    threshold: Annotated[
        str | None, typer.Option("--threshold", metavar="T,T,...", help="One bit per feature: value >= T.")
    ] = None,
    seed: Annotated[str, typer.Option("--seed", metavar="S,S,...", help="Seeds.")] = "0",
    target: Annotated[
        str,
        typer.Option(
            "--target", autocompletion=complete_target, metavar="FAMILY", help="To estimate logic cells for."
        ),
    ] = "ice40",
    encoded_inputs: EncodedOption = False,
    classes: Annotated[
        str | None, typer.Option("--classes", metavar="A,B:C,D", help="Group labels into classes.")
    ] = None,
    label: Annotated[str | None, typer.Option("--label", metavar="NAME", help="Label column of a .csv.")] = None,
    test_split: Annotated[float | None, typer.Option("--test-split", metavar="SHARE", help="As for train.")] = None,
    ignore: IgnoreOption = None,
    drop_missing: DropMissingOption = False,
    jobs: Annotated[
        int | None, typer.Option("-j", "--jobs", min=1, help="Trainings at a time.", show_default="all cores")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Train over a grid of options and show accuracy against logic cells with the Pareto front (CSV, PNG, SVG).

    Stop it with Ctrl-C and run it again to go on. The front is chosen on the test set: for an unbiased accuracy of
    the model you pick, evaluate it on data that the sweep has not seen.

    Example: lut2hw sweep --data digits -k 2,4,6 --luts 50,100,200,400
    """
    from lut2hw.studies import sweep as sweeps

    if output == Path():
        output = Path(f"sweep-{Path(data).stem}")
    points = sweeps.grid(
        learner,
        sweeps.numbers(k, "-k"),
        sweeps.numbers(luts, "--luts"),
        sweeps.numbers(levels, "--levels"),
        sweeps.numbers(bits_per_feature, "--bits-per-feature") if bits_per_feature else [],
        sweeps.numbers(threshold, "--threshold", float, -1e9) if threshold else [],
        sweeps.numbers(seed, "--seed", least=0),
    )
    with progress_bar() as progress:
        options = {
            "data": data,
            "label": label,
            "classes": classes,
            "test_split": test_split,
            "ignore": ignore,
            "drop_missing": drop_missing,
        }
        rows = sweeps.run(
            points, options, output, target=target, encoded_inputs=encoded_inputs, jobs=jobs, progress=progress
        )
    front = sorted((row for row in rows if row["pareto"]), key=lambda row: row["logic_cells"])
    failed = [row for row in rows if row["error"] is not None]

    def text() -> None:
        names = ["k", "luts", "levels", "bits_per_feature", "threshold", "logic_cells", "test_accuracy", "model"]
        print_table(
            "Pareto front",
            [name.replace("_", " ") for name in names],
            [["" if row[name] is None else row[name] for name in names] for row in front],
        )
        if failed:
            print(f"{len(failed)} of {len(rows)} points could not be trained, the first: {failed[0]['error']}")
        print(f"{output}: sweep.csv, sweep.png, sweep.svg, {len(rows) - len(failed)} models")

    report({"directory": str(output), "points": len(rows), "failed": len(failed), "front": front}, json_output, text)
