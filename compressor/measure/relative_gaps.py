"""How far two outputs are apart, sample by sample, relative to their size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SMALLEST = float(np.finfo(np.float32).tiny)
"""The size that outputs of nothing but zeros are held against."""


def relative_gaps(expected: NDArray[Any], actual: NDArray[Any]) -> NDArray[np.float64]:
    """The largest difference of each sample, as a share of the largest magnitude in all of `expected`.

    It is infinite where `actual` alone is not finite or has another shape. It is 0 for a sample that is not finite in
    `expected`, which has nothing to be compared with.
    """
    wanted = np.asarray(expected, np.float64).reshape(len(expected), -1)
    given = np.asarray(actual, np.float64).reshape(len(actual), -1)
    if wanted.shape != given.shape:
        return np.full(len(wanted), np.inf)
    if not wanted.size:
        return np.zeros(len(wanted))
    known = np.isfinite(wanted).all(axis=1)
    size = np.abs(wanted[known]).max(initial=_SMALLEST)
    gaps = np.zeros(len(wanted))
    with np.errstate(invalid="ignore"):
        differences = np.abs(given[known] - wanted[known]).max(axis=1) / size
    gaps[known] = np.where(np.isnan(differences), np.inf, differences)
    return gaps
