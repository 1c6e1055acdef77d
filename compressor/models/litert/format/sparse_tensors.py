"""Reads and writes tensors that a LiteRT file stores sparsely: the values that are not zero, and where they are."""

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


def sparse_values(dense: NDArray[Any]) -> tuple[NDArray[Any], Any]:
    """The values of a tensor that are not zero, in order, and the `SparsityParametersT` that tells where they are.

    Rows along one axis list where they have values, and all other axes are dense. The axis is the one for which the
    places take the fewest bytes, the last of several.
    """
    from ai_edge_litert.schema_py_generated import DimensionMetadataT, DimensionType, SparsityParametersT

    count = int(np.count_nonzero(dense))
    axis = min(reversed(range(dense.ndim)), key=lambda axis: _bytes_along(axis, dense.shape, count))
    order = [*(each for each in range(dense.ndim) if each != axis), axis]
    rows = dense.transpose(order).reshape(-1, dense.shape[axis])
    there = rows != 0
    sparsity = SparsityParametersT()
    sparsity.traversalOrder, sparsity.dimMetadata = np.array(order, np.int32), []
    for each in order:
        level = DimensionMetadataT()
        level.format, level.denseSize = DimensionType.DENSE, dense.shape[each]
        sparsity.dimMetadata.append(level)
    level.format, level.denseSize = DimensionType.SPARSE_CSR, 0
    level.arraySegmentsType, level.arraySegments = _places_vector(np.append(0, there.sum(1).cumsum()))
    level.arrayIndicesType, level.arrayIndices = _places_vector(there.nonzero()[1])
    return rows[there], sparsity


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


def _bytes_along(axis: int, shape: tuple[int, ...], count: int) -> int:
    """Bytes of the places of so many values, if rows along this axis list them."""
    rows = math.prod(shape) // shape[axis]
    return count * _width(shape[axis] - 1) + (rows + 1) * _width(count)


def _width(largest: int) -> int:
    """Bytes of the smallest type that the format has for places up to this one."""
    return 1 if largest < 1 << 8 else 2 if largest < 1 << 16 else 4


def _places_vector(places: NDArray[np.int64]) -> tuple[int, Any]:
    from ai_edge_litert.schema_py_generated import (
        Int32VectorT,
        SparseIndexVector,
        Uint8VectorT,
        Uint16VectorT,
    )

    width = _width(int(places.max(initial=0)))
    kind, vector, dtype = {
        1: (SparseIndexVector.Uint8Vector, Uint8VectorT(), np.uint8),
        2: (SparseIndexVector.Uint16Vector, Uint16VectorT(), np.uint16),
        4: (SparseIndexVector.Int32Vector, Int32VectorT(), np.int32),
    }[width]
    vector.values = places.astype(dtype)
    return kind, vector
