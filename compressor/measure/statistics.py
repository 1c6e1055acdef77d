"""Confidence intervals of a score, and tests of whether two scores on the same samples really differ."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.contracts.metric import Metric

_Z = 1.959964  # two-sided 95 %
_RESAMPLES = 500
_FEWEST_RESAMPLES = 200  # however many samples there are
_DRAWS = 20_000_000  # samples drawn in all, unless the fewest resamples need more
_DRAWS_AT_ONCE = 1_000_000  # 8 MB of weights
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Score:
    """The score of a set of samples, with its 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Change:
    """The difference between two scores on the same samples, and the probability of one as large by chance alone."""

    difference: float
    p_value: float

    @property
    def within_noise(self) -> bool:
        """Whether chance alone may explain the difference, at the 5 % level."""
        return self.p_value >= SIGNIFICANT


def value(rows: NDArray[Any], metric: Metric | None = None) -> float:
    """The score of all samples from a metric's row for each; None for the mean of the rows."""
    if metric is None or metric.is_mean:
        return float(np.mean(rows))
    return float(_combined(metric, rows, np.ones((1, len(rows))))[0])


def score(rows: NDArray[Any], metric: Metric | None = None) -> Score:
    """The score with its interval.

    The interval is Wilson's (1927) for a mean of zeros and ones, the normal one for any other mean, and else the
    bootstrap's (Efron 1979): what 95 % of the scores lie within when samples are drawn again.

    Args:
        rows: a metric's row for each sample, shape (n, ...).
        metric: how rows make a score; None for their mean.
    """
    n = len(rows)
    estimate = value(rows, metric)
    if n == 1 and not is_right_or_wrong(rows):
        return Score(estimate, -math.inf, math.inf)
    if metric is not None and not metric.is_mean:
        drawn = np.concatenate([_combined(metric, rows, weights) for weights in _resamples(n)])
        low, high = np.nanquantile(drawn, [0.025, 0.975])
        return Score(estimate, min(estimate, float(low)), max(estimate, float(high)))
    if is_right_or_wrong(rows):
        centre = (estimate + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z * math.sqrt(estimate * (1 - estimate) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
        return Score(estimate, max(0.0, centre - half), min(1.0, centre + half))
    half = _Z * float(np.std(rows, ddof=1)) / math.sqrt(n)
    return Score(estimate, estimate - half, estimate + half)


def change(before: NDArray[Any], after: NDArray[Any], metric: Metric | None = None) -> Change:
    """The change of a score, by McNemar's exact test (1947) where rows are right or wrong, else a paired bootstrap.

    Args:
        before: a metric's row for each sample.
        after: its rows for the same samples.
        metric: how rows make a score; None for their mean.
    """
    difference = value(after, metric) - value(before, metric)
    mean = metric is None or metric.is_mean
    if mean and is_right_or_wrong(before) and is_right_or_wrong(after):
        gained = int(np.sum((after == 1) & (before == 0)))
        lost = int(np.sum((after == 0) & (before == 1)))
        return Change(difference, _binomial_two_sided(min(gained, lost), gained + lost))
    if difference == 0:
        return Change(difference, 1.0)
    drawn = np.concatenate(
        [
            _mean_change(before, after, weights)
            if metric is None or metric.is_mean
            else _combined(metric, after, weights) - _combined(metric, before, weights)
            for weights in _resamples(len(before))
        ]
    )
    return resampled_change(difference, drawn)


def resampled_change(difference: float, drawn: NDArray[np.float64]) -> Change:
    """The paired bootstrap's verdict on a difference, from the differences of pairs of resamples, shape (sets,)."""
    if difference == 0:
        return Change(difference, 1.0)
    drawn = drawn[np.isfinite(drawn)]
    as_far = np.sum(np.abs(drawn - difference) >= abs(difference))
    return Change(difference, float((as_far + 1) / (len(drawn) + 1)))


def resampled_scores(rows: NDArray[Any], metric: Metric | None = None) -> NDArray[np.float64]:
    """The scores of the bootstrap's sets of samples, shape (sets,); the sets are the same for each model.

    Less those of a second model, they are what `resampled_change` takes, so that a pair can be tested without its rows.
    """
    if metric is None or metric.is_mean:
        return np.concatenate([weights @ rows / len(rows) for weights in _resamples(len(rows))])
    return np.concatenate([_combined(metric, rows, weights) for weights in _resamples(len(rows))])


def change_by_intervals(before: Score, after: Score) -> Change:
    """The change between two scores of which only the intervals are known, as if their samples had nothing in common.

    For scores on the same samples this errs on the side of noise, since what they share cancels out.
    """
    difference = after.value - before.value
    half = math.hypot(before.high - before.low, after.high - after.low) / 2
    if not math.isfinite(half) or difference == 0:
        return Change(difference, 1.0)
    return Change(difference, math.erfc(abs(difference) / half * _Z / math.sqrt(2)) if half else 0.0)


def _combined(metric: Metric, rows: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """A metric's scores of sets of samples, shape (sets,); `weights` has the shape (sets, n).

    Raises:
        ValueError: the metric gives scores of another shape or type.
    """
    scores = np.asarray(metric.combine(rows, weights))
    if scores.shape != (len(weights),) or scores.dtype.kind not in "fiub":
        raise ValueError(f"its scores of {len(weights)} sets of samples have the shape {scores.shape}")
    return scores.astype(np.float64, copy=False)


def _mean_change(before: NDArray[Any], after: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    changes: NDArray[np.float64] = weights @ (after - before) / len(before)
    return changes


def _resamples(n: int) -> Iterator[NDArray[np.float64]]:
    """Bootstrap samples: how often each of n samples is drawn when n are drawn with replacement, shape (sets, n).

    Some sets at a time, and the same ones for the same n, so that those of two models are pairs.
    """
    generator = np.random.default_rng(0)
    left = max(_FEWEST_RESAMPLES, min(_RESAMPLES, _DRAWS // n))
    while left > 0:
        sets = min(left, max(1, _DRAWS_AT_ONCE // n))
        places = generator.integers(0, n, (n, sets)) * sets + np.arange(sets)
        # sample by sample in memory, so that a metric that sorts samples gets their weights fast
        yield np.bincount(places.reshape(-1), minlength=n * sets).reshape(n, sets).astype(np.float64).T
        left -= sets


def is_right_or_wrong(values: NDArray[Any]) -> bool:
    """Whether the rows are a 0 or a 1 for each sample, as those of accuracy are."""
    return values.ndim == 1 and bool(np.all((values == 0) | (values == 1)))


def _binomial_two_sided(fewer: int, trials: int) -> float:
    """Probability of a split of fair coin tosses as uneven as `fewer` of `trials`, or more so."""
    if trials == 0:
        return 1.0
    logs = [
        math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1) - trials * math.log(2)
        for k in range(fewer + 1)
    ]
    return min(1.0, 2 * math.fsum(math.exp(value) for value in logs))
