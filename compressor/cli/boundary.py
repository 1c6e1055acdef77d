"""Turns every error into a message and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback

import click

from compressor.base.disk_faults import disk_fault, explained
from compressor.base.errors import CompressorError, ExitCode, OutputError, StepError
from compressor.cli.bug_report import report_bug
from compressor.cli.child_process import KEPT, Tell
from compressor.cli.interrupts import say, was_interrupted


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
        return _interrupted(arguments)
    except BrokenPipeError:
        return _output_closed()
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # as rich ends it
            return _output_closed()
        raise
    # everything else is somebody's fault, and if not, it is a bug in the tool
    except Exception as error:  # noqa: BLE001
        if was_interrupted():
            return _interrupted(arguments)
        if debug:
            traceback.print_exc()
        return _report(error)


def _interrupted(arguments: list[str]) -> int:
    say(f"\ninterrupted; {_after_interrupt(arguments)}")
    return ExitCode.INTERRUPTED


def _after_interrupt(arguments: list[str]) -> str:
    if "apply" not in arguments:
        return "nothing was changed"
    if "--no-cache" in arguments:
        return "nothing is cached with --no-cache, so the same command starts from the beginning"
    return KEPT


def _report(error: Exception) -> int:
    """Say what is wrong and whose fault it is, and return the exit code."""
    own = _blamed(error)
    if own is None:
        return report_bug(error)
    from compressor.recipe.problems import RecipeError

    say(str(own) if isinstance(own, RecipeError) else f"error: {own}")
    return own.exit_code


def _blamed(error: Exception) -> CompressorError | None:
    """The error to show: that of a disk that is full or fails, if one is behind it; None for a bug in the tool."""
    if isinstance(error, OutputError):
        return error
    if fault := disk_fault(error):
        return explained(fault)
    if isinstance(error, CompressorError):
        return error
    if isinstance(error, OSError) and error.filename is not None:
        return explained(error)
    if isinstance(error, MemoryError):
        return StepError("memory ran out", "use a smaller batch_size or less data, or a larger machine")
    return None


def _output_closed() -> int:
    """End quietly if the reader of the output, such as `head`, has closed it; buffered output is dropped."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.DONE
