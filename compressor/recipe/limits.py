"""Rules that compare a constraint with the last stage of a run, and refuse one that does not suit the metrics."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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


class MeasuredMetric(Protocol):
    """A metric in the row of a stage."""

    @property
    def value(self) -> float: ...
    @property
    def higher_is_better(self) -> bool: ...
    @property
    def share(self) -> bool: ...
    @property
    def from_baseline(self) -> MetricChange | None: ...


class MeasuredStage(Protocol):
    """The row of a stage in the report, reduced to what constraints need, since recipes do not import reports."""

    @property
    def metrics(self) -> Mapping[str, MeasuredMetric]: ...


@dataclass(frozen=True)
class Verdict:
    """The result of a constraint: its name, the limit and the actual value as text, and whether it is met."""

    name: str
    limit: str
    actual: str
    met: bool


class Rule(ABC):
    """What a constraint demands. `key` is its key in the recipe, and `limit` the value that the recipe sets there."""

    @abstractmethod
    def misfits(self, key: str, limit: Any, metrics: Sequence[PlannedMetric | None]) -> Iterator[tuple[Route, str]]:
        """The problems of the limit for these metrics, each with its route within the section.

        An unknown metric is None. It is a problem of its own, so the limit is not checked against it.
        """

    @abstractmethod
    def verdicts(self, key: str, limit: Any, stage: MeasuredStage) -> Iterator[Verdict]:
        """The results on the last stage; none if the recipe sets no limit."""


@dataclass(frozen=True)
class Limit(Rule):
    """Compares one value of the last stage with a limit.

    `figure` takes the value from the stage's row (`attrgetter("bytes")` takes any column of the report), and `text`
    formats it. `for_shares` marks a limit that has no meaning unless the first metric is a share.
    """

    direction: Direction
    figure: Callable[[MeasuredStage], float]
    text: Callable[[float], str]
    for_shares: bool = False

    def misfits(
        self, key: str, limit: float | None, metrics: Sequence[PlannedMetric | None]
    ) -> Iterator[tuple[Route, str]]:
        first = metrics[0]
        if limit is not None and self.for_shares and first is not None and not first.share:
            yield (key,), f"'{key}' needs a metric that is a share, not '{first.name}'; use 'max_relative_drop'"

    def verdicts(self, key: str, limit: float | None, stage: MeasuredStage) -> Iterator[Verdict]:
        if limit is not None:
            yield _verdict(key, self.direction, limit, self.figure(stage), self.text)


@dataclass(frozen=True)
class Absence(Rule):
    """Demands, where the recipe says `true`, that there is nothing of what `count` counts in the last stage."""

    count: Callable[[MeasuredStage], float]
    text: Callable[[float], str]

    def misfits(self, key: str, limit: bool, metrics: Sequence[PlannedMetric | None]) -> Iterator[tuple[Route, str]]:
        yield from ()

    def verdicts(self, key: str, limit: bool, stage: MeasuredStage) -> Iterator[Verdict]:
        if limit:
            yield _verdict(key, "at most", 0, self.count(stage), self.text)


class MetricLimits(Rule):
    """Compares each metric that the recipe names with the worst value that it may have."""

    def misfits(
        self, key: str, limit: Mapping[str, float], metrics: Sequence[PlannedMetric | None]
    ) -> Iterator[tuple[Route, str]]:
        known = [metric.name for metric in metrics if metric is not None]
        for name in limit if len(known) == len(metrics) else ():
            if name not in known:
                yield (key, name), f"there is no metric '{name}'{did_you_mean(name, known)}"

    def verdicts(self, key: str, limit: Mapping[str, float], stage: MeasuredStage) -> Iterator[Verdict]:
        for name, worst in limit.items():
            metric = stage.metrics[name]
            direction: Direction = "at least" if metric.higher_is_better else "at most"
            text = "{:.2%}".format if metric.share else "{:.4g}".format
            yield _verdict(f"{key}.{name}", direction, worst, metric.value, text)


def _verdict(name: str, direction: Direction, limit: float, actual: float, text: Callable[[float], str]) -> Verdict:
    met = actual >= limit - _SAME if direction == "at least" else actual <= limit + _SAME
    wanted, got = text(limit), text(actual)
    if wanted == got and abs(limit - actual) > _SAME:  # rounded to the same text, so shown in full
        wanted, got = f"{wanted} ({limit:,.10g})", f"{got} ({actual:,.10g})"
    return Verdict(name, wanted, got, met and math.isfinite(actual))
