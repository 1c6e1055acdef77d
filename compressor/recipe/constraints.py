"""The constraints that a recipe may set; to add one, add a field to `Constraints`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Annotated

from pydantic import Field, FiniteFloat

from compressor.base.fields import MAX_ENTRIES, Size
from compressor.base.params import Params
from compressor.base.sizes import format_size
from compressor.recipe.limits import (
    Absence,
    Limit,
    MeasuredMetric,
    MeasuredStage,
    MetricLimits,
    PlannedMetric,
    Rule,
    Verdict,
)
from compressor.recipe.tree import Route


def _first(stage: MeasuredStage) -> MeasuredMetric:
    return next(iter(stage.metrics.values()))


def _value(stage: MeasuredStage) -> float:
    return _first(stage).value


def _drop(stage: MeasuredStage) -> float:
    """How much worse the first metric is than that of the baseline, whether higher or lower is better."""
    metric = _first(stage)
    if metric.from_baseline is None:
        return 0.0
    difference = metric.from_baseline.difference
    return -difference if metric.higher_is_better else difference


def _relative_drop(stage: MeasuredStage) -> float:
    """The drop as a share of the baseline's value; infinite if that value is 0."""
    drop, change = _drop(stage), _first(stage).from_baseline
    if change is None or drop == 0:
        return 0.0
    return math.copysign(math.inf if change.relative is None else change.relative, drop)


def _points(value: float) -> str:
    return f"{value * 100:.2f} pt"


class Constraints(Params):
    """Limits for the last stage; a run that misses one ends with exit code 3."""

    # Each field holds the key, the type with its bounds, the meaning and the rule of a constraint. Recipes, the JSON
    # Schema, planning, reports and docs take it from here, and reports list them in this order.
    max_accuracy_drop: Annotated[float | None, Limit("at most", _drop, _points, for_shares=True)] = Field(
        None, ge=0, le=1, description="largest absolute drop of the first metric, which must be a share"
    )
    min_accuracy: Annotated[float | None, Limit("at least", _value, "{:.2%}".format, for_shares=True)] = Field(
        None, ge=0, le=1, description="lowest value of the first metric, which must be a share"
    )
    max_relative_drop: Annotated[float | None, Limit("at most", _relative_drop, "{:.1%}".format)] = Field(
        None,
        ge=0,
        le=1_000,
        description="largest drop of the first metric, as a share of the baseline's value: 0.05 is 5 %",
    )
    metric_limits: Annotated[dict[str, FiniteFloat], MetricLimits()] = Field(
        {},
        max_length=MAX_ENTRIES,
        description="worst value allowed for a metric, by its name: the lowest score, or the highest error",
    )
    max_size: Annotated[Size | None, Limit("at most", attrgetter("bytes"), format_size)] = Field(
        None, description="largest file, in bytes or as `25 kB`"
    )
    max_gzip_size: Annotated[Size | None, Limit("at most", attrgetter("gzip_bytes"), format_size)] = Field(
        None, description="largest gzipped file, in bytes or as `8 kB`"
    )
    min_sparsity: Annotated[float | None, Limit("at least", attrgetter("sparsity"), "{:.1%}".format)] = Field(
        None, ge=0, le=1, description="lowest share of zeros among the weights"
    )
    max_arena: Annotated[Size | None, Limit("at most", attrgetter("arena_bytes"), format_size)] = Field(
        None, description="most memory for tensors in LiteRT for Microcontrollers, in bytes or as `64 kB`"
    )
    integer_only: Annotated[bool, Absence(attrgetter("float_operators"), "{:,.0f} in float".format)] = Field(
        False, description="whether all operators of the file must compute in integers"
    )


def misfits(constraints: Constraints, metrics: Sequence[PlannedMetric | None]) -> Iterator[tuple[Route, str]]:
    """The problems of the constraints for the recipe's metrics, each with its route within the section."""
    for key, rule in _rules(constraints):
        yield from rule.misfits(key, getattr(constraints, key), metrics)


def verdicts(constraints: Constraints, last: MeasuredStage) -> Iterator[Verdict]:
    """The result of each constraint that the recipe sets, on the last stage."""
    for key, rule in _rules(constraints):
        yield from rule.verdicts(key, getattr(constraints, key), last)


def _rules(constraints: Constraints) -> Iterator[tuple[str, Rule]]:
    for key, field in type(constraints).model_fields.items():
        (rule,) = [part for part in field.metadata if isinstance(part, Rule)]  # a field without one is a mistake
        yield key, rule
