"""Judges figures by their limits: whether each is met, by how much it is missed, and which step spent most of that."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol, TypeAlias

_SAME = 1e-9  # a share of counted samples differs from a limit by far more, or not at all

Direction: TypeAlias = Literal["at least", "at most"]


class PlannedMetric(Protocol):
    """A metric as the planner knows it."""

    @property
    def name(self) -> str: ...
    @property
    def share(self) -> bool: ...


class MetricChange(Protocol):
    """A metric's change from the baseline; `relative` is None if the baseline's value is 0."""

    @property
    def difference(self) -> float: ...
    @property
    def relative(self) -> float | None: ...
    @property
    def within_noise(self) -> bool: ...


class MeasuredMetric(Protocol):
    """A metric in the row of a stage."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def higher_is_better(self) -> bool: ...
    @property
    def share(self) -> bool: ...
    @property
    def from_baseline(self) -> MetricChange | None: ...


class MeasuredStage(Protocol):
    """The row of a stage in the report, reduced to what constraints need, since recipes do not import reports."""

    @property
    def id(self) -> str: ...
    @property
    def metrics(self) -> Mapping[str, MeasuredMetric]: ...


@dataclass(frozen=True)
class Verdict:
    """The result of a constraint: its name, the limit and the actual value as text, and whether it is met.

    Attributes:
        missed_by: how far the value is from a limit that was missed, as text.
        spent_by: the step that took most of the way there; empty where none made it worse.
        spent: by how much that step made it worse, as text.
        within_noise: whether chance may explain a miss; None where nothing tells.
        number: the limit in bytes, seconds, shares, or as the metric has it.
    """

    name: str
    limit: str
    actual: str
    met: bool
    missed_by: str = ""
    spent_by: str = ""
    spent: str = ""
    within_noise: bool | None = None
    number: float | None = None


def points(value: float) -> str:
    """Write a difference between shares: `0.50 pt`."""
    return f"{value * 100:.2f} pt"


def judged(
    name: str,
    direction: Direction,
    limit: float,
    figures: Sequence[float | None],
    stages: Sequence[MeasuredStage],
    text: Callable[[float], str],
    gap: Callable[[float], str],
    noise: bool | None,
    scale: float = 1.0,
) -> Verdict:
    """Judge the last of a run's stages. A figure that is infinite or not a number meets no limit.

    Args:
        name: of the constraint.
        direction: whether the limit is the least or the most.
        limit: what is allowed.
        figures: of each stage; None where it has none.
        stages: of which the first is the baseline.
        text: formats a figure.
        gap: formats a distance from the limit.
        noise: whether chance may explain a miss; None where nothing tells.
        scale: how large the numbers are that figures are computed from, whose rounding is no miss; above 1 it is 1.
    """
    slack = _SAME * min(1.0, scale)
    actual = figures[-1]
    if actual is None:
        return Verdict(name, text(limit), "not known", False, number=limit)
    met = actual >= limit - slack if direction == "at least" else actual <= limit + slack
    wanted, got = text(limit), text(actual)
    if wanted == got and abs(limit - actual) > slack:  # rounded to the same text, so shown in full
        wanted, got = f"{wanted} ({limit:,.10g})", f"{got} ({actual:,.10g})"
    if met and actual != math.inf:  # a drop without end below nothing is a gain
        return Verdict(name, wanted, got, True, number=limit)
    missed_by = _distance_text(abs(actual - limit), gap) if math.isfinite(actual) else ""
    spent_by, spent = _spender(direction, figures, stages, slack)
    spent_text = _distance_text(spent, gap) if spent_by else ""
    return Verdict(name, wanted, got, False, missed_by, spent_by, spent_text, noise, limit)


def _distance_text(distance: float, gap: Callable[[float], str]) -> str:
    text = gap(distance)
    return text if any(digit in text for digit in "123456789") else f"{text} ({distance:,.3g})"


def _spender(
    direction: Direction, figures: Sequence[float | None], stages: Sequence[MeasuredStage], slack: float
) -> tuple[str, float]:
    """Find the step that made a figure worse by most, and by how much; no name where none did beyond the slack."""
    sign = 1 if direction == "at most" else -1
    worst, spent_by = slack, ""
    for (before, after), stage in zip(pairwise(figures), stages[1:], strict=True):
        if before is None or after is None or not math.isfinite(after - before):
            continue
        if (change := sign * (after - before)) > worst:
            worst, spent_by = change, stage.id
    return spent_by, worst
