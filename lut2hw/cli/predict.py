"""The command that answers data without labels."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

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
    header: HeaderOption = None,
    drop_missing: DropMissingOption = False,
    json_output: JsonOption = False,
) -> None:
    """Answer examples: a CSV table of class, scores and margin, one row for each. Labels are not needed.

    Example: lut2hw predict digits.lut --data digits -o answers.csv
    """
    import numpy as np

    from lut2hw.files import write_text
    from lut2hw.model.network import LutNetwork
    from lut2hw.studies.predict import predict as answer

    if output is not None:
        check_output_file(output, data, model)
    elif json_output:
        raise UsageError("--json says what was written; give -o FILE, too")
    found = answer(LutNetwork.load(model), data, drop_missing=drop_missing or None, header=header)
    show_notes(found.notes)
    if output is None:
        sys.stdout.write(found.to_csv())
        return
    write_text(output, found.to_csv())
    counts = np.bincount(found.classes, minlength=len(found.class_names)).tolist()
    most = sorted(zip(found.class_names, counts, strict=True), key=lambda each: -each[1])
    report(
        {
            "model": str(model),
            "data": found.name,
            "file": str(output),
            "rows": len(found.kept),
            "answered": len(found.classes),
            "classes": dict(zip(found.class_names, counts, strict=True)),
        },
        json_output,
        f"{len(found.classes):,} of {len(found.kept):,} rows answered: "
        + ", ".join(f"{name} {count:,}" for name, count in most[:10] if count)
        + f"\n{output}",
    )
