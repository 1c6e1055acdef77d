"""k-means over the values of a kernel: in one dimension a cluster is an interval, so sorting does most of the work."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Start = Literal["linear", "density", "random", "kmeans++"]
Values = NDArray[np.float64]

_ROUNDS = 100  # k-means has settled long before, or hardly moves
_SEEDS = 100_000  # weights that k-means++ draws from


def clustered(
    kernel: NDArray[np.float32],
    clusters: int,
    start: Start,
    generator: np.random.Generator,
    *,
    per_channel: bool = False,
    axis: int = -1,
    keep_zeros: bool = False,
) -> NDArray[np.float32]:
    """A kernel with each weight moved to the nearest of at most `clusters` centroids, the kernel's k-means.

    Args:
        kernel: of any shape.
        clusters: two or more.
        start: where the centroids start.
        generator: what random starts are drawn from.
        per_channel: give each channel centroids of its own.
        axis: along which the channels stand.
        keep_zeros: let zero be one of the centroids, for the zeros alone.
    """
    if not per_channel:
        return _shared(kernel.reshape(-1), clusters, start, generator, keep_zeros).reshape(kernel.shape)
    channels = np.moveaxis(kernel, axis, 0)
    found = [_shared(channel.reshape(-1), clusters, start, generator, keep_zeros) for channel in channels]
    return np.moveaxis(np.stack(found).reshape(channels.shape), 0, axis)


def _shared(
    weights: NDArray[np.float32], clusters: int, start: Start, generator: np.random.Generator, keep_zeros: bool
) -> NDArray[np.float32]:
    result = weights.copy()
    free = weights != 0 if keep_zeros else np.ones(weights.shape, bool)
    if keep_zeros and not free.all():
        clusters -= 1
    values, counts = np.unique(weights[free], return_counts=True)
    if len(values) > clusters:
        found = centroids(values.astype(np.float64), counts, clusters, start, generator).astype(np.float32)
        if keep_zeros:
            found = found[found != 0] if found.any() else values[:1]
        result[free] = found[_nearest(weights[free], found)]
    return result


def centroids(
    values: Values, counts: NDArray[np.int64], clusters: int, start: Start, generator: np.random.Generator
) -> Values:
    """The centroids, sorted, that Lloyd's algorithm ends at. `values` are sorted, and stand `counts` times each."""
    found = np.unique(_started(values, counts, clusters, start, generator))
    sums = np.concatenate([[0], np.cumsum(values * counts)])
    sizes = np.concatenate([[0], np.cumsum(counts)])
    for _ in range(_ROUNDS):
        edges = np.searchsorted(values, (found[1:] + found[:-1]) / 2)
        bounds = np.concatenate([[0], edges, [len(values)]])
        members = np.diff(sizes[bounds])
        moved = np.where(members > 0, np.diff(sums[bounds]) / np.maximum(members, 1), found)
        if np.array_equal(moved, found):
            break
        found = np.unique(moved)
    return found


def _started(
    values: Values, counts: NDArray[np.int64], clusters: int, start: Start, generator: np.random.Generator
) -> Values:
    shares = counts / counts.sum()
    if start == "linear":
        return np.linspace(values[0], values[-1], clusters)
    if start == "density":
        return np.interp((np.arange(clusters) + 0.5) / clusters, np.cumsum(shares), values)
    if start == "random":
        return generator.choice(values, clusters, replace=False, p=shares)
    return _far_apart(values, counts, clusters, generator)


def _far_apart(values: Values, counts: NDArray[np.int64], clusters: int, generator: np.random.Generator) -> Values:
    """k-means++ (Arthur & Vassilvitskii 2007): each next one is drawn by its squared distance to those before."""
    if len(values) > _SEEDS:
        drawn = generator.choice(len(values), _SEEDS, replace=False, p=counts / counts.sum())
        values, counts = values[drawn], counts[drawn]
    chosen = [generator.choice(values, p=counts / counts.sum())]
    distances = (values - chosen[0]) ** 2
    while len(chosen) < clusters and distances.any():
        weights = distances * counts
        chosen.append(generator.choice(values, p=weights / weights.sum()))
        distances = np.minimum(distances, (values - chosen[-1]) ** 2)
    return np.array(chosen)


def _nearest(weights: NDArray[np.float32], found: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.searchsorted((found[1:] + found[:-1]) / 2, weights)
