"""`compressor compare`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from compressor.base.errors import ExitCode
from compressor.base.standard_output import say, say_json, tell
from compressor.cli.options import debug_option, json_option, plugin_option, trust_option
from compressor.cli.own_command import OwnCommand
from compressor.cli.places import PLACE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from compressor.comparing.compared_run import ComparedRun
    from compressor.comparing.condition import Condition
    from compressor.comparing.file_comparison import FileComparison
    from compressor.comparing.run_comparison import RunComparison

_FORMS = ("terminal", "md", "html", "json")  # as `compressor report` names them


@click.command("compare", cls=OwnCommand)
@click.argument("compared", metavar="A B [C...]", nargs=-1, required=True, type=PLACE)
@click.option(
    "--fail-if",
    "conditions",
    metavar="CONDITION",
    multiple=True,
    help="End with exit code 3 if this holds, as in 'accuracy < -0.2pt or size > +2%'. With a sign, a change from A.",
)
@click.option("--data", help="Data to measure model files on: a data set, a path, or package.module:function.")
@click.option("--metric", "metrics", multiple=True, help="Metric to measure files by.  [default: accuracy]")
@click.option("--format", "form", type=click.Choice(_FORMS), help="How to print it.  [default: terminal]")
@plugin_option
@trust_option
@json_option
@debug_option
def command(
    compared: tuple[Path | str, ...],
    conditions: tuple[str, ...],
    data: str | None,
    metrics: tuple[str, ...],
    form: str | None,
    plugins: tuple[Path, ...],
    trust_model: bool,
    as_json: bool,
    debug: bool,
) -> int:
    """Compare B and what follows with A: folders of runs, or their addresses, report.json files, or model files.

    Runs are compared by the last rows of their reports, and metrics sample by sample where both were measured on the
    same ones. Model files are compared operator by operator; with --data, they are measured first.
    """
    from compressor.comparing.condition import parse_condition
    from compressor.comparing.measured_file import is_model_file
    from compressor.comparing.run_comparison import comparison_of

    form = _form(form, as_json)
    if len(compared) < 2:
        raise click.UsageError("compare needs two or more runs, reports or model files.")
    parsed = [parse_condition(text) for text in conditions]
    are_files = [isinstance(path, Path) and is_model_file(path) for path in compared]
    if data is None and any(are_files) and not all(are_files):
        file, run = compared[are_files.index(True)], compared[are_files.index(False)]
        raise click.UsageError(f"{file} is a model file, and {run} is not; with --data, both are measured.")
    if metrics and data is None:
        raise click.UsageError("--metric is for files that are measured on --data.")
    if data is None and not any(are_files):
        files: list[FileComparison] = []
        runs = [_run_at(path, place) for place, path in enumerate(compared)]
    else:
        runs, files = _of_files(
            [_model_file(path) for path in compared],
            data,
            metrics or ("accuracy",),
            parsed,
            plugins,
            trust_model,
            debug,
        )
    comparison = comparison_of(runs, parsed)
    _print(comparison, files, form)
    failed = [
        (gate, text) for gate, text in zip(comparison.gates, conditions * (len(runs) - 1), strict=True) if gate.failed
    ]
    for gate, text in failed:
        tell(f"error: {gate.run} fails '{text}': {gate.text}")
    return ExitCode.CONSTRAINT if failed else ExitCode.DONE


def _run_at(path: Path | str, place: int) -> ComparedRun:
    """Read a run, which is called by its address where it is at one."""
    from compressor.base.addresses import shown
    from compressor.cli.places import local_run
    from compressor.comparing.compared_run import run_at

    with local_run(path) as folder:
        run = run_at(folder, place)
    return replace(run, name=shown(path)) if isinstance(path, str) else run


def _model_file(path: Path | str) -> Path:
    if isinstance(path, str):
        raise click.UsageError("addresses are those of runs; copy a model file to this machine to compare it.")
    return path


def _form(form: str | None, as_json: bool) -> str:
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} exclude each other; leave one out")
    return "json" if as_json else form or "terminal"


def _of_files(
    paths: Sequence[Path],
    data: str | None,
    metrics: Sequence[str],
    conditions: Sequence[Condition],
    plugins: Sequence[Path],
    trusted: bool,
    debug: bool,
) -> tuple[list[ComparedRun], list[FileComparison]]:
    """Read model files, and measure them if there is data; if not, compare each with the first operator by operator."""
    from compressor.cli.command_registry import registry_with
    from compressor.cli.native_output import native_output_dropped
    from compressor.comparing.file_comparison import compared_files
    from compressor.comparing.gate import check_known
    from compressor.comparing.keras_layers import compared_layers, stored_layers_of
    from compressor.comparing.measured_file import KERAS_SUFFIXES, file_at
    from compressor.run.named_data_and_metrics import find_data, find_metrics

    if data is None:
        for condition in conditions:
            check_known(condition, ())
        with native_output_dropped(debug):
            held = [file_at(path, place, trusted) for place, path in enumerate(paths)]
            layers = [stored_layers_of(path, trusted) if path.suffix in KERAS_SUFFIXES else None for path in paths]
        first, *others = [content for _, content in held]
        pairs = [compared_layers(layers[0], own) if layers[0] and own else None for own in layers[1:]]
        return [run for run, _ in held], [
            compared_files(first, other, pair) for other, pair in zip(others, pairs, strict=True)
        ]
    registry = registry_with(plugins)
    configured = find_metrics(registry, metrics)
    for condition in conditions:
        check_known(condition, [metric.name for metric in configured])
    with native_output_dropped(debug):
        test = find_data(registry, data).test
        measured = [file_at(path, place, trusted, test, configured, data) for place, path in enumerate(paths)]
    return [run for run, _ in measured], []


def _print(comparison: RunComparison, files: Sequence[FileComparison], form: str) -> None:
    if form == "json":
        from compressor.comparing.file_comparison import file_data
        from compressor.comparing.run_comparison import as_data

        document: dict[str, Any] = as_data(comparison)
        if files:
            letters = [run.letter for run in comparison.runs[1:]]
            document["files"] = [
                {"run": letter, **file_data(file)} for letter, file in zip(letters, files, strict=True)
            ]
        say_json(document)
    elif form == "md":
        from compressor.comparing.comparison_markdown import markdown_comparison

        for line in markdown_comparison(comparison, files).split("\n"):
            say(line)
    elif form == "html":
        from compressor.comparing.comparison_page import html_comparison

        for line in html_comparison(comparison, files).split("\n"):
            say(line)
    else:
        from compressor.comparing.comparison_screen import print_comparison, print_files
        from compressor.report.screen import Screen

        screen = Screen()
        print_comparison(comparison, screen)
        for run, file in zip(comparison.runs[1:], files, strict=False):
            print_files(comparison.first, run, file, screen)
