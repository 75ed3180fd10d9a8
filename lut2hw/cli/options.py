"""What the commands share: the application, options, completion, and how text becomes numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.models import CommandFunctionType

from lut2hw import effects
from lut2hw.choices import Effort, Family, Interface, Language, Ram, Split
from lut2hw.errors import UsageError, unknown_name
from lut2hw.learn.registry import LEARNERS

MAY_BE_NAN = ("missing",)
"""Options that NaN is a value of."""


class Command(TyperCommand):
    """A command that refuses options without effect, by the table in `lut2hw.effects`."""

    def invoke(self, ctx: Any) -> Any:
        """Check what was typed, then run."""
        for param in ctx.command.params:
            value = ctx.params.get(param.name)
            if not isinstance(value, float) or (math.isnan(value) and param.name in MAY_BE_NAN):
                continue
            if not math.isfinite(value):
                raise UsageError(f"{param.opts[-1]} {value} must be a finite number")
        typed = {name: value for name, value in ctx.params.items() if _was_typed(ctx, name)}
        effects.check(ctx.info_name or "", typed)
        return super().invoke(ctx)


def _was_typed(ctx: Any, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


PANELS = ("Data and learning", "Hardware", "On a board", "Other tools")


class Root(TyperGroup):
    """The program, with a help text in plain words: rich's Markdown alone takes as long to import as all the rest."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Usage, what it is, the commands by panel, and how to start."""
        formatter.write_usage(ctx.command_path, "COMMAND ...")
        formatter.write_paragraph()
        formatter.write_text(self.help or "")
        panels: dict[str, list[tuple[str, str]]] = {title: [] for title in PANELS}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                panel = getattr(command, "rich_help_panel", None)
                title = panel if isinstance(panel, str) else "Commands"
                panels.setdefault(title, []).append((name, command.get_short_help_str(120)))
        panels["Options"] = [
            record for param in self.get_params(ctx) if (record := param.get_help_record(ctx)) is not None
        ]
        for title, rows in ((title, rows) for title, rows in panels.items() if rows):
            with formatter.section(title):
                formatter.write_dl(rows)
        formatter.write_paragraph()
        formatter.write_text(self.epilog or "")


class App(typer.Typer):
    """An application of such commands."""

    def command(self, *arguments: Any, **options: Any) -> Callable[[CommandFunctionType], CommandFunctionType]:
        """Register a command."""
        return super().command(*arguments, **{"cls": Command, **options})


app = App(
    cls=Root,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Start with `lut2hw train --data digits`, or your own table: `lut2hw train --data FILE.csv "
    "--label COLUMN`; each command says what comes next. `lut2hw COMMAND --help` has examples.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="Model file (.lut).", show_default=False)]
DATA_HELP = (
    "Name (see `lut2hw datasets`), or a file: .csv, .tsv, .txt, .data, .arff, .parquet, .arrow, .feather, .libsvm, "
    ".npz, .npy or .pla (text also as .gz or .zip), or a folder of MNIST-style idx.gz files, .npy files or pictures."
)


def complete_device(incomplete: str) -> list[str]:
    """Names of devices of all families, for the shell."""
    from lut2hw.targets.registry import TARGETS

    return [name for target in TARGETS.values() for name in target.devices if name.startswith(incomplete)]


def complete_board(incomplete: str) -> list[str]:
    """Names of boards, for the shell."""
    from lut2hw.flow.boards import BOARDS

    return [name for name in BOARDS if name.startswith(incomplete)]


LearnerOption = Annotated[
    str | None,
    typer.Option(
        "--learner",
        metavar="|".join(LEARNERS),
        autocompletion=lambda incomplete: [name for name in LEARNERS if name.startswith(incomplete)],
        help="How to learn.",
        show_default="descent; memorize with --layers",
    ),
]
HeaderOption = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        rich_help_panel="Data",
        help="Whether the first line of a .csv holds names.",
        show_default="as in training",
    ),
]
IgnoreOption = Annotated[
    str | None,
    typer.Option("--ignore", rich_help_panel="Data", metavar="COLUMN,...", help="Columns of a .csv to leave out."),
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS|local:N",
        help="Dask scheduler whose workers do the work, or local:N for N processes on this machine.",
        show_default="this process",
    ),
]
DropMissingOption = Annotated[
    bool, typer.Option("--drop-missing", rich_help_panel="Data", help="Leave out rows with missing values.")
]


def accuracy(predicted: Any, y: Any) -> float:
    """Share of right answers, to six digits; NaN never: no examples count as 0."""
    return round(float((predicted == y).mean()), 6) if len(y) else 0.0


