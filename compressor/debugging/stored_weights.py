"""Reads the weights that a quantized file holds as real numbers, for the float file to compute with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.debugging.operator_graph import OperatorGraph
from compressor.debugging.tensor_pairs import TensorPairs
from compressor.models.litert.format.tensor_types import TensorType


def stored_weights(
    quantized: OperatorGraph, exact: OperatorGraph, pairs: TensorPairs
) -> dict[int, NDArray[np.float32]]:
    """The quantized file's weights and biases by the float file's tensors, less those that are the same in both."""
    found = {}
    for index, other in pairs.nodes.items():
        for own, tensor in zip(quantized.nodes[index].inputs, other.inputs, strict=False):
            if own in quantized.fixed and tensor in exact.fixed and min(own, tensor) >= 0:
                values = _changed(quantized, own, exact, tensor)
                if values is not None:
                    found[tensor] = values.astype(np.float32)
    return found


def _changed(quantized: OperatorGraph, own: int, exact: OperatorGraph, tensor: int) -> NDArray[Any] | None:
    """The real values of a constant, if they can be told and are not those of the float file."""
    if exact.tensors[tensor].type is not TensorType.FLOAT32:
        return None
    values, before = quantized.constant(own), exact.constant(tensor)
    if values is None or before is None or values.shape != before.shape:
        return None
    if values.dtype.kind != "f":  # integers whose scales are those of blocks
        return None
    return None if np.array_equal(values, before) else values
