"""Plots of all trials of a search: each objective against the first one, or against the trial's number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from compressor.base.markup import Html, element
from compressor.recipe.objectives import Goal
from compressor.report.page.axes import Scale, drawing, figure, frame, path
from compressor.search.search_report import values_text
from compressor.search.search_result import SearchResult
from compressor.search.trial_record import TrialRecord

_LOGARITHMIC: Final = 12  # times the smallest value that the largest is, from where a logarithmic axis tells more
_Value = Callable[[TrialRecord], float]


def trial_plots(result: SearchResult) -> list[Html]:
    """One plot for each pair of the first objective and another; the front is marked, and joined by steps."""
    first, *others = range(len(result.goals))
    pairs: list[tuple[int | None, int]] = [(first, other) for other in others] or [(None, first)]
    return [_plot(result, x, y) for x, y in pairs]


@dataclass(frozen=True)
class _Axis:
    name: str
    value: _Value
    text: Callable[[float], str]
    is_number: bool = False

    def scale(self, records: Sequence[TrialRecord], start: float, end: float) -> Scale:
        values = [self.value(record) for record in records]
        low, high = min(values), max(values)
        if not self.is_number and low > 0 and high > _LOGARITHMIC * low:
            return Scale(low / 1.3, high * 1.3, start, end, logarithmic=True)
        pad = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
        return Scale(low - pad, high + pad, start, end)


def _axis(goals: Sequence[Goal], index: int | None) -> _Axis:
    if index is None:
        return _Axis("trial", lambda record: record.number, lambda value: f"{value:g}", is_number=True)
    return _Axis(goals[index].name, lambda record: record.values[index], goals[index].text)


def _plot(result: SearchResult, x_index: int | None, y_index: int) -> Html:
    across, upwards = _axis(result.goals, x_index), _axis(result.goals, y_index)
    records = result.measured
    front = sorted((record for record in records if record.number in result.best), key=across.value)

    def draw(width: float) -> Html:
        x, y = across.scale(records, 70, width - 16), upwards.scale(records, 268, 34)
        parts = frame(x, y, across.text, upwards.text, across.name, upwards.name, 5 if width > 400 else 4)
        if x_index is not None:
            parts.append(path(_steps([(x(across.value(each)), y(upwards.value(each))) for each in front]), "way"))
        for record in sorted(records, key=lambda each: each.number in result.best):
            parts.append(_mark(record, result, x(across.value(record)), y(upwards.value(record))))
        label = f"{upwards.name} against {across.name} of {len(records)} trials; on the front: "
        label += "; ".join(f"trial {each.number}, {values_text(each, result.goals)}" for each in front)
        return drawing(width, 312, label, parts)

    return figure(f"{across.name[:1].upper()}{across.name[1:]} and {upwards.name}", draw)


def _mark(record: TrialRecord, result: SearchResult, x: float, y: float) -> Html:
    kind = " best" if record.number in result.best else " missed" if record.missed else ""
    tip = f"trial {record.number}: {values_text(record, result.goals)}"
    tip += f", misses {record.missed}" if record.missed else ""
    return element("circle", element("title", tip), cx=x, cy=y, r=5 if kind == " best" else 4, class_=f"mark{kind}")


def _steps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points joined by a staircase, which bounds what the front beats."""
    joined = list(points[:1])
    for (_, before), (x, y) in pairwise(points):
        joined += [(x, before), (x, y)]
    return joined
