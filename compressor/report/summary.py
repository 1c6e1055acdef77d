"""The report of a run: what every stage weighs, how right it is, and what each step changed.

`report.json` is this model, written out. Sizes are in bytes, times in seconds, shares from 0 to 1.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from compressor.base.sizes import format_size
from compressor.contracts.configured_metric import Judge
from compressor.data.expectation import ExpectedInput
from compressor.measure.results import RunResult, Stage
from compressor.measure.statistics import Change, change, score
from compressor.models.litert.contents import Anatomy, gzip_size
from compressor.models.litert.package import is_package, shipping_suffix
from compressor.recipe.sections import Constraints

_SAME = 1e-9  # a share of counted samples differs from a limit by far more, or not at all
_VERSIONS = (
    "compressor", "tensorflow", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert", "numpy",
)  # fmt: skip


class _Row(BaseModel):
    # an interval of one sample has no ends, and JSON has no infinity but as text
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class ChangeRow(_Row):
    """A metric's change on the same samples."""

    difference: float = Field(description="new value less old value")
    relative: float | None = Field(description="difference as a share of the old value; null where that was 0")
    better: bool | None = Field(description="whether it is for the better; null for no difference")
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


class AgreementRow(_Row):
    """How well the file's outputs agree with the Keras model's on the test split; a gap is the conversion's."""

    largest: float = Field(
        description="largest difference, as a share of the range of the Keras model's outputs; of their size, where "
        "float32 rounds by as much"
    )
    same_class: float | None = Field(description="share of equal decisions, where the labels are classes")


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
    bytes: int = Field(description="of the file that ships")
    gzip_bytes: int = Field(description="after gzip -9")
    unpacked_bytes: int | None = Field(None, description="of the .tflite in it, where a package ships")
    parameters: int
    sparsity: float = Field(description="share of zeros among the values of all kernels")
    unique: int = Field(description="most different values in any kernel")
    weight_bits: float = Field(description="mean bits of a kernel's value")
    metrics: dict[str, MetricRow]
    latency_p50: float = Field(description="seconds of a call with one sample, one thread, median")
    latency_p90: float
    inputs: list[EndpointRow]
    outputs: list[EndpointRow]
    agreement: AgreementRow | None = Field(description="of file and Keras model, while there is one")
    seconds: float = Field(description="what the step took")
    measure_seconds: float = Field(description="what exporting and measuring took")
    cached: bool
    notes: list[str]
    left_alone: dict[str, str] = Field(description="layers that the step left alone, and why")
    teacher: str = Field("", description="whose outputs the step's training learned from; empty for nobody's")
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
    expects: list[ExpectedInput] = Field(description="what is done to a stored sample before the model gets it")
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
        expects=list(result.expects),
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
    packed = is_package(stage.content)
    return StageRow(
        id=stage.id,
        uses=stage.uses,
        provider=stage.provider,
        state=str(stage.state),
        file=f"stages/{index}-{stage.id}{shipping_suffix(stage.content)}",
        bytes=len(stage.content),
        gzip_bytes=gzip_size(stage.content) if packed else anatomy.gzip_bytes,
        unpacked_bytes=anatomy.bytes if packed else None,
        parameters=anatomy.parameters,
        sparsity=anatomy.sparsity,
        unique=anatomy.unique,
        weight_bits=anatomy.weight_bits,
        metrics={judge.name: _metric_row(judge, result.stages[: index + 1]) for judge in result.plan.metrics},
        latency_p50=measured.latency.p50,
        latency_p90=measured.latency.p90,
        inputs=[EndpointRow(**vars(end)) for end in measured.inputs],
        outputs=[EndpointRow(**vars(end)) for end in measured.outputs],
        agreement=AgreementRow(**vars(measured.agreement)) if measured.agreement else None,
        seconds=stage.seconds,
        measure_seconds=stage.measure_seconds,
        cached=stage.cached,
        notes=[*stage.notes, *_growth(result.stages[: index + 1])],
        left_alone=dict(stage.left_alone),
        teacher=stage.teacher,
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


def _metric_row(judge: Judge, stages: Sequence[Stage]) -> MetricRow:
    with judge.at_work():
        return _metric(judge, stages)


def _metric(judge: Judge, stages: Sequence[Stage]) -> MetricRow:
    metric = judge.metric
    rows = [stage.measurement.scores[judge.name] for stage in stages]
    own = score(rows[-1], metric)
    from_baseline = from_previous = None
    if len(rows) > 1:
        from_baseline = _change_row(change(rows[0], rows[-1], metric), own.value, metric.higher_is_better)
        from_previous = _change_row(change(rows[-2], rows[-1], metric), own.value, metric.higher_is_better)
    return MetricRow(
        value=own.value,
        low=own.low,
        high=own.high,
        higher_is_better=metric.higher_is_better,
        share=metric.share,
        keras=stages[-1].measurement.keras_scores.get(judge.name),
        from_baseline=from_baseline,
        from_previous=from_previous,
    )


def _change_row(delta: Change, now: float, higher_is_better: bool) -> ChangeRow:
    before = now - delta.difference
    return ChangeRow(
        difference=delta.difference,
        relative=delta.difference / abs(before) if before else None,
        better=(delta.difference > 0) == higher_is_better if delta.difference else None,
        p_value=delta.p_value,
        within_noise=delta.within_noise,
    )


def _growth(stages: Sequence[Stage]) -> list[str]:
    if len(stages) < 2 or len(stages[-1].content) <= len(stages[-2].content) * 1.01:
        return []
    grown = len(stages[-1].content) - len(stages[-2].content)
    return [f"the file is {format_size(grown)} larger than after '{stages[-2].id}'"]


_Check = tuple[str, float | None, float, bool, Callable[[float], str]]
"""A constraint's name, its limit, what is held against it, whether that is to be at least the limit, and their text."""


def _constraints(constraints: Constraints, rows: Sequence[StageRow]) -> list[ConstraintRow]:
    last = rows[-1]
    metric = next(iter(last.metrics.values()))
    points: Callable[[float], str] = lambda value: f"{value * 100:.2f} pt"  # noqa: E731
    share, percent = "{:.2%}".format, "{:.1%}".format
    checks: list[_Check] = [
        ("max_accuracy_drop", constraints.max_accuracy_drop, _drop(metric), False, points),
        ("min_accuracy", constraints.min_accuracy, metric.value, True, share),
        ("max_relative_drop", constraints.max_relative_drop, _relative_drop(metric), False, percent),
        *_metric_limits(constraints.metric_limits, last.metrics),
        ("max_size", constraints.max_size, last.bytes, False, format_size),
        ("max_gzip_size", constraints.max_gzip_size, last.gzip_bytes, False, format_size),
        ("min_sparsity", constraints.min_sparsity, last.sparsity, True, percent),
    ]
    found = []
    for name, limit, actual, at_least, text in checks:
        if limit is not None:
            met = bool(actual >= limit - _SAME) if at_least else bool(actual <= limit + _SAME)
            wanted, got = _apart(limit, actual, text)
            found.append(ConstraintRow(name=name, limit=wanted, actual=got, met=met and np.isfinite(actual)))
    return found


def _apart(limit: float, actual: float, text: Callable[[float], str]) -> tuple[str, str]:
    """Both as text, with all their digits where rounding makes them look the same: `31.0 kB (31,020)`."""
    wanted, got = text(limit), text(actual)
    same = wanted == got and abs(limit - actual) > _SAME
    return (f"{wanted} ({limit:,.10g})", f"{got} ({actual:,.10g})") if same else (wanted, got)


def _metric_limits(limits: Mapping[str, float], metrics: Mapping[str, MetricRow]) -> Iterator[_Check]:
    for name, limit in limits.items():
        metric = metrics[name]
        text = "{:.2%}".format if metric.share else "{:.4g}".format
        yield f"metric_limits.{name}", limit, metric.value, metric.higher_is_better, text


def _drop(metric: MetricRow) -> float:
    """How much worse the metric is than the baseline's, whichever way is better."""
    if metric.from_baseline is None:
        return 0.0
    difference = metric.from_baseline.difference
    return -difference if metric.higher_is_better else difference


def _relative_drop(metric: MetricRow) -> float:
    """The same as a share of the baseline's value; without end where that was 0."""
    drop, change = _drop(metric), metric.from_baseline
    if change is None or drop == 0:
        return 0.0
    if change.relative is None:
        return float(np.copysign(np.inf, drop))
    return float(np.copysign(abs(change.relative), drop))
