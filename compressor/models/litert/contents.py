"""What is in a `.tflite` file: its weights, counted tensor by tensor."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import ModelError
from compressor.models.litert.flatbuffer import read_model

# TensorType in the LiteRT schema: name, bits
_TYPES: dict[int, tuple[str, int]] = {
    0: ("float32", 32), 1: ("float16", 16), 2: ("int32", 32), 3: ("uint8", 8), 4: ("int64", 64), 6: ("bool", 8),
    7: ("int16", 16), 9: ("int8", 8), 10: ("float64", 64), 12: ("uint64", 64), 15: ("uint32", 32), 16: ("uint16", 16),
    17: ("int4", 4), 18: ("bfloat16", 16), 19: ("int2", 2),
}  # fmt: skip
_WEIGHT_TYPES = {"float32", "float16", "bfloat16", "float64", "int8", "uint8", "int16", "int4", "int2"}
_SCALED = {"int8", "uint8", "int16"}
_BIAS_TYPES = {"int32", "int64"}


@dataclass(frozen=True)
class WeightTensor:
    """A constant that the model learned, as it lies in the file; `zeros` and `unique` are counts of its values.

    `channel_unique` is the most different values in any channel that has a scale of its own, since one real value
    becomes another integer in each. `kernel` tells weights (two or more dimensions, what is pruned and clustered) from
    biases and scalars.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    bits: int
    zeros: int
    unique: int
    channel_unique: int
    bytes: int
    kernel: bool

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape)) if self.shape else 1


@dataclass(frozen=True)
class Anatomy:
    """A file's bytes, and the weights in it; `integer_activations` counts the tensors that are computed in integers."""

    bytes: int
    gzip_bytes: int
    tensors: tuple[WeightTensor, ...]
    operators: int
    integer_activations: int = 0

    @cached_property
    def kernels(self) -> tuple[WeightTensor, ...]:
        """The tensors that pruning and clustering are about."""
        return tuple(tensor for tensor in self.tensors if tensor.kernel)

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return sum(tensor.size for tensor in self.tensors)

    @property
    def sparsity(self) -> float:
        """Share of zeros among the kernels' values, 0 to 1."""
        size = sum(tensor.size for tensor in self.kernels)
        return sum(tensor.zeros for tensor in self.kernels) / size if size else 0.0

    @property
    def weight_bits(self) -> float:
        """Mean bits of a kernel's value."""
        size = sum(tensor.size for tensor in self.kernels)
        return sum(tensor.size * tensor.bits for tensor in self.kernels) / size if size else 0.0

    @property
    def unique(self) -> int:
        """Most different values in any kernel."""
        return max((tensor.unique for tensor in self.kernels), default=0)


def dissect(content: bytes) -> Anatomy:
    """Count what is in a LiteRT file.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    model = read_model(content)
    try:
        tensors = tuple(tensor for graph in model.subgraphs for tensor in _weights(model, graph))
        activations = sum(_integer_activations(model, graph) for graph in model.subgraphs)
    except (IndexError, ValueError, TypeError, OverflowError) as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None
    operators = sum(len(graph.operators or []) for graph in model.subgraphs)
    return Anatomy(len(content), gzip_size(content), tensors, operators, activations)


def gzip_size(content: bytes) -> int:
    """Bytes after `gzip -9`."""
    return len(gzip.compress(content, 9, mtime=0))


def _integer_activations(model: Any, graph: Any) -> int:
    """Tensors of scaled integers that are no constants; operators that compute in float have none between them."""
    found = 0
    for tensor in graph.tensors or []:
        data = model.buffers[tensor.buffer].data
        scaled = tensor.quantization is not None and tensor.quantization.scale is not None
        found += scaled and (data is None or not len(data)) and _TYPES.get(tensor.type or 0, ("", 0))[0] in _SCALED
    return found


def _weights(model: Any, graph: Any) -> Iterator[WeightTensor]:
    for tensor in graph.tensors or []:
        data = model.buffers[tensor.buffer].data
        if data is None or not len(data):
            continue
        dtype, bits = _TYPES.get(tensor.type or 0, ("other", 8))
        scaled = tensor.quantization is not None and tensor.quantization.scale is not None
        if dtype not in _WEIGHT_TYPES and not (dtype in _BIAS_TYPES and scaled):
            continue
        shape = () if tensor.shape is None else tuple(int(size) for size in tensor.shape)
        values = _values(np.frombuffer(bytes(data), np.uint8), dtype, int(np.prod(shape)) if shape else 1)
        zero_points = tensor.quantization.zeroPoint if scaled else None
        zeros = int(np.count_nonzero(values == _zero(dtype, zero_points)))
        name = (tensor.name or b"").decode(errors="replace")
        kernel = len(shape) > 1 and dtype not in _BIAS_TYPES
        unique = len(np.unique(values))
        channel_unique = _channel_unique(values, shape, tensor.quantization) if scaled else unique
        yield WeightTensor(name, shape, dtype, bits, zeros, unique, channel_unique, len(data), kernel)


def _channel_unique(values: NDArray[Any], shape: tuple[int, ...], quantization: Any) -> int:
    axis = quantization.quantizedDimension or 0
    if len(quantization.scale) < 2 or axis >= len(shape) or values.size != int(np.prod(shape)):
        return len(np.unique(values))
    channels = np.moveaxis(values.reshape(shape), axis, 0)
    return max(len(np.unique(channel)) for channel in channels)


def _zero(dtype: str, zero_points: Any) -> int:
    """The stored value that means zero: other than 0 where a tensor has one range for all, as a table of embeddings."""
    return int(zero_points[0]) if dtype in ("int8", "uint8") and zero_points is not None and len(zero_points) else 0


def _values(data: NDArray[np.uint8], dtype: str, size: int) -> NDArray[Any]:
    if dtype in ("int4", "int2"):
        bits = _bits(dtype)
        lanes = np.stack([(data >> shift) & (2**bits - 1) for shift in range(0, 8, bits)], axis=1)
        return lanes.reshape(-1)[:size]
    if dtype == "bfloat16":
        return data.view(np.uint16) & 0x7FFF
    return data.view(np.dtype(dtype))


def _bits(dtype: str) -> int:
    return 4 if dtype == "int4" else 2
