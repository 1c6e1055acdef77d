"""How metrics differ between two runs, and whether that is more than noise."""

from __future__ import annotations

from dataclasses import dataclass

from compressor.comparing.compared_run import ComparedRun
from compressor.comparing.several_seeds import seed_change
from compressor.contracts.report_rows import MetricRow
from compressor.measure.kept_scores import PairedChange, paired_change
from compressor.measure.statistics import Change, Score, change_by_intervals

BY_INTERVALS = "the 95 % intervals"


@dataclass(frozen=True)
class MetricChange:
    """A metric's change from the first run to another.

    Attributes:
        test: the test that tells whether it is noise: `McNemar's test`, `a paired bootstrap`, `Student's t-test` over
            seeds, or `the 95 % intervals`.
        samples: how many samples both were measured on; None where they were not compared sample by sample.
        why_unpaired: why the samples could not be compared pair by pair; empty where they were, and over seeds.
        better: whether it is for the better; None for no difference.
    """

    metric: str
    before: MetricRow
    after: MetricRow
    change: Change
    test: str
    samples: int | None
    why_unpaired: str

    @property
    def difference(self) -> float:
        """The later value less the earlier one."""
        return self.change.difference

    @property
    def better(self) -> bool | None:
        """Whether it is for the better; None for no difference."""
        return (self.difference > 0) == self.after.higher_is_better if self.difference else None

    @property
    def verdict(self) -> str:
        """`within noise`, or whether it is better or worse."""
        return "within noise" if self.change.within_noise else "better" if self.better else "worse"

    @property
    def test_text(self) -> str:
        """How it was told whether the change is noise: `McNemar's test on the same 10,000 samples, p = 0.62`."""
        where = self.test if self.samples is None else f"{self.test} on the same {self.samples:,} samples"
        p = self.change.p_value
        return f"{where}, p {'< 0.001' if p < 0.001 else f'= {p:.2g}'}"


def metric_changes(first: ComparedRun, other: ComparedRun) -> list[MetricChange]:
    """The changes of all metrics that both runs have, in the order of the first one."""
    return [_change(first, other, name) for name in first.last.metrics if name in other.last.metrics]


def _change(first: ComparedRun, other: ComparedRun, metric: str) -> MetricChange:
    before, after = first.last.metrics[metric], other.last.metrics[metric]
    if first.seeds or other.seeds:
        sides = [_values(run, metric) for run in (first, other)]
        test = f"Student's t-test over {len(sides[0])} and {len(sides[1])} seeds"
        return MetricChange(metric, before, after, seed_change(*sides), test, None, "")
    paired = _paired(first, other, metric, (before.value, after.value))
    if isinstance(paired, str):
        change = change_by_intervals(_score(before), _score(after))
        return MetricChange(metric, before, after, change, BY_INTERVALS, None, paired)
    assert first.scores is not None
    return MetricChange(metric, before, after, paired.change, paired.test, first.scores.samples, "")


def _values(run: ComparedRun, metric: str) -> list[float]:
    return [row.metrics[metric].value for row in run.seeds.values()] or [run.last.metrics[metric].value]


def _paired(first: ComparedRun, other: ComparedRun, metric: str, values: tuple[float, float]) -> PairedChange | str:
    """The test on the same samples, or why there is none."""
    for run in (first, other):
        if run.scores is None:
            return run.no_scores
        if metric not in run.scores.metrics:
            return f"the scores of {run.letter} are without '{metric}'"
    assert first.scores is not None and other.scores is not None
    if (first.scores.test, first.scores.samples) != (other.scores.test, other.scores.samples):
        return "the test samples are others"
    return paired_change(first.scores, other.scores, metric, values)


def _score(row: MetricRow) -> Score:
    return Score(row.value, row.low, row.high)
