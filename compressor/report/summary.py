"""The report of a run: what every stage weighs, how right it is, and what each step changed.

`report.json` is this model, written out. Sizes are in bytes, times in seconds, shares from 0 to 1.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime

from compressor.base.sizes import format_size
from compressor.base.versions import full_versions
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
from compressor.models.litert.package import is_package, shipping_suffix
from compressor.recipe.constraints import Constraints, verdicts


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
        constraints=[] if result.plan.smoke else constraint_rows(recipe.constraints, rows[-1]),
        seconds=result.seconds,
        versions=dict(full_versions()),
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


def constraint_rows(constraints: Constraints, last: StageRow) -> list[ConstraintRow]:
    """How each constraint that the recipe sets went on the last stage."""
    return [ConstraintRow(**vars(verdict)) for verdict in verdicts(constraints, last)]


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
