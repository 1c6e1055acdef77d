"""Chooses which weights of a kernel stay, by their magnitudes alone.

Each function returns masks of the kernels' shapes, true where a weight stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_FLOOR = 0.01  # share of a kernel's weights that a global threshold always leaves


def largest(weights: NDArray[Any], sparsity: float) -> Mask:
    """Drop the share `sparsity` of the weights, the smallest ones; the largest weight always stays."""
    return _top(np.abs(weights), max(1, round(weights.size * (1 - sparsity))))


def deviation(weights: NDArray[Any]) -> float:
    """The standard deviation of the nonzero weights; 1 where they are all equal, or all weights are zero."""
    alive = weights[weights != 0]
    return float(alive.std()) or 1.0 if alive.size else 1.0


def floor(shape: Sequence[int]) -> int:
    """How many weights a kernel keeps under any threshold: one per output, but at most 1 % of the weights."""
    return max(1, min(shape[-1], round(int(np.prod(shape)) * _FLOOR)))


def largest_over_all(weights: Sequence[NDArray[Any]], deviations: Sequence[float], sparsity: float) -> list[Mask]:
    """Drop the share `sparsity` of the weights of several kernels, the smallest ones over all of them.

    Magnitudes are divided by the kernel's deviation first, since layers differ in scale. Each kernel keeps at least its
    `floor`.
    """
    scores = [np.abs(kernel) / scale for kernel, scale in zip(weights, deviations, strict=True)]
    floors = [_top(score, floor(score.shape)) for score in scores]
    for score, held in zip(scores, floors, strict=True):
        score[held] = np.inf
    together = np.concatenate([score.reshape(-1) for score in scores])
    kept = max(round(together.size * (1 - sparsity)), sum(int(held.sum()) for held in floors))
    mask = _top(together, kept)
    ends = np.cumsum([score.size for score in scores])[:-1]
    return [part.reshape(score.shape) for part, score in zip(np.split(mask, ends), scores, strict=True)]


def n_of_m(weights: NDArray[Any], kept: int, m: int, axis: int) -> Mask:
    """Keep the `kept` largest of every m consecutive weights along an axis, whose size must be a multiple of m."""
    magnitudes = np.moveaxis(np.abs(weights), axis, -1)
    groups = magnitudes.reshape(-1, m)
    ranks = np.argsort(np.argsort(-groups, axis=1, kind="stable"), axis=1)
    return np.moveaxis((ranks < kept).reshape(magnitudes.shape), -1, axis)


def largest_blocks(weights: NDArray[Any], sparsity: float, height: int, width: int) -> Mask:
    """Drop the blocks of a matrix with the smallest mean magnitude, about the share `sparsity` of its weights.

    Blocks at the far edges may be smaller. The block with the largest mean always stays.
    """
    height, width = min(height, weights.shape[0]), min(width, weights.shape[1])
    rows, columns = (np.arange(0, size, step) for size, step in zip(weights.shape, (height, width), strict=True))
    sums = np.add.reduceat(np.add.reduceat(np.abs(weights), rows, axis=0), columns, axis=1)
    sizes = np.outer(np.diff([*rows, weights.shape[0]]), np.diff([*columns, weights.shape[1]]))
    order = np.argsort(sums / sizes, axis=None)
    dropped = np.cumsum(sizes.reshape(-1)[order]) <= sparsity * weights.size + height * width / 2
    mask = np.ones(sizes.size, bool)
    mask[order[:-1][dropped[:-1]]] = False
    whole = mask.reshape(sizes.shape).repeat(height, axis=0).repeat(width, axis=1)
    return whole[: weights.shape[0], : weights.shape[1]]


def _top(scores: NDArray[Any], kept: int) -> Mask:
    """A mask of the `kept` largest scores."""
    mask = np.zeros(scores.size, bool)
    if kept:
        mask[np.argpartition(scores.reshape(-1), scores.size - kept)[scores.size - kept :]] = True
    return mask.reshape(scores.shape)
