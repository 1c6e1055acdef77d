"""How far values are from those expected, summed up over batches of samples."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, log10, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class Figures:
    """The difference between values found and values expected, so far."""

    signal: float = 0.0
    noise: float = 0.0
    found: float = 0.0
    product: float = 0.0
    largest: float = 0.0

    def add(self, found: NDArray[Any], expected: NDArray[Any]) -> None:
        """Compare some more values."""
        one, other = found.astype(np.float64).ravel(), expected.astype(np.float64).ravel()
        difference = one - other
        self.signal += _dot(other, other)
        self.noise += _dot(difference, difference)
        self.found += _dot(one, one)
        self.product += _dot(one, other)
        self.largest = max(self.largest, float(np.abs(difference).max(initial=0.0)))

    @property
    def share(self) -> float:
        """The root mean square difference, as a share of the expected values."""
        if self.noise == 0:
            return 0.0
        return sqrt(self.noise / self.signal) if self.signal and isfinite(self.noise) else inf

    @property
    def snr(self) -> float:
        """The signal-to-noise ratio in decibels; infinite where there is no difference."""
        return inf if self.share == 0 else -20 * log10(self.share) if self.share < inf else -inf

    @property
    def cosine(self) -> float:
        """The cosine of the angle between found and expected, 1 where both are all zeros."""
        size = sqrt(self.signal) * sqrt(self.found) if isfinite(self.found) else 0.0
        return self.product / size if size else float(self.signal == self.found)


def _dot(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The product of two vectors, without the threads of `@`, which wait for one another on a busy machine."""
    return float(np.einsum("i,i", one, other))
