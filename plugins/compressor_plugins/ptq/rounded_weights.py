"""Rounds the weights of a float file as quantization does, and gives them back in float."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor import Arrays
from compressor.models.litert import read_model, write_model
from compressor_plugins.ptq.file_quantization import quantized
from compressor_plugins.ptq.tied_scales import stored_integers
from compressor_plugins.ptq.weight_quantization import IN_FLOAT, Storage
from compressor_plugins.ptq.weighted_operators import WeightedOperator, kernel_of

Kernels = Mapping[WeightedOperator, NDArray[np.float32]]


def rounded(content: bytes, storages: Mapping[WeightedOperator, Storage], samples: Sequence[Arrays]) -> Kernels:
    """The kernels that are quantized, rounded as their storages say. Kernels that stay in float are left out.

    Raises:
        StepError: litert-quantizer cannot quantize them so.
    """
    chosen = {operator: storage for operator, storage in storages.items() if storage != IN_FLOAT}
    file = read_model(content)
    found = {
        operator: kernel_of(file, operator).astype(np.float16).astype(np.float32)
        for operator, storage in chosen.items()
        if storage.weights == "float16"
    }
    in_float = {operator: replace(storage, activations="float32") for operator, storage in storages.items()}
    if len(found) < len(chosen):
        stored = read_model(quantized(content, in_float, "float32", "float32", samples))
        for operator in chosen.keys() - found.keys():
            tensor = stored.subgraphs[0].tensors[operator.tensor]
            found[operator] = _real(stored, tensor, operator)
    return found


def with_kernels(content: bytes, kernels: Kernels) -> bytes:
    """The float file with these kernels in the place of its own."""
    file = read_model(content)
    for operator, kernel in kernels.items():
        buffer = file.buffers[file.subgraphs[0].tensors[operator.tensor].buffer]
        buffer.data = np.frombuffer(kernel.astype(np.float32).tobytes(), np.uint8)
    return write_model(file)


def _real(file: Any, tensor: Any, operator: WeightedOperator) -> NDArray[np.float32]:
    scale = np.asarray(tensor.quantization.scale, np.float32)
    shape = [1] * len(operator.shape)
    if len(scale) > 1:
        shape[tensor.quantization.quantizedDimension or 0] = len(scale)
    return (stored_integers(file, tensor) * scale.reshape(shape)).astype(np.float32)
