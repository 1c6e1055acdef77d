"""Rules that compare a constraint with a stage of a run, and refuse one that does not suit the metrics."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compressor.base.text import did_you_mean, quoted
from compressor.recipe.tree import Route
from compressor.recipe.verdicts import (
    Direction,
    MeasuredMetric,
    MeasuredStage,
    PlannedMetric,
    Verdict,
    judged,
    points,
)

HOW_TO_WRITE_A_DROP = "write an amount, such as 0.01, or a share, such as 5%"
_PERCENT = re.compile(r"\s*([0-9]{1,4}(?:\.[0-9]{1,6})?)\s*%\s*")


class Rule(ABC):
    """What a constraint demands. `key` is its key in the recipe, and `limit` the value that the recipe sets there."""

    @abstractmethod
    def misfits(self, key: str, limit: Any, metrics: Sequence[PlannedMetric | None]) -> Iterator[tuple[Route, str]]:
        """List the problems of the limit for these metrics, each with its route within the section.

        An unknown metric is None. It is a problem of its own, so the limit is not checked against it.
        """

    @abstractmethod
    def verdicts(self, key: str, limit: Any, stages: Sequence[MeasuredStage]) -> Iterator[Verdict]:
        """Judge the last of these stages, which begin with the baseline; no verdict if the recipe sets no limit."""


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
            yield judged(key, self.direction, limit, figures, stages, self.text, self.gap or self.text, noise)

    def figures(self, stages: Sequence[MeasuredStage]) -> list[float | None]:
        """Take the value of each stage."""
        return [self.figure(stage) for stage in stages]


@dataclass(frozen=True)
class RatioLimit(Limit):
    """Compares a value of a stage, as a share of the baseline's, with a limit."""

    def figures(self, stages: Sequence[MeasuredStage]) -> list[float | None]:
        """Take the value of each stage as a share of the first one's."""
        figures = super().figures(stages)
        return [figure / figures[0] if figure is not None and figures[0] else None for figure in figures]


@dataclass(frozen=True)
class PairedRatioLimit(RatioLimit):
    """The same of a time, with the ratios of calls that were timed in turn where all stages have one."""

    def figures(self, stages: Sequence[MeasuredStage]) -> list[float | None]:
        """The ratio of each stage to the first one."""
        paired: list[float | None] = [getattr(stage, "latency_ratio", None) for stage in stages]
        return super().figures(stages) if None in paired else paired


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
            yield judged(key, "at most", 0, counts, stages, self.text, self.text, None)


class MetricLimits(Rule):
    """Compares each metric that the recipe names with the worst value that it may have."""

    def misfits(
        self, key: str, limit: Mapping[str, float], metrics: Sequence[PlannedMetric | None]
    ) -> Iterator[tuple[Route, str]]:
        yield from unknown_metrics(key, limit, metrics)
        for name in _shares(limit, metrics):
            if limit[name] > 1:
                yield (
                    (key, name),
                    f"'{name}' is a share, which is at most 1, and not {limit[name]:g}; write 0.97 for 97 %",
                )

    def verdicts(self, key: str, limit: Mapping[str, float], stages: Sequence[MeasuredStage]) -> Iterator[Verdict]:
        for name, worst in limit.items():
            metric = stages[-1].metrics[name]
            direction: Direction = "at least" if metric.higher_is_better else "at most"
            text, gap = ("{:.2%}".format, points) if metric.share else ("{:.4g}".format, "{:.4g}".format)
            values = [stage.metrics[name].value for stage in stages]
            noise = metric.low <= worst <= metric.high
            scale = _scale(name, stages)
            yield judged(f"{key}.{name}", direction, worst, values, stages, text, gap, noise, scale)


class MetricDrops(Rule):
    """Compares how much worse each metric that the recipe names is than the baseline's with what is allowed."""

    def misfits(
        self, key: str, limit: Mapping[str, float | str], metrics: Sequence[PlannedMetric | None]
    ) -> Iterator[tuple[Route, str]]:
        yield from unknown_metrics(key, limit, metrics)
        for name in _shares(limit, metrics):
            if not isinstance(most := limit[name], str) and most > 1:
                what = f"'{name}' is a share, which drops by at most 1, and not {most:g}"
                yield (key, name), f"{what}; write 0.01 for a point, or 1% for a hundredth of the baseline's value"

    def verdicts(
        self, key: str, limit: Mapping[str, float | str], stages: Sequence[MeasuredStage]
    ) -> Iterator[Verdict]:
        for name, most in limit.items():
            metric, of = stages[-1].metrics[name], relative_drop if isinstance(most, str) else drop
            text: Callable[[float], str] = points if metric.share else "{:.4g}".format
            text = "{:.1%}".format if isinstance(most, str) else text
            drops = [of(stage.metrics[name]) for stage in stages]
            noise = metric.from_baseline.within_noise if metric.from_baseline else None
            scale = 1.0 if isinstance(most, str) else _scale(name, stages)
            yield judged(f"{key}.{name}", "at most", drop_limit(most), drops, stages, text, text, noise, scale)


def _shares(limit: Iterable[str], metrics: Sequence[PlannedMetric | None]) -> Iterator[str]:
    """List the metrics in a limit that are shares."""
    shares = {metric.name for metric in metrics if metric is not None and metric.share}
    yield from (name for name in limit if name in shares)


def _scale(name: str, stages: Sequence[MeasuredStage]) -> float:
    """Return the scale of a metric's values for `judged`: 1 for a share, and the largest of them for any other."""
    values = [stage.metrics[name] for stage in stages]
    return 1.0 if values[-1].share else max(abs(metric.value) for metric in values)


def drop_limit(limit: float | str) -> float:
    """Return a limit on a drop as an amount, or as a share where it is written in percent.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(limit, str):
        match = _PERCENT.fullmatch(limit)
        if match is None:
            raise ValueError(f"{quoted(limit, 40)} is no drop; {HOW_TO_WRITE_A_DROP}")
        return float(match[1]) / 100
    if limit < 0:
        raise ValueError(f"a drop must be 0 or more, but is {limit:g}")
    return limit


def drop(metric: MeasuredMetric) -> float:
    """Return how much worse a metric is than the baseline's, whether higher or lower is better."""
    if metric.from_baseline is None:
        return 0.0
    difference = metric.from_baseline.difference
    return -difference if metric.higher_is_better else difference


def relative_drop(metric: MeasuredMetric) -> float:
    """Return the drop as a share of the baseline's value; infinite if that value is 0."""
    change, amount = metric.from_baseline, drop(metric)
    if change is None or amount == 0:
        return 0.0
    return math.copysign(math.inf if change.relative is None else change.relative, amount)


def unknown_metrics(
    key: str, limit: Iterable[str], metrics: Sequence[PlannedMetric | None]
) -> Iterator[tuple[Route, str]]:
    """List the names in a limit that no metric of the recipe has, if all of those are known."""
    known = [metric.name for metric in metrics if metric is not None]
    for name in limit if len(known) == len(metrics) else ():
        if name not in known:
            yield (key, name), f"there is no metric '{name}'{did_you_mean(name, known)}"
