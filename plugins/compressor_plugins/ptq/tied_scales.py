"""Keeps clusters in a quantized file: gives kernels whose weights share a few values one scale for all channels.

With a scale for each channel a value becomes another integer in each, and k values up to k for each channel. Where the
converter multiplied channels by factors, as it does to take in a BatchNormalization, the scales take the factors, and
the integers stay those of the layer's own values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import copy, deepcopy
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from compressor import to_litert
from compressor.models.litert import (
    Operator,
    TensorType,
    joined_bytes,
    operator_of,
    read_model,
    split_bytes,
    type_of,
    write_model,
)
from compressor_plugins.ptq.weighted_operators import WeightedOperator, kernel_of, weighted_operators

Floats: TypeAlias = NDArray[np.float64]

_ONE_SCALE = {Operator.CONV_2D, Operator.FULLY_CONNECTED}  # LiteRT computes these rightly with one scale for a kernel
_INTEGERS = (TensorType.INT8, TensorType.INT4, TensorType.INT2)
_BIASES: Mapping[int, Any] = {TensorType.INT32: np.int32, TensorType.INT64: np.int64}
_MOST_VALUES = 255  # that 8 bits tell apart; a kernel with more of them loses nothing by scales of channels
_SAMPLE = 4096  # weights of a kernel that are looked at first
_SAME = 1e-5  # of the largest weight: how far values are apart that are one, but for rounding to float32


@dataclass(frozen=True)
class _Kernel:
    """A constant of a quantized file, and the float weights that it was made of, in the layout of the file.

    `values` are the weights without the `factors` of the channels, which stand along `axis`.
    """

    graph: Any
    place: int
    values: Floats
    factors: Floats
    axis: int

    @property
    def tensor(self) -> Any:
        """Where it stands."""
        return self.graph.tensors[self.place]

    @property
    def scales(self) -> Floats:
        """By channel."""
        return np.broadcast_to(scales_of(self.tensor).astype(np.float64), self.factors.shape)

    @property
    def count(self) -> int:
        """How many values there are."""
        return len(np.unique(self.values))


def with_clusters(content: bytes, model: Any) -> bytes:
    """The file that the converter made of a tf_keras model and quantized, with the clusters that its kernels have."""
    if not any(weight.shape.rank > 1 and _shares_few_values(weight.numpy()) for weight in model.weights):
        return content
    plain = to_litert(model)
    with_named = tied(content, plain, weighted_operators(plain, model), by_name=True)
    file = read_model(with_named)
    return _with_tied(with_named, file, _unrolled_kernels(file, model))


def tied(content: bytes, plain: bytes, operators: Iterable[WeightedOperator], by_name: bool = False) -> bytes:
    """A quantized file with as many integers in each kernel as its weights have values; biases follow the scales.

    Kernels that have no more integers than that already stay as they are.

    Args:
        content: the quantized file.
        plain: the float file that it was made from.
        operators: those of the float file whose kernels may be changed.
        by_name: whether the tensors of the two files go by their names, as the converter's do, or by their numbers.
    """
    file = read_model(content)
    return _with_tied(content, file, _kernels(file, read_model(plain), operators, by_name))


def _with_tied(content: bytes, file: Any, kernels: Iterable[_Kernel]) -> bytes:
    """The bytes of a file after one scale was given to those of its kernels that need it; `content` if none does."""
    parted = [kernel for kernel in kernels if _is_parted(file, kernel)]
    for kernel in parted:
        _tie(file, kernel)
    return write_model(file) if parted else content


def stored_integers(file: Any, tensor: Any) -> NDArray[np.int32]:
    """The integers of a quantized constant, in its shape."""
    bits = TensorType(tensor.type).bits
    values = split_bytes(_data(file, tensor), bits)[: int(np.prod(tensor.shape))].astype(np.int32)
    return np.where(values >= 2 ** (bits - 1), values - 2**bits, values).reshape(tensor.shape)


def _shares_few_values(weights: NDArray[Any]) -> bool:
    """Whether two weights or more, on average, have each of the few values of a kernel."""
    count = len(np.unique(weights.reshape(-1)[:_SAMPLE]))
    return 1 < count <= min(_MOST_VALUES, weights.size // 2)


def _kernels(file: Any, plain: Any, operators: Iterable[WeightedOperator], by_name: bool) -> Iterator[_Kernel]:
    """The kernels of the main graph whose weights share few values."""
    graph, source = file.subgraphs[0], plain.subgraphs[0]
    names = {(tensor.name, _shape(tensor)): place for place, tensor in enumerate(graph.tensors)}
    for operator in operators:
        place = names.get((source.tensors[operator.tensor].name, operator.shape)) if by_name else operator.tensor
        if place is None or type_of(graph.tensors[place]) not in _INTEGERS or not _data(file, graph.tensors[place]):
            continue
        factors = np.array(operator.factors or [1.0] * operator.shape[operator.axis])
        weights = np.moveaxis(kernel_of(plain, operator).astype(np.float64), operator.axis, -1)
        if by_name and not _rounds_to(file, graph.tensors[place], weights, operator.axis):
            continue
        weights = weights / factors
        if _merged(weights.reshape(-1)[:_SAMPLE])[1] <= _MOST_VALUES:
            values = np.moveaxis(_merged(weights)[0], -1, operator.axis)
            yield _Kernel(graph, place, values, factors, operator.axis)


def _unrolled_kernels(file: Any, model: Any) -> Iterator[_Kernel]:
    """The kernels of a loop that was unrolled, found by the model's weights, since they lose their names on the way."""
    graph = file.subgraphs[0]
    weights = [weight.numpy().T.astype(np.float64) for weight in model.weights if weight.shape.rank == 2]
    places = {int(call.inputs[1]) for call in graph.operators if _is_dense(file, call)}
    for place in sorted(places):
        tensor = graph.tensors[place]
        if type_of(tensor) not in _INTEGERS or not _data(file, tensor):
            continue
        for values in weights:
            if values.shape != _shape(tensor) or not _rounds_to(file, tensor, values.T, 0):
                continue
            if _merged(values.reshape(-1)[:_SAMPLE])[1] <= _MOST_VALUES:
                yield _Kernel(graph, place, _merged(values)[0], np.ones(len(values)), 0)
            break