def choice(kind: type[StrEnum], *names: str, what: str = "", **more: Any) -> Any:
    """A typer option whose text is one of an enum's, listed in the help, completed, and refused by name."""
    known = [str(each.value) for each in kind]

    def check_choice(value: str | None) -> str | None:
        if value is not None and value not in known:
            raise unknown_name(what or kind.__name__.lower(), value, known)
        return value

    return typer.Option(
        *names,
        metavar="|".join(known),
        autocompletion=lambda incomplete: [name for name in known if name.startswith(incomplete)],
        callback=check_choice,
        **more,
    )


TargetOption = Annotated[str, choice(Family, "--target", what="target", help="FPGA family (see `lut2hw targets`).")]
SplitOption = Annotated[
    str | None,
    choice(
        Split,
        "--split",
        help="Examples to use; data other than it was trained on is used whole if it has no splits.",
        show_default="test",
    ),
]
PositiveOption = Annotated[
    str | None,
    typer.Option(
        "--positive",
        metavar="CLASS",
        help="Which of two classes recall and false positive rate are of.",
        show_default="that of tune, else the second",
    ),
]
PipelineOption = Annotated[str, typer.Option("--pipeline", metavar="N|auto|none", help="Register stages.")]
EncodedOption = Annotated[bool, typer.Option("--encoded-inputs", help="Leave the encoder out of the hardware.")]
DontCaresOption = Annotated[
    str,
    typer.Option(
        "--dont-cares",
        metavar="off|unseen|rare:N",
        help="Table entries that may change: those training never showed, or fewer than N times.",
    ),
]
EffortOption = Annotated[str, choice(Effort, "--effort", help="Of the compiler.")]
FmaxOption = Annotated[
    float | None, typer.Option("--fmax", metavar="MHZ", min=0.001, max=9999, help="Clock to cut --pipeline auto for.")
]
RamOption = Annotated[
    str, choice(Ram, "--ram", help="Wide tables into block RAM where that saves logic cells (ice40, ecp5).")
]
VectorsOption = Annotated[
    int | None,
    typer.Option(
        "--vectors",
        metavar="N",
        min=1,
        max=10_000_000,
        help="How many to stream.",
        show_default="the emitted ones and 1,000 random ones",
    ),
]
StimulusSeedOption = Annotated[
    int, typer.Option("--seed", min=0, max=(1 << 63) - 1, help="Of stalls and random vectors.")
]
TimeoutOption = Annotated[
    float | None, typer.Option("--timeout", metavar="SECONDS", min=0.001, max=1e9, help="For each tool and proof.")
]
PortOption = Annotated[
    str,
    typer.Option(
        "--port",
        metavar="PORT",
        help="Serial port, such as /dev/ttyUSB1, or sim to simulate the chip.",
        show_default=False,
    ),
]
BaudOption = Annotated[
    int | None,
    typer.Option("--baud", min=1, max=100_000_000, help="Baud rate.", show_default="what it was built with"),
]
FoldOption = Annotated[
    str | None,
    typer.Option(
        "--fold",
        metavar="1|2|4|8|16|auto",
        help="Look so many tables a clock up, from a program in block RAM, instead of all: few cells, many clocks an "
        "example. auto: the fewest that make --rate.",
        show_default="all at once",
    ),
]
RateOption = Annotated[
    float | None,
    typer.Option(
        "--rate", metavar="EXAMPLES/S", min=0.001, max=1e9, help="What --fold auto must make at --fmax, or at 25 MHz."
    ),
]
ReloadableOption = Annotated[
    bool,
    typer.Option("--reloadable", help="A folded core that takes another model over its link (see `lut2hw load`)."),
]
PatchableOption = Annotated[
    bool,
    typer.Option("--patchable", help="Keep every table whole, so that `lut2hw patch` can change all in a bitstream."),
]
InterfaceOption = Annotated[
    str, choice(Interface, "--interface", help="Streams that either side may stall, or bare: no ready, no stalls.")
]
LanguageOption = Annotated[str, choice(Language, "--language", help="The core in VHDL as well.")]
LatencyOption = Annotated[
    int | None,
    typer.Option("--latency", metavar="CLOCKS", min=0, max=1000, help="Clocks from an example to its answer."),
]
OutputsOption = Annotated[
    str | None,
    typer.Option(
        "--outputs",
        metavar="NAME,...",
        help="What the core puts out: class, labels, margin, scores, or several of these.",
        show_default="the model's answer: its class, labels or numbers",
    ),
]
DetectOption = Annotated[
    str | None,
    typer.Option(
        "--detect",
        metavar="OPTION=VALUE,...",
        help="Look at a stream without end, not at sequences: onset, hold, refractory, every, window, sum, of.",
    ),
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device",
        autocompletion=complete_device,
        help="Whose block RAMs and speed count.",
        show_default="up5k for ice40, and so on",
    ),
]


FolderArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder that `lut2hw emit` wrote.", show_default=False)
]
BoardOption = Annotated[
    str | None,
    typer.Option(
        "--board",
        autocompletion=complete_board,
        metavar="NAME",
        help="Board, if the folder is built for several (see `lut2hw boards`).",
    ),
]
