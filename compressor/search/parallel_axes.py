"""Parallel coordinates: an axis for each choice and each objective, and a line through them for each trial.

The axes lie below each other, so that there is room for their names, and for any number of them on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from compressor.base.markup import Html, element
from compressor.recipe.objectives import Goal
from compressor.recipe.search_space import Choice
from compressor.report.page.axes import Scale, drawing, figure, line, path, text
from compressor.search.choice_texts import short_name, value_text
from compressor.search.search_report import values_text
from compressor.search.search_result import SearchResult
from compressor.search.trial_record import TrialRecord

_APART: Final = 66.0  # pixels from an axis to the next
_MOST_LINES: Final = 300
_MOST_MARKS: Final = 6
_CHARACTER: Final = 7.5  # pixels


@dataclass(frozen=True)
class _Axis:
    """A title, where each trial lies as a share of the axis' length, and the marks on it; None for a trial without."""

    title: str
    place: Callable[[TrialRecord], float | None]
    marks: Sequence[tuple[float, str]]


def parallel_axes(result: SearchResult) -> Html:
    """The plot of the trials that were measured; those of the front are drawn over the others."""
    records = _drawn(result)
    axes = [*_choice_axes(result), *(_goal_axis(index, goal, records) for index, goal in enumerate(result.goals))]
    shown = f"{len(records)} of {len(result.measured)} trials" if len(records) < len(result.measured) else ""

    def draw(width: float) -> Html:
        scale = Scale(0, 1, 8, width - 8)
        tops = [40 + index * _APART for index in range(len(axes))]
        parts = [part for axis, top in zip(axes, tops, strict=True) for part in _frame(axis, top, scale)]
        for record in records:
            places = [(axis.place(record), top) for axis, top in zip(axes, tops, strict=True)]
            points = [(scale(place), top) for place, top in places if place is not None]
            best = " best" if record.number in result.best else ""
            tip = f"trial {record.number}: {values_text(record, result.goals)}"
            parts.append(element("g", element("title", tip), path(points, f"trial{best}")))
        parts += [part for axis, top in zip(axes, tops, strict=True) for part in _texts(axis, top, scale)]
        label = f"{len(records)} trials as lines through {', '.join(axis.title for axis in axes)}"
        return drawing(width, tops[-1] + 28, label, parts)

    return figure("Choices and objectives of each trial", draw, shown)


def _drawn(result: SearchResult) -> list[TrialRecord]:
    """The front last, and of the others at most so many, evenly taken."""
    others = [record for record in result.measured if record.number not in result.best]
    step = math.ceil(len(others) / _MOST_LINES) or 1
    return [*others[::step], *(record for record in result.measured if record.number in result.best)]


def _choice_axes(result: SearchResult) -> Iterator[_Axis]:
    for choice in result.choices:
        if any(choice.name in record.assignment for record in result.measured):
            yield _listed_axis(choice) if choice.search.values else _range_axis(choice)


def _listed_axis(choice: Choice) -> _Axis:
    values = choice.search.values
    last = max(1, len(values) - 1)

    def place(record: TrialRecord) -> float | None:
        return values.index(record.assignment[choice.name]) / last if choice.name in record.assignment else None

    marks = [(index / last, value_text(value)) for index, value in enumerate(values)]
    return _Axis(short_name(choice.name), place, marks if len(marks) <= _MOST_MARKS else [marks[0], marks[-1]])


def _range_axis(choice: Choice) -> _Axis:
    low, high = choice.search.low, choice.search.high
    scale = Scale(low, high, 0, 1, choice.search.log)

    def place(record: TrialRecord) -> float | None:
        return scale(record.assignment[choice.name]) if choice.name in record.assignment else None

    return _Axis(short_name(choice.name), place, [(0, value_text(low)), (1, value_text(high))])


def _goal_axis(index: int, goal: Goal, records: Sequence[TrialRecord]) -> _Axis:
    values = [record.values[index] for record in records]
    scale = Scale(min(values), max(values), 0, 1)
    ends = [(0.0, goal.text(scale.low)), (1.0, goal.text(scale.high))] if scale.high > scale.low else []
    title = f"{goal.name}, to {goal.direction}"
    return _Axis(title, lambda record: scale(record.values[index]), ends or [(0.5, goal.text(scale.low))])


def _frame(axis: _Axis, top: float, scale: Scale) -> list[Html]:
    ticks = [line(scale(place), top - 4, scale(place), top + 4, "axis") for place, _ in axis.marks]
    return [line(scale.start, top, scale.end, top, "axis"), *ticks]


def _texts(axis: _Axis, top: float, scale: Scale) -> Iterator[Html]:
    """The title above the axis, and the marks below it, cut to the room between them."""
    yield text(scale.start, top - 12, axis.title, "label")
    room = int((scale.end - scale.start) / max(1, len(axis.marks) - 1) / _CHARACTER) - 1
    for place, words in axis.marks:
        anchor = "start" if place == 0 else "end" if place == 1 else "middle"
        shown = words if len(words) <= room else f"{words[: room - 1]}…"
        yield text(scale(place), top + 19, shown, "mark-text", anchor)
