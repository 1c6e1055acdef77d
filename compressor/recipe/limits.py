"""How a constraint is held against the last stage of a run, and what planning can already say against it."""

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
    """What planning knows of a metric."""

    @property
    def name(self) -> str: ...
    @property
    def share(self) -> bool: ...


class MetricChange(Protocol):
    """A metric's change against the baseline; `relative` is null where the baseline had 0."""

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
    """The row of a stage in the report. Recipes know no reports, so that this names only what constraints need."""

    @property
    def metrics(self) -> Mapping[str, MeasuredMetric]: ...


@dataclass(frozen=True)
class Verdict:
    """How a constraint went: its name, the limit and the actual figure as text, and whether it is met."""

    name: str
    limit: str
    actual: str
    met: bool


class Rule(ABC):
    """What a constraint demands. `key` is its key in the recipe, and `limit` what the recipe gives there."""

    @abstractmethod
    def misfits(self, key: str, limit: Any, metrics: Sequence[PlannedMetric | None]) -> Iterator[tuple[Route, str]]:
        """What is wrong with the limit for these metrics, None for one that is not known, and where below the section.

        A metric that is not known is a problem of its own, so nothing is held against what it might have been.
        """

    @abstractmethod
    def verdicts(self, key: str, limit: Any, stage: MeasuredStage) -> Iterator[Verdict]:
        """How it went on the last stage; nothing where the recipe sets no limit."""


@dataclass(frozen=True)
class Limit(Rule):
    """Holds one figure of the last stage against a limit.

    `figure` takes it from the stage's row (`attrgetter("bytes")` takes any column of the report), and `text` shows it.
    `for_shares` is for a limit that means nothing where the first metric is no share.
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
            yield (key,), f"'{key}' is for a share, and '{first.name}' is none; use 'max_relative_drop'"

    def verdicts(self, key: str, limit: float | None, stage: MeasuredStage) -> Iterator[Verdict]:
        if limit is not None:
            yield _verdict(key, self.direction, limit, self.figure(stage), self.text)


class MetricLimits(Rule):
    """Holds each metric that the recipe names against a limit of its own: its worst value, whichever way is better."""

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
    kept = actual >= limit - _SAME if direction == "at least" else actual <= limit + _SAME
    wanted, got = text(limit), text(actual)
    if wanted == got and abs(limit - actual) > _SAME:  # rounded to the same text, so told in all digits
        wanted, got = f"{wanted} ({limit:,.10g})", f"{got} ({actual:,.10g})"
    return Verdict(name, wanted, got, kept and math.isfinite(actual))
