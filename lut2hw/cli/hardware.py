"""Commands on hardware: emit, check, build, report."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Any

import typer

from lut2hw.choices import Engine, VendorTool
from lut2hw.cli.options import (
    DATA_HELP,
    DetectOption,
    DeviceOption,
    DontCaresOption,
    EffortOption,
    EncodedOption,
    FmaxOption,
    FoldOption,
    InterfaceOption,
    JsonOption,
    LanguageOption,
    LatencyOption,
    ModelArgument,
    OutputsOption,
    PatchableOption,
    PipelineOption,
    RamOption,
    RateOption,
    ReloadableOption,
    StimulusSeedOption,
    TargetOption,
    TimeoutOption,
    VectorsOption,
    app,
    choice,
    complete_board,
    complete_device,
)
from lut2hw.cli.render import check_output_file, print_table, progress_bar, report, say, show_notes, stream_json
from lut2hw.errors import Lut2hwError, UsageError


def complete_engine(incomplete: str) -> list[str]:
    """Names of engines, for the shell."""
    return [name for name in [*Engine, "all"] if name.startswith(incomplete)]


@app.command(rich_help_panel="Hardware")
def targets(json_output: JsonOption = False) -> None:
    """List the FPGA families and their devices.

    Example: lut2hw targets
    """
    from lut2hw.targets.registry import TARGETS

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


@app.command(rich_help_panel="Hardware")
def emit(
    model: ModelArgument,
    folder: Annotated[
        Path | None, typer.Option("-o", metavar="DIR", help="Folder to write.", show_default="build/MODEL")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", metavar="DIR|NAME,...", help="As -o or, of names of outputs alone, as --outputs."),
    ] = None,
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
    outputs: OutputsOption = None,
    fold: FoldOption = None,
    rate: RateOption = None,
    reloadable: ReloadableOption = False,
    patchable: PatchableOption = False,
    like: Annotated[
        Path | None,
        typer.Option(
            "--like",
            metavar="DIR",
            help="Folder of a reloadable core: make a program for its engine. Options and family are its own.",
        ),
    ] = None,
    interface: InterfaceOption = "stream",
    latency: LatencyOption = None,
    language: LanguageOption = "verilog",
    detect: DetectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Compile a model for an FPGA family: Verilog, expected vectors, and a manifest for verify and build.

    Example: lut2hw emit digits.lut --target ice40 --device hx8k --ram auto --fmax 50 -o build/digits
    """
    from lut2hw.artefact.emit import emit_model, load
    from lut2hw.compile.options import CompileOptions
    from lut2hw.logic.port import ANSWER, OUTPUTS
    from lut2hw.model.network import LutNetwork
    from lut2hw.training.recall import load_like, load_sequences_like

    if output is not None:
        names = set(output.split(",")) <= set(OUTPUTS)
        if (outputs if names else folder) is not None:
            given = (
                "--outputs and --output both say what the core puts out"
                if names
                else "-o and --output both name a folder"
            )
            raise UsageError(f"{given}; give one of them")
        folder, outputs = (folder, output) if names else (Path(output), outputs)
    options = CompileOptions(
        pipeline=pipeline,
        encoded_inputs=encoded_inputs,
        dont_cares=dont_cares,
        effort=effort,
        fmax=fmax,
        ram=ram,
        device=device,
        outputs=ANSWER if outputs is None else outputs,
        fold=fold,
        rate=rate,
        reloadable=reloadable,
        patchable=patchable,
        interface=interface,
        latency=latency,
        language=language,
        detect=detect,
    )
    if like is not None and (options != CompileOptions() or target != "ice40"):
        raise UsageError("with --like options and family are those of its core; leave the others out")

    network = LutNetwork.load(model)
    loaded = load_like if network.front_end is None else load_sequences_like
    dataset: Any = None if data is None else loaded(data, network)
    if dataset is not None:
        show_notes(dataset.notes)
    with progress_bar() as progress:
        progress("compiling", 0, 1)
        manifest = emit_model(
            network,
            Path("build") / model.stem if folder is None else folder,
            options,
            target=target,
            data=dataset,
            like=None if like is None else load(like),
        )
        progress("compiling", 1, 1)
    free = manifest.network.meta.get("dont_cares") if dont_cares != "off" else None
    measure = "R2" if network.head.kind == "number" else "accuracy"
    changed = (
        "".join(
            f"{split} {measure} {free['before'][split]:.4f}, with don't-cares {free['after'][split]:.4f}\n"
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
            **stream_json(manifest.network, manifest.clocks_per_sample),
            "directory": str(manifest.directory),
            "cells": cells,
            "parts": manifest.data["parts"],
            "vectors": manifest.n_vectors,
            "input_bits": manifest.input_port.width,
            "outputs": list(manifest.output_port.outputs),
            "output_bits": manifest.output_port.width,
            "dont_cares": free,
            **({"detect": manifest.data["stream"]["detect"]} if manifest.options.detect else {}),
            **({"fold": manifest.data["fold"]} if manifest.folded else {}),
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
        typer.Option(
            "--engine",
            metavar="NAME[,NAME]|all",
            autocompletion=complete_engine,
            help="What to check with: " + ", ".join(Engine) + ".",
            show_default="cocotb",
        ),
    ] = None,
    vectors: VectorsOption = None,
    seed: StimulusSeedOption = 0,
    timeout: TimeoutOption = None,
    target: TargetOption = "ice40",
    pipeline: PipelineOption = "auto",
    json_output: JsonOption = False,
) -> None:
    """Check an emitted core against the golden model. --target and --pipeline are for a MODEL only.

    Example: lut2hw verify build/digits
    """
    from lut2hw.artefact.emit import emit_model, load
    from lut2hw.artefact.results import VERIFY, keep_verify, read_verify
    from lut2hw.files import scratch
    from lut2hw.model.network import LutNetwork
    from lut2hw.verify.engines import describe, engines_for
    from lut2hw.verify.engines import verify as check

    with contextlib.ExitStack() as stack:
        if core.is_dir() or not core.exists():
            manifest = load(core)
        else:
            folder = stack.enter_context(scratch())
            manifest = emit_model(LutNetwork.load(core), folder / "core", target=target, pipeline=pipeline)
        engines = engines_for(manifest) if engine == "all" else engine.split(",") if engine else []
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
        **(stream_json(manifest.network, manifest.clocks_per_sample) if manifest.stream else {}),
    }
    if core.is_dir():
        # for the report; a folder that cannot be written is checked as well
        try:
            read_verify(core)
        except Lut2hwError:
            show_notes((f"{core / VERIFY} was damaged and is written anew, without what other engines found",))
        keep_verify(manifest, [outcome.as_json() for outcome in outcomes], asked=vectors, seed=seed)

    def text() -> None:
        if len(outcomes) == 1:
            say(words[0])
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
def certify(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Emitted folder.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Certificate to write.")] = Path(
        "cert.json"
    ),
    vectors: VectorsOption = None,
    seed: StimulusSeedOption = 0,
    timeout: TimeoutOption = None,
    json_output: JsonOption = False,
) -> None:
    """Check a folder with every engine and write down what was proved and what simulated, with hashes of all files.

    Example: lut2hw certify build/digits -o digits.cert.json
    """
    from lut2hw.files import write_bytes
    from lut2hw.verify.certificate import certify as make
    from lut2hw.verify.certificate import to_bytes

    check_output_file(output)
    with progress_bar() as progress:
        certificate = make(
            directory,
            besides=[output],
            vectors=vectors,
            seed=seed,
            timeout=timeout,
            on_start=lambda name: progress(name, 0, 1),
        )
    write_bytes(output, to_bytes(certificate))

    def text() -> None:
        for claim in certificate["proved"]:
            say(f"proved      {claim['what']} ({claim['engine']})")
        for claim in certificate["simulated"]:
            say(f"simulated   {claim['what']} ({claim['engine']}, {claim['vectors']:,} vectors)")
        for line in certificate["not_checked"]:
            say(f"not checked {line}")
        say(output)

    report({**certificate, "path": str(output)}, json_output, text, then=["lut2hw", "check-cert", output, directory])


