"""The program: it runs one command and turns what went wrong into a line and an exit code."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import threading
from typing import Annotated, Any

import typer

from lut2hw import __version__, quote
from lut2hw.cli import boards, exchange, hardware, learning, precision, predict, tune  # each registers its commands
from lut2hw.cli.options import app
from lut2hw.ending import Terminated, unwinding
from lut2hw.errors import Lut2hwError

__all__ = ["app", "boards", "exchange", "hardware", "learning", "main", "precision", "predict", "tune"]


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : list of str, optional
        Words of the command line after the program's name. Without it this process is the program: it takes those of
        `sys.argv`, its output is in letters that its streams have, and signals end it in order.

    Returns
    -------
    int
        Exit code: 0 done, 1 failed, 2 wrong usage, 128 + N ended by signal N; errors are one line on stderr.
    """
    if "_LUT2HW_COMPLETE" in os.environ:  # a shell asks for completions
        app(prog_name="lut2hw")
    if arguments is not None:
        return _run(arguments)
    _prepare_streams()
    with unwinding():
        code = _run(sys.argv[1:])
    if code not in (0, 2) and threading.active_count() > 1:
        # Everything is unwound. Python would wait for the kernels' threads, and end by the signal, not with this
        # code, if it came during an exec.
        os._exit(code)
    return code


def _prepare_streams() -> None:
    """Let nothing that is printed fail for its letters, and no file that is opened become a closed stream."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed: the next file to be opened would take its place
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 - for as long as the program runs
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _run(arguments: list[str]) -> int:
    debug = bool(os.environ.get("LUT2HW_DEBUG"))
    if any("\0" in argument for argument in arguments):  # which Python's versions find at different places
        return _fail("an argument holds a null byte, which no file's name may; leave it out", 2)
    try:
        command = typer.main.get_command(app)
        with command.make_context("lut2hw", list(arguments)) as context:
            command.invoke(context)
        sys.stdout.flush()
        return 0
    except typer.Exit as done:
        return done.exit_code
    except Terminated as ended:
        return _fail(str(ended), int(ended.code or 1))
    except (KeyboardInterrupt, typer.Abort):
        if debug:
            raise
        return _fail("interrupted; nothing half-written is left", 1)
    except BrokenPipeError:
        _drop_output()  # the reader has gone: nothing to tell it
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
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return _fail("too many open files; raise the limit (`ulimit -n`) or close other programs", 1)
        if error.errno == errno.ENOMEM:
            return _fail("not enough memory; use less data, fewer LUTs or a smaller k", 1)
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


def _drop_output() -> None:
    """Let what is still to be printed go nowhere, and not fail again when Python ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, code: int) -> int:
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _drop_output()
    with contextlib.suppress(OSError, ValueError):  # a terminal that has hung up
        # Names in it may be anybody's: nothing of them may steer the terminal.
        print(f"error: {quote.line(message)}", file=sys.stderr)
        sys.stderr.flush()
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
