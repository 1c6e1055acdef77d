"""Writes operators of a `.tflite` file as products, which TensorFlow's quantizer and LiteRT have integers for.

- SQUARE and NEG stay in float, though MUL does not.
- What MINIMUM and MAXIMUM take gets the range of what they make, even if other operators take it as well, and then it
  is cut off for all of them: a product with 1 takes the cut, and the others get the whole. It also keeps apart what
  has a range of its own: what training gave one, and the output of an LSTM, whose state has the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from compressor.models.litert.format.flatbuffer import code_index, operator_of
from compressor.models.litert.format.operators import Operator
from compressor.models.litert.format.tensor_types import TensorType

_NEARLY_ONE = float(np.nextafter(np.float32(1), np.float32(2)))  # a product with 1 itself would be taken out


def has_range(graph: Any, index: int) -> bool:
    """Whether the smallest and largest value of a tensor are recorded."""
    found = graph.tensors[index].quantization if index >= 0 else None
    return found is not None and found.min is not None and len(found.min) > 0


def calls_of(model: Any, graph: Any, *operators: Operator) -> list[Any]:
    """The calls of these operators in a graph."""
    codes = [operator_of(code) for code in model.operatorCodes]
    return [call for call in graph.operators if codes[call.opcodeIndex] in operators]


def outputs_of(model: Any, graph: Any, *operators: Operator) -> set[int]:
    """The first outputs of the calls of these operators."""
    return {int(call.outputs[0]) for call in calls_of(model, graph, *operators)}


def multiply_squares(model: Any, graph: Any) -> bool:
    """Write squares as products; returns whether there are any."""
    squares = calls_of(model, graph, Operator.SQUARE)
    for call in squares:
        _multiply(model, call, [*call.inputs] * 2)
    return bool(squares)


def multiply_negatives(model: Any, graph: Any) -> bool:
    """Write what changes the sign of floats as products with -1; returns whether there are any."""
    calls = calls_of(model, graph, Operator.NEG)
    negatives = [call for call in calls if graph.tensors[call.inputs[0]].type == TensorType.FLOAT32]
    for call in negatives:
        _multiply(model, call, [call.inputs[0], _constant(model, graph, -1)])
    return bool(negatives)


def part_cut_values(model: Any, graph: Any) -> bool:
    """Have MINIMUM and MAXIMUM take products with 1 of what others take as well; returns whether there are any."""
    found = False
    known = outputs_of(model, graph, Operator.DEQUANTIZE, Operator.UNIDIRECTIONAL_SEQUENCE_LSTM)
    for call in calls_of(model, graph, Operator.MINIMUM, Operator.MAXIMUM):
        cut = {index for index in call.inputs if index in known or _is_cut_for_others(graph, call, index)}
        parted = {index: product_with_one(model, graph, call, index) for index in cut}
        call.inputs = np.array([parted.get(index, index) for index in call.inputs], np.int32)
        found |= bool(cut)
    return found


def _is_cut_for_others(graph: Any, call: Any, index: int) -> bool:
    if not (has_range(graph, index) and has_range(graph, call.outputs[0])):
        return False
    taken, made = graph.tensors[index].quantization, graph.tensors[call.outputs[0]].quantization
    wider = taken.min[0] < made.min[0] or taken.max[0] > made.max[0]
    others = index in graph.outputs or any(index in other.inputs for other in graph.operators if other is not call)
    return bool(wider and others)


def product_with_one(model: Any, graph: Any, taker: Any, index: int) -> int:
    """The place of a new tensor, which one of the tensor's takers takes in its stead and gives a range of its own."""
    from ai_edge_litert.schema_py_generated import OperatorT

    tensor = deepcopy(graph.tensors[index])
    tensor.name = b"%s_cut%d" % (tensor.name, len(graph.tensors))
    tensor.quantization = None  # it gets that of what the taker makes
    graph.tensors.append(tensor)
    product, place = OperatorT(), len(graph.tensors) - 1
    product.outputs = np.array([place], np.int32)
    _multiply(model, product, [index, _constant(model, graph, _NEARLY_ONE)])
    before = next(place for place, call in enumerate(graph.operators) if call is taker)
    graph.operators.insert(before, product)
    return place


def _multiply(model: Any, call: Any, factors: Sequence[int]) -> None:
    from ai_edge_litert.schema_py_generated import BuiltinOptions, MulOptionsT

    call.opcodeIndex, call.inputs = code_index(model, Operator.MUL, version=2), np.array(factors, np.int32)
    call.builtinOptionsType, call.builtinOptions = BuiltinOptions.MulOptions, MulOptionsT()


def _constant(model: Any, graph: Any, number: float) -> int:
    """The place of a new tensor that holds one number."""
    from ai_edge_litert.schema_py_generated import BufferT, TensorT

    value, tensor = BufferT(), TensorT()
    value.data = np.frombuffer(np.float32(number).tobytes(), np.uint8)
    model.buffers.append(value)
    tensor.name, tensor.shape, tensor.type = (
        b"factor%d" % len(graph.tensors),
        np.array([1], np.int32),
        TensorType.FLOAT32,
    )
    tensor.buffer = len(model.buffers) - 1
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1
