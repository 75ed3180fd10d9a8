"""Every command and every piece of Python in the documentation runs; the site builds without a warning.

LUT2HW_UPDATE_DOCS=1 writes what the commands print into the pages instead of comparing.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from lut2hw.cli import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def environment(tmp_path):
    """The commands of this Python, offline, with a programmer and a board that are not there."""
    tools = tmp_path / "tools"
    tools.mkdir()
    programmer = tools / "openFPGALoader"
    programmer.write_text('#!/bin/sh\ntest -s "$(eval echo \\${$#})"\n')
    programmer.chmod(0o755)
    folder = os.pathsep.join([str(Path(sys.executable).parent), str(tools), os.environ["PATH"]])
    return {**os.environ, "PATH": folder, "OPENFPGALOADER": str(programmer), "COLUMNS": "100"}


def run_page(page, tmp_path, environment):
    """Run the page's commands and Python in order, in one folder. Returns the page with what they printed."""
    work = tmp_path / "work"
    work.mkdir()
    python = ""
    simulated = {}  # the answers of a board that is the same simulation as another command's

    def block(match):
        nonlocal python
        kind, text = match.groups()
        if kind == "python":
            python += text  # a block may use names of the blocks before it
            (work / "page.py").write_text(python)
            done = subprocess.run(
                [sys.executable, "page.py"], cwd=work, env=environment, capture_output=True, text=True, timeout=600
            )
            assert done.returncode == 0, f"{page.name}:\n{text}\n{done.stderr}"
            return match.group()
        out = []
        for command in re.findall(r"^\$ (.*)$", text, re.MULTILINE):
            # No board is plugged in here: its chip is simulated.
            real = command.replace("--port /dev/ttyUSB1", "--port sim")
            done = simulated.get(real) or subprocess.run(
                ["sh", "-c", real], cwd=work, env=environment, capture_output=True, text=True, timeout=600
            )
            if "--port sim" in real:
                simulated[real] = done
            assert done.returncode == 0, f"{page.name}: {command}\n{done.stdout}{done.stderr}"
            printed = done.stdout + done.stderr
            assert "(unexpected;" not in printed  # a pipe hides the exit code
            if real != command:
                loads = command.startswith("lut2hw load")
                said = r"^the chip runs a program of" if loads else r"^PASS (\d+)/\1: every answer"
                assert re.search(said, printed, re.MULTILINE)
            # What stands for a board is not shown as if it were one.
            if real != command or command.startswith("lut2hw flash"):
                printed = ""
            out += [f"$ {command}", *(line.rstrip() for line in printed.splitlines() if line.strip())]
        return "```console\n" + "\n".join(out) + "\n```"

    return BLOCK.sub(block, page.read_text())


def words(text):
    """The words of what the console blocks show, without numbers, which the next better compiler changes."""
    shown = "\n".join(match[1] for match in BLOCK.findall(text) if match[0] == "console")
    shown = re.sub(r"\s*\([\d.]+ s of it to compile, this once\)", "", shown)  # only on a cold cache
    return re.sub(r"[-+]?[\d,]*\.?\d+(ms|s)?\b", "0", shown).split()


PAGES = [
    str(page.relative_to(DOCS))
    for folder in ("", "howto", "reference")
    for page in sorted((DOCS / folder).glob("tutorial.md" if not folder else "*.md"))
    if BLOCK.search(page.read_text())
]
"""Pages with commands or Python, the tutorial first."""


@pytest.mark.parametrize("name", [PAGES[0], *(pytest.param(page, marks=pytest.mark.slow) for page in PAGES[1:])])
def test_everything_on_the_page_runs(name, tmp_path, environment):
    page = DOCS / name
    text = page.read_text()
    after = run_page(page, tmp_path, environment)
    if os.environ.get("LUT2HW_UPDATE_DOCS"):
        page.write_text(after)
    else:
        assert words(after) == words(text), "run it again with LUT2HW_UPDATE_DOCS=1"


@pytest.mark.slow
def test_the_commands_of_the_readme_run(tmp_path, environment):
    """The five commands, as they stand; the network is smaller."""
    text = (ROOT / "README.md").read_text().partition("## Five commands")[2]
    commands = re.findall(r"^(lut2hw \w+ .*?)(?:  +#.*)?$", text.split("```")[1], re.MULTILINE)
    assert [command.split()[1] for command in commands] == ["train", "eval", "emit", "verify", "build"]
    for command in commands:
        words = [*command.split(), *(["--luts", "60"] if "train" in command else [])]
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert (tmp_path / "build" / "digits" / "digits.bin").stat().st_size > 50_000


def test_the_pages_are_found():
    assert PAGES[0] == "tutorial.md"
    assert {"howto/data.md", "howto/board.md", "reference/python.md"} <= set(PAGES)


def test_the_site_builds_without_warnings_and_opens_offline(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    commands = (tmp_path / "site" / "reference" / "commands.html").read_text()
    root = typer.main.get_command(app)
    for name in root.commands:
        assert f">lut2hw {name}" in commands
    for page in (tmp_path / "site").rglob("*.html"):
        for address in re.findall(r"<(?:script|link)[^>]*(?:src|href)=\"(https?:[^\"]*)\"", page.read_text()):
            raise AssertionError(f"{page.name} loads {address}")
        assert str(ROOT) not in page.read_text()


@pytest.mark.parametrize("name", typer.main.get_command(app).commands)
def test_help_of_every_command_has_an_example(name):
    command = typer.main.get_command(app).commands[name]
    example = command.help.partition("Example:")[2].split()
    assert example[:2] == ["lut2hw", name], f"the docstring of {name} needs a line 'Example: lut2hw {name} ...'"
    options = {option for param in command.params for option in param.opts}
    assert {word for word in example if word.startswith("-")} <= options


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("lut2hw wra", {"wrap"}),
        ("lut2hw wrap --da", {"--data-bytes"}),
        ("lut2hw emit --target x", {"xilinx7", "xilinxu"}),
        ("lut2hw build --device hx", {"hx1k", "hx4k", "hx8k"}),
        ("lut2hw flash --board icest", {"icestick"}),
    ],
)
def test_shells_complete_commands_options_and_names(words, completed):
    env = {
        **os.environ,
        "_LUT2HW_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    done = subprocess.run([sys.executable, "-m", "lut2hw"], env=env, capture_output=True, text=True, timeout=60)
    assert set(done.stdout.split()) == completed
