"""Counts the multiply-accumulate operations of one call of a `.tflite` file, from the shapes that it holds.

Counted are convolutions, matrix products and LSTMs, as usual; what is done value by value is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from compressor.models.litert.flatbuffer import operator_of
from compressor.models.litert.operators import Operator

_Shape: TypeAlias = Sequence[int]
_LSTM_MATRICES = (*range(1, 9), 16)  # inputs of the operator: of the input, of the state before, of the projection
_LOOPS = {Operator.WHILE}  # which run as often as the data says


def multiplications(model: Any) -> int | None:
    """The multiply-accumulates of one call; None where a loop, or a size that is open or missing, leaves them open.

    Args:
        model: the `ModelT` of a file.
    """
    total = 0
    for graph in model.subgraphs:
        for call in graph.operators or []:
            if (count := multiplications_of_call(model, graph, call)) is None:
                return None
            total += count
    return total


def multiplications_of_call(model: Any, graph: Any, call: Any) -> int | None:
    """Those of one operator, 0 for one that is not counted; None for a loop, or where a size is open or missing."""
    operator = operator_of(model.operatorCodes[call.opcodeIndex])
    if operator in _LOOPS:
        return None
    if (count := _COUNTERS.get(operator)) is None:
        return 0
    tensors = [graph.tensors[int(index)] if index >= 0 else None for index in call.inputs]
    output = graph.tensors[int(call.outputs[0])]
    if any(_is_open(tensor) for tensor in (*tensors, output) if tensor is not None):
        return None
    return count([_shape(tensor) for tensor in tensors], _shape(output), call.builtinOptions)


def _is_open(tensor: Any) -> bool:
    """Whether the caller chooses a size of the tensor, or all; the number of samples is that of a call with one."""
    signature = tensor.shapeSignature
    return not _shape(tensor) or (signature is not None and any(int(size) < 0 for size in signature[1:]))


def _shape(tensor: Any) -> _Shape:
    return () if tensor is None or tensor.shape is None else tuple(int(size) for size in tensor.shape)


def _convolution(inputs: Sequence[_Shape], output: _Shape, _: Any) -> int:
    return math.prod(output) * math.prod(inputs[1][1:])  # weights: outputs, height, width, inputs of a group


def _depthwise(inputs: Sequence[_Shape], output: _Shape, _: Any) -> int:
    return math.prod(output) * math.prod(inputs[1][1:3])  # weights: 1, height, width, outputs


def _convolution_3d(inputs: Sequence[_Shape], output: _Shape, _: Any) -> int:
    return math.prod(output) * math.prod(inputs[1][:4])  # weights: depth, height, width, inputs, outputs


def _transposed(inputs: Sequence[_Shape], _: _Shape, __: Any) -> int:
    return math.prod(inputs[2]) * math.prod(inputs[1][:3])  # weights: outputs, height, width, inputs


def _dense(inputs: Sequence[_Shape], output: _Shape, _: Any) -> int:
    return math.prod(output) * inputs[1][-1]  # weights: outputs, inputs


def _product(inputs: Sequence[_Shape], output: _Shape, options: Any) -> int:
    return math.prod(output) * inputs[0][-2 if options is not None and options.adjX else -1]


def _lstm(inputs: Sequence[_Shape], _: _Shape, __: Any) -> int:
    matrices = sum(math.prod(inputs[place]) for place in _LSTM_MATRICES if place < len(inputs) and inputs[place])
    return math.prod(inputs[0][:2]) * matrices  # steps of all samples


_COUNTERS: Mapping[int, Callable[[Sequence[_Shape], _Shape, Any], int]] = {
    Operator.CONV_2D: _convolution,
    Operator.DEPTHWISE_CONV_2D: _depthwise,
    Operator.CONV_3D: _convolution_3d,
    Operator.TRANSPOSE_CONV: _transposed,
    Operator.FULLY_CONNECTED: _dense,
    Operator.BATCH_MATMUL: _product,
    Operator.UNIDIRECTIONAL_SEQUENCE_LSTM: _lstm,
}
