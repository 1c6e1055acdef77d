"""How a report, one of its stages and a session look in a notebook, and as text in a Python prompt."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pydantic import PrivateAttr

from compressor.base.markup import Html, element, table
from compressor.base.notebook import snippet
from compressor.base.outgoing import one_line
from compressor.base.sizes import format_size
from compressor.base.text import counted
from compressor.contracts.report_rows import ConstraintRow, Report, StageRow
from compressor.report.columns import stage_columns
from compressor.report.figures import doubts, headline, limit_text, metric_text, remarks

PAGE: Final = "report.html"
_WIDTH: Final = 100  # of a terminal whose columns a notebook shows
_MOST_NOTES: Final = 8
_MOST_NAMED: Final = 6  # layers left alone for one reason


class ViewedStage(StageRow):
    """A stage that is short in a Python prompt."""

    def __repr__(self) -> str:
        metrics = "".join(f", {name} {metric_text(metric)}" for name, metric in self.metrics.items())
        sizes = f"{format_size(self.bytes)}, {format_size(self.gzip_bytes)} gzipped"
        return one_line(f"<stage '{self.id}': {sizes}{metrics}>")


class ViewedReport(Report):
    """A report that a notebook shows, with a link to its page where that was written."""

    _folder: Path | None = PrivateAttr(None)

    def in_folder(self, folder: Path) -> ViewedReport:
        """The same report, which knows the folder of its run."""
        known: ViewedReport = self.model_copy()
        known._folder = folder.absolute()
        return known

    def __eq__(self, other: object) -> bool:
        """Whether two reports hold the same; it is no matter where they lie."""
        return type(self) is type(other) and vars(self) == vars(other)

    def __repr__(self) -> str:
        limits = f", {limits_text(self.constraints)}" if self.constraints else ""
        smoke = "smoke run, " if self.smoke else ""
        stages = " -> ".join(stage.id for stage in self.stages)
        return one_line(f"<report of {self.recipe}: {smoke}{stages}; {_told(self)}{limits}>")

    def _repr_html_(self) -> str:
        return report_view(self, None if self._folder is None else self._folder / PAGE)


def report_view(report: Report, page: Path | None = None) -> str:
    """A snippet for notebooks: the outcome, the table of stages, the limits, and what must be said of the stages.

    Args:
        report: any report.
        page: the run's page, which is linked to if it exists.
    """
    subject = f"{report.model} on {report.data} · seed {report.seed}"
    doubted = [element("p", text, class_="missed") for text in doubts(report)]
    smoke = "Smoke run: a few samples and steps, so the figures mean nothing."
    return snippet(
        element("p", report.recipe, " ", element("span", subject, class_="quiet"), class_="title"),
        element("p", smoke, class_="missed") if report.smoke else None,
        doubted or element("p", headline(report), class_="headline"),
        _stage_table(report),
        [_limit(row) for row in report.constraints],
        _notes(report),
        _link(page) if page is not None and page.is_file() else None,
    )


def limits_text(rows: Sequence[ConstraintRow]) -> str:
    """`3 of 4 limits met`."""
    return f"{sum(row.met for row in rows)} of {counted(len(rows), 'limit')} met"


def _told(report: Report) -> str:
    return next(iter(doubts(report)), headline(report))


def _stage_table(report: Report) -> Html:
    baseline = report.stages[0]
    columns = [column for column in stage_columns("terminal", list(baseline.metrics)) if column.from_width <= _WIDTH]
    rows = []
    for stage in report.stages:
        styles = [None if column.better is None else column.better(stage) for column in columns]
        rows.append([
            element("span", column.text(stage, baseline), class_={None: None, True: "met", False: "missed"}[style])
            for column, style in zip(columns, styles, strict=True)
        ])  # fmt: skip
    numbers = [index for index, column in enumerate(columns) if column.align == "right"]
    return table([column.heading for column in columns], rows, "Stages", numbers)


def _limit(row: ConstraintRow) -> Html:
    return element("p", limit_text(row), class_="met" if row.met else "missed")


def _notes(report: Report) -> Html | None:
    notes = [(stage.id, remark) for stage in report.stages for remark in remarks(stage, most=_MOST_NAMED)]
    if not notes:
        return None
    items = [element("li", element("b", stage), f": {remark}") for stage, remark in notes[:_MOST_NOTES]]
    more = len(notes) - _MOST_NOTES
    return element("ul", items, element("li", f"and {more} more", class_="quiet") if more > 0 else None)


def _link(page: Path) -> Html:
    """A link that works from the folder of the notebook, from which Jupyter serves files."""
    return element("p", element("a", page.name, href=quote(Path(os.path.relpath(page)).as_posix()), target="_blank"),
                   " has the plots and all tables", class_="quiet")  # fmt: skip
