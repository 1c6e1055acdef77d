"""Writes a search as one page of HTML, which looks like that of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from compressor.base.markup import Html, element, table
from compressor.base.text import counted
from compressor.report.page.axes import Scale, drawing, figure, text
from compressor.report.page.page_frame import Section, framed
from compressor.report.page.run_way import size_plots
from compressor.report.page.sortable_table import Cell, Head, sortable
from compressor.search.choice_texts import short_name, value_text
from compressor.search.parallel_axes import parallel_axes
from compressor.search.search_report import JUDGED, counts_text, front_figures, front_headings, front_verdict
from compressor.search.search_result import SearchResult
from compressor.search.trial_plots import trial_plots

_ROW: Final = 26  # pixels
_FEW: Final = 30  # trials, below which it is said that they tell little
_LAST: Final = float("inf")  # where a cell without a value is sorted


def front_page(result: SearchResult) -> str:
    """Write the whole page, in ASCII."""
    page = framed(
        f"{result.name} · search",
        f"{counts_text(result)} {len(result.points)} on the front",
        [
            element("p", "search", class_="kicker"),
            element("h1", result.name),
            element("p", counts_text(result), class_="lead"),
            element("p", JUDGED, class_="quiet"),
        ],
        _sections(result),
        "made by compressor search",
    )
    return page.encode("ascii", "xmlcharrefreplace").decode()


def _sections(result: SearchResult) -> Iterator[Section]:
    yield Section("front", "Front", "The front", [_front(result)] if result.points else _no_front())
    if result.measured:
        yield Section("trials", "Trials", "All trials, on the validation split", _measured(result))
    if any(result.importances):
        yield Section("decides", "What decides", "What decides", _importances(result))
    yield Section("figures", "Figures", "Every trial in figures", [_trials(result), _reasons(result)])


def _measured(result: SearchResult) -> list[Html]:
    plots = element("div", [*trial_plots(result), parallel_axes(result)], class_="pair")
    marks = [("mark best", "on the front"), ("mark", "meets the constraints"), ("mark missed", "misses one")]
    return [
        plots,
        element("p", [element("span", element("i", class_=name), words) for name, words in marks], class_="key"),
    ]


def _no_front() -> list[Html]:
    return [element("p", "No trial meets all constraints.", class_="alarm", role="note")]


def _front(result: SearchResult) -> list[Html]:
    first = result.points[0].baseline
    rows = [first, *(point.last.model_copy(update={"id": point.recipe.stem}) for point in result.points)]
    heads = ["recipe", "trial", *front_headings(result)]
    cells = [
        [
            element("code", point.recipe.name),
            str(point.record.number),
            *front_figures(point, result.goals),
            element("span", front_verdict(point), class_="missed" if point.missed else "met"),
        ]
        for point in result.points
    ]
    return [
        size_plots(rows, next(iter(first.metrics)), joined=False),
        table([*heads, "constraints"], cells, "The front", range(1, len(heads))),
    ]


def _importances(result: SearchResult) -> list[Html]:
    """For each objective, how much each choice decides."""
    plots = [_bars(goal.name, shares) for goal, shares in zip(result.goals, result.importances, strict=True) if shares]
    how = "How far the best tenth of the trials differs from all in each choice (PED-ANOVA, Watanabe et al. 2023), of "
    how += f"{counted(len(result.measured), 'trial')}."
    if len(result.measured) < _FEW:
        how += " So few tell little: take it as a hint."
    return [element("div", plots, class_="pair"), element("p", how, class_="quiet")]


def _bars(name: str, shares: Mapping[str, float]) -> Html:
    rows = sorted(shares.items(), key=lambda each: -each[1])

    def draw(width: float) -> Html:
        scale = Scale(0, 1, 0, width - 60)
        parts: list[Html] = []
        for number, (choice, share) in enumerate(rows):
            top = number * (_ROW + 18) + 4.0
            parts += [
                text(0, top + 12, short_name(choice), "label"),
                element("rect", element("title", f"{choice}: {share:.1%}"), x=0.0, y=top + 18,
                        width=max(1.5, scale(share)), height=14, class_="bar total"),
                text(max(1.5, scale(share)) + 8, top + 30, f"{share:.0%}".replace("%", " %"), "value"),
            ]  # fmt: skip
        label = f"What decides {name}: " + ", ".join(f"{short_name(choice)} {share:.0%}" for choice, share in rows)
        return drawing(width, max(64, len(rows) * (_ROW + 18) + 8), label, parts)

    return figure(f"What decides {name}", draw, "share of each choice")


def _trials(result: SearchResult) -> Html:
    named = [choice for choice in result.choices if any(choice.name in each.assignment for each in result.records)]
    heads = [Head("trial", True), Head("ended"), *(Head(goal.name, True) for goal in result.goals)]
    heads += [*(Head(short_name(choice.name)) for choice in named), Head("seconds", True)]
    rows = []
    for record in result.records:
        ended = "on the front" if record.number in result.best else str(record.state)
        ended += f", misses {record.missed}" if record.missed else ""
        cells = [Cell(str(record.number), record.number), Cell(ended, ended)]
        values = record.values or (None,) * len(result.goals)
        for goal, value in zip(result.goals, values, strict=True):
            cells.append(Cell("-", _LAST) if value is None else Cell(goal.text(value), value))
        for choice in named:
            value = record.assignment.get(choice.name)
            words = "-" if choice.name not in record.assignment else value_text(value)
            cells.append(Cell(words, value if isinstance(value, int | float) else words))
        cells.append(Cell(f"{record.seconds:.0f}", record.seconds))
        rows.append(cells)
    return sortable("Every trial", heads, rows, "Every trial")


def _reasons(result: SearchResult) -> Html:
    """Why trials failed or were stopped, each reason once."""
    told = Counter((record.state, record.reason) for record in result.records if record.reason)
    lines = [
        element("li", f"{counted(number, 'trial')} {state}: {reason}") for (state, reason), number in told.most_common()
    ]
    return element("ul", lines, class_="notes") if lines else Html()
