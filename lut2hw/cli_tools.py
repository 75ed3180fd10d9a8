"""Commands of `lut2hw.cli` around the core: files of other tools, reports, sweeps, what is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lut2hw.cli import (
    DATA_HELP,
    DropMissingOption,
    EncodedOption,
    IgnoreOption,
    JsonOption,
    ModelArgument,
    accuracy,
    app,
    complete_target,
)
from lut2hw.console import check_output_file, print_table, progress_bar, report
from lut2hw.errors import UsageError, unknown_name

FORMATS = {"blif": ".blif", "aiger": ".aig", "pla": ".pla", "verilog": ".v", "c": ".h"}


@app.command(rich_help_panel="Other tools")
def export(
    model: ModelArgument,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="File to write.", show_default=False)
    ],
    form: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="|".join(FORMATS), help="What to write.", show_default="by the file's ending"
        ),
    ] = None,
    encoded_inputs: EncodedOption = False,
    dont_cares: Annotated[
        bool, typer.Option("--dont-cares", help="PLA only: leave open what training cannot have shown.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Write the core for other tools: BLIF, binary AIGER, PLA, behavioural Verilog or a C99 header.

    The files are combinational: features (or, with --encoded-inputs and in a PLA, bits of the code) in, class number
    out. The C header has both and evaluates 64 examples at a time.

    Example: lut2hw export digits.lut -o digits.blif
    """
    from lut2hw.compile.circuit import Circuit, identifier
    from lut2hw.files import write_bytes
    from lut2hw.model import LutNetwork

    if form is None:
        form = {suffix: name for name, suffix in FORMATS.items()}.get(output.suffix.lower())
        if form is None:
            raise UsageError(
                f"cannot tell the format of {output}; end it in {', '.join(FORMATS.values())} or give --format"
            )
    if form not in FORMATS:
        raise unknown_name("format", form, FORMATS)
    if dont_cares and form != "pla":
        raise UsageError("--dont-cares is for PLA files only; the other formats have no don't-cares")
    check_output_file(output)
    network = LutNetwork.load(model)
    if form == "c":
        from lut2hw.emit.c import to_c

        data = to_c(network, identifier(output.stem)).encode()
    elif form == "pla":
        from lut2hw.emit.pla import to_pla

        data = to_pla(network, dont_cares=dont_cares).encode()
    else:
        circuit = Circuit.of(network, encoded=encoded_inputs)
        if form == "blif":
            from lut2hw.emit.blif import to_blif

            data = to_blif(circuit).encode()
        elif form == "aiger":
            from lut2hw.emit.aiger import to_aiger

            data = to_aiger(circuit)
        else:
            from lut2hw.emit.behavioural import to_behavioural

            data = to_behavioural(circuit).encode()
    write_bytes(output, data)
    report(
        {"file": str(output), "format": form, "bytes": len(data)},
        json_output,
        f"{output}: {form}, {len(data):,} bytes",
    )


