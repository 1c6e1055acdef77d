"""The median of repeated measurements, with an interval that supposes nothing of how they are distributed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class MedianInterval:
    """A median and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def median_interval(values: Sequence[float]) -> MedianInterval:
    """The median with its interval, whose ends are two of the values.

    How many of n independent values lie below the true median follows the binomial distribution of n tosses of a coin,
    so the interval reaches from the k-th least to the k-th largest value, with the largest k that leaves at most 5 %
    outside of it (David and Nagaraja, Order Statistics, 3rd edition, 2003, section 7.1). Below 6 values no k does that,
    and it reaches from the least to the largest.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("the median of no values is not defined")
    ordered, count = sorted(values), len(values)
    place = _place(count)
    middle = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    return MedianInterval(middle, ordered[place], ordered[count - 1 - place])


def _place(count: int) -> int:
    """How many values lie below the interval of the median of so many."""
    below, place = 0.0, 0
    for number in range(count // 2):
        below += math.comb(count, number) / 2**count
        if 2 * below > 1 - _CONFIDENCE:
            break
        place = number
    return place
