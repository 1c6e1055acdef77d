"""Turns every error into a message and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import traceback
from pathlib import Path

import click

from compressor.base.errors import CompressorError, ExitCode
from compressor.base.text import shortened
from compressor.cli.child_process import KEPT, Tell

_ISSUES = "the project's issue tracker"


def run_guarded(command: click.Command, arguments: list[str], tell: Tell = lambda _: None) -> int:
    """Run a command; the exit code is one of `ExitCode`. `--debug` anywhere shows tracebacks.

    The command calls `tell` to say what it is doing.
    """
    debug = "--debug" in arguments
    try:
        # not command.main(), which takes an EOFError, such as of an empty file, for an interrupt
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
        click.echo(f"\ninterrupted; {_after_interrupt(arguments)}", err=True)
        return ExitCode.INTERRUPTED
    except CompressorError as error:
        if debug:
            traceback.print_exc()
        click.echo(_message(error), err=True)
        return error.exit_code
    except BrokenPipeError:
        return _output_closed()
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # as rich ends it
            return _output_closed()
        raise
    except OSError as error:
        if debug:
            traceback.print_exc()
        if error.filename is None:
            return _report_bug(error)
        remedy = "check that it exists, and its permissions"
        click.echo(f"error: {error.filename} cannot be read or written ({error.strerror}); {remedy}", err=True)
        return ExitCode.INPUT
    # any other exception that comes this far is a bug in the tool
    except Exception as error:  # noqa: BLE001
        if debug:
            traceback.print_exc()
        return _report_bug(error)


def _after_interrupt(arguments: list[str]) -> str:
    if "apply" not in arguments:
        return "nothing was changed"
    if "--no-cache" in arguments:
        return "nothing is cached with --no-cache, so the same command starts from the beginning"
    return KEPT


def _message(error: CompressorError) -> str:
    from compressor.recipe.problems import RecipeError

    return str(error) if isinstance(error, RecipeError) else f"error: {error}"


def _output_closed() -> int:
    """End quietly if the reader of the output, such as `head`, has closed it; buffered output is dropped."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.DONE


def _report_bug(error: Exception) -> int:
    what = f"{type(error).__name__}: {shortened(str(error), 200)}".rstrip(": ")
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
