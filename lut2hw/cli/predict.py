"""The command that answers data without labels."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from lut2hw.cli.options import DATA_HELP, DropMissingOption, HeaderOption, JsonOption, ModelArgument, app
from lut2hw.cli.render import check_output_file, report, show_notes
from lut2hw.errors import UsageError


@app.command(rich_help_panel="Data and learning")
def predict(
    model: ModelArgument,
    data: Annotated[
        str, typer.Option("--data", metavar="NAME|FILE", help="Examples to answer. " + DATA_HELP, show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Table to write.", show_default="standard output"),
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Columns with how likely each class or label is, too.")
    ] = False,
    header: HeaderOption = None,
    drop_missing: DropMissingOption = False,
    json_output: JsonOption = False,
) -> None:
    """Answer examples: a CSV table with a row for each. Labels are not needed.

    Of classes it has class, scores and margin; of numbers values; of several labels 0 and 1 for each, and scores.

    Example: lut2hw predict digits.lut --data digits -o answers.csv
    """
    import numpy as np

    from lut2hw.files import write_text
    from lut2hw.model.network import LutNetwork
    from lut2hw.studies.predict import predict as answer

    if output is not None:
        check_output_file(output, data, model, data=True)
    elif json_output:
        raise UsageError("--json says what was written; give -o FILE, too")
    found = answer(
        LutNetwork.load(model), data, drop_missing=drop_missing or None, header=header, probabilities=probabilities
    )
    show_notes(found.notes)
    if output is None:
        sys.stdout.write(found.to_csv())
        return
    write_text(output, found.to_csv())
    answers, names = found.answers, found.class_names or found.target_names
    said: dict[str, Any]
    if found.class_names:
        counts = np.bincount(answers, minlength=len(names)).tolist()
        said = {"classes": dict(zip(names, counts, strict=True))}
        most = sorted(zip(names, counts, strict=True), key=lambda each: -each[1])
        words = [f"{name} {count:,}" for name, count in most if count]
    elif answers.dtype == np.uint8:
        counts = answers.sum(axis=0, dtype=np.int64).tolist()
        said = {"labels": dict(zip(names, counts, strict=True))}
        words = [f"{name} {count:,}" for name, count in zip(names, counts, strict=True)]
    else:
        columns = answers.reshape(-1, len(names)).T
        spread = [(float(c.min()), float(c.mean()), float(c.max())) if len(c) else (0.0,) * 3 for c in columns]
        said = {
            "targets": {
                name: dict(zip(("least", "mean", "most"), three, strict=True))
                for name, three in zip(names, spread, strict=True)
            }
        }
        words = [f"{name} {low:.6g} to {high:.6g}" for name, (low, _, high) in zip(names, spread, strict=True)]
    report(
        {
            "model": str(model),
            "data": found.name,
            "file": str(output),
            "rows": len(found.kept),
            "answered": len(answers),
            **said,
        },
        json_output,
        f"{len(answers):,} of {len(found.kept):,} rows answered: " + ", ".join(words[:10]) + f"\n{output}",
    )
