"""`compressor doctor`."""

from __future__ import annotations

from dataclasses import asdict

import click

from compressor.base.errors import ExitCode
from compressor.base.standard_output import say, say_json
from compressor.base.text import counted
from compressor.cli.options import json_option, traceback_option
from compressor.cli.own_command import OwnCommand

_MARKS = {"ok": "✓", "warning": "!", "problem": "✗"}


@click.command("doctor", cls=OwnCommand)
@click.option("--deep", is_flag=True, help="Import TensorFlow and the other large libraries, too, in a child process.")
@json_option
@traceback_option
def command(deep: bool, as_json: bool) -> int:
    """Check the installation: Python, libraries, plugins, cache, disk and machine, and say what mends a problem.

    The exit code is 1 if anything is broken or does not fit together.
    """
    from compressor.cli.deep_checks import deep_checks
    from compressor.cli.installation_checks import checks

    found = [*checks(), *(deep_checks() if deep else ())]
    problems = sum(check.status == "problem" for check in found)
    if as_json:
        say_json({"ok": not problems, "checks": [asdict(check) for check in found]})
        return ExitCode.INPUT if problems else ExitCode.DONE
    for check in found:
        say(f"{_MARKS[check.status]} {check.name}: {check.found}")
        if check.remedy:
            say(f"    {check.remedy}")
    warnings = sum(check.status == "warning" for check in found)
    say(f"{_count(problems, 'problem')}, {_count(warnings, 'warning')}")
    return ExitCode.INPUT if problems else ExitCode.DONE


def _count(number: int, what: str) -> str:
    return counted(number, what) if number else f"no {what}s"
