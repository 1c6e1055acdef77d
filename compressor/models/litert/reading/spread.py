"""How the weights of a tensor are distributed, as numbers that the model computes with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.models.litert.format.tensor_types import TensorType

_BINS = 32


@dataclass(frozen=True)
class Spread:
    """The values of a tensor that are not zero: the least, the largest, and counts in bins of one width between."""

    low: float
    high: float
    counts: tuple[int, ...]


def spread_of(values: NDArray[np.float32]) -> Spread | None:
    """The distribution of values; None where all are zero, or one is not finite."""
    real = values[values != 0]
    if not real.size or not np.isfinite(low := float(real.min())) or not np.isfinite(high := float(real.max())):
        return None
    if low == high:
        return Spread(low, high, (int(real.size),))
    counts, _ = np.histogram(real, _BINS, (low, high))
    return Spread(low, high, tuple(map(int, counts)))


def real_values(
    values: NDArray[Any], type_: TensorType, shape: tuple[int, ...], quantization: Any
) -> NDArray[np.float32]:
    """The numbers that the model computes with, as a flat array.

    Args:
        values: as the file stores them; bits of bfloat16 without the sign.
        type_: their type.
        shape: of the tensor.
        quantization: scales and zero points, where it has them.
    """
    if type_ is TensorType.BFLOAT16:
        return (values.astype(np.uint32) << 16).view(np.float32)
    stored = values.astype(np.float32)
    if type_.bits < 8:
        stored -= (stored >= 2 ** (type_.bits - 1)) * np.float32(2**type_.bits)
    scales, zeros = (
        np.zeros(0, np.float32) if part is None else np.asarray(part, np.float32)
        for part in ((None, None) if quantization is None else (quantization.scale, quantization.zeroPoint))
    )
    if not scales.size:
        return stored
    axis = quantization.quantizedDimension or 0
    each = scales.size > 1 and axis < len(shape) and shape[axis] == scales.size and stored.size == math.prod(shape)
    if not each:
        scales = scales[:1]
    along = [scales.size if place == axis else 1 for place in range(len(shape))] if each else [1]
    shift = zeros.reshape(along) if zeros.size == scales.size else zeros[:1].sum()
    with np.errstate(all="ignore"):  # a file may hold any scale
        real: NDArray[np.float32] = (stored.reshape(shape if each else -1) - shift) * scales.reshape(along)
    return real.reshape(-1)
