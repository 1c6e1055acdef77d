"""What a search makes small or large: a metric of the recipe, or a figure that a constraint could limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, model_validator

from compressor.base.params import Params
from compressor.base.text import did_you_mean
from compressor.recipe.constraints import StageConstraints, rules
from compressor.recipe.limits import Limit
from compressor.recipe.tree import Route
from compressor.recipe.verdicts import MeasuredStage, PlannedMetric

_Name = Annotated[str, Field(min_length=1, max_length=80)]


class Objective(Params):
    """What a search makes small or large."""

    minimize: _Name | None = Field(None, description="a figure to make small, such as `size`, or a metric")
    maximize: _Name | None = Field(None, description="a figure to make large, or a metric, such as `accuracy`")

    @model_validator(mode="after")
    def _one_of_both(self) -> Objective:
        if (self.minimize is None) == (self.maximize is None):
            raise ValueError("an objective has either 'minimize' or 'maximize'; write a list of two for both")
        return self

    @property
    def name(self) -> str:
        """The figure or metric."""
        return self.minimize or self.maximize or ""


@dataclass(frozen=True)
class Goal:
    """An objective that is ready to use.

    Attributes:
        name: of the figure or metric.
        maximize: whether more is better.
        of: takes the figure from a run's stages, the baseline first; None where it is not known.
        text: writes it for people.
    """

    name: str
    maximize: bool
    of: Callable[[Sequence[MeasuredStage]], float | None]
    text: Callable[[float], str]

    @property
    def direction(self) -> str:
        """`maximize` or `minimize`."""
        return "maximize" if self.maximize else "minimize"


def figures() -> Mapping[str, Limit]:
    """The figures that may be objectives, by name: those of constraints that hold for any metric."""
    limits = {key: rule for key, rule in rules(StageConstraints()) if isinstance(rule, Limit) and not rule.for_shares}
    return {key.removeprefix("max_").removeprefix("min_"): limit for key, limit in limits.items()}


def objective_problems(
    objectives: Sequence[Objective], metrics: Sequence[PlannedMetric | None]
) -> Iterator[tuple[Route, str]]:
    """The problems of objectives for the recipe's metrics, each with its route within the list."""
    known = {metric.name: metric for metric in metrics if metric is not None}
    seen: set[str] = set()
    for index, objective in enumerate(objectives):
        route = (index, "minimize" if objective.minimize else "maximize")
        if objective.name in seen:
            yield route, f"'{objective.name}' is an objective twice; remove one of the two"
        seen.add(objective.name)
        if objective.name in known:
            higher = getattr(known[objective.name], "higher_is_better", None)
            if higher is not None and higher == bool(objective.minimize):
                better, word = ("higher", "maximize") if higher else ("lower", "minimize")
                yield route, f"'{objective.name}' is better the {better} it is; write '{word}'"
        elif objective.name not in figures() and len(known) == len(metrics):
            names = [*known, *figures()]
            remedy = did_you_mean(objective.name, names) or f"; choose from {', '.join(names)}"
            yield route, f"there is no metric or figure '{objective.name}'{remedy}"


def goals_of(objectives: Sequence[Objective], metrics: Sequence[PlannedMetric]) -> tuple[Goal, ...]:
    """The goals of a search: as the recipe says, or else a small file and a good first metric."""
    if not objectives:
        return (_figure("size", False), _metric(metrics[0], getattr(metrics[0], "higher_is_better", True)))
    known = {metric.name: metric for metric in metrics}
    return tuple(
        _metric(known[one.name], one.maximize is not None)
        if one.name in known
        else _figure(one.name, one.maximize is not None)
        for one in objectives
    )


def _figure(name: str, maximize: bool) -> Goal:
    limit = figures()[name]
    return Goal(name, maximize, lambda stages: limit.figures(stages)[-1], limit.text)


def _metric(metric: PlannedMetric, maximize: bool) -> Goal:
    name = metric.name
    text = "{:.2%}".format if metric.share else "{:.4g}".format
    return Goal(name, maximize, lambda stages: stages[-1].metrics[name].value, text)
