"""A report in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from compressor.base.sizes import format_size
from compressor.contracts.report_rows import Report, StageRow
from compressor.report.column_types import Align, TableColumn
from compressor.report.columns import metric_columns, stage_columns
from compressor.report.figures import doubts, headline, remarks
from compressor.report.seeds import SeedRow

_NAMES = 6  # of layers with the same fate
_ENDLESS = 10_000  # columns, to learn how many a table would take


def print_report(report: Report, console: Console) -> None:
    """The table of stages, what must be said about them, and how the constraints went."""
    if report.smoke:
        console.print("[yellow]smoke run: a few samples and steps, so the figures mean nothing[/]")
    first, *others = report.stages[0].metrics
    console.print(stage_table(report, first, console))
    for name in others:
        console.print(metric_table(report, name, console))
    for stage in report.stages:
        for remark in remarks(stage, most=_NAMES):
            console.print(f" [yellow]{escape(stage.id)}[/]: {escape(remark)}")
    doubted = doubts(report)
    for doubt in doubted:
        console.print(f" [bold red]{escape(doubt)}[/]")
    if not doubted:
        console.print(f" [bold]{escape(headline(report))}[/]")
    for row in report.constraints:
        if row.met:
            console.print(f" [green]✓ {row.name} {row.limit}[/]")
        else:
            console.print(f" [red]✗ {row.name} {row.limit}, and is {row.actual}[/]")


def stage_table(report: Report, metric: str, console: Console) -> Table:
    """One row a stage with the metric that decides."""
    return _fitting(report, stage_columns("terminal", [metric]), console)


def metric_table(report: Report, metric: str, console: Console) -> Table:
    """One row a stage with a metric alone: two beside all the rest fit no terminal."""
    return _fitting(report, metric_columns("terminal", metric), console)


def _fitting(report: Report, columns: Sequence[TableColumn], console: Console) -> Table:
    """The table, less the columns that need a wider terminal; long names may take the room of some more."""
    widths = [width for width in sorted({column.from_width for column in columns}) if width <= console.width]
    choices = [[column for column in columns if column.from_width <= width] for width in reversed(widths)]
    choices += [choices[-1][:count] for count in range(len(choices[-1]) - 1, 1, -1)]
    return _first_that_fits((_table(report, choice) for choice in choices), console)


def _first_that_fits(tables: Iterable[Table], console: Console) -> Table:
    """The first table whose figures all fit the terminal, or else the last one, whose names go over several lines."""
    for table in tables:
        if console.measure(table, options=console.options.update_width(_ENDLESS)).maximum <= console.width:
            break
    return table


def _table(report: Report, columns: Sequence[TableColumn]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        is_name = column.align == "left"
        table.add_column(escape(column.heading), justify=column.align, no_wrap=not is_name, overflow="fold")
    for stage in report.stages:
        table.add_row(*(_cell(column, stage, report.stages[0]) for column in columns))
    return table


def _cell(column: TableColumn, stage: StageRow, baseline: StageRow) -> str:
    text = escape(column.text(stage, baseline))
    better = column.better(stage) if column.better else None
    if better is None or not text:
        return text
    return f"[green]{text}[/]" if better else f"[red]{text}[/]"


def print_seeds(rows: list[SeedRow], count: int, console: Console) -> None:
    """Means and spreads over seeds; a narrow terminal leaves out columns, the least important first."""
    choices = [[0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4], [0, 1, 3, 4], [0, 3, 4], [0, 3]]
    console.print(_first_that_fits((_seed_table(rows, count, choice) for choice in choices), console))


def _seed_table(rows: list[SeedRow], count: int, chosen: Sequence[int]) -> Table:
    headings = ("stage", "size", "gzip", f"{rows[0].metric}, {count} seeds", "vs base", "")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index in chosen:
        justify: Align = "right" if index else "left"
        table.add_column(escape(headings[index]), justify=justify, no_wrap=bool(index), overflow="fold")
    for row in rows:
        factor, unit, points = (100, " %", " pt") if row.share else (1, "", "")
        spread = "" if row.half_width is None else f" ±{row.half_width * factor:.2f}"
        verdict = "" if row.beyond_noise is None else "beyond noise" if row.beyond_noise else "within noise"
        first = row is rows[0]
        cells = (
            escape(row.id),
            format_size(row.bytes),
            format_size(row.gzip_bytes),
            f"{row.mean * factor:.2f}{unit} (sd {row.deviation * factor:.2f})",
            "-" if first else f"{row.change * factor:+.2f}{spread}{points}",
            "" if first else verdict,
        )
        table.add_row(*(cells[index] for index in chosen))
    return table
