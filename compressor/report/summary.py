"""The report of a run: what every stage weighs, how right it is, and what each step changed.

`report.json` is this model, written out. Sizes are in bytes, times in seconds, shares from 0 to 1.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from compressor.base.sizes import format_size
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.contracts.report_rows import (
    AgreementRow,
    ChangeRow,
    ConstraintRow,
    EndpointRow,
    LayerRow,
    MetricRow,
    Report,
    StageRow,
)
from compressor.measure.results import RunResult, Stage
from compressor.measure.statistics import Change, change, score
from compressor.models.litert.contents import Anatomy, gzip_size
from compressor.models.packing.package import is_package, shipping_suffix
from compressor.recipe.sections import Constraints

_SAME = 1e-9  # a share of counted samples differs from a limit by far more, or not at all
_VERSIONS = (
    "compressor", "tensorflow", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert", "numpy",
)  # fmt: skip


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
        metrics={
            configured.name: _metric_row(configured, result.stages[: index + 1]) for configured in result.plan.metrics
        },
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


def _metric_row(configured: ConfiguredMetric, stages: Sequence[Stage]) -> MetricRow:
    with configured.running():
        return _metric(configured, stages)


def _metric(configured: ConfiguredMetric, stages: Sequence[Stage]) -> MetricRow:
    metric = configured.metric
    rows = [stage.measurement.scores[configured.name] for stage in stages]
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
        keras=stages[-1].measurement.keras_scores.get(configured.name),
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
