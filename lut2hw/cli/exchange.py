"""Commands on files of other tools, and on what is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lut2hw.choices import Outputs
from lut2hw.cli.generate import with_options
from lut2hw.cli.options import DATA_HELP, EncodedOption, JsonOption, ModelArgument, app, choice
from lut2hw.cli.render import check_output_file, print_table, report, show_notes
from lut2hw.data.options import DataOptions
from lut2hw.exchange.registry import for_writing, listed, readable, writable


@app.command(rich_help_panel="Other tools")
def export(
    model: ModelArgument,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="File to write.", show_default=False)
    ],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="|".join(each.name for each in writable()),
            help="What to write.",
            show_default="by the file's ending",
        ),
    ] = None,
    encoded_inputs: EncodedOption = False,
    dont_cares: Annotated[
        bool, typer.Option("--dont-cares", help="PLA only: leave open what training cannot have shown.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Write the core for other tools: BLIF, AIGER, PLA, behavioural Verilog or a C99 header.

    The files are combinational: features (or, with --encoded-inputs and in a PLA, bits of the code) in, class number
    out. The C header has both and evaluates 64 examples at a time.

    Example: lut2hw export digits.lut -o digits.blif
    """
    from lut2hw import exchange
    from lut2hw.model.network import LutNetwork

    for_writing(output, form)  # before the model is read
    check_output_file(output, model, data=True)
    network = LutNetwork.load(model)
    written = exchange.export(network, output, form=form, encoded_inputs=encoded_inputs, dont_cares=dont_cares)
    size = output.stat().st_size
    report(
        {"file": str(output), "format": written.name, "bytes": size},
        json_output,
        f"{output}: {written.name}, {size:,} bytes",
    )


@app.command(name="import", rich_help_panel="Other tools")
@with_options(data_options=DataOptions)
def import_(
    source: Annotated[Path, typer.Argument(metavar="FILE", help=f"{listed(readable())}.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="MODEL", help="Model file to write.", show_default="FILE.lut"),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="NAME|FILE",
            help="Data that the model is for: gives "
            "feature ranges and class names, and is used to check. " + DATA_HELP,
        ),
    ] = None,
    data_options: Any = None,
    class_names: Annotated[
        str | None,
        typer.Option(
            "--class-names",
            metavar="A,B,...",
            help="Names of the model's classes, in the model's order.",
            show_default="as the model or the data have them",
        ),
    ] = None,
    by_position: Annotated[
        bool, typer.Option("--by-position", help="Match features by position, whatever their names.")
    ] = False,
    missing: Annotated[
        float | None,
        typer.Option(
            "--missing",
            metavar="NUMBER",
            help="XGBoost: the number that counts as missing (its missing=), which the file does not say.",
            show_default="nan",
        ),
    ] = None,
    leaf_bits: Annotated[
        int, typer.Option("--leaf-bits", help="Trees: bits of the leaf values as integers.", min=1, max=20)
    ] = 8,
    k: Annotated[int, typer.Option("-k", help="Trees: inputs of a LUT at most.", min=3, max=20)] = 6,
    outputs: Annotated[str, choice(Outputs, "--outputs", help="Logic: what the outputs mean.")] = "auto",
    take: Annotated[str | None, typer.Option("--take", metavar="NAME", help="Logic: use this output alone.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Make a model of another tool's circuit, trees or network; it then compiles, verifies and builds as any other.

    scikit-learn estimators are saved in Python, with
    `lut2hw.exchange.trees.from_sklearn(estimator).save("trees.json")`.

    Example: lut2hw import xgboost.json --data digits -o digits.lut
    """
    from lut2hw import exchange

    if output is None:
        output = Path(source.name).with_suffix(".lut")
    check_output_file(output, source, data)
    dataset = None if data is None else data_options.load(data)
    if dataset is not None:
        show_notes(dataset.notes)
    made = exchange.read(
        source,
        data=dataset,
        class_names=class_names.split(",") if class_names else None,
        by_position=by_position,
        missing=missing,
        outputs=outputs,
        output=take,
        leaf_bits=leaf_bits,
        k=k,
    )
    network = made.network
    result: dict[str, Any] = {
        "model": str(output),
        "source": made.source,
        "luts": network.n_luts,
        "encoder_bits": len(network.encoder),
        "classes": network.n_classes,
        "notes": list(made.notes),
    }
    lines = [
        f"{made.source}: {network.n_luts:,} LUT{'s' * (network.n_luts != 1)} on "
        f"{len(network.encoder):,} encoder bits, "
        + (f"{len(network.target_names)} numbers" if network.target_names else f"{network.n_classes} classes"),
        *made.notes,
    ]
    for split, share in made.agreement.items() if network.target_names else ():
        result[f"{split}_agreement"] = share
        lines.append(f"{split}: within the rounding of what the library says in {share:.2%}")
    for split, share in made.accuracy.items():
        result[f"{split}_accuracy"] = share
        lines.append(f"{split} accuracy {share:.4f} ({len(dataset.split(split)[1]) if dataset else 0:,} examples)")
        if split in made.agreement:
            result[f"{split}_agreement"] = made.agreement[split]
            lines[-1] += f", same answer as the original in {made.agreement[split]:.2%}"
    network.save(output)
    report(result, json_output, "\n".join([*lines, str(output)]), then=["lut2hw", "emit", output])


@app.command(rich_help_panel="Other tools")
def doctor(json_output: JsonOption = False) -> None:
    """List every library and external tool with its version and what it is needed for.

    Example: lut2hw doctor
    """
    from lut2hw.flow import doctor as check

    libraries, external = check.libraries(), check.external()

    def text() -> None:
        for title, entries in (("libraries", libraries), ("tools", external)):
            print_table(
                title,
                ["", "version", "needed for", ""],
                [[e.name, e.version or "missing", e.needed_for, e.hint] for e in entries],
            )
            print()

    report(
        {"libraries": [e.as_json() for e in libraries], "tools": [e.as_json() for e in external]}, json_output, text
    )
