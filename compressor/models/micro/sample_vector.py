"""Computes what a file gives for a sample, byte by byte, for firmware to test itself with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compressor.base.types import Arrays
from compressor.models.litert.running.interpreter import LiteRTModel


@dataclass(frozen=True)
class SampleVector:
    """The bytes that inputs hold, and that outputs must hold then, the lowest byte of a number first."""

    inputs: tuple[bytes, ...]
    outputs: tuple[bytes, ...]


def sample_vector(content: bytes, features: Arrays) -> SampleVector:
    """Compute the vector of one sample, of shape (1, ...), by LiteRT's reference kernels.

    Raises:
        ModelError: the file cannot be run on it.
    """
    taken, given = LiteRTModel(content, reference=True).run_stored(features)
    little = [
        [np.asarray(array).astype(array.dtype.newbyteorder("<")).tobytes() for array in side] for side in (taken, given)
    ]
    return SampleVector(tuple(little[0]), tuple(little[1]))
