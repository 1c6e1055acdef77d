"""The median of repeated measurements, and its interval from the order of the values."""

import numpy as np
import pytest
from scipy.stats import binom

from compressor.measure.median_interval import MedianInterval, median_interval


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0], MedianInterval(3.0, 3.0, 3.0)),
        ([5.0, 1.0, 4.0, 2.0, 3.0], MedianInterval(3.0, 1.0, 5.0)),
        ([float(number) for number in range(10, 0, -1)], MedianInterval(5.5, 2.0, 9.0)),
        ([float(number) for number in range(1, 42)], MedianInterval(21.0, 14.0, 28.0)),
    ],
)
def test_the_ends_are_values_of_the_sample(values, expected):
    assert median_interval(values) == expected


@pytest.mark.parametrize("count", [6, 7, 10, 21, 41, 100])
def test_no_narrower_interval_leaves_at_most_five_percent_outside(count):
    found = median_interval([float(number) for number in range(count)])
    below = int(found.low)
    assert found.high == count - 1 - below
    assert 2 * binom.cdf(below, count, 0.5) - 2 * binom.pmf(below, count, 0.5) <= 0.05 or below == 0
    assert 2 * binom.cdf(below, count, 0.5) <= 0.05 < 2 * binom.cdf(below + 1, count, 0.5)


def test_nineteen_of_twenty_intervals_hold_the_median_of_skewed_times():
    draws = np.random.default_rng(0).lognormal(0.0, 1.0, (2_000, 41))
    held = [found.low <= 1.0 <= found.high for found in map(median_interval, draws.tolist())]
    assert 0.95 <= np.mean(held) < 0.985


def test_no_values_have_no_median():
    with pytest.raises(ValueError, match="the median of no values is not defined"):
        median_interval([])
