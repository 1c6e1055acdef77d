"""Averages the runs of a recipe with several seeds, and tests a change of such means."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from compressor.contracts.report_rows import MetricRow, StageRow
from compressor.measure.statistics import Change
from compressor.report.seeds import half_width


def mean_row(rows: Sequence[StageRow]) -> StageRow:
    """Average the rows of a stage over several seeds; the intervals of metrics are then those of means."""
    first = rows[0]
    figures: dict[str, object] = {
        "bytes": round(_mean(rows, lambda row: row.bytes)),
        "gzip_bytes": round(_mean(rows, lambda row: row.gzip_bytes)),
        "parameters": round(_mean(rows, lambda row: row.parameters)),
        "sparsity": _mean(rows, lambda row: row.sparsity),
        "latency_p50": _mean(rows, lambda row: row.latency_p50),
        "latency_ratio": _mean(rows, lambda row: row.latency_ratio or 0.0) if first.latency_ratio else None,
        "metrics": {name: _mean_metric([row.metrics[name] for row in rows]) for name in first.metrics},
    }
    if first.unpacked_bytes is not None:
        figures["unpacked_bytes"] = round(_mean(rows, lambda row: row.unpacked_bytes or 0))
    for name in ("float_operators", "macs"):  # the worst: a mean of counts would hide one file among the seeds
        counts = [count for row in rows if (count := getattr(row, name, None)) is not None]
        figures[name] = max(counts) if len(counts) == len(rows) else None
    return first.model_copy(update=figures)


def seed_change(before: Sequence[float], after: Sequence[float]) -> Change:
    """Test the change of a mean over seeds, by Student's t-test (1908); some seed must differ from another on its side.

    One side may be a single run. The spread between seeds holds all that chance in training does, which a test on
    samples does not see.
    """
    from scipy.stats import ttest_ind

    difference = statistics.mean(after) - statistics.mean(before)
    if difference == 0:
        return Change(0.0, 1.0)
    return Change(difference, float(ttest_ind(before, after).pvalue))


def _mean(rows: Sequence[StageRow], of: Callable[[StageRow], float]) -> float:
    return statistics.mean(map(of, rows))


def _mean_metric(metrics: Sequence[MetricRow]) -> MetricRow:
    values = [metric.value for metric in metrics]
    mean, half = statistics.mean(values), half_width(values) or 0.0
    return metrics[0].model_copy(update={"value": mean, "low": mean - half, "high": mean + half})
