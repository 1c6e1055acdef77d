"""Writes a comparison of runs as one page of HTML, without scripts and without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from compressor.base.text import printable
from compressor.comparing.comparison_cells import CellColumn, change_lines, main_table, metric_table
from compressor.comparing.file_comparison import FileComparison
from compressor.comparing.file_texts import HEADINGS, call_lines, kind_rows, layer_texts
from compressor.comparing.run_comparison import RunComparison

_MOST_CALLS = 200  # removed, added or changed
_TITLE = "Comparison"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
  color: #1b1f24; background: #fff }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto }
th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #d0d7de; white-space: nowrap;
  font-variant-numeric: tabular-nums }
th:first-child, td:first-child { text-align: left }
.better, .passes { color: #1a7f37 } .worse, .fails { color: #cf222e } .warning { color: #9a6700 }
@media (prefers-color-scheme: dark) {
  body { color: #e6edf3; background: #0d1117 } th, td { border-color: #30363d }
  .better, .passes { color: #3fb950 } .worse, .fails { color: #f85149 } .warning { color: #d29922 }
}
"""
_CLASSES = {None: "", True: "better", False: "worse"}


def html_comparison(comparison: RunComparison, files: Sequence[FileComparison] = ()) -> str:
    """Write the whole page, in ASCII; `files` has the others, each compared with the first by operators."""
    page = Element("html", lang="en")
    head, body = SubElement(page, "head"), SubElement(page, "body")
    SubElement(head, "meta", charset="utf-8")
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    SubElement(head, "title").text = _TITLE
    SubElement(head, "style").text = _STYLE
    SubElement(body, "h1").text = _TITLE
    for gate in comparison.gates:
        outcome = "fails" if gate.failed else "passes"
        _text(SubElement(body, "p", {"class": outcome}), f"{gate.run} {outcome}: {gate.text}")
    titles = zip(comparison.runs, comparison.titles, strict=True)
    _list(body, (f"{run.letter}: {run.name}, {title}" for run, title in titles))
    for columns in (main_table(comparison), *(metric_table(metric, comparison) for metric in comparison.metrics[1:])):
        _table(body, columns)
    lines = SubElement(body, "ul")
    for text, better in change_lines(comparison):
        _text(SubElement(lines, "li", _class(better)), text)
    for text in comparison.warnings:
        _text(SubElement(lines, "li", {"class": "warning"}), text)
    for run, file in zip(comparison.runs[1:], files, strict=False):
        SubElement(body, "h2").text = f"{run.letter} against {comparison.first.letter}, operator by operator"
        _rows(body, HEADINGS, [[(cell, None) for cell in row] for row in kind_rows(file)])
        told = (*call_lines(file, _MOST_CALLS), *layer_texts(file, _MOST_CALLS))
        _list(body, (f"{name}: {text}" for name, text in told))
    ElementTree.indent(body)
    made: bytes = ElementTree.tostring(page, encoding="us-ascii", method="html")
    return f"<!DOCTYPE html>\n{made.decode()}"


def _table(body: Element, columns: Sequence[CellColumn]) -> None:
    rows = zip(*(column.cells for column in columns), strict=True)
    headings = [column.heading for column in columns]
    _rows(body, headings, [[(cell.text, cell.better) for cell in row] for row in rows])


def _rows(body: Element, headings: Iterable[str], rows: Iterable[Iterable[tuple[str, bool | None]]]) -> None:
    table = SubElement(body, "table")
    line = SubElement(SubElement(table, "thead"), "tr")
    for heading in headings:
        _text(SubElement(line, "th"), heading)
    cells = SubElement(table, "tbody")
    for row in rows:
        line = SubElement(cells, "tr")
        for text, better in row:
            _text(SubElement(line, "td", _class(better)), text)


def _list(body: Element, texts: Iterable[str]) -> None:
    items = SubElement(body, "ul")
    for text in texts:
        _text(SubElement(items, "li"), text)


def _class(better: bool | None) -> dict[str, str]:
    return {"class": _CLASSES[better]} if better is not None else {}


def _text(element: Element, text: str) -> None:
    element.text = printable(text)
