"""The constraints that a recipe may set; to add one, add a field to `StageConstraints`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Annotated

from pydantic import BeforeValidator, Field, FiniteFloat

from compressor.base.fields import MAX_ENTRIES, Name, Size
from compressor.base.params import Params
from compressor.base.sizes import format_size
from compressor.recipe.limits import (
    HOW_TO_WRITE_A_DROP,
    Absence,
    Limit,
    MetricDrops,
    MetricLimits,
    PairedRatioLimit,
    Rule,
    drop,
    drop_limit,
    relative_drop,
)
from compressor.recipe.tree import Route
from compressor.recipe.verdicts import MeasuredMetric, MeasuredStage, PlannedMetric, Verdict, points


def _first(stage: MeasuredStage) -> MeasuredMetric:
    return next(iter(stage.metrics.values()))


def _value(stage: MeasuredStage) -> float:
    return _first(stage).value


def _drop(stage: MeasuredStage) -> float:
    return drop(_first(stage))


def _relative_drop(stage: MeasuredStage) -> float:
    return relative_drop(_first(stage))


def _checked_drop(limit: object) -> float | str:
    is_number = isinstance(limit, int | float) and not isinstance(limit, bool) and math.isfinite(limit)
    if not isinstance(limit, str) and not is_number:
        raise ValueError(f"this is no drop; {HOW_TO_WRITE_A_DROP}")
    assert isinstance(limit, int | float | str)
    drop_limit(limit)
    return limit


def _is_noise(stage: MeasuredStage, _: float) -> bool | None:
    """Whether chance may explain the drop of the first metric."""
    change = _first(stage).from_baseline
    return None if change is None else change.within_noise


def _may_be_at(stage: MeasuredStage, limit: float) -> bool:
    """Whether the limit lies within the interval of the first metric."""
    return _first(stage).low <= limit <= _first(stage).high


def _may_be_as_fast(stage: MeasuredStage, limit: float) -> bool | None:
    """Whether the limit lies within the interval of the paired ratio; None where calls were not timed in turn."""
    low, high = getattr(stage, "latency_ratio_low", None), getattr(stage, "latency_ratio_high", None)
    return None if low is None or high is None else low <= limit <= high


def _packed_bytes(stage: MeasuredStage) -> float | None:
    return None if getattr(stage, "unpacked_bytes", None) is None else attrgetter("bytes")(stage)


_Drop = Annotated[FiniteFloat | str, BeforeValidator(_checked_drop)]
_DROP = Limit("at most", _drop, points, for_shares=True, noise=_is_noise)
_LEAST = Limit("at least", _value, "{:.2%}".format, for_shares=True, gap=points, noise=_may_be_at)
_RELATIVE_DROP = Limit("at most", _relative_drop, "{:.1%}".format, noise=_is_noise)
_LATENCY_RATIO = PairedRatioLimit("at most", attrgetter("latency_p50"), "{:.2f}x".format, noise=_may_be_as_fast)
_SPARSITY = Limit("at least", attrgetter("sparsity"), "{:.1%}".format, gap=points)


class StageConstraints(Params):
    """Limits for a stage, the last one or another; a run that misses one ends with exit code 3."""

    # Each field holds the key, the type with its bounds, the meaning and the rule of a constraint. Recipes, the JSON
    # Schema, planning, reports and docs take it from here, and reports list them in this order.
    max_accuracy_drop: Annotated[float | None, _DROP] = Field(
        None, ge=0, le=1, description="largest absolute drop of the first metric, which must be a share"
    )
    min_accuracy: Annotated[float | None, _LEAST] = Field(
        None, ge=0, le=1, description="lowest value of the first metric, which must be a share"
    )
    max_relative_drop: Annotated[float | None, _RELATIVE_DROP] = Field(
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
    metric_drops: Annotated[dict[str, _Drop], MetricDrops()] = Field(
        {},
        max_length=MAX_ENTRIES,
        description="how much worse than the baseline's a metric may be, by its name: an amount, or a share as `5%`",
    )
    max_size: Annotated[Size | None, Limit("at most", attrgetter("bytes"), format_size)] = Field(
        None, description="largest file, in bytes or as `25 kB`"
    )
    max_gzip_size: Annotated[Size | None, Limit("at most", attrgetter("gzip_bytes"), format_size)] = Field(
        None, description="largest gzipped file, in bytes or as `8 kB`"
    )
    max_packed_size: Annotated[Size | None, Limit("at most", _packed_bytes, format_size, packages=True)] = Field(
        None, description="largest package that 'pack' makes, in bytes or as `8 kB`"
    )
    max_macs: Annotated[int | None, Limit("at most", attrgetter("macs"), "{:,.0f} MACs".format)] = Field(
        None, ge=0, le=10**15, description="most multiply-accumulates of one call"
    )
    max_latency_ratio: Annotated[float | None, _LATENCY_RATIO] = Field(
        None,
        gt=0,
        le=1_000,
        description="longest median latency, as a share of the baseline's in the same run; the files are timed in turn",
    )
    min_sparsity: Annotated[float | None, _SPARSITY] = Field(
        None, ge=0, le=1, description="lowest share of zeros among the weights"
    )
    max_arena: Annotated[Size | None, Limit("at most", attrgetter("arena_bytes"), format_size)] = Field(
        None, description="most memory for tensors in LiteRT for Microcontrollers, in bytes or as `64 kB`"
    )
    max_flash: Annotated[Size | None, Limit("at most", attrgetter("flash_bytes"), format_size)] = Field(
        None,
        description="most flash: the file or package as firmware stores it, a package's decoder, and with `target` the "
        "runtime's code as far as it is known, in bytes or as `256 KiB`",
    )
    integer_only: Annotated[bool, Absence(attrgetter("float_operators"), "{:,.0f} in float".format)] = Field(
        False, description="whether all operators of the file must compute in integers"
    )


class PerStage(Rule):
    """Holds the limits of each stage that the recipe names against that stage."""

    def misfits(
        self, key: str, limit: Mapping[str, StageConstraints], metrics: Sequence[PlannedMetric | None]
    ) -> Iterator[tuple[Route, str]]:
        for stage, own in limit.items():
            yield from (((key, stage, *route), message) for route, message in misfits(own, metrics))

    def verdicts(
        self, key: str, limit: Mapping[str, StageConstraints], stages: Sequence[MeasuredStage]
    ) -> Iterator[Verdict]:
        ids = [stage.id for stage in stages]
        for stage, own in limit.items():
            for verdict in verdicts(own, stages[: ids.index(stage) + 1]) if stage in ids else ():
                yield replace(verdict, name=f"{key}.{stage}.{verdict.name}")


class Constraints(StageConstraints):
    """Limits for the last stage and, under `stages`, for others; a run that misses one ends with exit code 3."""

    stages: Annotated[dict[Name, StageConstraints], PerStage()] = Field(
        {}, max_length=MAX_ENTRIES, description="limits like these for other stages, by the id of a step or `baseline`"
    )


def misfits(constraints: StageConstraints, metrics: Sequence[PlannedMetric | None]) -> Iterator[tuple[Route, str]]:
    """The problems of the constraints for the recipe's metrics, each with its route within the section."""
    for key, rule in rules(constraints):
        yield from rule.misfits(key, getattr(constraints, key), metrics)


def verdicts(constraints: StageConstraints, stages: Sequence[MeasuredStage]) -> Iterator[Verdict]:
    """The result of each constraint that is set, on the last of these stages, of which the first is the baseline."""
    for key, rule in rules(constraints):
        yield from rule.verdicts(key, getattr(constraints, key), stages)


def rules(constraints: StageConstraints) -> Iterator[tuple[str, Rule]]:
    """Each constraint that a recipe may set, by its key, and its rule."""
    for key, field in type(constraints).model_fields.items():
        (rule,) = [part for part in field.metadata if isinstance(part, Rule)]  # a field without one is a mistake
        yield key, rule
