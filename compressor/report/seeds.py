"""One recipe over several seeds: means, spreads, and whether a drop is larger than what seeds alone do."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from compressor.contracts.report_rows import Report

# Student's t, two-sided 95 %, for 1 to 30 degrees of freedom
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


class SeedRow(BaseModel):
    """A stage over all seeds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    metric: str
    share: bool
    mean: float
    deviation: float = Field(description="standard deviation over the seeds; 0 for one seed")
    change: float = Field(description="mean change against the baseline of the same seed")
    half_width: float | None = Field(description="half the 95 % interval of that mean (Student's t over the seeds)")
    beyond_noise: bool | None = Field(description="whether the interval leaves out 0; null for one seed")
    bytes: float = Field(description="mean")
    gzip_bytes: float = Field(description="mean")


def over_seeds(reports: Sequence[Report]) -> list[SeedRow]:
    """A row for each stage, of the first metric, from reports of one recipe with different seeds."""
    rows = []
    for index, stage in enumerate(reports[0].stages):
        name, metric = next(iter(stage.metrics.items()))
        values = [report.stages[index].metrics[name].value for report in reports]
        bases = [report.stages[0].metrics[name].value for report in reports]
        changes = [value - base for value, base in zip(values, bases, strict=True)]
        mean_change, half = statistics.mean(changes), half_width(changes)
        rows.append(
            SeedRow(
                id=stage.id,
                metric=name,
                share=metric.share,
                mean=statistics.mean(values),
                deviation=statistics.stdev(values) if len(values) > 1 else 0.0,
                change=mean_change,
                half_width=half,
                beyond_noise=None if half is None else abs(mean_change) > half,
                bytes=statistics.mean(report.stages[index].bytes for report in reports),
                gzip_bytes=statistics.mean(report.stages[index].gzip_bytes for report in reports),
            )
        )
    return rows


def half_width(values: Sequence[float]) -> float | None:
    """Half the 95 % interval of the mean of values (Student's t); None for a single one."""
    if len(values) < 2:
        return None
    t = _T[min(len(values) - 1, len(_T)) - 1]
    return t * statistics.stdev(values) / math.sqrt(len(values))