@app.command(name="import", rich_help_panel="Other tools")
def import_(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="BLIF (.blif), AIGER (.aig, .aag), PLA (.pla), "
            "XGBoost or scikit-learn trees (.json), difflogic or DWN models (.pt, "
            ".npz).",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="MODEL", help="Model file to write.", show_default="FILE.lut")
    ] = Path(),
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="NAME|FILE",
            help="Data that the model is for: gives "
            "feature ranges and class names, and is used to check. " + DATA_HELP,
        ),
    ] = None,
    label: Annotated[str | None, typer.Option("--label", metavar="NAME", help="Label column of a .csv.")] = None,
    classes: Annotated[
        str | None, typer.Option("--classes", metavar="A,B:C,D", help="Group labels into classes.")
    ] = None,
    ignore: IgnoreOption = None,
    drop_missing: DropMissingOption = False,
    leaf_bits: Annotated[
        int, typer.Option("--leaf-bits", help="Trees: bits of the leaf values as integers.", min=1, max=20)
    ] = 8,
    k: Annotated[int, typer.Option("-k", help="Trees: inputs of a LUT at most.", min=3, max=20)] = 6,
    outputs: Annotated[
        str, typer.Option("--outputs", metavar="auto|binary|one-hot", help="Logic: what the outputs mean.")
    ] = "auto",
    take: Annotated[str | None, typer.Option("--take", metavar="NAME", help="Logic: use this output alone.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Make a model of another tool's circuit, trees or network; it then compiles, verifies and builds as any other.

    scikit-learn estimators are saved with `lut2hw.imports.trees.from_sklearn(estimator).save("trees.json")`.

    Example: lut2hw import xgboost.json --data digits -o digits.lut
    """
    from lut2hw import data as datasets
    from lut2hw import imports

    if output == Path():
        output = Path(source.name).with_suffix(".lut")
    check_output_file(output)
    dataset = (
        None
        if data is None
        else datasets.load(data, label=label, classes=classes, ignore=ignore, drop_missing=drop_missing)
    )
    logic = source.suffix.lower() in imports.LOGIC
    read = imports.read_any(
        source,
        features=None if dataset is None or logic else dataset.features,
        class_names=None if dataset is None else dataset.class_names,
        outputs=outputs,
        output=take,
        leaf_bits=leaf_bits,
        k=k,
    )
    network = read.network
    if dataset is not None and len(network.features) != len(dataset.features):
        raise UsageError(
            f"{source} reads {len(network.features)} inputs but {dataset.name} has {len(dataset.features)} features"
        )
    result: dict[str, Any] = {
        "model": str(output),
        "source": read.source,
        "luts": network.n_luts,
        "encoder_bits": len(network.encoder),
        "classes": network.n_classes,
    }
    lines = [
        f"{read.source}: {network.n_luts:,} LUT{'s' * (network.n_luts != 1)} on "
        f"{len(network.encoder):,} encoder bits, {network.n_classes} classes"
    ]
    if dataset is not None:
        for split in ("train", "test"):
            x, y = dataset.split(split)
            if not len(y):
                continue
            predicted = network.predict_integers(x)
            result[f"{split}_accuracy"] = accuracy(predicted, y)
            lines.append(f"{split} accuracy {result[f'{split}_accuracy']:.4f} ({len(y):,} examples)")
            if read.original is not None:
                real = x / dataset.features.scale + dataset.features.offset
                result[f"{split}_agreement"] = accuracy(predicted, read.original.predict(real))
                lines[-1] += f", same answer as the original in {result[f'{split}_agreement']:.2%}"
        network = network.with_meta(
            data=dataset.options, **{key: result[key] for key in ("train_accuracy", "test_accuracy") if key in result}
        )
    network.with_meta(imported=read.source).save(output)
    report(result, json_output, "\n".join([*lines, str(output)]), then=["lut2hw", "emit", output])


@app.command(name="report", rich_help_panel="Hardware")
def report_(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|MODEL",
            help="Emitted folder, with what verify and build left in it, or a model file.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Page to write.", show_default="NAME.html")
    ] = Path(),
    data: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="NAME|FILE", help="To evaluate on. " + DATA_HELP, show_default="what it was trained on"
        ),
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="Of the page.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Write one self-contained HTML page: accuracy, inputs, area, timing, verification, and how to repeat it all.

    Example: lut2hw report build/digits -o digits.html
    """
    from lut2hw.files import write_text
    from lut2hw.report import make

    if output == Path():
        output = Path(f"{source.resolve().stem}.html")
    check_output_file(output)
    page = make(source, data=data, title=title)
    write_text(output, page)
    report({"file": str(output), "bytes": len(page.encode())}, json_output, str(output))


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
    from lut2hw import sweep as sweeps

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


@app.command(rich_help_panel="Other tools")
def doctor(json_output: JsonOption = False) -> None:
    """List every library and external tool with its version and what it is needed for.

    Example: lut2hw doctor
    """
    from lut2hw import doctor as check

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
