"""Commands on boards and links."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lut2hw.choices import Link, Split
from lut2hw.cli.options import (
    DATA_HELP,
    BaudOption,
    BoardOption,
    FolderArgument,
    JsonOption,
    PortOption,
    accuracy,
    app,
    choice,
)
from lut2hw.cli.render import check_output_file, live_accuracy, print_table, report, show_notes
from lut2hw.errors import Lut2hwError, UsageError

if TYPE_CHECKING:
    from lut2hw.artefact.folder import Manifest


@app.command(rich_help_panel="On a board")
def boards(json_output: JsonOption = False) -> None:
    """List the boards that `lut2hw build --board` knows.

    Example: lut2hw boards
    """
    from lut2hw.flow.boards import BOARDS

    rows = [
        {
            "name": name,
            "description": board.description,
            "target": board.target,
            "logic_cells": board.logic_cells,
            "baud": board.baud,
            "serial": board.serial,
        }
        for name, board in BOARDS.items()
    ]
    report(
        {"boards": rows},
        json_output,
        lambda: print_table(
            "",
            ["name", "what it is", "target", "logic cells", "baud", "serial port"],
            [list(row.values()) for row in rows],
        ),
    )


@app.command(rich_help_panel="On a board")
def wrap(
    directory: FolderArgument,
    link: Annotated[str, choice(Link, "--link", help="What to put around the core.")] = "uart",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Verilog file to write; its name is that of the module.",
            show_default="DIR/LINK_core.v",
        ),
    ] = None,
    clock_mhz: Annotated[
        float, typer.Option("--clock-mhz", metavar="MHZ", min=0.001, max=10_000, help="Clock of a UART.")
    ] = 12.0,
    baud: Annotated[int, typer.Option("--baud", min=1, max=100_000_000, help="Of a UART.")] = 115_200,
    data_bytes: Annotated[
        int, typer.Option("--data-bytes", metavar="N", min=1, max=1024, help="Width of AXI-Stream's input.")
    ] = 4,
    check: Annotated[
        int,
        typer.Option(
            "--check",
            metavar="N",
            min=0,
            max=1_000_000,
            help="Send N of the folder's vectors through the link in simulation.",
        ),
    ] = 0,
    json_output: JsonOption = False,
) -> None:
    """Write Verilog that puts a bus or serial link around an emitted core.

    Example: lut2hw wrap build/digits --link wishbone --check 20
    """
    from lut2hw.artefact import emit as emitted
    from lut2hw.files import write_beside, write_text
    from lut2hw.hdl.convert import to_verilog
    from lut2hw.hdl.emitted import identity_of
    from lut2hw.hdl.linked import LinkedCore
    from lut2hw.hdl.links import make_link
    from lut2hw.host import simulation

    manifest = emitted.load(directory)
    identity = identity_of(manifest)
    if manifest.reloadable and link not in ("uart", "spi"):
        raise UsageError(f"the {link} link brings no programs to a reloadable core; take uart or spi")

    def linked() -> LinkedCore:
        options = {"clock_hz": clock_mhz * 1e6, "baud": baud, "data_bytes": data_bytes}
        return LinkedCore.of(manifest, lambda **kind: make_link(link, identity, **kind, **options))

    named = output is not None
    if output is None:
        output = directory / f"{link.replace('-', '_')}_core.v"
    if not re.fullmatch(r"[A-Za-z_]\w*", output.stem, re.ASCII):
        raise UsageError(f"{output.name} does not name a Verilog module; use letters, digits and _ as in uart_core.v")
    if output.stem == manifest.top:
        raise UsageError(f"{output.name} would be a second module {manifest.top}; give another name")
    check_output_file(output)
    # a link in a folder is nobody's to follow, one that is named is
    (write_text if named else write_beside)(output, to_verilog(linked().module(), output.stem))
    result: dict[str, Any] = {
        "link": link,
        "verilog": str(output),
        "module": output.stem,
        "sources": [str(path) for path in manifest.source_paths],
        "checked": 0,
    }
    if check:
        words = manifest.vectors.words()[:check]
        expected = manifest.vectors.first(check).answers()
        seen = simulation.simulate(linked(), words)
        wrong = sum(a != b for a, b in zip(seen.answers, expected, strict=False))
        if seen.failed or wrong or len(seen.answers) != len(words):
            raise Lut2hwError(
                f"the {link} link fails in simulation: "
                + "; ".join([*seen.failed, f"{wrong} wrong answers of {len(words)}"])
            )
        result["checked"] = len(words)
    report(result, json_output, f"{output}" + (f"\nPASS {check}/{check} through the {link} link" if check else ""))


@app.command(rich_help_panel="On a board")
def flash(directory: FolderArgument, board: BoardOption = None, json_output: JsonOption = False) -> None:
    """Write the bitstream that `lut2hw build --board` made to the board.

    Example: lut2hw flash build/digits
    """
    from lut2hw.artefact import emit as emitted
    from lut2hw.flow.flash import flash as program
    from lut2hw.flow.result import read_build

    built = read_build(emitted.load(directory), board)
    tool = program(built)
    report(
        {"board": built["board"], "bitstream": built["bitstream"], "tool": tool},
        json_output,
        f"{built['bitstream']} is on the {built['board']} ({tool})",
        then=["lut2hw", "run", directory, "--port", "/dev/ttyUSB1"],
    )


def _opened(
    stack: contextlib.ExitStack, port: str, built: Manifest, board: str | None, baud: int | None
) -> tuple[Any, float]:
    """The serial port of a chip, or of its simulation for "sim", and the least silence that says anything there."""
    from lut2hw.flow.result import read_build
    from lut2hw.host import serial as host
    from lut2hw.host import simulation

    if port == "sim":  # a simulated chip takes its time
        name, rate, silence = stack.enter_context(simulation.simulated_chip(built)), 115_200, 60.0
    else:
        name, rate, silence = port, baud or read_build(built, board)["baud"], 0.0
    return stack.enter_context(host.open_port(name, rate)), silence


@app.command(rich_help_panel="On a board")
def load(
    source: Annotated[
        Path,
        typer.Argument(metavar="DIR|MODEL", help="Emitted folder, or a model file with --like.", show_default=False),
    ],
    port: PortOption,
    like: Annotated[
        Path | None,
        typer.Option("--like", metavar="DIR", help="Of a MODEL: the folder that the chip was built from."),
    ] = None,
    baud: BaudOption = None,
    board: BoardOption = None,
    silence: Annotated[
        float,
        typer.Option(
            "--silence", metavar="SECONDS", min=0.01, max=3600, help="Without an answer, until it is sent again."
        ),
    ] = 1.0,
    json_output: JsonOption = False,
) -> None:
    """Bring another model to a chip with a reloadable core, over its serial port; a refused one changes nothing.

    Example: lut2hw load newer.lut --like build/digits --port /dev/ttyUSB1
    """
    from lut2hw.artefact import emit as emitted
    from lut2hw.files import scratch
    from lut2hw.host import serial as host
    from lut2hw.model.network import LutNetwork

    if source.is_dir() == (like is not None):
        raise UsageError(
            "give an emitted folder, or a model file and --like with the folder that the chip is built from"
        )
    with contextlib.ExitStack() as stack:
        if like is None:
            manifest = built = emitted.load(source)
        else:
            built, work = emitted.load(like), stack.enter_context(scratch())
            manifest = emitted.emit_model(LutNetwork.load(source), work / "core", like=built)
        serial, least = _opened(stack, port, built, board, baud)
        identity = host.load(serial, manifest, silence=max(silence, least))
        rows = len(manifest.program)
    report(
        {"port": port, "rows": rows, "fingerprint": f"{identity.fingerprint:08x}"},
        json_output,
        f"the chip runs a program of {rows:,} rows (fingerprint {identity.fingerprint:08x})",
    )


@app.command(rich_help_panel="On a board")
def run(
    directory: FolderArgument,
    port: PortOption,
    data: Annotated[
        str | None, typer.Option("--data", metavar="NAME|FILE", help=DATA_HELP, show_default="what it was trained on")
    ] = None,
    split: Annotated[str, choice(Split, "--split", help="Examples to use.")] = "test",
    examples: Annotated[
        int | None, typer.Option("--examples", "-n", metavar="N", min=1, max=1 << 31, help="Only the first N.")
    ] = None,
    board: BoardOption = None,
    baud: BaudOption = None,
    json_output: JsonOption = False,
) -> None:
    """Stream examples through a chip, show its accuracy, and compare each answer with the golden model.

    Example: lut2hw run build/digits --port /dev/ttyUSB1 --data digits
    """
    import numpy as np

    from lut2hw.artefact import emit as emitted
    from lut2hw.artefact.vectors import vectors_of
    from lut2hw.hdl.emitted import identity_of
    from lut2hw.host import serial as host
    from lut2hw.studies import metrics
    from lut2hw.training.recall import load_like, recall

    manifest = emitted.load(directory)
    network = manifest.network
    dataset = recall(network) if data is None else load_like(data, network)
    show_notes(dataset.notes)
    x, y = dataset.split(split if len(dataset.y_train) else "all")
    integers, y = x[:examples].astype(np.int64), y[:examples]
    golden, output = network.predict_integers(integers), manifest.output_port
    answers = vectors_of(network, manifest.input_port, integers, output).answers()
    words = manifest.input_port.words_of(network, integers)
    with contextlib.ExitStack() as stack:
        serial, least = _opened(stack, port, manifest, board, baud)
        show = stack.enter_context(live_accuracy(len(words)))
        result = host.run(
            host.Chip(serial, silence=max(1.0, least)),
            identity_of(manifest),
            words,
            answers,
            y.tolist(),
            show,
            lambda word: output.answer_of(word, network.head),
        )
    if network.head.kind == "number":
        measured = {"golden_accuracy": None, **metrics.rounded(golden_r2=metrics.r2(y, golden.reshape(y.shape)))}
        score = f"R2 {measured['golden_r2']}"
    else:
        right = (golden.reshape(len(y), -1) == y.reshape(len(y), -1)).all(axis=1)
        measured = {"golden_accuracy": accuracy(right, np.ones(len(right), bool))}
        score = "no class to count" if result["accuracy"] is None else f"accuracy {result['accuracy']:.4f}"
    result = {"port": port, "data": dataset.name, **result, **measured}
    n, first = result["examples"], result["first"]
    verdict = (
        f"PASS {n}/{n}: every answer is the golden model's"
        if first is None
        else (
            f"FAIL {result['mismatches']} of {n} answers unlike the golden model's; first: "
            f"example {first['example']}, expected {output.in_words(first['expected'])}, "
            f"got {output.in_words(first['got'])}"
        )
    )
    again = f", {result['resent']} sent again" if result["resent"] else ""
    report(
        result,
        json_output,
        f"{score} on {n:,} examples of {dataset.name}, "
        f"{result['examples_per_second']:,} per second over {port}{again}\n{verdict}",
    )
    if first is not None:
        raise typer.Exit(1)
