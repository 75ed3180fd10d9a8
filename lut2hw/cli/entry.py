"""The program: it runs one command and turns what went wrong into a line and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from lut2hw import __version__, quote
from lut2hw.cli import boards, exchange, hardware, learning, predict  # each registers its commands
from lut2hw.cli.options import app
from lut2hw.errors import Lut2hwError

__all__ = ["app", "boards", "exchange", "hardware", "learning", "main", "predict"]


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 done, 1 failed, 2 wrong usage; errors are one line on stderr."""
    debug = bool(os.environ.get("LUT2HW_DEBUG"))
    if "_LUT2HW_COMPLETE" in os.environ:  # a shell asks for completions
        app(prog_name="lut2hw")
    try:
        command = typer.main.get_command(app)
        with command.make_context("lut2hw", list(sys.argv[1:] if arguments is None else arguments)) as context:
            command.invoke(context)
        sys.stdout.flush()
        return 0
    except typer.Exit as done:
        return done.exit_code
    except (KeyboardInterrupt, typer.Abort):
        if debug:
            raise
        code = _fail("interrupted; nothing half-written is left", 1)
        if arguments is None:
            # Everything is unwound. Python would wait for the kernels' threads, and end by the signal, not with
            # this code, if it came during an exec.
            sys.stderr.flush()
            os._exit(code)
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has gone: nothing to tell it
        return 1
    except Lut2hwError as error:
        if debug:
            raise
        return _fail(str(error), error.exit_code)
    except MemoryError:
        if debug:
            raise
        return _fail("not enough memory; use less data, fewer LUTs or a smaller k", 1)
    except OSError as error:  # of a disk or a folder that no reader or writer expects to fail
        if debug:
            raise
        where = f" ({error.filename})" if error.filename else ""
        return _fail(
            f"{error.strerror or error}{where}; check the free space and the permissions, also of the "
            "folder for temporary files",
            1,
        )
    except Exception as error:
        if debug:
            raise
        if hasattr(error, "format_message"):  # wrong usage, found by the option parser
            return _fail(f"{error.format_message()} (see `lut2hw {_command_of(error)}--help`)", 2)
        return _fail(f"{type(error).__name__}: {error} (unexpected; LUT2HW_DEBUG=1 shows the traceback)", 1)


def _fail(message: str, code: int) -> int:
    # Names in it may be anybody's: nothing of them may steer the terminal.
    print(f"error: {quote.line(message)}", file=sys.stderr)
    return code


def _command_of(error: Any) -> str:
    context = getattr(error, "ctx", None)
    name = context.info_name if context is not None and context.parent is not None else None
    return f"{name} " if name else ""


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """From labelled data to FPGA logic: learn networks of lookup tables, compile them, prove them."""
    if version:
        print(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit
