"""Prints a comparison of runs in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType

from compressor.comparing.compared_run import ComparedRun
from compressor.comparing.comparison_cells import CellColumn, change_lines, main_table, metric_table
from compressor.comparing.file_comparison import FileComparison
from compressor.comparing.file_texts import HEADINGS, call_lines, kind_rows, layer_texts
from compressor.comparing.run_comparison import RunComparison
from compressor.report.screen import Screen
from compressor.report.screen_table import Align

_MOST_CALLS = 12  # removed, added or changed
_STYLES = {None: "", True: "green", False: "red"}


def print_comparison(comparison: RunComparison, screen: Screen) -> None:
    """Print a comparison: its runs, their tables, the changes, what makes it unfair, and how the gate came out."""
    for run, title in zip(comparison.runs, comparison.titles, strict=True):
        screen.show((run.letter, "bold"), f"  {run.name}", wrap=False)
        screen.show(f"   {title}")
    screen.show()
    screen.print(_fitting(main_table(comparison), screen))
    for metric in comparison.metrics[1:]:
        screen.show()
        screen.print(_fitting(metric_table(metric, comparison), screen))
    screen.show()
    for text, better in change_lines(comparison):
        screen.show(" ", (text, _STYLES[better]))
    for text in comparison.warnings:
        screen.show(" ", (f"! {text}", "yellow"))
    for gate in comparison.gates:
        mark, style = ("✗", "red") if gate.failed else ("✓", "green")
        screen.show(" ", (f"{mark} {gate.run}: {gate.text}", style))


def print_files(first: ComparedRun, other: ComparedRun, comparison: FileComparison, screen: Screen) -> None:
    """Print how two files differ, operator by operator."""
    screen.show((f"{other.letter} against {first.letter}, operator by operator", "bold"))
    headings: list[tuple[str, Align]] = [(HEADINGS[0], "left"), *((heading, "right") for heading in HEADINGS[1:])]
    screen.print(screen.table(headings, kind_rows(comparison), [[0, 1, 2, 3, 4, 5], [0, 1, 3, 4, 5], [0, 3, 4, 5]]))
    screen.show()
    for name, text in (*call_lines(comparison, _MOST_CALLS), *layer_texts(comparison, _MOST_CALLS)):
        screen.show(" ", (name, "yellow"), f": {text}")


def _fitting(columns: Sequence[CellColumn], screen: Screen) -> RenderableType:
    """Lay out the table; a narrow screen drops whole columns, those of the highest rank first."""
    headings: list[tuple[str, Align]] = [
        (column.heading, "right" if place else "left") for place, column in enumerate(columns)
    ]
    rows = [
        [(cell.text, _STYLES[cell.better]) for cell in row]
        for row in zip(*(column.cells for column in columns), strict=True)
    ]
    ranks = sorted({column.rank for column in columns}, reverse=True)
    choices = [[place for place, column in enumerate(columns) if column.rank <= rank] for rank in ranks]
    return screen.table(headings, rows, [choice for choice in choices if len(choice) > 1])
