"""The command that makes a model's thresholds rounder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lut2hw.choices import Split
from lut2hw.cli.options import DATA_HELP, JsonOption, ModelArgument, app, choice
from lut2hw.cli.render import check_output_file, progress_bar, report, show_notes


@app.command(rich_help_panel="Data and learning")
def precision(
    model: ModelArgument,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="MODEL", help="Model file to write; may be the one read.", show_default=False
        ),
    ],
    loss: Annotated[
        float,
        typer.Option(
            "--precision-loss",
            metavar="SHARE",
            min=0,
            max=1,
            help="Share of the examples that may lose their right answer; 0: every answer stays, right or wrong.",
        ),
    ] = 0.0,
    near: Annotated[
        float,
        typer.Option(
            "--near",
            metavar="SHARE",
            min=0,
            max=1,
            help="Share of the examples, at most, between a threshold and where it goes: more saves more bits.",
        ),
    ] = 0.01,
    data: Annotated[
        str | None, typer.Option("--data", metavar="NAME|FILE", help=DATA_HELP, show_default="what it was trained on")
    ] = None,
    split: Annotated[str | None, choice(Split, "--split", help="Examples to judge by.", show_default="train")] = None,
    json_output: JsonOption = False,
) -> None:
    """Move thresholds to rounder numbers that keep the answers, so that fewer bits of the inputs are compared.

    Example: lut2hw precision model.lut -o rounder.lut
    """
    from lut2hw.model.network import LutNetwork
    from lut2hw.studies.precision import as_json, coarsen
    from lut2hw.training.recall import load_like, recall

    check_output_file(output, data)
    network = LutNetwork.load(model)
    dataset = recall(network) if data is None else load_like(data, network)
    show_notes(dataset.notes)
    with progress_bar() as progress:
        made = coarsen(network, dataset, loss=loss, near=near, split=split, progress=progress)
    made.network.save(output)

    def arrow(pair: tuple[int, int]) -> str:
        return f"{pair[0]:,} -> {pair[1]:,}"

    lines = [
        f"comparators {arrow(made.comparators)}, bits that they compare {arrow(made.compared)}, bits of the inputs "
        f"{arrow(made.inputs)}",
        f"{made.changed:,} of {made.examples:,} answers changed ({made.split}), right answers {arrow(made.right)}",
    ]
    if made.others:
        lines.append(
            f"{made.others_changed:,} of {made.others:,} answers changed that were not judged by (test), right "
            f"answers {arrow(made.others_right)}"
        )
    report(
        {"model": str(output), "data": dataset.name, **as_json(made)},
        json_output,
        "\n".join([*lines, str(output)]),
        then=["lut2hw", "emit", output],
    )
