"""A report in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType

from compressor.base.sizes import format_size
from compressor.contracts.report_rows import Report, StageRow
from compressor.report.column_types import TableColumn
from compressor.report.columns import metric_columns, stage_columns
from compressor.report.device_rows import device_lines
from compressor.report.figures import doubts, headline, limit_text, remarks
from compressor.report.latency_tables import print_operator_kinds
from compressor.report.latency_texts import latency_findings, operator_kinds
from compressor.report.screen import Part, Screen
from compressor.report.screen_table import Align
from compressor.report.seeds import SeedRow

_PAGE = "report.html"
_NAMES = 6  # of layers with the same fate
_KINDS = 5  # of operators


def print_report(report: Report, screen: Screen, elsewhere: str = _PAGE) -> None:
    """The table of stages, what must be said about them, and how the constraints went.

    `elsewhere` names what has the columns that a narrow terminal leaves out.
    """
    if report.smoke:
        screen.show(("smoke run: a few samples and steps, so the figures mean nothing", "yellow"))
    first, *others = report.stages[0].metrics
    screen.print(stage_table(report, first, screen, elsewhere))
    for name in others:
        screen.print(metric_table(report, name, screen, elsewhere))
    for stage in report.stages:
        for remark in remarks(stage, most=_NAMES):
            screen.show(" ", (stage.id, "yellow"), f": {remark}")
    doubted = doubts(report)
    for doubt in doubted:
        screen.show(" ", (doubt, "bold red"))
    if not doubted:
        screen.show(" ", (headline(report), "bold"))
    for line in device_lines(report.stages[-1]):
        screen.show(" ", line)
    for finding in latency_findings(report):
        screen.show(" ", (finding, "bold"))
    if report.stages[-1].operator_times:
        screen.show()
        print_operator_kinds(operator_kinds(report.stages[-1].operator_times), screen, most=_KINDS)
    for row in report.constraints:
        screen.show(" ", (limit_text(row), "green" if row.met else "red"))


def stage_table(report: Report, metric: str, screen: Screen, elsewhere: str = _PAGE) -> RenderableType:
    """One row a stage with the metric that decides."""
    return _fitting(report, stage_columns("terminal", [metric], report.stages), screen, elsewhere)


def metric_table(report: Report, metric: str, screen: Screen, elsewhere: str = _PAGE) -> RenderableType:
    """One row a stage with a metric alone: two beside all the rest fit no terminal."""
    return _fitting(report, metric_columns("terminal", metric), screen, elsewhere)


def _fitting(report: Report, columns: Sequence[TableColumn], screen: Screen, elsewhere: str) -> RenderableType:
    """The table, less the columns that need a wider terminal; long names may take the room of some more."""
    widths = [width for width in sorted({column.from_width for column in columns}) if width <= screen.width]
    choices = [[i for i, column in enumerate(columns) if column.from_width <= width] for width in reversed(widths)]
    choices += [choices[-1][:count] for count in range(len(choices[-1]) - 1, 1, -1)]
    rows = [[_cell(column, stage, report.stages[0]) for column in columns] for stage in report.stages]
    headings = [(column.heading, column.align) for column in columns]
    return screen.table(headings, rows, choices, fold=True, elsewhere=elsewhere)


def _cell(column: TableColumn, stage: StageRow, baseline: StageRow) -> Part:
    better = column.better(stage) if column.better else None
    style = {None: "", True: "green", False: "red"}[better]
    return column.text(stage, baseline), style


def print_seeds(rows: list[SeedRow], count: int, screen: Screen) -> None:
    """Means and spreads over seeds; a narrow terminal leaves out columns, the least important first."""
    headings = ("stage", "size", "gzip", f"{rows[0].metric}, {count} seeds", "vs base", "")
    choices = [[0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4], [0, 1, 3, 4], [0, 3, 4], [0, 3]]
    cells = [_seed_cells(row, first=row is rows[0]) for row in rows]
    first, *figures = headings
    named: list[tuple[str, Align]] = [(first, "left"), *((one, "right") for one in figures)]
    screen.print(screen.table(named, cells, choices, fold=True, elsewhere="seeds.json"))


def _seed_cells(row: SeedRow, first: bool) -> list[str]:
    factor, unit, points = (100, " %", " pt") if row.share else (1, "", "")
    spread = "" if row.half_width is None else f" ±{row.half_width * factor:.2f}"
    verdict = "" if row.beyond_noise is None else "beyond noise" if row.beyond_noise else "within noise"
    return [
        row.id,
        format_size(row.bytes),
        format_size(row.gzip_bytes),
        f"{row.mean * factor:.2f}{unit} (sd {row.deviation * factor:.2f})",
        "-" if first else f"{row.change * factor:+.2f}{spread}{points}",
        "" if first else verdict,
    ]
