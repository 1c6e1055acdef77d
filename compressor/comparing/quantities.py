"""Defines the figures besides metrics that runs are compared by, for tables, JSON and conditions alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from compressor.base.sizes import format_size
from compressor.contracts.report_rows import MetricRow, StageRow
from compressor.report.figures import time_text

Kind: TypeAlias = Literal["bytes", "seconds", "share", "count", "number"]


@dataclass(frozen=True)
class Quantity:
    """A figure of a stage.

    Attributes:
        name: in conditions and in JSON.
        kind: what it is counted in.
        meaning: what it says.
        of: takes it from the stage's row; None where the stage has none.
        missing: why a stage may have none, as the end of a message.
        heading: in tables.
    """

    name: str
    kind: Kind
    meaning: str
    of: Callable[[StageRow], float | None]
    heading: str
    missing: str = "its report is of an earlier version"


def _column(name: str) -> Callable[[StageRow], float | None]:
    return lambda row: getattr(row, name, None)


def _latency(row: StageRow) -> float | None:
    return None if math.isnan(row.latency_p50) else row.latency_p50


QUANTITIES = (
    Quantity("size", "bytes", "of the file that ships", lambda row: row.bytes, "size"),
    Quantity("gzip_size", "bytes", "of that file after gzip -9", lambda row: row.gzip_bytes, "gzip"),
    Quantity(
        "packed_size",
        "bytes",
        "of the package, where one ships",
        lambda row: None if row.unpacked_bytes is None else row.bytes,
        "packed",
        "it ships no package",
    ),
    Quantity(
        "unpacked_size",
        "bytes",
        "of the .tflite file, which may ship in a package",
        lambda row: row.bytes if row.unpacked_bytes is None else row.unpacked_bytes,
        ".tflite",
    ),
    Quantity("sparsity", "share", "zeros among the values of all kernels", lambda row: row.sparsity, "zeros"),
    Quantity("latency", "seconds", "median of a call with one sample", _latency, "p50", "it was not measured"),
    Quantity(
        "latency_ratio",
        "number",
        "time of a call as a share of the run's own baseline's, timed in turn",
        _column("latency_ratio"),
        "call vs base",
        "its recipe does not ask for it by `latency: true` under `evaluation`",
    ),
    Quantity("float_operators", "count", "operators that compute in float", _column("float_operators"), "in float"),
    Quantity(
        "macs",
        "count",
        "multiply-accumulates of a call",
        _column("macs"),
        "MACs",
        "a loop or an open size leaves them open, or its report is of an earlier version",
    ),
    Quantity("parameters", "count", "weights and biases in the file", lambda row: row.parameters, "parameters"),
)


def metric_kind(metric: MetricRow) -> Kind:
    """Return what a metric is counted in."""
    return "share" if metric.share else "number"


def amount_text(amount: float, kind: Kind) -> str:
    """Write a figure for people: `23.3 kB`, `1.2 ms`, `98.20 %`, `1,234` or `0.1234`."""
    if kind == "bytes":
        return format_size(amount)
    if kind == "seconds":
        return time_text(amount)
    if kind == "share":
        return f"{amount * 100:.2f} %"
    return f"{amount:,.0f}" if kind == "count" else f"{amount:.4g}"


def difference_text(difference: float, kind: Kind) -> str:
    """Write a change for people, with its sign; that of a share in points."""
    if kind == "share":
        return f"{difference * 100:+.2f} pt"
    if kind == "count":
        return f"{difference:+,.0f}"
    if kind == "number":
        return f"{difference:+.4g}"
    sign = "-" if difference < 0 else "+"
    return f"{sign}{amount_text(abs(difference), kind)}"
