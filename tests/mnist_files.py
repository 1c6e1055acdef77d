"""The MNIST net as a `.tflite` file, made tensor by tensor, without TensorFlow and in any type and size."""

from __future__ import annotations

import numpy as np
from small_litert_files import litert_file, tensor


def mnist_file(type_: str = "INT8", filters: int = 12, last: str = "FULLY_CONNECTED") -> bytes:
    """A convolution, a pooling and a dense layer, from 28x28x1 to 10; `last` stands for the dense layer."""
    scaled = type_ != "FLOAT32"
    size = 13 * 13 * filters
    weights, biases = ("INT8", "INT32") if scaled else (type_, type_)

    def data(*shape: int, stored: str = weights) -> bytes:
        values = np.arange(np.prod(shape)) % 251
        return values.astype(np.int8 if stored == "INT8" else stored.lower()).tobytes()

    def scales(scale: float, count: int = 1) -> list[float]:
        return [scale] * count if scaled else []

    tensors = [
        tensor("image", (1, 28, 28, 1), type_, scales=scales(0.5)),
        tensor("kernel", (filters, 3, 3, 1), weights, data(filters, 3, 3, 1), scales(0.1, filters)),
        tensor("bias", (filters,), biases, data(filters, stored=biases), scales(0.05, filters)),
        tensor("conv/Relu", (1, 26, 26, filters), type_, scales=scales(0.5)),
        tensor("pool/MaxPool", (1, 13, 13, filters), type_, scales=scales(0.5)),
        tensor("dense/MatMul", (10, size), weights, data(10, size), scales(0.1)),
        tensor("dense/Logits", (1, 10), type_, scales=scales(0.25)),
    ]
    calls = [("CONV_2D", [0, 1, 2], [3]), ("MAX_POOL_2D", [3], [4]), (last, [4, 5, -1], [6])]
    return litert_file(tensors, calls, [0], [6])
