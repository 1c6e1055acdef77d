"""Tells how metrics differ between two runs, and whether that is more than noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

from compressor.comparing.compared_run import ComparedRun
from compressor.comparing.several_seeds import seed_change
from compressor.contracts.report_rows import MetricRow
from compressor.measure.kept_scores import PairedChange, paired_change
from compressor.measure.statistics import Change, Score, change_by_intervals

_BY_SEED = {"seed", "fingerprints", "files", "processor"}  # what another seed changes, and what is for people
BY_INTERVALS = "the 95 % intervals"
BY_NOTHING = "no test"


@dataclass(frozen=True)
class MetricChange:
    """A metric's change from the first run to another.

    Attributes:
        change: of its value; not a number where one of the values is none.
        test: the test that tells whether it is noise: `McNemar's test`, `a paired bootstrap`, `Student's t-test` over
            seeds, `the 95 % intervals`, or `no test` where a value is infinite or not a number.
        samples: how many samples both were measured on; None where they were not compared sample by sample.
        why_unpaired: why the samples could not be compared pair by pair; empty where they were, and where seeds were.
        only_seed: whether the runs have all in common but the seed, so that the change is chance in training.
    """

    metric: str
    before: MetricRow
    after: MetricRow
    change: Change
    test: str
    samples: int | None
    why_unpaired: str
    only_seed: bool = False

    @property
    def difference(self) -> float:
        """The later value less the earlier one."""
        return self.change.difference

    @property
    def better(self) -> bool | None:
        """Whether it is for the better; None for no difference, and where none is known."""
        if not self.difference or math.isnan(self.difference):
            return None
        return (self.difference > 0) == self.after.higher_is_better

    @property
    def is_chance(self) -> bool:
        """Whether chance in the samples, or in training, explains it."""
        return self.change.within_noise or self.only_seed

    @property
    def verdict(self) -> str:
        """`within noise`, `by chance` where only the seed differs, `not a number`, or whether it is better or worse."""
        if math.isnan(self.difference):
            return "not a number"
        if self.change.within_noise:
            return "within noise"
        return "by chance" if self.only_seed else "better" if self.better else "worse"

    @property
    def test_text(self) -> str:
        """The test and its outcome in words: `McNemar's test on the same 10,000 samples, p = 0.62`."""
        where = self.test if self.samples is None else f"{self.test} on the same {self.samples:,} samples"
        p = self.change.p_value
        if math.isnan(p):
            return where
        return f"{where}, p {'< 0.001' if p < 0.001 else f'= {p:.2g}'}"


def metric_changes(first: ComparedRun, other: ComparedRun) -> list[MetricChange]:
    """List the changes of all metrics that both runs have, in the order of the first one."""
    return [_change(first, other, name) for name in first.last.metrics if name in other.last.metrics]


def _change(first: ComparedRun, other: ComparedRun, metric: str) -> MetricChange:
    before, after = first.last.metrics[metric], other.last.metrics[metric]
    if not (math.isfinite(before.value) and math.isfinite(after.value)):
        same = before.value == after.value
        change = Change(0.0, 1.0) if same else Change(after.value - before.value, math.nan)
        return MetricChange(metric, before, after, change, BY_NOTHING, None, "")
    if first.seeds or other.seeds:
        sides = [_values(run, metric) for run in (first, other)]
        if all(len(set(values)) == 1 for values in sides):  # which tells nothing of chance in training
            change = change_by_intervals(*(_score(_of_one_run(run, metric)) for run in (first, other)))
            return MetricChange(metric, before, after, change, BY_INTERVALS, None, "no seed differs from another")
        test = f"Student's t-test over {len(sides[0])} and {len(sides[1])} seeds"
        return MetricChange(metric, before, after, seed_change(*sides), test, None, "")
    paired = _paired(first, other, metric, (before.value, after.value))
    if isinstance(paired, str):
        change = change_by_intervals(_score(before), _score(after))
        return MetricChange(metric, before, after, change, BY_INTERVALS, None, paired)
    assert first.scores is not None
    only_seed = only_seed_differs(first, other)
    return MetricChange(metric, before, after, paired.change, paired.test, first.scores.samples, "", only_seed)


def only_seed_differs(first: ComparedRun, other: ComparedRun) -> bool:
    """Tell whether nothing but the seed differs between two runs on the same test samples, by their locks."""
    if first.lock is None or other.lock is None or first.lock.seed == other.lock.seed:
        return False
    made = [run.lock.model_dump(exclude=_BY_SEED) for run in (first, other) if run.lock is not None]
    counts = [run.report.samples for run in (first, other) if run.report is not None]
    return made[0] == made[1] and counts[0] == counts[1]


def _values(run: ComparedRun, metric: str) -> list[float]:
    return [row.metrics[metric].value for row in run.seeds.values()] or [run.last.metrics[metric].value]


def _of_one_run(run: ComparedRun, metric: str) -> MetricRow:
    return next(iter(run.seeds.values()), run.last).metrics[metric]


def _paired(first: ComparedRun, other: ComparedRun, metric: str, values: tuple[float, float]) -> PairedChange | str:
    """Test the change on the same samples, or say why that cannot be done."""
    for run in (first, other):
        if run.scores is None:
            return run.no_scores
        if metric not in run.scores.metrics:
            return f"the scores of {run.letter} are without '{metric}'"
    assert first.scores is not None and other.scores is not None
    if (first.scores.test, first.scores.samples) != (other.scores.test, other.scores.samples):
        return "the test samples are others"
    paired = paired_change(first.scores, other.scores, metric, values)
    return paired or "their scores were resampled by different versions"


def _score(row: MetricRow) -> Score:
    return Score(row.value, row.low, row.high)
