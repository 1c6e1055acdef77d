"""Turns every error into a message and an exit code."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import traceback
from pathlib import Path

import click

from compressor.base.errors import CompressorError, ExitCode
from compressor.base.outgoing import one_line
from compressor.base.standard_output import failure, reason_of, tell
from compressor.base.text import shortened
from compressor.cli.child_process import KEPT, Tell

_ISSUES = "the project's issue tracker"


def run_guarded(command: click.Command, arguments: list[str], tell_doing: Tell = lambda _: None) -> int:
    """Run a command; the exit code is one of `ExitCode`. `--debug` anywhere shows tracebacks.

    The command calls `tell_doing` to say what it is doing.
    """
    code = _ending(command, arguments, tell_doing)
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    lost = failure()
    if lost is None or isinstance(lost, BrokenPipeError):  # the reader, such as `head`, has had enough
        return code
    remedy = "the command did its work, but what it printed is lost; free some space, or print elsewhere"
    tell(f"error: standard output cannot be written ({reason_of(lost)}); {remedy}")
    return code or ExitCode.INPUT


def _ending(command: click.Command, arguments: list[str], tell_doing: Tell) -> int:
    debug = "--debug" in arguments
    try:
        # not command.main(), which takes an EOFError, such as of an empty file, for an interrupt
        with command.make_context("compressor", arguments, obj=tell_doing) as context:
            result = command.invoke(context)
        return result if isinstance(result, int) else ExitCode.DONE
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        _show_usage(error)
        return ExitCode.USAGE
    except KeyboardInterrupt:
        tell("")  # after the ^C of the terminal
        tell(f"interrupted; {_after_interrupt(arguments)}")
        return ExitCode.INTERRUPTED
    except CompressorError as error:
        if debug:
            _show_traceback(error)
        _show(error)
        return error.exit_code
    except OSError as error:
        if debug:
            _show_traceback(error)
        if error.filename is None:
            return _report_bug(error)
        remedy = "check that it exists, and its permissions"
        tell(f"error: {error.filename} cannot be read or written ({error.strerror}); {remedy}")
        return ExitCode.INPUT
    # any other exception that comes this far is a bug in the tool
    except Exception as error:  # noqa: BLE001
        if debug:
            _show_traceback(error)
        return _report_bug(error)


def _after_interrupt(arguments: list[str]) -> str:
    if "apply" not in arguments:
        return "nothing was changed"
    if "--no-cache" in arguments:
        return "nothing is cached with --no-cache, so the same command starts from the beginning"
    return KEPT


def _show(error: CompressorError) -> None:
    from compressor.recipe.problems import RecipeError

    if not isinstance(error, RecipeError):
        tell(f"error: {error}")
        return
    for line in str(error).split("\n"):  # each problem is one line, and quotes the line of the recipe below it
        tell(line)


def _show_usage(error: click.ClickException) -> None:
    shown = io.StringIO()
    error.show(shown)
    for line in shown.getvalue().partition("Error: ")[0].splitlines():  # how the command is used
        tell(line)
    tell(f"Error: {error.format_message()}")


def _show_traceback(error: Exception) -> None:
    for line in _traceback_lines(error):
        tell(line)


def _traceback_lines(error: Exception) -> list[str]:
    return [one_line(line) for line in "".join(traceback.format_exception(error)).splitlines()]


def _report_bug(error: Exception) -> int:
    what = f"{type(error).__name__}: {shortened(str(error), 200)}".rstrip(": ")
    tell(f"error: compressor itself failed ({what})")
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="compressor-", suffix=".log", delete=False, encoding="utf-8"
        ) as log:
            log.write("\n".join([one_line(" ".join(sys.argv)), "", *_traceback_lines(error), ""]))
        tell(f"please report it at {_ISSUES}, with {Path(log.name)} attached")
    except OSError:
        tell(f"please report it at {_ISSUES}; --debug shows the traceback")
    return ExitCode.INTERNAL
