"""Rules that compare a constraint with a stage of a run, and refuse one that does not suit the metrics."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Protocol, TypeAlias

from compressor.base.text import did_you_mean
from compressor.recipe.tree import Route

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
    """

    name: str
    limit: str
    actual: str
    met: bool
    missed_by: str = ""
    spent_by: str = ""
    spent: str = ""
    within_noise: bool | None = None


class Rule(ABC):
    """What a constraint demands. `key` is its key in the recipe, and `limit` the value that the recipe sets there."""

    @abstractmethod
    def misfits(self, key: str, limit: Any, metrics: Sequence[PlannedMetric | None]) -> Iterator[tuple[Route, str]]:
        """The problems of the limit for these metrics, each with its route within the section.

        An unknown metric is None. It is a problem of its own, so the limit is not checked against it.
        """

    @abstractmethod
    def verdicts(self, key: str, limit: Any, stages: Sequence[MeasuredStage]) -> Iterator[Verdict]:
        """The results on the last of these stages, which begin with the baseline; none if the recipe sets no limit."""


@dataclass(frozen=True)
class Limit(Rule):
    """Compares one value of a stage with a limit.

    `figure` takes the value from the stage's row (`attrgetter("bytes")` takes any column of the report), None if it has
    none, and `text` formats it. `gap` formats a distance from the limit, where that is written otherwise. `noise` tells
    of a stage and a limit that was missed whether chance may explain it. `for_shares` marks a limit that has no meaning
    unless the first metric is a share, and `packages` one on packages.
    """

    direction: Direction
    figure: Callable[[MeasuredStage], float | None]
    text: Callable[[float], str]
    for_shares: bool = False
    gap: Callable[[float], str] | None = None
    noise: Callable[[MeasuredStage, float], bool | None] = lambda _, __: None
    packages: bool = False

    def misfits(
        self, key: str, limit: float | None, metrics: Sequence[PlannedMetric | None]
    ) -> Iterator[tuple[Route, str]]:
        first = metrics[0]
        if limit is not None and self.for_shares and first is not None and not first.share:
            yield (key,), f"'{key}' needs a metric that is a share, not '{first.name}'; use 'max_relative_drop'"

    def verdicts(self, key: str, limit: float | None, stages: Sequence[MeasuredStage]) -> Iterator[Verdict]:
        if limit is not None:
            noise = self.noise(stages[-1], limit)
            figures = self.figures(stages)
            yield _verdict(key, self.direction, limit, figures, stages, self.text, self.gap or self.text, noise)

    def figures(self, stages: Sequence[MeasuredStage]) -> list[float | None]:
        """The value of each stage."""
        return [self.figure(stage) for stage in stages]


@dataclass(frozen=True)
class RatioLimit(Limit):
    """Compares a value of a stage, as a share of the baseline's, with a limit."""

    def figures(self, stages: Sequence[MeasuredStage]) -> list[float | None]:
        """The value of each stage as a share of the first one's."""
        figures = super().figures(stages)
        return [figure / figures[0] if figure is not None and figures[0] else None for figure in figures]


@dataclass(frozen=True)
class Absence(Rule):
    """Demands, where the recipe says `true`, that there is nothing of what `count` counts in a stage."""

    count: Callable[[MeasuredStage], float]
    text: Callable[[float], str]

    def misfits(self, key: str, limit: bool, metrics: Sequence[PlannedMetric | None]) -> Iterator[tuple[Route, str]]:
        yield from ()

    def verdicts(self, key: str, limit: bool, stages: Sequence[MeasuredStage]) -> Iterator[Verdict]:
        if limit:
            counts = [self.count(stage) for stage in stages]
            yield _verdict(key, "at most", 0, counts, stages, self.text, self.text, None)


class MetricLimits(Rule):
    """Compares each metric that the recipe names with the worst value that it may have."""

    def misfits(
        self, key: str, limit: Mapping[str, float], metrics: Sequence[PlannedMetric | None]
    ) -> Iterator[tuple[Route, str]]:
        known = [metric.name for metric in metrics if metric is not None]
        for name in limit if len(known) == len(metrics) else ():
            if name not in known:
                yield (key, name), f"there is no metric '{name}'{did_you_mean(name, known)}"

    def verdicts(self, key: str, limit: Mapping[str, float], stages: Sequence[MeasuredStage]) -> Iterator[Verdict]:
        for name, worst in limit.items():
            metric = stages[-1].metrics[name]
            direction: Direction = "at least" if metric.higher_is_better else "at most"
            text, gap = ("{:.2%}".format, points) if metric.share else ("{:.4g}".format, "{:.4g}".format)
            values = [stage.metrics[name].value for stage in stages]
            noise = metric.low <= worst <= metric.high
            yield _verdict(f"{key}.{name}", direction, worst, values, stages, text, gap, noise)


def points(value: float) -> str:
    """A difference between shares: `0.50 pt`."""
    return f"{value * 100:.2f} pt"


def _verdict(
    name: str,
    direction: Direction,
    limit: float,
    figures: Sequence[float | None],
    stages: Sequence[MeasuredStage],
    text: Callable[[float], str],
    gap: Callable[[float], str],
    noise: bool | None,
) -> Verdict:
    actual = figures[-1]
    if actual is None:
        return Verdict(name, text(limit), "not known", False)
    met = actual >= limit - _SAME if direction == "at least" else actual <= limit + _SAME
    wanted, got = text(limit), text(actual)
    if wanted == got and abs(limit - actual) > _SAME:  # rounded to the same text, so shown in full
        wanted, got = f"{wanted} ({limit:,.10g})", f"{got} ({actual:,.10g})"
    if met and math.isfinite(actual):
        return Verdict(name, wanted, got, True)
    missed_by = _distance_text(abs(actual - limit), gap) if math.isfinite(actual) else ""
    spent_by, spent = _spender(direction, figures, stages)
    return Verdict(name, wanted, got, False, missed_by, spent_by, _distance_text(spent, gap) if spent_by else "", noise)


def _distance_text(distance: float, gap: Callable[[float], str]) -> str:
    text = gap(distance)
    return text if any(digit in text for digit in "123456789") else f"{text} ({distance:,.3g})"


def _spender(
    direction: Direction, figures: Sequence[float | None], stages: Sequence[MeasuredStage]
) -> tuple[str, float]:
    """The step that made a figure worse by most, and by how much; no name where none did."""
    sign = 1 if direction == "at most" else -1
    worst, spent_by = _SAME, ""
    for (before, after), stage in zip(pairwise(figures), stages[1:], strict=True):
        if before is None or after is None or not math.isfinite(after - before):
            continue
        if (change := sign * (after - before)) > worst:
            worst, spent_by = change, stage.id
    return spent_by, worst
