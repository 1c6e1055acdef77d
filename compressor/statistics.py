"""How sure a figure is: intervals for one metric, and tests for the change between two on the same samples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Z = 1.959964  # two-sided 95 %
_RESAMPLES = 2_000
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Score:
    """A mean over samples with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Change:
    """A difference of means over the same samples, and the probability of one as large by chance alone."""

    difference: float
    p_value: float

    @property
    def within_noise(self) -> bool:
        """Whether chance may explain it, at the 5 % level."""
        return self.p_value >= SIGNIFICANT


def score(per_sample: NDArray[np.float64]) -> Score:
    """Mean and interval: Wilson's (1927) where every sample is 0 or 1, and the normal one of the mean otherwise."""
    n = len(per_sample)
    mean = float(np.mean(per_sample))
    if _is_binary(per_sample):
        centre = (mean + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z * math.sqrt(mean * (1 - mean) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
        return Score(mean, max(0.0, centre - half), min(1.0, centre + half))
    half = _Z * float(np.std(per_sample, ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    return Score(mean, mean - half, mean + half)


def change(before: NDArray[np.float64], after: NDArray[np.float64]) -> Change:
    """The change of the mean: McNemar's exact test (1947) for right-or-wrong samples, a paired bootstrap otherwise."""
    difference = float(np.mean(after) - np.mean(before))
    if _is_binary(before) and _is_binary(after):
        gained = int(np.sum((after == 1) & (before == 0)))
        lost = int(np.sum((after == 0) & (before == 1)))
        return Change(difference, _binomial_two_sided(min(gained, lost), gained + lost))
    return Change(difference, _paired_bootstrap(after - before))


def _is_binary(values: NDArray[np.float64]) -> bool:
    return bool(np.all((values == 0) | (values == 1)))


def _binomial_two_sided(fewer: int, trials: int) -> float:
    """Probability of a split of fair coin tosses as uneven as `fewer` of `trials`, or more so."""
    if trials == 0:
        return 1.0
    logs = [
        math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1) - trials * math.log(2)
        for k in range(fewer + 1)
    ]
    return min(1.0, 2 * math.fsum(math.exp(value) for value in logs))


def _paired_bootstrap(differences: NDArray[np.float64]) -> float:
    observed = abs(float(np.mean(differences)))
    if observed == 0:
        return 1.0
    centred = differences - np.mean(differences)
    generator = np.random.default_rng(0)
    n = len(centred)
    means = np.array([np.mean(centred[generator.integers(0, n, n)]) for _ in range(_RESAMPLES)])
    return float((np.sum(np.abs(means) >= observed) + 1) / (_RESAMPLES + 1))
