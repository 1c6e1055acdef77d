"""Reads tensors that a LiteRT file stores sparsely: only the values that are not zero, and where they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.file_limits import swells


def dense_values(values: NDArray[Any], shape: tuple[int, ...], sparsity: Any, zero: int) -> NDArray[Any]:
    """All values of a tensor, in its own order.

    Args:
        values: those that are stored.
        shape: of the whole tensor.
        sparsity: its `SparsityParametersT`. The tensor is a tree of dimensions, in `traversalOrder`; those that
            `blockMap` names are cut into blocks, whose inner dimensions come after the tensor's own.
        zero: what stands for the values that are not stored.

    Raises:
        ValueError: the places that it gives do not fit its shape or its values.
    """
    size = math.prod(shape)
    if swells(size * values.itemsize, values.nbytes):
        raise ValueError(f"{len(values)} values stand for {size:,}")
    cut = [] if sparsity.blockMap is None else [int(dimension) for dimension in sparsity.blockMap]
    axes = [int(axis) for axis in sparsity.traversalOrder]
    places = _places(sparsity.dimMetadata, size)
    if len(places[0]) != len(values):
        raise ValueError(f"{len(values)} values are stored sparsely where {len(places[0])} places are given")
    index = [np.zeros(len(values), np.int64) for _ in shape]
    for axis, place in sorted(zip(axes, places, strict=True), key=lambda pair: pair[0]):  # blocks after the whole
        dimension = axis if axis < len(shape) else cut[axis - len(shape)]
        block = int(sparsity.dimMetadata[axes.index(axis)].denseSize) if axis >= len(shape) else 1
        index[dimension] = index[dimension] * block + place
    dense = np.full(shape, zero, values.dtype)
    dense[tuple(index)] = values
    return dense.reshape(-1)


def index_bytes(sparsity: Any) -> int:
    """The bytes that tell where the stored values are."""
    parts = [part for level in sparsity.dimMetadata for part in (level.arraySegments, level.arrayIndices)]
    return sum(np.asarray(part.values).nbytes for part in parts if part is not None and part.values is not None)


def _places(levels: list[Any], most: int) -> list[NDArray[np.int64]]:
    """Where each stored value is, level by level of the tree."""
    places: list[NDArray[np.int64]] = []
    nodes = 1
    counts: NDArray[Any]
    for level in levels:
        if level.arraySegments is None:  # dense: each node has all children
            if nodes * level.denseSize > most:
                raise ValueError("there are more places than values")
            counts = np.full(nodes, level.denseSize, np.int64)
            here = np.tile(np.arange(level.denseSize, dtype=np.int64), nodes)
        else:
            counts = np.diff(np.asarray(level.arraySegments.values, np.int64))
            here = np.asarray(level.arrayIndices.values, np.int64)
            if len(counts) != nodes or counts.sum() != len(here):
                raise ValueError("places of values are missing")
        places = [np.repeat(place, counts) for place in places] + [here]
        nodes = len(here)
    return places
