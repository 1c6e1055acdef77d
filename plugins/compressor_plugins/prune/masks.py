"""Which weights of a kernel stay, given how many: pure functions of magnitudes, true for a weight that stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_FLOOR = 0.01  # share of a layer's weights that one threshold over all layers may not go below


def largest(weights: NDArray[Any], sparsity: float) -> Mask:
    """All weights but the share of `sparsity` that has the smallest magnitude, and always the largest."""
    return _most(np.abs(weights), max(1, round(weights.size * (1 - sparsity))))


def deviation(weights: NDArray[Any]) -> float:
    """The standard deviation of the weights that are not zero; 1 where there is none to speak of."""
    alive = weights[weights != 0]
    return float(alive.std()) or 1.0 if alive.size else 1.0


def floor(shape: Sequence[int]) -> int:
    """Weights that a kernel keeps whatever the threshold: one for each output, but no more than 1 % of them."""
    return max(1, min(shape[-1], round(int(np.prod(shape)) * _FLOOR)))


def largest_over_all(weights: Sequence[NDArray[Any]], deviations: Sequence[float], sparsity: float) -> list[Mask]:
    """All weights of several kernels but the share of `sparsity` with the smallest magnitude for their kernel.

    Magnitudes are divided by the kernel's deviation, since layers differ in scale. Each keeps at least its `floor`.
    """
    scores = [np.abs(kernel) / scale for kernel, scale in zip(weights, deviations, strict=True)]
    floors = [_most(score, floor(score.shape)) for score in scores]
    for score, held in zip(scores, floors, strict=True):
        score[held] = np.inf
    together = np.concatenate([score.reshape(-1) for score in scores])
    kept = max(round(together.size * (1 - sparsity)), sum(int(held.sum()) for held in floors))
    mask = _most(together, kept)
    ends = np.cumsum([score.size for score in scores])[:-1]
    return [part.reshape(score.shape) for part, score in zip(np.split(mask, ends), scores, strict=True)]


def n_of_m(weights: NDArray[Any], kept: int, m: int, axis: int) -> Mask:
    """The `kept` largest of every m weights that follow one another along an axis, whose size m divides."""
    magnitudes = np.moveaxis(np.abs(weights), axis, -1)
    groups = magnitudes.reshape(-1, m)
    ranks = np.argsort(np.argsort(-groups, axis=1, kind="stable"), axis=1)
    return np.moveaxis((ranks < kept).reshape(magnitudes.shape), -1, axis)


def largest_blocks(weights: NDArray[Any], sparsity: float, height: int, width: int) -> Mask:
    """All blocks of a matrix but those of smallest mean magnitude that hold the share of `sparsity`, or nearly so.

    Blocks at the far edges may be smaller. The largest stays in any case.
    """
    height, width = min(height, weights.shape[0]), min(width, weights.shape[1])
    rows, columns = (np.arange(0, size, step) for size, step in zip(weights.shape, (height, width), strict=True))
    sums = np.add.reduceat(np.add.reduceat(np.abs(weights), rows, axis=0), columns, axis=1)
    sizes = np.outer(np.diff([*rows, weights.shape[0]]), np.diff([*columns, weights.shape[1]]))
    order = np.argsort(sums / sizes, axis=None)
    gone = np.cumsum(sizes.reshape(-1)[order]) <= sparsity * weights.size + height * width / 2
    mask = np.ones(sizes.size, bool)
    mask[order[:-1][gone[:-1]]] = False
    whole = mask.reshape(sizes.shape).repeat(height, axis=0).repeat(width, axis=1)
    return whole[: weights.shape[0], : weights.shape[1]]


def _most(scores: NDArray[Any], kept: int) -> Mask:
    """Where the `kept` largest scores are."""
    mask = np.zeros(scores.size, bool)
    if kept:
        mask[np.argpartition(scores.reshape(-1), scores.size - kept)[scores.size - kept :]] = True
    return mask.reshape(scores.shape)
