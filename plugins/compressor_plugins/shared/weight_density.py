"""How likely each weight of a kernel is to be other than zero, as the coder of packages sees it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_PRIOR = 4.0  # weights, as which the density of the whole kernel counts in that of a row or column
_TRUST = 0.8  # share of what the density of a row or column says that the coder makes use of
_RAREST = 1e-4  # probability, below which the coder does not go


def likely_nonzero(there: NDArray[np.bool_]) -> Floats:
    """The probability of each weight, by how many others of its row and its column are not zero.

    Args:
        there: whether each weight is, a matrix of outputs x inputs.
    """
    share = (there.sum() + 0.5) / (there.size + 1)
    row, column = (_logit((there.sum(axis) + _PRIOR * share) / (there.shape[axis] + _PRIOR)) for axis in (1, 0))
    logits = _logit(share) + _TRUST * (row[:, None] - _logit(share)) + _TRUST * (column[None] - _logit(share))
    likely: Floats = np.clip(1 / (1 + np.exp(-logits)), _RAREST, 1 - _RAREST)
    return likely


def _logit(share: Floats) -> Floats:
    logits: Floats = np.log(share / (1 - share))
    return logits
