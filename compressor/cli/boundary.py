"""Turns every error into a message and an exit code."""

from __future__ import annotations

import contextlib
import io
import sys
import traceback

import click

from compressor.base import event_log
from compressor.base.disk_faults import disk_fault, explained
from compressor.base.errors import CompressorError, ExitCode, OutputError, StepError
from compressor.base.outgoing import one_line
from compressor.base.standard_output import failure, keep_to_messages, reason_of, tell
from compressor.cli.bug_report import report_bug
from compressor.cli.child_process import KEPT, Tell
from compressor.cli.interrupts import was_interrupted
from compressor.cli.resuming import SEARCHES, keep_arguments, kept_of


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
        with command.make_context("compressor", list(arguments), obj=tell_doing) as context:
            keep_arguments(context, arguments)
            result = command.invoke(context)
        return result if isinstance(result, int) else ExitCode.DONE
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        _show_usage(error)
        return ExitCode.USAGE
    except KeyboardInterrupt:
        return _interrupted(arguments)
    # everything else is somebody's fault, and if not, it is a bug in the tool
    except Exception as error:  # noqa: BLE001
        if was_interrupted():
            return _interrupted(arguments)
        if debug:
            _show_traceback(error)
        return _report(error)


def _interrupted(arguments: list[str]) -> int:
    tell("")  # after the ^C of the terminal
    tell(f"interrupted; {_after_interrupt(arguments)}")
    return ExitCode.INTERRUPTED


def _after_interrupt(arguments: list[str]) -> str:
    if arguments[:1] in (["ci"], ["migrate"]) or arguments[:2] == ["cache", "prune"]:
        return "what was done before that stays"
    if arguments[:1] and arguments[0] in SEARCHES:
        return kept_of(arguments)
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
    if own.exit_code == ExitCode.WORKER:  # TensorFlow may still be losing the others, and would print that
        keep_to_messages()
    _show(own)
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


def _show(error: CompressorError) -> None:
    from compressor.recipe.problems import RecipeError

    if not isinstance(error, RecipeError):
        tell(f"error: {error}")
        return
    if event_log.is_open():
        for problem in error.problems:
            at = problem.origin
            place = {"file": at.source.name, "line": at.line, "column": at.column} if at else {}
            event_log.log(problem.severity, message=problem.message, **place)
        return
    for line in str(error).split("\n"):  # each problem is one line, and quotes the line of the recipe below it
        tell(line)


def _show_usage(error: click.ClickException) -> None:
    shown = io.StringIO()
    error.show(shown)
    for line in shown.getvalue().partition("Error: ")[0].splitlines():  # how the command is used
        if not event_log.is_open():
            tell(line)
    if not isinstance(error, click.exceptions.NoArgsIsHelpError):  # whose message is the help that was shown
        tell(f"Error: {error.format_message()}")


def _show_traceback(error: Exception) -> None:
    for line in "".join(traceback.format_exception(error)).splitlines():
        tell(one_line(line))
