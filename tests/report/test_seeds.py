"""Spreads over seeds are Student's, and one seed claims none."""

import statistics
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from compressor.report.seeds import over_seeds


def reports(baselines, values):
    """What `over_seeds` reads of reports with a baseline and one step."""

    def stage(name, value):
        metrics = {"accuracy": SimpleNamespace(value=value, share=True)}
        return SimpleNamespace(id=name, metrics=metrics, bytes=round(1000 * value), gzip_bytes=round(500 * value))

    pairs = zip(baselines, values, strict=True)
    return [SimpleNamespace(stages=[stage("baseline", base), stage("ptq", value)]) for base, value in pairs]


@pytest.mark.parametrize("count", [2, 3, 5, 10, 31])
def test_half_widths_are_those_of_student(count):
    generator = np.random.default_rng(count)
    base, values = generator.normal(0.98, 0.01, count).tolist(), generator.normal(0.97, 0.01, count).tolist()
    changes = [value - start for start, value in zip(base, values, strict=True)]
    low, high = stats.t.interval(0.95, count - 1, loc=np.mean(changes), scale=stats.sem(changes))
    row = over_seeds(reports(base, values))[1]
    assert row.half_width == pytest.approx((high - low) / 2, rel=1e-3)
    assert row.change == pytest.approx((high + low) / 2)
    assert row.beyond_noise == (not low <= 0 <= high)
    assert row.mean == pytest.approx(np.mean(values))
    assert row.deviation == pytest.approx(np.std(values, ddof=1))
    assert row.bytes == pytest.approx(statistics.mean(round(1000 * value) for value in values))


def test_beyond_the_table_the_interval_is_at_most_slightly_wide():
    generator = np.random.default_rng(0)
    base, values = generator.normal(0, 1, 100).tolist(), generator.normal(0, 1, 100).tolist()
    changes = [value - start for start, value in zip(base, values, strict=True)]
    exact = stats.t.ppf(0.975, 99) * stats.sem(changes)
    assert exact <= over_seeds(reports(base, values))[1].half_width <= 1.04 * exact


def test_one_seed_has_no_interval_and_no_verdict():
    row = over_seeds(reports([0.9], [0.8]))[1]
    assert (row.mean, row.deviation, row.half_width, row.beyond_noise) == (0.8, 0.0, None, None)
    assert row.change == pytest.approx(-0.1)


def test_seeds_that_agree_leave_no_noise():
    same, lower = over_seeds(reports([0.5] * 3, [0.5] * 3))[1], over_seeds(reports([0.5] * 3, [0.25] * 3))[1]
    assert (same.change, same.half_width, same.beyond_noise) == (0.0, 0.0, False)
    assert (lower.change, lower.half_width, lower.beyond_noise) == (-0.25, 0.0, True)


def test_the_baseline_does_not_change_against_itself():
    row = over_seeds(reports([0.9, 0.8], [0.7, 0.7]))[0]
    assert (row.id, row.metric, row.change, row.half_width, row.beyond_noise) == ("baseline", "accuracy", 0, 0, False)
