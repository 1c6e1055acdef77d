"""How sure a figure is: intervals for one metric, and tests for the change between two on the same samples."""

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
_FEWEST_RESAMPLES = 200  # of many samples
_DRAWS = 20_000_000  # samples drawn in all, where that leaves more resamples than the fewest
_DRAWS_AT_ONCE = 1_000_000  # 8 MB of weights
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Score:
    """A metric on a set of samples, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Change:
    """A difference between two scores on the same samples, and the probability of one as large by chance alone."""

    difference: float
    p_value: float

    @property
    def within_noise(self) -> bool:
        """Whether chance may explain it, at the 5 % level."""
        return self.p_value >= SIGNIFICANT


def value(rows: NDArray[Any], metric: Metric | None = None) -> float:
    """The score of all samples; without a metric, the mean."""
    if metric is None or metric.is_mean:
        return float(np.mean(rows))
    return float(_combined(metric, rows, np.ones((1, len(rows))))[0])


def score(rows: NDArray[Any], metric: Metric | None = None) -> Score:
    """Score and interval, from a metric's row for each sample; without a metric, it is the mean.

    The interval is Wilson's (1927) for the mean of what is 0 or 1, the normal one of any other mean, and otherwise
    what 95 % of the scores lie within when samples are drawn again (bootstrap, Efron 1979).
    """
    n = len(rows)
    found = value(rows, metric)
    if n == 1 and not _is_binary(rows):
        return Score(found, -math.inf, math.inf)
    if metric is not None and not metric.is_mean:
        drawn = np.concatenate([_combined(metric, rows, weights) for weights in _resamples(n)])
        low, high = np.nanquantile(drawn, [0.025, 0.975])
        return Score(found, min(found, float(low)), max(found, float(high)))
    if _is_binary(rows):
        centre = (found + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z * math.sqrt(found * (1 - found) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
        return Score(found, max(0.0, centre - half), min(1.0, centre + half))
    half = _Z * float(np.std(rows, ddof=1)) / math.sqrt(n)
    return Score(found, found - half, found + half)


def change(before: NDArray[Any], after: NDArray[Any], metric: Metric | None = None) -> Change:
    """The change of a score: McNemar's exact test (1947) for right-or-wrong samples, a paired bootstrap otherwise.

    Args:
        before: a metric's row for each sample.
        after: its rows for the same samples.
        metric: how rows make a score; without one, it is the mean.
    """
    difference = value(after, metric) - value(before, metric)
    mean = metric is None or metric.is_mean
    if mean and _is_binary(before) and _is_binary(after):
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
    drawn = drawn[np.isfinite(drawn)]
    as_far = np.sum(np.abs(drawn - difference) >= abs(difference))
    return Change(difference, float((as_far + 1) / (len(drawn) + 1)))


def _combined(metric: Metric, rows: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """A metric's scores, shape (sets,).

    Raises:
        ValueError: it gives something else.
    """
    found = np.asarray(metric.combine(rows, weights))
    if found.shape != (len(weights),) or found.dtype.kind not in "fiub":
        raise ValueError(f"its scores of {len(weights)} sets of samples have the shape {found.shape}")
    return found.astype(np.float64, copy=False)


def _mean_change(before: NDArray[Any], after: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = weights @ (after - before) / len(before)
    return found


def _resamples(n: int) -> Iterator[NDArray[np.float64]]:
    """How often each of n samples is drawn, when n are drawn with replacement: many such sets, some at a time.

    They are the same for the same n, so that the sets of two models are pairs.
    """
    generator = np.random.default_rng(0)
    left = max(_FEWEST_RESAMPLES, min(_RESAMPLES, _DRAWS // n))
    while left > 0:
        sets = min(left, max(1, _DRAWS_AT_ONCE // n))
        places = generator.integers(0, n, (n, sets)) * sets + np.arange(sets)
        # sample by sample in memory, so that samples in another order are fast to have
        yield np.bincount(places.reshape(-1), minlength=n * sets).reshape(n, sets).astype(np.float64).T
        left -= sets


def _is_binary(values: NDArray[Any]) -> bool:
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
