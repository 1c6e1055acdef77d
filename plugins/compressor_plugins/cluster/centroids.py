"""k-means over the weights of a kernel. In one dimension a cluster is an interval, so most of the work is sorting."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Start = Literal["linear", "density", "random", "kmeans++"]
Values = NDArray[np.float64]

_MOST_ITERATIONS = 100  # k-means has converged long before, or hardly moves any more
_MOST_CANDIDATES = 100_000  # distinct weights that k-means++ considers


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
    """A kernel with each weight replaced by the nearest of at most `clusters` centroids, which k-means finds.

    Args:
        kernel: weights of any shape.
        clusters: number of centroids, two or more.
        start: how the centroids are initialized.
        generator: source of the random numbers that some starts need.
        per_channel: whether each channel has centroids of its own.
        axis: the axis of the channels.
        keep_zeros: whether zeros stay zero and other weights nonzero; zero then counts as one of the centroids.
    """
    if not per_channel:
        return _clustered_vector(kernel.reshape(-1), clusters, start, generator, keep_zeros).reshape(kernel.shape)
    channels = np.moveaxis(kernel, axis, 0)
    vectors = [_clustered_vector(channel.reshape(-1), clusters, start, generator, keep_zeros) for channel in channels]
    return np.moveaxis(np.stack(vectors).reshape(channels.shape), 0, axis)


def _clustered_vector(
    weights: NDArray[np.float32], clusters: int, start: Start, generator: np.random.Generator, keep_zeros: bool
) -> NDArray[np.float32]:
    result = weights.copy()
    free = weights != 0 if keep_zeros else np.ones(weights.shape, bool)
    if keep_zeros and not free.all():
        clusters -= 1
    values, counts = np.unique(weights[free], return_counts=True)
    if len(values) > clusters:
        centers = centroids(values.astype(np.float64), counts, clusters, start, generator).astype(np.float32)
        if keep_zeros:
            centers = centers[centers != 0] if centers.any() else values[:1]
        result[free] = centers[_nearest(weights[free], centers)]
    return result


def centroids(
    values: Values, counts: NDArray[np.int64], clusters: int, start: Start, generator: np.random.Generator
) -> Values:
    """The centroids that Lloyd's algorithm converges to, sorted.

    `values` are the distinct weights, sorted, and `counts` tells how often each occurs.
    """
    centers = np.unique(_initial_centroids(values, counts, clusters, start, generator))
    sums = np.concatenate([[0], np.cumsum(values * counts)])
    sizes = np.concatenate([[0], np.cumsum(counts)])
    for _ in range(_MOST_ITERATIONS):
        edges = np.searchsorted(values, (centers[1:] + centers[:-1]) / 2)
        bounds = np.concatenate([[0], edges, [len(values)]])
        members = np.diff(sizes[bounds])
        moved = np.where(members > 0, np.diff(sums[bounds]) / np.maximum(members, 1), centers)
        if np.array_equal(moved, centers):
            break
        centers = np.unique(moved)
    return centers


def _initial_centroids(
    values: Values, counts: NDArray[np.int64], clusters: int, start: Start, generator: np.random.Generator
) -> Values:
    shares = counts / counts.sum()
    if start == "linear":
        return np.linspace(values[0], values[-1], clusters)
    if start == "density":
        return np.interp((np.arange(clusters) + 0.5) / clusters, np.cumsum(shares), values)
    if start == "random":
        return generator.choice(values, clusters, replace=False, p=shares)
    return _kmeans_plus_plus(values, counts, clusters, generator)


def _kmeans_plus_plus(
    values: Values, counts: NDArray[np.int64], clusters: int, generator: np.random.Generator
) -> Values:
    """Draw each centroid with a probability proportional to its squared distance from the nearest one drawn before.

    Arthur & Vassilvitskii 2007, "k-means++: The Advantages of Careful Seeding".
    """
    if len(values) > _MOST_CANDIDATES:
        drawn = generator.choice(len(values), _MOST_CANDIDATES, replace=False, p=counts / counts.sum())
        values, counts = values[drawn], counts[drawn]
    chosen = [generator.choice(values, p=counts / counts.sum())]
    distances = (values - chosen[0]) ** 2
    while len(chosen) < clusters and distances.any():
        weights = distances * counts
        chosen.append(generator.choice(values, p=weights / weights.sum()))
        distances = np.minimum(distances, (values - chosen[-1]) ** 2)
    return np.array(chosen)


def _nearest(weights: NDArray[np.float32], centers: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.searchsorted((centers[1:] + centers[:-1]) / 2, weights)
