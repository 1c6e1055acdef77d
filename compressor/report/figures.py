"""Figures as people read them, the same in every rendering."""

from __future__ import annotations

import math

from compressor.base.text import listing
from compressor.contracts.report_rows import AgreementRow, ChangeRow, ConstraintRow, MetricRow, Report, StageRow


def metric_text(metric: MetricRow) -> str:
    """`98.21 % ±0.27`, or `0.1234 ±0.0012` for what is not a share."""
    half = (metric.high - metric.low) / 2
    if metric.share:
        return f"{metric.value * 100:.2f} % ±{half * 100:.2f}"
    return f"{metric.value:.4g} ±{half:.2g}"


def change_text(change: ChangeRow | None, share: bool) -> str:
    """`-0.12 pt`, in percentage points for a share, and `+0.012 (+3.1 %)` for what is none."""
    if change is None:
        return "-"
    if share:
        return f"{change.difference * 100:+.2f} pt"
    relative = "" if change.relative is None else f" ({change.relative * 100:+.1f} %)"
    return f"{change.difference:+.4g}{relative}"


def keras_text(metric: MetricRow) -> str:
    """`98.25%`, or `0.1234` for what is not a share: the metric of the Keras model."""
    if metric.keras is None:
        return "-"
    return f"{metric.keras:.2%}" if metric.share else f"{metric.keras:.4g}"


def beyond_noise(metric: MetricRow) -> bool | None:
    """Whether the change against the baseline is for the better; None where there is none, or none beyond noise."""
    change = metric.from_baseline
    return None if change is None or change.within_noise else change.better


def noise_text(metric: MetricRow) -> str:
    """Whether the change against the baseline is more than noise."""
    change = metric.from_baseline
    if change is None:
        return ""
    if change.within_noise:
        return "within noise"
    return "better" if change.better else "worse"


def agreement_text(agreement: AgreementRow | None) -> str:
    """`100.0 % same, within 0.002 %, 96 dB`: equal decisions, the largest gap, signal to noise."""
    if agreement is None:
        return "-"
    same = "" if agreement.same_class is None else f"{agreement.same_class:.2%} same, ".replace("%", " %")
    gap = agreement.largest * 100
    within = f"{gap:,.0f} %" if gap >= 99.5 else f"{gap:.2g} %"
    return f"{same}within {within}, {agreement.signal_to_noise:.0f} dB"


def ratio_text(now: int, before: int) -> str:
    """`-72 %`, of bytes."""
    return f"{(now / before - 1) * 100:+.0f} %" if before and now != before else "-"


def count_text(count: int | None) -> str:
    """`61,020`, `1.2 M` or `3.4 G` from a million on; `-` for what cannot be counted."""
    if count is None:
        return "-"
    if count < 10**6:
        return f"{count:,}"
    return f"{count / 10**6:,.1f} M" if count < 999_950_000 else f"{count / 10**9:,.1f} G"


def time_text(seconds: float) -> str:
    """`31 µs`, `1.2 ms` or `0.5 s`."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def clock_text(seconds: float) -> str:
    """`1:05` for minutes and seconds."""
    if not math.isfinite(seconds):
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def doubts(report: Report) -> list[str]:
    """What puts the figures in doubt: stages whose file differs from its model by more than its precision explains."""
    return [
        f"do not use this model: after '{stage.id}' the file disagrees with the model that it was made of: "
        f"{_disagreement(stage.agreement)}"
        for stage in report.stages
        if not report.smoke and stage.agreement is not None and stage.agreement.doubtful
    ]


def _disagreement(agreement: AgreementRow) -> str:
    """`same decision in 5.67 % of the samples, signal to noise 0.3 dB where its precision explains 19.0 dB`."""
    same = agreement.same_class
    decisions = "" if same is None else f"same decision in {same * 100:.2f} % of the samples, "
    least = f"where its precision explains {agreement.least:.1f} dB"
    return f"{decisions}signal to noise {agreement.signal_to_noise:.1f} dB {least}"


def headline(report: Report) -> str:
    """The whole run in one sentence."""
    first, last = report.stages[0], report.stages[-1]
    metric = next(iter(last.metrics.values()))
    text = f"{_share(last.bytes / first.bytes)} of the size, {_share(last.gzip_bytes / first.gzip_bytes)} zipped"
    if metric.from_baseline is None:
        return f"{metric_text(metric)} in {last.bytes:,} bytes"
    return f"{text}, for {change_text(metric.from_baseline, metric.share)} of {next(iter(last.metrics))}"


def _share(share: float) -> str:
    """`28%`, and `0.4%` of what would round to nothing."""
    return f"{share:.0%}" if share >= 0.01 else f"{share * 100:.1g}%"


def remarks(stage: StageRow, most: int | None = None) -> list[str]:
    """What a stage's reader must know: who taught it, notes, and the layers left alone, up to `most` for a reason."""
    taught = [f"learned from {stage.teacher}"] if stage.teacher else []
    by_reason: dict[str, list[str]] = {}
    for layer, reason in stage.left_alone.items():
        by_reason.setdefault(reason, []).append(layer)
    left = [f"left alone: {listing(layers, most or len(layers))} ({reason})" for reason, layers in by_reason.items()]
    return [*taught, *stage.notes, *left]


def limit_text(row: ConstraintRow) -> str:
    """`✓ max_size 10 kB`, or `✗ max_size 10 kB, and is 12.3 kB: missed by 2.3 kB` with all that `miss_text` says."""
    if row.met:
        return f"✓ {row.name} {row.limit}"
    missed = miss_text(row)
    return f"✗ {row.name} {row.limit}, and is {row.actual}{f': missed {missed}' if missed else ''}"


def miss_text(row: ConstraintRow) -> str:
    """`by 0.21 pt, most of it spent by 'qat' (0.60 pt), within noise`; empty where there is no more to say."""
    parts = [f"by {row.missed_by}"] if row.missed_by else []
    if row.spent_by:
        parts.append(f"most of it spent by '{row.spent_by}' ({row.spent})")
    if row.within_noise is not None:
        parts.append("within noise" if row.within_noise else "beyond noise")
    return ", ".join(parts)
