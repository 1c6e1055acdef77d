"""Computes what a file gives for a sample, byte by byte, and how far a device may be off, for firmware's self-test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compressor.base.errors import ModelError
from compressor.base.types import Arrays
from compressor.models.litert.reading.graph_contents import main_graph_of
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor.models.micro.allowed_differences import allowed_differences


@dataclass(frozen=True)
class SampleVector:
    """The bytes that inputs hold, and that outputs hold then, the lowest byte of a number first.

    Attributes:
        allowed: how far the numbers of each output may be off on a device, as they are stored.
    """

    inputs: tuple[bytes, ...]
    outputs: tuple[bytes, ...]
    allowed: tuple[float, ...]


def sample_vector(content: bytes, features: Arrays) -> SampleVector:
    """Compute the vector of one sample, of shape (1, ...), by LiteRT's reference kernels.

    Raises:
        ModelError: the file cannot be run on it, or is laid out for inputs of other sizes.
    """
    taken, given = LiteRTModel(content, reference=True).run_stored(features)
    for array, end in zip(taken, main_graph_of(content).inputs, strict=True):
        if array.shape != end.sizes:
            own, wanted = (" x ".join(map(str, shape)) for shape in (array.shape, end.sizes))
            what = f"a sample of the data is {own} for '{end.name}', and the file is laid out for {wanted}"
            raise ModelError(what, "give data of that size, or make the file for samples of this size")
    little = [
        [np.asarray(array).astype(array.dtype.newbyteorder("<")).tobytes() for array in side] for side in (taken, given)
    ]
    return SampleVector(tuple(little[0]), tuple(little[1]), allowed_differences(content, little[1]))
