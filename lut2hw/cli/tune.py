"""The command that moves the operating point of a trained model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from lut2hw.cli.options import DATA_HELP, JsonOption, ModelArgument, PositiveOption, SplitOption, app
from lut2hw.cli.render import check_output_file, report, show_notes, shown

PANEL = "What to tune for"


@app.command(rich_help_panel="Data and learning")
def tune(
    model: ModelArgument,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="MODEL", help="Model file to write; may be the one read.", show_default=False
        ),
    ],
    max_fpr: Annotated[
        float | None,
        typer.Option(
            "--max-fpr",
            rich_help_panel=PANEL,
            metavar="SHARE",
            min=0,
            max=1,
            help="Answer at most this share of the others as the positive class: the most recall for it.",
        ),
    ] = None,
    min_recall: Annotated[
        float | None,
        typer.Option(
            "--min-recall",
            rich_help_panel=PANEL,
            metavar="SHARE",
            min=0,
            max=1,
            help="Find at least this share of the positive class: the fewest false positives for it.",
        ),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            "--rate",
            rich_help_panel=PANEL,
            metavar="A/B",
            help="Accept A of B events, nearly all of which are background, as in 1000/40e6: --max-fpr of a trigger.",
        ),
    ] = None,
    reject: Annotated[
        int | None,
        typer.Option(
            "--reject",
            rich_help_panel=PANEL,
            metavar="MARGIN",
            min=0,
            max=1 << 40,
            help="Answer none of the classes where the margin is below this many votes; 0: never.",
        ),
    ] = None,
    temperature: Annotated[
        bool,
        typer.Option(
            "--temperature", rich_help_panel=PANEL, help="Fit what makes probabilities of scores; no answer changes."
        ),
    ] = False,
    positive: PositiveOption = None,
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
    json_output: JsonOption = False,
) -> None:
    """Move the threshold of a trained model to a rate, or let it reject; nothing is trained again.

    Example: lut2hw tune model.lut --max-fpr 0.001 -o alarm.lut
    """
    from lut2hw.model.network import LutNetwork
    from lut2hw.studies.tune import as_json
    from lut2hw.studies.tune import tune as move
    from lut2hw.training.recall import load_like, recall

    check_output_file(output, data)
    network = LutNetwork.load(model)
    dataset = recall(network) if data is None else load_like(data, network, label=label, classes=classes)
    show_notes(dataset.notes)
    found = move(
        network,
        dataset,
        split=split,
        max_fpr=max_fpr,
        min_recall=min_recall,
        rate=rate,
        reject=reject,
        temperature=temperature,
        positive=positive,
    )
    show_notes(found.notes)
    found.network.save(output)
    lines = [f"tuned on {found.examples:,} examples ({found.split}) of {dataset.name}; judge it on others"]
    if isinstance(found.threshold, int) and reject is None:
        lines.append(f"threshold {found.threshold}: {network.class_names[1]} is answered from this score on")
    rates = [
        f"{name} {shown(value)}"
        + (
            f" ({some:,} of {of:,}, 95% confidence {shown(interval[0])} to {shown(interval[1])})"
            if found.positive is not None and of
            else ""
        )
        for name, value, some, of, interval in (
            (
                "false positive rate",
                found.false_positive_rate,
                found.false_positives,
                found.negatives,
                found.interval,
            ),
            ("recall", found.recall, found.true_positives, found.positives, found.recall_interval),
        )
    ]
    several = "classes" if network.head.classifies else "labels"
    of = f"mean over {several}" if found.positive is None else f"of {found.positive}"
    lines += [f"{of}: {rates[0]}", f"{of}: {rates[1]}"]
    if found.rejected is not None:
        lines.append(
            f"answered {found.network.answer_names[-1]}: {found.rejected:.2%}; accuracy of the other answers "
            f"{shown(found.answered_accuracy)}"
        )
    if found.temperature is not None and found.calibration_error is not None:
        before, after = found.calibration_error
        earlier = "" if math.isnan(before) else f", before {shown(before)}"
        lines.append(f"temperature {found.temperature:g} votes: expected calibration error {shown(after)}{earlier}")
    report(
        {"model": str(output), "data": dataset.name, **as_json(found)},
        json_output,
        "\n".join([*lines, str(output)]),
        then=["lut2hw", "emit", output],
    )
