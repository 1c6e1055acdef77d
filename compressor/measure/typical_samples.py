"""A few samples that stand for all: real ones, and random ones within the range of the real."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.named_arrays import arrays_in, each, joined
from compressor.base.types import Arrays
from compressor.data.split import Split

_RANGE_OF = 64  # samples that the range is taken from
_REAL, _RANDOM = 4, 4
_TRIED, _FEWEST_TRIED = 300, 16  # samples of a split
_TRIED_BYTES = 2**25


def typical_samples(split: Split, also: Iterable[int] = ()) -> Arrays:
    """The first samples of a split and as many random ones, always the same ones for the same split.

    Random values are drawn from the range that the real ones have in each place of the last axis, such as a color or a
    column of a table; they are whole numbers where the real ones are.

    Args:
        split: the samples.
        also: numbers of further samples of the split to take.
    """
    count = min(_RANGE_OF, split.size)
    real, draw = split.read(range(count))[0], np.random.default_rng(0)
    chosen = [*range(min(_REAL, count)), *also]
    random = each(real, lambda array: _random(array, draw))
    parts: Arrays = joined([split.read(np.array(chosen))[0], random])
    return parts


def trial_samples(calibration: Split, test: Split) -> Arrays:
    """Samples of both splits to try a file on: those that a quantizer calibrates on by default, and the first to test.

    There are fewer where they are large.
    """
    size = sum(array.nbytes for array in arrays_in(test.read(range(1))[0]))
    most = max(_FEWEST_TRIED, min(_TRIED, _TRIED_BYTES // max(1, size)))
    parts = [split.read(range(split.size))[0] for split in (calibration.sample(most, 0), test.take(most))]
    tried: Arrays = joined(parts)
    return tried


def count_of(samples: Arrays) -> int:
    """How many samples there are."""
    return len(arrays_in(samples)[0])


def part_of(samples: Arrays, chosen: Any) -> Arrays:
    """Some of the samples, chosen by a slice, or by an array of booleans."""
    part: Arrays = each(samples, lambda array: array[chosen])
    return part


def _random(array: NDArray[Any], draw: np.random.Generator) -> NDArray[Any]:
    axes = tuple(range(max(1, array.ndim - 1)))
    low, high = array.min(axes), array.max(axes)
    shape = (_RANDOM, *array.shape[1:])
    if array.dtype.kind != "f" or (array == np.round(array)).all():
        return np.floor(draw.uniform(low, high.astype(np.float64) + 1, shape)).astype(array.dtype)
    return draw.uniform(low, high, shape).astype(array.dtype)
