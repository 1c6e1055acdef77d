"""What a report says of calls that were timed in turn: the ratio to the baseline, and the operators that cost time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from compressor.contracts.report_rows import OperatorTimeRow, Report, StageRow
from compressor.measure.paired_latency import OperatorTime
from compressor.report.figures import time_text

_MOST_NAMED: Final = 3
_WORTH_NAMING: Final = 0.1  # of the last stage's time


@dataclass(frozen=True)
class OperatorKind:
    """The operators of a file that have a name, types and kernels in common.

    Attributes:
        operator: the name.
        computes_in: the types.
        kernels: whose code computes them.
        arithmetic: `float`, `integer` or `neither`.
        calls: how many there are.
        seconds: of all of them together; None where none could be run alone.
        share: of the seconds of all operators.
    """

    operator: str
    computes_in: str
    kernels: str
    arithmetic: str
    calls: int
    seconds: float | None
    share: float


def operator_kinds(rows: Iterable[OperatorTimeRow | OperatorTime]) -> list[OperatorKind]:
    """The kinds of operators in a file, the one that takes longest first, those that could not be timed last."""
    by_kind: dict[tuple[str, str, str, str], list[float | None]] = {}
    for row in rows:
        by_kind.setdefault((row.operator, row.computes_in, row.kernels, row.arithmetic), []).append(row.seconds)
    sums = {kind: _sum(seconds) for kind, seconds in by_kind.items()}
    whole = sum(seconds or 0.0 for seconds in sums.values())
    kinds = [
        OperatorKind(*kind, len(by_kind[kind]), seconds, (seconds or 0.0) / whole if whole else 0.0)
        for kind, seconds in sums.items()
    ]
    return sorted(kinds, key=lambda kind: -1.0 if kind.seconds is None else kind.seconds, reverse=True)


def short_time_text(seconds: float) -> str:
    """`31 µs`, `3.4 µs` or `0.08 µs`: the time of something so short that whole microseconds say too little."""
    micro = seconds * 1e6
    return f"{micro:.1f} µs" if 0.95 <= micro < 9.95 else f"{micro:.2f} µs" if micro < 0.95 else time_text(seconds)


def ratio_text_of(row: StageRow) -> str:
    """`0.41x (0.40 to 0.42)`, the time of a call as a share of the baseline's; `-` where it was not timed."""
    if row.latency_ratio is None or row.latency_ratio_low is None or row.latency_ratio_high is None:
        return "-"
    return f"{row.latency_ratio:.2f}x ({row.latency_ratio_low:.2f} to {row.latency_ratio_high:.2f})"


def whole_text(stage: StageRow) -> str:
    """`together 98 % of a whole call`: what the operators, timed alone, add up to."""
    seconds = sum(row.seconds or 0.0 for row in stage.operator_times)
    return f"together {seconds / stage.latency_median:.0%} of a whole call".replace("%", " %") if (
        stage.latency_median
    ) else ""  # fmt: skip


def latency_findings(report: Report) -> list[str]:
    """Whether the last stage is faster than the baseline on the machine of the run, and if not, what costs the time."""
    first, last = report.stages[0], report.stages[-1]
    if last is first or last.latency_ratio is None or last.latency_ratio_low is None:
        return []
    high = last.latency_ratio_high or last.latency_ratio
    told = f"a call takes {last.latency_ratio:.2f} times the baseline's time"
    interval = f"(95 %: {last.latency_ratio_low:.2f} to {high:.2f})"
    if high < 1:
        return [f"faster on this machine: {told} {interval}"]
    return [f"not faster on this machine: {'; '.join([f'{told} {interval}', *_costs(first, last)])}"]


def _costs(first: StageRow, last: StageRow) -> list[str]:
    """The operators that take longer than those of the same name do in the baseline, the worst first."""
    before, after = operator_kinds(first.operator_times), operator_kinds(last.operator_times)
    least = _WORTH_NAMING * (last.latency_median or 0.0)
    in_integers = any(kind.arithmetic == "integer" for kind in after)
    found = []
    for name in dict.fromkeys(kind.operator for kind in after):
        kinds = [kind for kind in after if kind.operator == name and kind.seconds]
        now, then = (_seconds_of(name, rows) for rows in (after, before))
        if kinds and now - then > least:
            found.append((now - then, _cost_text(name, kinds, now, then, in_integers)))
    return [text for _, text in sorted(found, reverse=True)[:_MOST_NAMED]]


def _cost_text(name: str, kinds: Sequence[OperatorKind], now: float, then: float, in_integers: bool) -> str:
    types = ", ".join(dict.fromkeys(kind.computes_in for kind in kinds if kind.computes_in))
    why = ""
    if any(kind.kernels == "LiteRT" for kind in kinds):
        why = ", since XNNPACK leaves it to LiteRT's own kernels"
    elif in_integers and any(kind.arithmetic == "float" for kind in kinds):
        why = ", since it was left in float"
    before = f"instead of {short_time_text(then)}" if then else "that the baseline does without"
    return f"{name} in {types or 'other types'} takes {short_time_text(now)} {before}{why}"


def _seconds_of(name: str, kinds: Sequence[OperatorKind]) -> float:
    return sum(kind.seconds or 0.0 for kind in kinds if kind.operator == name)


def _sum(seconds: Sequence[float | None]) -> float | None:
    timed = [own for own in seconds if own is not None]
    return sum(timed) if timed else None
