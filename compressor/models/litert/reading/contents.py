"""Counts what is in a `.tflite` file: its weights, tensor by tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import ModelError
from compressor.base.sizes import gzip_size
from compressor.models.library_errors import FLATBUFFER_ERRORS
from compressor.models.litert.format.flatbuffer import has_block_scales, operator_of, read_model
from compressor.models.litert.format.operators import Operator
from compressor.models.litert.format.small_numbers import split_bytes
from compressor.models.litert.format.sparse_tensors import dense_values, index_bytes
from compressor.models.litert.format.tensor_types import TensorType, type_of
from compressor.models.litert.reading.graph_contents import operators_in
from compressor.models.litert.reading.multiplications import multiplications
from compressor.models.litert.reading.spread import Spread, real_values, spread_of

_WEIGHT_TYPES = {
    TensorType.FLOAT32, TensorType.FLOAT16, TensorType.BFLOAT16, TensorType.FLOAT64,
    TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT4, TensorType.INT2,
}  # fmt: skip
_ACTIVATION_TYPES = {TensorType.INT8, TensorType.UINT8, TensorType.INT16}
_BY_VALUE = {Operator.ADD, Operator.SUB, Operator.MUL}
_BIAS_TYPES = {TensorType.INT32, TensorType.INT64}


@dataclass(frozen=True)
class WeightTensor:
    """A constant that the model learned, as the file holds it.

    Attributes:
        zeros: how many values are zero.
        unique: how many different values there are.
        channel_unique: the same in the channel that has most, where channels have scales of their own: one real value
            becomes another integer in each.
        bytes: of the values that the file holds and, where they are stored sparsely, of what tells their places.
        spread: how its values other than zero are distributed.
        kernel: whether it has two or more dimensions, as what is pruned and clustered, and is no bias or factor.
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
    spread: Spread | None = None

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape)) if self.shape else 1


@dataclass(frozen=True)
class Anatomy:
    """The size of a file and what is in it.

    Attributes:
        integer_activations: how many tensors it computes in integers.
        float_operators: how many of its operators compute in float.
        multiplications: multiply-accumulates of one call; None if a loop, or an open or missing size, leaves them open.
    """

    bytes: int
    gzip_bytes: int
    tensors: tuple[WeightTensor, ...]
    operators: int
    integer_activations: int = 0
    float_operators: int = 0
    multiplications: int | None = None

    @cached_property
    def kernels(self) -> tuple[WeightTensor, ...]:
        """The tensors that are pruned and clustered."""
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
        """Mean bits of the kernels' values."""
        size = sum(tensor.size for tensor in self.kernels)
        return sum(tensor.size * tensor.bits for tensor in self.kernels) / size if size else 0.0

    @property
    def unique(self) -> int:
        """The number of different values in the kernel that has most."""
        return max((tensor.unique for tensor in self.kernels), default=0)


def dissect(content: bytes) -> Anatomy:
    """Count what is in a LiteRT file.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    tensors = _weights_in(content)
    model = read_model(content)
    try:
        activations = sum(_integer_activations(model, graph) for graph in model.subgraphs)
        in_float = sum(operator.arithmetic == "float" for operator in operators_in(model))
        products = multiplications(model)
    except FLATBUFFER_ERRORS as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None
    operators = sum(len(graph.operators or []) for graph in model.subgraphs)
    return Anatomy(len(content), gzip_size(content), tensors, operators, activations, in_float, products)


def kernels_in(content: bytes) -> tuple[WeightTensor, ...]:
    """The weights that are pruned and clustered, without what else `dissect` finds out, which takes longer.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    return tuple(tensor for tensor in _weights_in(content) if tensor.kernel)


