"""mkdocs hooks: the navigation, and the reference of commands, generated from the commands themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

NAV: list[dict[str, Any]] = [
    {"Home": "index.md"},
    {"Tutorial": "tutorial.md"},
    {"Results": "results.md"},
    {"What it does not do": "limits.md"},
    {
        "How to": [
            "howto/data.md",
            "howto/estimators.md",
            "howto/operating-point.md",
            "howto/streams.md",
            "howto/detect.md",
            "howto/device.md",
            "howto/clock.md",
            "howto/integrate.md",
            "howto/board.md",
            "howto/report.md",
            "howto/exchange.md",
            "howto/target.md",
            "examples.md",
        ]
    },
    {"How it works": ["learners.md", "compiler.md", "verification.md", "reproduction.md"]},
    {
        "Reference": [
            "reference/commands.md",
            "reference/python.md",
            "reference/model-file.md",
            "reference/emitted-folder.md",
            "reference/links.md",
        ]
    },
]
COMMANDS = "reference/commands.md"


def on_config(config: Any) -> Any:
    """Fill in the navigation; pages that nobody has written are left out."""
    docs = Path(config.docs_dir)

    def there(entry: Any) -> Any:
        if isinstance(entry, dict):
            ((title, value),) = entry.items()
            kept = there(value)
            return {title: kept} if kept else None
        if isinstance(entry, list):
            return [kept for kept in map(there, entry) if kept]
        return entry if entry == COMMANDS or (docs / entry).is_file() else None

    config.nav = there(NAV)
    known = {page for entry in NAV for page in _pages(entry)}
    rest = sorted(str(path.relative_to(docs)) for path in docs.rglob("*.md"))
    config.nav += [page for page in rest if page not in known]
    return config


def _pages(entry: Any) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    values = entry.values() if isinstance(entry, dict) else entry
    return [page for value in values for page in _pages(value)]


def on_files(files: Any, config: Any) -> Any:
    """Add the generated page."""
    files.append(File.generated(config, COMMANDS, content=commands()))
    return files


def commands() -> str:
    """The reference of commands as Markdown."""
    import typer

    from lut2hw.cli import app

    root = typer.main.get_command(app)
    text = [
        "# Commands",
        "",
        root.help or "",
        "",
        "Every command takes `-h`, and most take `--json`: one JSON object on standard output and nothing else "
        "there. Exit codes: 0 done, 1 failed, 2 wrong usage. An error is one line on standard error; "
        "`LUT2HW_DEBUG=1` shows where it comes from. `lut2hw --install-completion` makes your shell complete "
        "commands and options.",
        "",
    ]
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        if not command.hidden:
            text += _command(name, command)
    return "\n".join(text)


def _command(name: str, command: Any) -> list[str]:
    about, _, example = (command.help or "").partition("Example:")
    words = [param.metavar or param.name.upper() for param in command.params if param.param_type_name == "argument"]
    usage = " ".join(["lut2hw", name, "[OPTIONS]", *words])
    text = [f"## lut2hw {name}", "", about.strip(), "", "```sh", usage, "```", ""]
    if example:
        text += ["For example:", "", "```sh", example.strip(), "```", ""]
    rows = []
    for param in command.params:
        names = ", ".join(f"`{option}`" for option in sorted(param.opts, key=lambda o: (o.startswith("--"), o)))
        if param.param_type_name == "argument":
            names = f"`{param.metavar or param.name.upper()}`"
        elif not param.is_flag:
            names += f" `{param.metavar or param.name.upper()}`"
        rows.append(f"| {names} | {_cell(param.help)} | {_cell(_default(param))} |")
    return [*text, "| option | meaning | default |", "| --- | --- | --- |", *rows, ""] if rows else text


def _default(param: Any) -> str:
    shown = getattr(param, "show_default", None)
    if isinstance(shown, str):
        return shown
    if param.required:
        return "required"
    default = param.default
    if default is None or default == [] or shown is False or getattr(param, "is_flag", False) or not str(default):
        return ""
    return "" if str(default) == "." else f"`{default}`"


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")