@app.command("check-cert", rich_help_panel="Hardware")
def check_cert(
    certificate: Annotated[Path, typer.Argument(metavar="FILE", help="Certificate.", show_default=False)],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Emitted folder.", show_default=False)],
    timeout: TimeoutOption = None,
    json_output: JsonOption = False,
) -> None:
    """Check that a folder is the one of a certificate, byte for byte, and prove again what it says is proved.

    Example: lut2hw check-cert digits.cert.json build/digits
    """
    from lut2hw.verify.certificate import check_certificate, conclusion, read_certificate

    findings = []
    for finding in check_certificate(
        read_certificate(certificate), directory, besides=[certificate], timeout=timeout
    ):
        findings.append(finding)
        if not json_output:
            word = {True: "ok", False: "WRONG", None: "not checked"}[finding.passed]
            say(f"{finding.what}: {word}: {finding.words}")
    passed = conclusion(findings)
    found = [{"what": each.what, "passed": each.passed, "words": each.words} for each in findings]
    report({"passed": passed, "findings": found}, json_output, "certificate holds" if passed else "certificate fails")
    if not passed:
        raise typer.Exit(1)


@app.command(rich_help_panel="Hardware")
def seu(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Emitted folder with a built iCE40 chip.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Picture (SVG) of answers by flipped bits.", show_default="none"
        ),
    ] = None,
    trials: Annotated[int, typer.Option("--trials", min=1, max=100_000, help="Draws of each number of flips.")] = 32,
    worst: Annotated[int, typer.Option("--worst", metavar="N", min=0, max=100_000, help="Bits to list.")] = 10,
    seed: Annotated[int, typer.Option("--seed", min=0, max=(1 << 63) - 1, help="Of the draws.")] = 0,
    timeout: TimeoutOption = None,
    json_output: JsonOption = False,
) -> None:
    """Flip every configuration bit of a built core, alone and several together, and count the answers that change.

    Example: lut2hw seu build/digits -o upsets.svg
    """
    from lut2hw.files import write_text
    from lut2hw.studies.seu import picture, upsets

    if output is not None:
        check_output_file(output)
    found = upsets(directory, trials=trials, worst=worst, seed=seed, timeout=timeout)
    if output is not None:
        write_text(output, picture(found))

    def text() -> None:
        rows = [[kind, n, critical, f"{critical / n:.0%}"] for kind, (n, critical) in found.kinds.items()]
        total = ["all", found.bits, found.critical, f"{found.critical / found.bits:.0%}"]
        print_table("", ["bits", "number", "critical", "share"], [*rows, total])
        print_table(
            "",
            ["flips together", "answers that stay", "5 %", "95 %"],
            [[each["flips"], each["right"], each["low"], each["high"]] for each in found.curve],
        )
        if found.worst:
            print_table(
                "",
                ["worst bits", "of a", "answers changed"],
                [
                    [f"tile {each['tile'][0]} {each['tile'][1]} {each['bit']}", each["kind"], each["changed"]]
                    for each in found.worst
                ],
            )
        if output is not None:
            say(output)

    report(found.as_json(), json_output, text)


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
            help="Clock that place and route aims at; a board has its own.",
            show_default="that of emit --fmax, or 50",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=(1 << 31) - 1, help="Of the placer.")] = 1,
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", min=0.001, max=1e9, help="For each tool.")
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
        typer.Option(
            "--baud",
            min=1,
            max=100_000_000,
            help="Of the board's serial link.",
            show_default="what the board manages",
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Synthesize, place and route an emitted core in a small chip around it, and make its bitstream.

    Example: lut2hw build build/digits --device up5k --package sg48
    """
    from lut2hw.artefact.folder import load
    from lut2hw.flow.build import BuildOptions
    from lut2hw.flow.build import build as make

    options = BuildOptions(device=device, package=package, board=board, baud=baud, freq=freq, seed=seed)
    with progress_bar() as progress:
        result = make(directory, options=options, timeout=timeout, progress=progress)
    manifest = load(directory)
    samples = manifest.stream
    values = {**result.as_json(), **(stream_json(manifest.network, manifest.clocks_per_sample) if samples else {})}

    def text() -> None:
        counts = list(values["core"])
        print_table(
            f"{board or ''} {result.device}-{result.package}".strip(),
            ["", *counts],
            [[what, *(values[what][count] for count in counts)] for what in ("core", "chip")],
        )
        latency = "no latency"
        if result.latency_ns is not None:
            latency = f"latency {result.latency_cycles} cycles = {result.latency_ns:.1f} ns"
        if board is None:
            say(
                f"Fmax {result.fmax_mhz:.1f} MHz, {latency}, "
                f"{result.classifications_per_second:,} {'samples' if samples else 'classifications'} per second"
            )
        else:
            say(
                f"Fmax {result.fmax_mhz:.1f} MHz for a clock of {result.clock_mhz:g} MHz, {latency}, up to "
                f"{result.examples_per_second:,} examples per second at {result.baud:,} baud"
            )
        say(result.bitstream or f"{directory} (no open tool packs a bitstream for {result.device})")

    report(values, json_output, text, then=["lut2hw", "report" if board is None else "flash", directory])


@app.command(rich_help_panel="Hardware")
def patch(
    bitstream: Annotated[
        Path,
        typer.Argument(
            metavar="BITSTREAM|DIR",
            help="Bitstream in the folder that it was built in, or that folder.",
            show_default=False,
        ),
    ],
    model: ModelArgument,
    folder: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Folder to write: the core of the model, and its bitstream.",
            show_default="build/MODEL",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="NAME|FILE", help="For the expected vectors.", show_default="what it was trained on"
        ),
    ] = None,
    timeout: TimeoutOption = None,
    json_output: JsonOption = False,
) -> None:
    """Write other tables into the bitstream of an iCE40, in seconds: a new model of the same wiring.

    Example: lut2hw patch build/digits newer.lut -o build/newer
    """
    from lut2hw.model.network import LutNetwork
    from lut2hw.studies.patch import patch as write
    from lut2hw.training.recall import load_like

    network = LutNetwork.load(model)
    dataset = None if data is None else load_like(data, network)
    if dataset is not None:
        show_notes(dataset.notes)
    made = write(
        bitstream, network, Path("build") / model.stem if folder is None else folder, data=dataset, timeout=timeout
    )
    directory = made.manifest.directory
    report(
        {"bitstream": str(made.bitstream), "directory": str(directory), "luts": made.luts, "bits": made.bits},
        json_output,
        f"{made.luts:,} LUTs changed, {made.bits:,} bits of their tables, nothing else\n{made.bitstream}",
        then=["lut2hw", "verify", directory, "--engine", "bitstream"],
    )


@app.command(rich_help_panel="Hardware")
def project(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Emitted folder.", show_default=False)],
    tool: Annotated[str, choice(VendorTool, "--tool", what="vendor's tool", help="Whose project.")],
    part: Annotated[
        str | None, typer.Option("--part", help="As the vendor writes it.", show_default="one of the core's family")
    ] = None,
    clock_mhz: Annotated[
        float | None,
        typer.Option(
            "--clock-mhz",
            metavar="MHZ",
            min=0.001,
            max=10_000,
            help="Constraint on the clock.",
            show_default="that of emit --fmax, or 100",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FOLDER", help="Folder to write.", show_default="DIR/TOOL"),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Write a project for a vendor's tool: the core, a constraint on its clock, and a script that builds it.

    Example: lut2hw project build/digits --tool vivado --clock-mhz 250
    """
    from dataclasses import asdict

    from lut2hw.flow.projects import write_project

    made = write_project(directory, tool, part=part, clock_mhz=clock_mhz, output=output)
    report(
        {**asdict(made), "sources": list(made.sources)},
        json_output,
        lambda: say(
            f"{made.directory}: {made.part}, {made.clock_mhz:g} MHz\n"
            f"run `{made.run}` in it; `lut2hw report {directory}` then shows what its reports say"
        ),
    )


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
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Page to write.", show_default="NAME.html")
    ] = None,
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
    from lut2hw.files import write_beside, write_text
    from lut2hw.report.page import make

    named = output is not None
    if output is None:
        output = Path(f"{source.resolve().stem}.html")
    check_output_file(output, source, data)
    page = make(source, data=data, title=title)
    (write_text if named else write_beside)(output, page)
    report({"file": str(output), "bytes": len(page.encode())}, json_output, str(output))
