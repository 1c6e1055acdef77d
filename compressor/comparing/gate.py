"""Checks whether a condition of `--fail-if` holds for a run, so that the gate fails."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from compressor.base.text import did_you_mean
from compressor.comparing.compared_run import ComparedRun
from compressor.comparing.condition import AllOf, Amount, Comparison, Condition, comparisons
from compressor.comparing.metric_changes import MetricChange
from compressor.comparing.paired_calls import CallChange, call_change
from compressor.comparing.quantities import QUANTITIES, Kind, Quantity, amount_text, difference_text, metric_kind

_SAME = 1e-9  # a share of counted samples differs from a limit by far more, or not at all
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_UNITS_OF: Mapping[Kind, tuple[str, ...]] = {
    "bytes": ("bytes", ""), "seconds": ("seconds",), "share": ("points", "percent", ""), "count": ("",), "number": ("",)
}  # fmt: skip
_EXAMPLES: Mapping[Kind, str] = {
    "bytes": "+2%, +500B or 10kB", "seconds": "+10% or 2ms", "share": "-0.2pt, -1% or 97%",
    "count": "+2%, +5 or 100", "number": "+2%, +0.01 or 0.5",
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """The outcome of one comparison in a condition.

    Attributes:
        comparison: as it was written.
        crossed: whether the figure is beyond the limit, noise or not.
        counts: whether it fails the gate: it is beyond the limit, and chance does not excuse that.
        within_noise: whether chance may explain the change, or the distance from the limit; None where nothing tells.
        text: what was found, in words.
    """

    comparison: str
    crossed: bool
    counts: bool
    within_noise: bool | None
    text: str


@dataclass(frozen=True)
class GateResult:
    """The outcome of a condition for a run, which fails if the condition holds."""

    run: str
    failed: bool
    findings: tuple[Finding, ...]

    @property
    def text(self) -> str:
        """Why it failed; where it did not, what was found."""
        told = [finding for finding in self.findings if finding.counts or not self.failed]
        return "; ".join(finding.text for finding in told)


def check_known(condition: Condition, metrics: Sequence[str]) -> None:
    """Refuse names that are neither a figure nor one of these metrics, which need not be measured yet.

    Raises:
        ConditionError: with its place.
    """
    for comparison in comparisons(condition):
        if _quantity(comparison.name) is None and comparison.name not in metrics:
            known = [*metrics, *(quantity.name for quantity in QUANTITIES)]
            remedy = did_you_mean(comparison.name, known).removeprefix("; ")
            remedy = remedy if metrics else f"{remedy}; metrics of model files are measured with --data"
            raise comparison.name_span.fault(f"there is no figure '{comparison.name}'", remedy)


def check_names(condition: Condition, runs: Sequence[ComparedRun]) -> None:
    """Refuse names, units and figures that do not fit what is compared.

    Raises:
        ConditionError: with its place.
    """
    for comparison in comparisons(condition):
        kind = _kind(comparison, runs)
        amount = comparison.amount
        if amount.measure not in (*_UNITS_OF[kind], "percent"):
            what = f"'{comparison.name}' is not counted {f'in {amount.unit}' if amount.unit else 'without a unit'}"
            raise amount.span.fault(what, f"write {_EXAMPLES[kind]}")
        if amount.measure == "percent" and not amount.signed and kind != "share":
            raise amount.span.fault(f"'{amount.unit}' needs a sign here", "write a change, such as +2%")
        if amount.measure == "points" and not amount.signed:
            raise amount.span.fault("'pt' needs a sign", "write a change, such as -0.2pt, or a value, such as 97%")
        if kind == "share" and not _is_possible(amount):
            what = "lies between 0 and 1" if not amount.signed else "changes by at most 1, which is 100pt"
            raise amount.span.fault(f"'{comparison.name}' is a share, which {what}", f"write {_EXAMPLES[kind]}")


def _is_possible(amount: Amount) -> bool:
    """Whether a share, or its change, can be as large as an amount; any other would let every run pass, or none."""
    if amount.signed:
        return amount.measure == "percent" or abs(amount.value) <= 1
    return amount.value <= 1


def hold(condition: Condition, first: ComparedRun, other: ComparedRun, changes: Sequence[MetricChange]) -> GateResult:
    """Check whether a condition holds for a run; `check_names` has let it pass.

    Args:
        condition: it fails the run if it holds.
        first: the run that changes are counted from.
        other: the run to judge.
        changes: of the metrics, from the first to the other.
    """
    by_metric = {change.metric: change for change in changes}
    findings = {comparison: _finding(comparison, first, other, by_metric) for comparison in comparisons(condition)}
    return GateResult(other.letter, _holds(condition, findings), tuple(findings.values()))


def _holds(condition: Condition, findings: Mapping[Comparison, Finding]) -> bool:
    if isinstance(condition, Comparison):
        return findings[condition].counts
    holds = [_holds(part, findings) for part in condition.parts]
    return all(holds) if isinstance(condition, AllOf) else any(holds)


def _kind(comparison: Comparison, runs: Sequence[ComparedRun]) -> Kind:
    name, quantity = comparison.name, _quantity(comparison.name)
    check_known(comparison, list(dict.fromkeys(metric for run in runs for metric in run.last.metrics)))
    for run in runs:
        if quantity is None:
            if name not in run.last.metrics:
                raise comparison.name_span.fault(f"{run.name} was not measured by '{name}'", "name another metric")
        elif quantity.of(run.last) is None:
            raise comparison.name_span.fault(f"{run.name} has no {name}: {quantity.missing}", "name another figure")
    if quantity is not None:
        return quantity.kind
    kind = metric_kind(runs[0].last.metrics[name])
    if any(metric_kind(run.last.metrics[name]) != kind for run in runs):
        raise comparison.name_span.fault(f"'{name}' is a share in some of the runs alone", "name another metric")
    return kind


def _quantity(name: str) -> Quantity | None:
    return next((quantity for quantity in QUANTITIES if quantity.name == name), None)


def _finding(
    comparison: Comparison, first: ComparedRun, other: ComparedRun, changes: Mapping[str, MetricChange]
) -> Finding:
    quantity = _quantity(comparison.name)
    if quantity is not None:
        if quantity.name == "latency" and comparison.amount.signed:
            calls = call_change(first, other)
            if calls is not None and calls.ratio is not None and first.last.latency_median is not None:
                return _call_finding(comparison, quantity, first.last.latency_median, calls)
        before, after = quantity.of(first.last), quantity.of(other.last)
        assert before is not None and after is not None
        crossed = _crossed(comparison, before, after)
        told = _told(comparison, quantity.kind, before, after, crossed)
        return Finding(comparison.text, crossed, crossed, None, told)
    metric = other.last.metrics[comparison.name]
    before, kind = first.last.metrics[comparison.name].value, metric_kind(metric)
    crossed = _crossed(comparison, before, metric.value)
    told = _told(comparison, kind, before, metric.value, crossed)
    if not comparison.amount.signed and not math.isnan(metric.value):  # the value itself, and no change
        noise = metric.low <= comparison.amount.value <= metric.high
        where = "within" if noise else "outside of"
        interval = f"{amount_text(metric.low, kind)} to {amount_text(metric.high, kind)}"
        told += f", and {_limit(comparison)} is {where} its 95 % interval, {interval}"
        return Finding(comparison.text, crossed, crossed, noise, told)
    change = changes[comparison.name]
    # what demands a gain is missed by no change at all, so it takes a gain that is there, and not one by chance
    excused = crossed and change.is_chance and not _crossed(comparison, before, before)
    if change.difference and not math.isnan(change.difference):
        told += f"{' but' if excused else ','} {_noise_text(change)}"
    return Finding(comparison.text, crossed, crossed and not excused, change.is_chance, told)


def _call_finding(comparison: Comparison, quantity: Quantity, before: float, calls: CallChange) -> Finding:
    """How a change of latency came out by calls that both runs timed in turn with the same baseline."""
    after = before * (calls.ratio or 1.0)
    crossed = _crossed(comparison, before, after)
    noise = calls.better is None
    told = _told(comparison, quantity.kind, before, after, crossed)
    told += f"{' but' if crossed and noise else ','} {'within' if noise else 'beyond'} noise by calls timed in turn"
    return Finding(comparison.text, crossed, crossed and not noise, noise, f"{told}, {calls.interval_text}")


def _noise_text(change: MetricChange) -> str:
    if change.only_seed and not change.change.within_noise:
        return f"by chance in training, since nothing but the seed differs ({change.test_text})"
    where = "within" if change.change.within_noise else "beyond"
    why = f" (not sample by sample: {change.why_unpaired})" if change.why_unpaired else ""
    return f"{where} noise by {change.test_text}{why}"


def _crossed(comparison: Comparison, before: float, after: float) -> bool:
    """Whether the figure is beyond the limit, as what is not a number is beyond any.

    A figure that differs from the limit by rounding alone is equal to it.
    """
    figure, limit = after, comparison.amount.value
    if comparison.amount.signed:
        figure = _relative(before, after) if comparison.amount.measure == "percent" else _difference(before, after)
    if math.isclose(figure, limit, rel_tol=_SAME, abs_tol=_SAME * min(1.0, max(abs(before), abs(after)))):
        figure = limit
    return math.isnan(figure) or _OPERATORS[comparison.operator](figure, limit)


def _difference(before: float, after: float) -> float:
    return 0.0 if after == before else after - before  # two infinite values may be equal


def _relative(before: float, after: float) -> float:
    if after == before:
        return 0.0
    return math.copysign(math.inf, after - before) if before == 0 else (after - before) / abs(before)


def _told(comparison: Comparison, kind: Kind, before: float, after: float, crossed: bool) -> str:
    """`accuracy -0.51 pt to 97.70 %, beyond the limit -0.2pt`."""
    limit = f"{'beyond the' if crossed else 'within the'} limit {_limit(comparison)}"
    if math.isnan(after) or (comparison.amount.signed and math.isnan(before)):
        return f"{comparison.name} is not a number{'' if math.isnan(after) else ' in the first run'}, {limit}"
    if not comparison.amount.signed:
        return f"{comparison.name} {amount_text(after, kind)}, {limit}"
    change = difference_text(_difference(before, after), kind)
    if comparison.amount.measure == "percent":
        relative = _relative(before, after)
        change = f"{relative * 100:+.2f} %" if math.isfinite(relative) else f"{change} from nothing"
    return f"{comparison.name} {change} to {amount_text(after, kind)}, {limit}"


def _limit(comparison: Comparison) -> str:
    """The limit as it was written, without the space before its unit."""
    return "".join(comparison.amount.span.text[comparison.amount.span.start : comparison.amount.span.end].split())
