"""`compressor status`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from compressor.base.errors import CompressorError
from compressor.base.standard_output import say, say_json
from compressor.cli.options import json_option, traceback_option
from compressor.cli.own_command import OwnCommand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compressor.report.screen import Part
    from compressor.report.screen_table import Align
    from compressor.run.found_runs import StatusRow

_STYLES: Final = {"running": "green", "failed": "red", "dead": "red", "interrupted": "yellow"}
_ALL: Final = tuple(range(8))
_CHOICES: Final = (_ALL, (0, 1, 2, 3, 4, 5, 6), (0, 1, 2, 4, 5, 6), (0, 1, 2, 4), (0, 1, 2))


@click.command("status", cls=OwnCommand)
@click.argument("folder", default=".", type=click.Path(path_type=Path))
@json_option
@traceback_option
def command(folder: Path, as_json: bool) -> None:
    """Show runs and searches: which ones are running and how far they are, and how the others ended.

    They are looked for in the folders runs, searches and compressed in FOLDER, or in FOLDER itself where it has none
    of these. One whose process was killed is shown as dead.
    """
    from compressor.run.found_runs import found_runs

    if not folder.is_dir():
        raise CompressorError(f"there is no folder {folder}", "check the path")
    found = found_runs(folder)
    if as_json:
        say_json(found.model_dump(mode="json"))
    elif not found.entries:
        say(f"there are no runs or searches in {folder}")
    else:
        _show(found.entries)


def _show(rows: Sequence[StatusRow]) -> None:
    from compressor.report.screen import Screen

    screen = Screen()
    headings: list[tuple[str, Align]] = [
        ("run", "left"), ("state", "whole"), ("step", "left"), ("started", "whole"), ("left", "right"),
        ("size", "right"), ("metric", "right"), ("folder", "left"),
    ]  # fmt: skip
    screen.print(screen.table(headings, [_cells(row) for row in rows], _CHOICES, fold=True))
    for row in rows:
        if row.message:
            told = f" {row.folder}: {row.message}"
            for line in [told] if row.state in ("interrupted", "dead") else screen.words(told):  # those are commands
                screen.message(line)


def _cells(row: StatusRow) -> list[Part]:
    from datetime import datetime

    from compressor.base.sizes import format_size
    from compressor.report.figures import clock_text
    from compressor.run.status_file import metric_cell

    started = "-"
    if row.started:
        started = f"{datetime.fromisoformat(row.started).astimezone():%Y-%m-%d %H:%M}"
    metric = metric_cell(row.metric, row.metric_is_share)
    return [
        f"{row.name} (search)" if row.kind == "search" else row.name,
        (row.state, _STYLES.get(row.state, "")),
        _step(row),
        started,
        "-" if row.seconds_left is None else clock_text(row.seconds_left),
        "-" if row.bytes is None else format_size(row.bytes),
        f"{metric} {row.metric_name}" if row.metric_name and metric != "-" else metric,
        row.folder,
    ]


def _step(row: StatusRow) -> str:
    """`prune, 2 of 4`, of a search `trial 7 of 20`."""
    if row.step_number is None:
        return row.step or "-"
    of = f" of {row.steps}" if row.steps else ""
    if row.kind == "search":
        return f"trial {row.step_number}{of}"
    return f"{row.step}, {row.step_number}{of}" if row.step else f"{row.step_number}{of}"