def real_weights(content: bytes) -> dict[str, NDArray[np.float32]]:
    """The weights of a file as the model computes with them, by the names of their tensors.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    model = read_model(content)
    try:
        return {
            each.name: real_values(each.values, each.type_, each.shape, each.quantization).reshape(each.shape)
            for graph in model.subgraphs
            for each in _stored(model, graph)
        }
    except FLATBUFFER_ERRORS as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None


def _weights_in(content: bytes) -> tuple[WeightTensor, ...]:
    model = read_model(content)
    try:
        return tuple(tensor for graph in model.subgraphs for tensor in _weights(model, graph))
    except FLATBUFFER_ERRORS as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None


def _integer_activations(model: Any, graph: Any) -> int:
    """Count the tensors of scaled integers that are no constants; a graph that computes in float has none."""
    return sum(
        _is_scaled(tensor) and not _constant(model, tensor) and type_of(tensor) in _ACTIVATION_TYPES
        for tensor in graph.tensors or []
    )


@dataclass(frozen=True)
class _Stored:
    """A constant that the model learned, with its place in the graph and the values that the file stores for it."""

    index: int
    tensor: Any
    type_: TensorType
    shape: tuple[int, ...]
    values: NDArray[Any]
    zero: int
    bytes: int

    @property
    def name(self) -> str:
        return (self.tensor.name or b"").decode(errors="replace")

    @property
    def quantization(self) -> Any:
        """Scales and zero points; None where the values are what they are."""
        return self.tensor.quantization if _is_scaled(self.tensor) else None


def _stored(model: Any, graph: Any) -> Iterator[_Stored]:
    tensors = graph.tensors or []
    scales = {tensor.quantization.details.scales for tensor in tensors if has_block_scales(tensor)}
    for index, tensor in enumerate(tensors):
        content, type_, scaled = _constant(model, tensor), type_of(tensor), _is_scaled(tensor)
        if not content or type_ is None or index in scales:
            continue
        if type_ not in _WEIGHT_TYPES and not (type_ in _BIAS_TYPES and scaled):
            continue
        shape = () if tensor.shape is None else tuple(int(size) for size in tensor.shape)
        zero = _zero(type_, tensor.quantization.zeroPoint if scaled else None)
        values = _values(content, type_, int(np.prod(shape)) if shape else 1)
        if tensor.sparsity is not None:
            values = dense_values(values, shape, tensor.sparsity, zero)
        size = len(content) + (index_bytes(tensor.sparsity) if tensor.sparsity is not None else 0)
        yield _Stored(index, tensor, type_, shape, values, zero, size)


def _weights(model: Any, graph: Any) -> Iterator[WeightTensor]:
    operands = _read_only_by(model, graph, _BY_VALUE)
    states = _read_only_by(model, graph, {Operator.WHILE})  # of a recurrent layer, where a loop begins with zeros
    seen: set[Any] = set()
    for each in _stored(model, graph):
        # an unrolled loop has a kernel for each of its steps, which all stand for the same bytes
        same = (each.tensor.buffer, each.type_, each.shape)
        if same in seen and len(each.shape) > 1:
            continue
        seen.add(same)
        learned = each.index not in operands and not (each.index in states and not each.values.any())
        unique, quantization = len(np.unique(each.values)), each.quantization
        yield WeightTensor(
            name=each.name,
            shape=each.shape,
            dtype=each.type_.dtype,
            bits=each.type_.bits,
            zeros=int(np.count_nonzero(each.values == each.zero)),
            unique=unique,
            channel_unique=unique if quantization is None else _channel_unique(each.values, each.shape, quantization),
            bytes=each.bytes,
            kernel=len(each.shape) > 1 and each.type_ not in _BIAS_TYPES and learned,
            spread=spread_of(real_values(each.values, each.type_, each.shape, quantization)),
        )


def _read_only_by(model: Any, graph: Any, kinds: set[Operator]) -> set[int]:
    """The tensors that no other operators take, such as those for single values take biases and factors."""
    taken: dict[int, set[int]] = {}
    for call in graph.operators or []:
        for index in call.inputs if call.inputs is not None else ():
            taken.setdefault(int(index), set()).add(operator_of(model.operatorCodes[call.opcodeIndex]))
    return {index for index, codes in taken.items() if codes <= kinds}


def _constant(model: Any, tensor: Any) -> bytes:
    """The bytes that the file holds for a tensor; none where it is computed."""
    data = model.buffers[tensor.buffer].data
    return b"" if data is None else bytes(data)


def _is_scaled(tensor: Any) -> bool:
    return tensor.quantization is not None and tensor.quantization.scale is not None


def _channel_unique(values: NDArray[Any], shape: tuple[int, ...], quantization: Any) -> int:
    axis = quantization.quantizedDimension or 0
    if len(quantization.scale) < 2 or axis >= len(shape) or values.size != int(np.prod(shape)):
        return len(np.unique(values))
    channels = np.moveaxis(values.reshape(shape), axis, 0)
    return max(len(np.unique(channel)) for channel in channels)


def _zero(type_: TensorType, zero_points: Any) -> int:
    """The stored value that means zero.

    It is other than 0 where the range is not symmetric, as in an embedding table with one scale for all of it.
    """
    asymmetric = type_ in (TensorType.INT8, TensorType.UINT8) and zero_points is not None and len(zero_points)
    return int(zero_points[0]) if asymmetric else 0


def _values(content: bytes, type_: TensorType, size: int) -> NDArray[Any]:
    """The stored values, to be compared with one another and with zero."""
    if type_.bits < 8:
        return split_bytes(content, type_.bits)[:size]
    if type_ is TensorType.BFLOAT16:
        return np.frombuffer(content, np.uint16) & 0x7FFF  # without the sign, so that -0 is 0
    return np.frombuffer(content, np.dtype(type_.dtype))
