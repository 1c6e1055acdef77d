"""How large the package of a model will be, before it is quantized to int8 and packed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor import StepContext
from compressor_plugins.entropy.quantized_kernels import QuantizedKernel

_SAMPLES = 100  # that activations' ranges are taken from, which only the bytes of scales and biases depend on


def coded_size(kernels: Sequence[QuantizedKernel], threshold: float = 0.5) -> int:
    """Bytes that the coder writes for the kernels as they are, those below `threshold` steps zero."""
    from compressor.models.packing import weights_size

    return weights_size([_in_int8(kernel.levels(threshold)) for kernel in kernels])


def size_around(model: Any, kernels: Sequence[QuantizedKernel], context: StepContext) -> int:
    """Bytes of a model's package beside its kernels: graph, scales, biases and all other weights.

    A trial tells them. `ptq` will give each kernel one scale. The converter gives each channel one of its own, and so
    that these are the same as well, the trial has the largest weight of the kernel in every channel.
    """
    from compressor import Conversion, to_litert
    from compressor.models.litert import shrunk
    from compressor.models.packing import pack, weights_size

    before = [kernel.kernel.numpy() for kernel in kernels]
    tried = []
    for kernel in kernels:
        levels = kernel.levels()
        tried.append(_with_equal_maxima(levels))
        kernel.assign(tried[-1])
    try:
        content = to_litert(model, Conversion("int8", calibration=context.calibration(_SAMPLES)))
    finally:
        for kernel, weights in zip(kernels, before, strict=True):
            kernel.kernel.assign(weights)
    return len(pack(shrunk(content), "model")) - weights_size([_in_int8(levels) for levels in tried])


def _with_equal_maxima(levels: NDArray[np.int64]) -> NDArray[np.int64]:
    result, largest = levels.copy(), max(1, int(np.abs(levels).max()))
    rows, places = np.arange(len(levels)), np.abs(levels).argmax(axis=1)
    result[rows, places] = np.where(levels[rows, places] < 0, -largest, largest)
    return result


def _in_int8(levels: NDArray[np.int64]) -> NDArray[np.int8]:
    """The integers that `ptq` makes of a kernel, whose largest one becomes 127."""
    largest = max(1, int(np.abs(levels).max()))
    return np.round(levels * (127 / largest)).astype(np.int8)