def _is_dense(file: Any, call: Any) -> bool:
    return operator_of(file.operatorCodes[call.opcodeIndex]) == Operator.FULLY_CONNECTED


def _rounds_to(file: Any, tensor: Any, weights: Floats, axis: int) -> bool:
    """Whether a tensor holds these weights, whose channels stand along the last axis, and not others of its name."""
    scales = scales_of(tensor).astype(np.float64)
    integers = np.moveaxis(stored_integers(file, tensor), axis, -1)
    return len(scales) in (1, weights.shape[-1]) and bool((np.abs(integers * scales - weights) <= scales).all())


def _merged(weights: Floats) -> tuple[Floats, int]:
    """The weights with one value for all that differ by rounding alone, and how many values there are."""
    values, places = np.unique(weights, return_inverse=True)
    groups = np.cumsum(np.diff(values, prepend=values[:1]) > _SAME * np.abs(values).max(initial=0))
    firsts = values[np.searchsorted(groups, np.arange(groups.max(initial=0) + 1))]
    return firsts[groups][places].reshape(weights.shape), len(firsts)


def _is_parted(file: Any, kernel: _Kernel) -> bool:
    """Whether the tensor has more integers than its weights have values."""
    return len(scales_of(kernel.tensor)) in (1, len(kernel.factors)) and (
        len(np.unique(stored_integers(file, kernel.tensor))) > kernel.count
    )


