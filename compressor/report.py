"""The report of a run: what every stage weighs, how right it is, and what each step changed.

`report.json` is this model, written out. Sizes are in bytes, times in seconds, shares from 0 to 1.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from compressor.anatomy import Anatomy
from compressor.recipe.schema import Constraints
from compressor.recipe.sizes import format_size
from compressor.results import RunResult, Stage
from compressor.statistics import change, score
from compressor.strategy import Metric

_VERSIONS = (
    "compressor", "tensorflow", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert", "numpy",
)  # fmt: skip


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChangeRow(_Row):
    """A metric's change on the same samples."""

    difference: float = Field(description="new value less old value")
    p_value: float = Field(description="probability of a change as large by chance (McNemar, or paired bootstrap)")
    within_noise: bool = Field(description="whether chance may explain it, at the 5 % level")


class MetricRow(_Row):
    """A metric on the test split, computed with the shipped file."""

    value: float
    low: float = Field(description="lower end of the 95 % interval")
    high: float = Field(description="upper end of the 95 % interval")
    higher_is_better: bool
    share: bool = Field(description="whether it is a share, shown in percent")
    keras: float | None = Field(description="the same metric of the Keras model, while there is one")
    from_baseline: ChangeRow | None
    from_previous: ChangeRow | None


class LayerRow(_Row):
    """A weight tensor in the shipped file."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    parameters: int
    zeros: int
    unique: int
    bytes: int


class EndpointRow(_Row):
    """What the shipped file takes or gives; real value = scale * (stored value - zero_point), where scale is not 0."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


class StageRow(_Row):
    """One stage."""

    id: str
    uses: str = Field(description="the strategy; empty for a model that came as it is")
    provider: str = Field(description="distribution and version that the strategy came from")
    state: str
    file: str = Field(description="the stage's file in the run's folder")
    bytes: int
    gzip_bytes: int = Field(description="after gzip -9")
    parameters: int
    sparsity: float = Field(description="share of zeros among the values of all kernels")
    unique: int = Field(description="most different values in any kernel")
    weight_bits: float = Field(description="mean bits of a kernel's value")
    metrics: dict[str, MetricRow]
    latency_p50: float = Field(description="seconds of a call with one sample, one thread, median")
    latency_p90: float
    input: EndpointRow
    output: EndpointRow
    seconds: float = Field(description="what the step took")
    measure_seconds: float = Field(description="what exporting and measuring took")
    cached: bool
    notes: list[str]
    left_alone: dict[str, str] = Field(description="layers that the step left alone, and why")
    layers: list[LayerRow]


class ConstraintRow(_Row):
    """A constraint and how it went."""

    name: str
    limit: str
    actual: str
    met: bool


class Report(_Row):
    """A run's report."""

    schema_version: Literal[1] = 1
    recipe: str
    description: str
    created: str = Field(description="UTC, ISO 8601")
    seed: int
    smoke: bool = Field(description="a short run on a few samples, to see that the chain works: figures mean nothing")
    model: str
    data: str
    samples: dict[str, int] = Field(description="samples in each split")
    runs_code: list[str] = Field([], description="plugin files, functions and modules that the recipe itself brings")
    stages: list[StageRow]
    constraints: list[ConstraintRow]
    seconds: float = Field(description="the whole run")
    versions: dict[str, str]
    machine: str

    @property
    def met(self) -> bool:
        """Whether every constraint is met."""
        return all(row.met for row in self.constraints)


def summarise(result: RunResult) -> Report:
    """The report of a run."""
    recipe = result.plan.recipe
    rows = [stage_row(result, index) for index in range(len(result.stages))]
    return Report(
        recipe=recipe.name,
        description=recipe.description,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=result.plan.seed,
        smoke=result.plan.smoke,
        model=result.model,
        data=result.data,
        samples=dict(result.samples),
        runs_code=list(result.plan.runs_code),
        stages=rows,
        constraints=[] if result.plan.smoke else _constraints(recipe.constraints, rows),
        seconds=result.seconds,
        versions=versions(),
        machine=f"{platform.system()} {platform.machine()}",
    )


