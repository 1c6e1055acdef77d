"""The one place where errors end: each becomes a message and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import traceback
from pathlib import Path

import click

from compressor.base.errors import CompressorError, ExitCode
from compressor.cli.supervised import KEPT, Tell

_ISSUES = "the project's issue tracker"


def run_guarded(command: click.Command, arguments: list[str], tell: Tell = lambda _: None) -> int:
    """Run a command; the exit code is one of `ExitCode`. `--debug` anywhere shows tracebacks.

    `tell` is there for the command to say what it is doing.
    """
    debug = "--debug" in arguments
    try:
        # not command.main(): it would take an EOFError, as of an empty file, for an interrupt
        with command.make_context("compressor", arguments, obj=tell) as context:
            result = command.invoke(context)
        sys.stdout.flush()
        return result if isinstance(result, int) else ExitCode.DONE
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except KeyboardInterrupt:
        click.echo(f"\ninterrupted; {_what_stays(arguments)}", err=True)
        return ExitCode.INTERRUPTED
    except CompressorError as error:
        if debug:
            traceback.print_exc()
        click.echo(_message(error), err=True)
        return error.exit_code
    except BrokenPipeError:
        return _reader_left()
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # rich ends so
            return _reader_left()
        raise
    except OSError as error:
        if debug:
            traceback.print_exc()
        if error.filename is None:
            return _own_fault(error)
        remedy = "check that it exists, and its permissions"
        click.echo(f"error: {error.filename} cannot be read or written ({error.strerror}); {remedy}", err=True)
        return ExitCode.INPUT
    # the boundary: whatever else comes up here is a fault of the tool
    except Exception as error:  # noqa: BLE001
        if debug:
            traceback.print_exc()
        return _own_fault(error)


def _what_stays(arguments: list[str]) -> str:
    if "apply" not in arguments:
        return "nothing was changed"
    if "--no-cache" in arguments:
        return "nothing is kept under --no-cache, so the same command starts anew"
    return KEPT


def _message(error: CompressorError) -> str:
    from compressor.recipe.problems import RecipeError

    return str(error) if isinstance(error, RecipeError) else f"error: {error}"


def _reader_left() -> int:
    """Whoever read the output has seen enough, as `head` does; what is still buffered must not complain at exit."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.DONE


def _own_fault(error: Exception) -> int:
    what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}".rstrip(": ")
    click.echo(f"error: compressor itself failed ({what})", err=True)
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="compressor-", suffix=".log", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as log:
            log.write(" ".join(sys.argv) + "\n\n" + "".join(traceback.format_exception(error)))
        click.echo(f"please report it at {_ISSUES}, with {Path(log.name)} attached", err=True)
    except OSError:
        click.echo(f"please report it at {_ISSUES}; --debug shows the traceback", err=True)
    return ExitCode.INTERNAL
