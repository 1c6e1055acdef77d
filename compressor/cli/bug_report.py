"""Reports a bug in the tool, with a log that the user can hand on: it holds no secrets, and names no home folder."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from pathlib import Path

from compressor.base.errors import ExitCode
from compressor.base.outgoing import one_line
from compressor.base.secrets import without_secrets
from compressor.base.standard_output import tell
from compressor.base.text import shortened
from compressor.cli.temporary_folder import lasting_folder

_ISSUES = "the project's issue tracker"
_LONGEST_LINE = 2000  # characters; an error may quote a whole file


def report_bug(error: Exception) -> int:
    """Say that the tool itself failed, write a log with the traceback, and return the exit code."""
    what = f"{type(error).__name__}: {shortened(without_secrets(str(error)[:_LONGEST_LINE]), 200)}".rstrip(": ")
    tell(f"error: compressor itself failed ({what})")
    try:
        with tempfile.NamedTemporaryFile(
            "w",
            prefix="compressor-",
            suffix=".log",
            dir=lasting_folder(),
            delete=False,
            encoding="utf-8",
            errors="backslashreplace",
        ) as log:
            log.write(without_secrets(_content(error)))
        tell(f"please report it at {_ISSUES}, with {Path(log.name)} attached")
    except OSError:
        tell(f"please report it at {_ISSUES}; --debug shows the traceback")
    return ExitCode.INTERNAL


def _content(error: Exception) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        own = version("compressor")
    except PackageNotFoundError:
        own = "of unknown version"
    made_on = f"compressor {own}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    lines = "".join(traceback.format_exception(error)).splitlines()
    return "\n".join(
        map(one_line, [" ".join(map(str, sys.argv)), made_on, "", *(line[:_LONGEST_LINE] for line in lines), ""])
    )
