"""Writes a comparison of runs as one page of HTML, which looks like that of a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compressor.base.markup import Content, Html, element, table
from compressor.comparing.comparison_cells import Cell, CellColumn, change_lines, main_table, metric_table
from compressor.comparing.file_comparison import FileComparison
from compressor.comparing.file_texts import HEADINGS, call_lines, kind_rows, layer_texts
from compressor.comparing.run_comparison import RunComparison
from compressor.report.page.page_frame import Section, framed
from compressor.report.page.run_way import size_plots

_MOST_CALLS = 200  # removed, added or changed
_CLASSES = {None: None, True: "met", False: "missed"}


def html_comparison(comparison: RunComparison, files: Sequence[FileComparison] = ()) -> str:
    """Write the whole page, in ASCII; `files` has the others, each compared with the first by operators."""
    letters = [run.letter for run in comparison.runs]
    title = f"{', '.join(letters[1:])} against {letters[0]}"
    changes = [element("li", text, class_=_CLASSES[better]) for text, better in change_lines(comparison)]
    page = framed(
        f"{title} · comparison",
        f"{title}: sizes, metrics and operators",
        _opening(title, comparison, changes),
        _sections(comparison, files),
        "made by compressor compare",
    )
    return page.encode("ascii", "xmlcharrefreplace").decode()


def _opening(title: str, comparison: RunComparison, changes: Content) -> Iterator[Html]:
    yield element("p", "comparison", class_="kicker")
    yield element("h1", title)
    for run, what in zip(comparison.runs, comparison.titles, strict=True):
        yield element("p", element("b", run.letter), " ", element("code", run.name), f", {what}", class_="quiet")
    for gate in comparison.gates:
        if gate.failed:
            yield element("p", f"{gate.run} fails: {gate.text}", class_="alarm", role="note")
        else:
            yield element("p", element("span", f"{gate.run} passes: {gate.text}", class_="met"))
    yield element("ul", changes, class_="notes")
    for text in comparison.warnings:
        yield element("p", text, class_="alarm", role="note")


def _sections(comparison: RunComparison, files: Sequence[FileComparison]) -> Iterator[Section]:
    rows = [run.last.model_copy(update={"id": run.letter}) for run in comparison.runs]
    shared = [metric for metric in comparison.metrics if all(metric in row.metrics for row in rows)]
    if shared:
        yield Section("way", "Sizes", "Size and metric", size_plots(rows, shared[0], joined=False))
    tables = [main_table(comparison), *(metric_table(metric, comparison) for metric in comparison.metrics[1:])]
    yield Section("figures", "Figures", "In figures", [_table(columns) for columns in tables])
    for run, file in zip(comparison.runs[1:], files, strict=False):
        told = (*call_lines(file, _MOST_CALLS), *layer_texts(file, _MOST_CALLS))
        title = f"{run.letter} against {comparison.first.letter}, operator by operator"
        numbers = range(1, len(HEADINGS))
        content = [
            table(HEADINGS, kind_rows(file), title, numbers),
            element("ul", [element("li", element("b", name), f": {text}") for name, text in told], class_="notes"),
        ]
        yield Section(f"operators-{run.letter}", f"Operators of {run.letter}", title, content)


def _table(columns: Sequence[CellColumn]) -> Html:
    rows = zip(*(column.cells for column in columns), strict=True)
    headings = [column.heading for column in columns]
    return table(headings, [map(_cell, row) for row in rows], "Runs", range(1, len(columns)))


def _cell(cell: Cell) -> Html:
    return element("span", cell.text, class_=_CLASSES[cell.better])
