"""A sample of the data with the outputs that the file gives, byte by byte, for firmware to test itself with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compressor.base.types import Arrays
from compressor.models.litert.running.interpreter import LiteRTModel


@dataclass(frozen=True)
class SampleVector:
    """What the inputs hold, and what the outputs must hold then, each as bytes, the lowest byte of a number first."""

    inputs: tuple[bytes, ...]
    outputs: tuple[bytes, ...]


def sample_vector(content: bytes, features: Arrays) -> SampleVector:
    """The vector of one sample, of shape (1, ...), as LiteRT's reference kernels compute it.

    Raises:
        ModelError: the file cannot be run on it.
    """
    taken, given = LiteRTModel(content, reference=True).run_stored(features)
    little = [
        [np.asarray(array).astype(array.dtype.newbyteorder("<")).tobytes() for array in side] for side in (taken, given)
    ]
    return SampleVector(tuple(little[0]), tuple(little[1]))