def stage_row(result: RunResult, index: int) -> StageRow:
    """The row of a stage, with its changes against the baseline and the stage before."""
    stage = result.stages[index]
    anatomy, measured = stage.measurement.anatomy, stage.measurement
    return StageRow(
        id=stage.id,
        uses=stage.uses,
        provider=stage.provider,
        state=str(stage.state),
        file=f"stages/{index}-{stage.id}.tflite",
        bytes=anatomy.bytes,
        gzip_bytes=anatomy.gzip_bytes,
        parameters=anatomy.parameters,
        sparsity=anatomy.sparsity,
        unique=anatomy.unique,
        weight_bits=anatomy.weight_bits,
        metrics={metric.name: _metric(metric, result.stages[: index + 1]) for metric in result.plan.metrics},
        latency_p50=measured.latency.p50,
        latency_p90=measured.latency.p90,
        input=EndpointRow(**vars(measured.input)),
        output=EndpointRow(**vars(measured.output)),
        seconds=stage.seconds,
        measure_seconds=stage.measure_seconds,
        cached=stage.cached,
        notes=[*stage.notes, *_growth(result.stages[: index + 1])],
        left_alone=dict(stage.left_alone),
        layers=layer_rows(anatomy),
    )


def layer_rows(anatomy: Anatomy) -> list[LayerRow]:
    """A row for each weight tensor of a file."""
    return [
        LayerRow(
            name=tensor.name,
            shape=tensor.shape,
            dtype=tensor.dtype,
            parameters=tensor.size,
            zeros=tensor.zeros,
            unique=tensor.unique,
            bytes=tensor.bytes,
        )
        for tensor in anatomy.tensors
    ]


def versions() -> dict[str, str]:
    """Versions of Python and of all that decides the result."""
    found = {"python": platform.python_version()}
    for name in _VERSIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _metric(metric: Metric, stages: Sequence[Stage]) -> MetricRow:
    values = [stage.measurement.scores[metric.name] for stage in stages]
    own = score(values[-1])
    deltas = [change(values[0], values[-1]), change(values[-2], values[-1])] if len(values) > 1 else []
    rows = [
        ChangeRow(difference=delta.difference, p_value=delta.p_value, within_noise=delta.within_noise)
        for delta in deltas
    ]
    return MetricRow(
        value=own.value,
        low=own.low,
        high=own.high,
        higher_is_better=metric.higher_is_better,
        share=metric.share,
        keras=stages[-1].measurement.keras_scores.get(metric.name),
        from_baseline=rows[0] if rows else None,
        from_previous=rows[1] if rows else None,
    )


def _growth(stages: Sequence[Stage]) -> list[str]:
    if len(stages) < 2 or len(stages[-1].content) <= len(stages[-2].content) * 1.01:
        return []
    grown = len(stages[-1].content) - len(stages[-2].content)
    return [f"the file is {format_size(grown)} larger than after '{stages[-2].id}'"]


def _constraints(constraints: Constraints, rows: Sequence[StageRow]) -> list[ConstraintRow]:
    last = rows[-1]
    metric = next(iter(last.metrics.values()))
    fallen = 0.0
    if metric.from_baseline is not None:
        fallen = -metric.from_baseline.difference if metric.higher_is_better else metric.from_baseline.difference
    points: Callable[[float], str] = lambda value: f"{value * 100:.2f} pt" if metric.share else f"{value:.4g}"  # noqa: E731
    share: Callable[[float], str] = lambda value: f"{value:.2%}" if metric.share else f"{value:.4g}"  # noqa: E731
    percent: Callable[[float], str] = lambda value: f"{value:.1%}"  # noqa: E731
    checks: list[tuple[str, float | None, float, bool, Callable[[float], str]]] = [
        ("max_accuracy_drop", constraints.max_accuracy_drop, fallen, False, points),
        ("min_accuracy", constraints.min_accuracy, metric.value, True, share),
        ("max_size", constraints.max_size, last.bytes, False, format_size),
        ("max_gzip_size", constraints.max_gzip_size, last.gzip_bytes, False, format_size),
        ("min_sparsity", constraints.min_sparsity, last.sparsity, True, percent),
    ]
    found = []
    for name, limit, actual, at_least, text in checks:
        if limit is not None:
            # a share of counted samples differs from the limit by far more than this, or not at all
            met = bool(actual >= limit - 1e-9) if at_least else bool(actual <= limit + 1e-9)
            found.append(
                ConstraintRow(name=name, limit=text(limit), actual=text(actual), met=met and np.isfinite(actual))
            )
    return found
