"""The metrics of a stage, with their changes against the baseline and the stage before."""

from __future__ import annotations

from collections.abc import Sequence

from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.contracts.report_rows import ChangeRow, MetricRow
from compressor.measure.results import Stage
from compressor.measure.statistics import Change, change, score
from compressor.report.column_types import StageOfRun


def metric_rows(of: StageOfRun) -> dict[str, MetricRow]:
    """A row for each of the recipe's metrics, by its name."""
    rows = {}
    for configured in of.result.plan.metrics:
        with configured.running():
            rows[configured.name] = _metric_row(configured, of.so_far)
    return rows


def _metric_row(configured: ConfiguredMetric, stages: Sequence[Stage]) -> MetricRow:
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
