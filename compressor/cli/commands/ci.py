"""`compressor ci`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from compressor.base import event_log
from compressor.base.errors import ExitCode, OutputError
from compressor.base.outgoing import markdown_code
from compressor.base.standard_output import say, tell
from compressor.cli.changed_files import changed_since, concerns
from compressor.cli.check_formats import is_invalid, log_checked, print_checked
from compressor.cli.commands.validate import check_all
from compressor.cli.log_format import OPTION as LOG_FORMAT
from compressor.cli.offers import RECIPE
from compressor.cli.options import log_format_option, traceback_option
from compressor.cli.own_command import OwnCommand
from compressor.cli.recipe_files import STANDARD_INPUT, find_recipes

_WORDS: dict[int, str] = {
    ExitCode.INPUT: "wrong input",
    ExitCode.CONSTRAINT: "constraint missed",
    ExitCode.STEP: "step failed",
    ExitCode.INTERNAL: "bug in compressor",
    ExitCode.WORKER: "another machine was lost",
}


@dataclass(frozen=True)
class _Tried:
    """How a recipe fared; an exit code is None where the recipe did not get that far."""

    recipe: str
    valid: bool
    changed: bool
    plan: int | None = None
    run: int | None = None
    seconds: float = 0.0

    def log(self) -> None:
        """Log it."""
        event_log.log(
            "recipe_tried", file=self.recipe, valid=self.valid, changed=self.changed, plan_exit_code=self.plan,
            run_exit_code=self.run, seconds=None if self.plan is None else round(self.seconds, 3),
        )  # fmt: skip


@click.command("ci", cls=OwnCommand)
@click.argument("recipes", type=RECIPE, nargs=-1)
@click.option("--since", metavar="REF", help="Plan and run only what has changed since a commit, such as origin/main.")
@click.option(
    "--run", "how", type=click.Choice(["none", "smoke", "full"]), default="smoke", show_default=True,
    help="How to run recipes: not, on a few samples, or in full, so that constraints are held.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Take warnings for errors, and want constraints and pinned plugins.")
@log_format_option
@traceback_option
def command(recipes: tuple[str, ...], since: str | None, how: str, strict: bool) -> int:
    """Validate all RECIPES, plan and run those that a change concerns, and sum up in Markdown.

    RECIPES are files, folders, patterns and names of recipes that ship; the current folder if left out. The summary
    goes to $GITHUB_STEP_SUMMARY if that is set, and otherwise to standard output. The exit code is 0 if all went well,
    and otherwise that of the first recipe that failed. Recipes are run, and so is the code that they bring.
    """
    from compressor.planning.registry import Registry
    from compressor.run.recipe_inputs import files_behind

    if STANDARD_INPUT in recipes:
        raise click.UsageError("'-' is for validate; name files or folders here")
    changed = changed_since(since) if since is not None else None
    found = find_recipes(recipes or (".",))
    checked = check_all(found, (), Registry.installed(), strict)
    print_checked(checked, "github" if os.environ.get("GITHUB_ACTIONS") else "text")
    log_checked(checked)
    tried = []
    for recipe, problems in checked.items():
        concerned = changed is None or concerns(files_behind(recipe), changed)
        tried.append(_tried(recipe, not is_invalid(problems), concerned, how))
        tried[-1].log()
    _publish(_summary(tried, since, how))
    return next((code for one in tried if (code := _code(one))), ExitCode.DONE)


def _tried(recipe: str, valid: bool, changed: bool, how: str) -> _Tried:
    started = time.monotonic()
    if not (valid and changed):
        return _Tried(recipe, valid, changed)
    planned = _compressor("plan", "--", recipe)
    run = None
    if planned == ExitCode.DONE and how != "none" and not _leaves_open(recipe):
        with TemporaryDirectory(prefix="compressor-ci-") as folder:
            smoke = ["--smoke", "--output", str(Path(folder) / "run")] if how == "smoke" else []
            run = _compressor("apply", *smoke, "--", recipe)
    return _Tried(recipe, valid, changed, planned, run, time.monotonic() - started)


def _leaves_open(recipe: str) -> bool:
    """Whether only a search can run the recipe."""
    from compressor.recipe.load import read_tree
    from compressor.recipe.search_syntax import open_places

    return any(True for _ in open_places(read_tree(recipe)[0]))


def _compressor(*arguments: str) -> int:
    """Run a command in a process of its own; what it says is shown if it fails, and events of a run are passed on."""
    tell(f"compressor {' '.join(arguments)}")
    command = [sys.executable, "-P", "-m", "compressor", *arguments]
    if event_log.is_open() and arguments[0] == "apply":
        return _logged([*command[:5], LOG_FORMAT, "json", *command[5:]])
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        said = "\n".join(filter(None, (part.decode("utf-8", "replace").strip() for part in (done.stdout, done.stderr))))
        said = said or f"it ended with exit code {done.returncode}"
        if event_log.is_open():
            event_log.log("error", message=said, file=arguments[-1])
        else:
            tell(said)
    return _exit_code(done.returncode)


def _logged(command: Sequence[str]) -> int:
    """Run a command whose log is JSON, and pass it on as it comes."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            event_log.pass_on(line.decode("utf-8", "replace").rstrip("\r\n"))
    return _exit_code(process.returncode)


def _exit_code(code: int) -> int:
    """The exit code of a process; that of a failed step if it was killed."""
    return ExitCode.STEP if code < 0 else code


def _code(tried: _Tried) -> int:
    return (0 if tried.valid else ExitCode.INPUT) or tried.plan or tried.run or 0


def _summary(tried: Sequence[_Tried], since: str | None, how: str) -> list[str]:
    """The summary as lines of Markdown."""
    failed = sum(_code(one) != 0 for one in tried)
    run = {"none": "", "smoke": " smoke |", "full": " run |"}[how]
    lines = [
        "## Recipes",
        "",
        f"{len(tried)} checked, {failed} failed" if failed else f"{len(tried)} checked, all well",
        "",
        f"| recipe | validate | plan |{run} seconds |",
        f"| --- | --- | --- |{' --- |' if run else ''} --- |",
    ]
    for one in tried:
        ran = f" {_word(one.run, one)} |" if run else ""
        seconds = f"{one.seconds:.0f}" if one.plan is not None else ""
        valid = "✓" if one.valid else "✗ invalid"
        lines.append(f"| {markdown_code(one.recipe)} | {valid} | {_word(one.plan, one)} |{ran} {seconds} |")
    if since is not None:
        lines += ["", f"Recipes that did not change since {markdown_code(since)} are only validated."]
    return lines


def _word(code: int | None, tried: _Tried) -> str:
    if code is None:
        return "" if tried.changed else "unchanged"
    return "✓" if code == 0 else f"✗ {_WORDS.get(code, f'exit code {code}')}"


def _publish(lines: Sequence[str]) -> None:
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        for line in lines:
            say(line)
        return
    try:
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write("\n".join(lines) + "\n")
    except OSError as error:
        what = f"the summary cannot be written to $GITHUB_STEP_SUMMARY ({error.strerror})"
        raise OutputError(what, "unset it, or check its path") from error
