"""The one place where errors end: each becomes a message and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import traceback
from pathlib import Path

import click

from compressor.errors import CompressorError, ExitCode

_ISSUES = "the project's issue tracker"


def run_guarded(command: click.Command, arguments: list[str]) -> int:
    """Run a command; the exit code is one of `ExitCode`. `--debug` anywhere shows tracebacks."""
    debug = "--debug" in arguments
    try:
        result = command.main(arguments, prog_name="compressor", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else ExitCode.DONE
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("\ninterrupted; run the same command to start again", err=True)
        return ExitCode.INTERRUPTED
    except CompressorError as error:
        if debug:
            traceback.print_exc()
        click.echo(_as_message(str(error)), err=True)
        return error.exit_code
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    # the boundary: whatever else comes up here is a fault of the tool
    except Exception as error:  # noqa: BLE001
        if debug:
            traceback.print_exc()
        return _own_fault(error)


def _as_message(text: str) -> str:
    return text if "error: " in text.partition("\n")[0] else f"error: {text}"


def _own_fault(error: Exception) -> int:
    what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    click.echo(f"error: compressor itself failed ({what})", err=True)
    try:
        with tempfile.NamedTemporaryFile("w", prefix="compressor-", suffix=".log", delete=False) as log:
            log.write(" ".join(sys.argv) + "\n\n" + "".join(traceback.format_exception(error)))
        click.echo(f"please report it at {_ISSUES}, with {Path(log.name)} attached", err=True)
    except OSError:
        click.echo(f"please report it at {_ISSUES}; --debug shows the traceback", err=True)
    return ExitCode.INTERNAL