def _tie(file: Any, kernel: _Kernel) -> None:
    tensor, old, bits = kernel.tensor, kernel.scales, TensorType(kernel.tensor.type).bits
    most = 2 ** (bits - 1) - 1
    scale = _best_scale(kernel, most)
    integers = np.clip(np.round(kernel.values / scale), -most, most).astype(np.int8).reshape(-1)
    new = (kernel.factors * scale).astype(np.float32)
    takers = [call for call in kernel.graph.operators if kernel.place in call.inputs]
    kinds = {operator_of(file.operatorCodes[call.opcodeIndex]) for call in takers}
    if (new == new[0]).all() and kinds <= _ONE_SCALE:
        new = new[:1]
    if bits < 8:
        numbers = (np.pad(integers, (0, -len(integers) % (8 // bits))) & (2**bits - 1)).astype(np.uint8)
        store(file, tensor, np.frombuffer(joined_bytes(numbers, bits), np.uint8))
    else:
        store(file, tensor, integers)
    _set_scales(tensor, new, kernel.axis)
    for call in takers:
        _rescale_bias(file, kernel.graph, call, new / old)


def _best_scale(kernel: _Kernel, most: int) -> float:
    """Of the scales that the channels had, and of the one that reaches the largest weight, the one of least error."""
    values, counts = np.unique(kernel.values, return_counts=True)
    used = np.moveaxis(kernel.values, kernel.axis, 0).reshape(len(kernel.factors), -1).any(axis=1)
    scales = np.append((kernel.scales / kernel.factors)[used], np.abs(values).max() / most)
    steps = np.clip(np.round(values / scales[:, None]), -most, most) * scales[:, None]
    return float(scales[(counts * np.square(steps - values)).sum(axis=1).argmin()])


def _rescale_bias(file: Any, graph: Any, call: Any, ratio: Floats) -> None:
    """Let the integers of an operator's bias mean the same with scales that are `ratio` times what they were."""
    at = 3 if operator_of(file.operatorCodes[call.opcodeIndex]) == Operator.TRANSPOSE_CONV else 2
    index = int(call.inputs[at]) if len(call.inputs) > at else -1
    if index < 0 or graph.tensors[index].type not in _BIASES or not len(scales_of(graph.tensors[index])):
        return
    bias = graph.tensors[index]
    dtype = _BIASES[bias.type]
    if sum(index in other.inputs for other in graph.operators) > 1:
        bias = deepcopy(bias)
        call.inputs = [*call.inputs[:at], len(graph.tensors), *call.inputs[at + 1 :]]
        graph.tensors.append(bias)
    store(file, bias, np.round(np.frombuffer(_data(file, bias), dtype) / ratio).astype(dtype))
    scales = (scales_of(bias) * ratio).astype(np.float32)
    alike = np.ptp(scales) <= 1e-6 * scales[0]
    _set_scales(bias, scales[:1] if alike else scales, 0)


def _shape(tensor: Any) -> tuple[int, ...]:
    return () if tensor.shape is None else tuple(int(size) for size in tensor.shape)


def _data(file: Any, tensor: Any) -> bytes:
    data = file.buffers[tensor.buffer].data
    return b"" if data is None else bytes(data)


def scales_of(tensor: Any) -> NDArray[np.float32]:
    """The scales of a quantized tensor: one, or one for each channel; none where it is not quantized."""
    known = tensor.quantization is not None and tensor.quantization.scale is not None
    return np.asarray(tensor.quantization.scale if known else (), np.float32)


def _set_scales(tensor: Any, scales: NDArray[np.float32], axis: int) -> None:
    quantization = tensor.quantization
    quantization.scale, quantization.zeroPoint = scales, np.zeros(len(scales), np.int64)
    quantization.quantizedDimension = axis if len(scales) > 1 else 0
    quantization.min = quantization.max = None


def store(file: Any, tensor: Any, values: NDArray[Any]) -> None:
    """Give a constant other values, in a buffer of its own if another tensor shares the one that it had."""
    if sum(other.buffer == tensor.buffer for graph in file.subgraphs for other in graph.tensors) > 1:
        file.buffers.append(copy(file.buffers[tensor.buffer]))
        tensor.buffer = len(file.buffers) - 1
    file.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)
