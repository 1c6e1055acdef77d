"""Lets a `.tflite` file whose ranges come from training compute in integers where training gave none.

The converter takes the ranges of a trained model from its fake quantization. What lies between two layers with such
ranges stays in float: an island, between operators that make floats of integers and integers of floats. Here samples
are run through the file, the ranges of its floats recorded, and TensorFlow's quantizer, which takes float models too,
does the rest. Integers that the file already computes in stay as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.models.litert.format.flatbuffer import code_index, operator_of, read_model, write_model
from compressor.models.litert.format.operators import Operator
from compressor.models.litert.format.tensor_types import FLOATS, TensorType, type_of
from compressor.models.litert.integers.integer_quantizer import quantized
from compressor.models.litert.integers.products import calls_of, outputs_of, product_with_one

_ONE_RANGE = (Operator.MINIMUM, Operator.MAXIMUM, Operator.CONCATENATION)
_KNOWN_RANGE = (Operator.TANH, Operator.LOGISTIC, Operator.SOFTMAX)  # the converter quantizes them without training
_CONVERTING = {Operator.QUANTIZE, Operator.DEQUANTIZE}


def completed(content: bytes, samples: Iterable[Mapping[str, NDArray[Any]]], io: str, kept: Collection[str]) -> bytes:
    """The file with integers in its islands, as far as LiteRT's quantizer knows their operators.

    Args:
        content: a file that the converter made of a model with fake quantization; inputs and outputs are floats.
        samples: what ranges are measured on: arrays of shape (1, ...) by the names in the file's signature.
        io: dtype of the file's inputs and outputs, where the operators at them have integers.
        kept: the names of layers to leave in float.
    """
    import tensorflow as tf
    from tensorflow.lite.python.optimize.calibrator import Calibrator, add_intermediate_tensors
    from tensorflow.lite.python.util import modify_model_io_type

    calibrator = Calibrator(add_intermediate_tensors(_prepared(content)))
    result = quantized(calibrator.calibrate(lambda: iter(samples)), kept=kept)
    return bytes(modify_model_io_type(result, tf.as_dtype(io), tf.as_dtype(io)))


def _prepared(content: bytes) -> bytes:
    """The file, with its islands in the form that calibration and the quantizer take."""
    model = read_model(content)
    for graph in model.subgraphs:
        bounds = _Bounds(model, graph)
        bounds.give_floats()
        bounds.part_other_ranges()
        bounds.share_trained_ranges()
        bounds.join_in_trained_ranges()
    return write_model(model)


class _Bounds:
    """Where a graph goes from integers to floats and back."""

    def __init__(self, model: Any, graph: Any) -> None:
        self._model = model
        self._graph = graph
        self._floats: dict[int, int] = {}  # tensors of integers, and the same as floats

    def code(self, operator: Any) -> int:
        return operator_of(self._model.operatorCodes[operator.opcodeIndex])

    def give_floats(self) -> None:
        """Let operators that compute in float take floats where the converter gave them the integers.

        It does so to a matrix product behind a layer with a range, which it makes a fully connected layer.
        """
        made = {int(index) for operator in self._graph.operators for index in operator.outputs}
        for operator in list(self._graph.operators):
            if self.code(operator) not in _CONVERTING and any(
                self._type(index) in FLOATS for index in operator.outputs
            ):
                taken = {int(index) for index in operator.inputs if self._type(index) is TensorType.INT8}
                self._redirect(operator, {index: self._as_floats(index) for index in taken & made})

    def part_other_ranges(self) -> None:
        """Keep the range of what is made from the operators that take it and have one range for all that they take.

        They would give theirs to all others that take the tensor, and the output of an LSTM one that its state lacks.
        """
        states = outputs_of(self._model, self._graph, Operator.UNIDIRECTIONAL_SEQUENCE_LSTM)
        makers = {int(index): operator for operator in self._graph.operators for index in operator.outputs}
        for operator in calls_of(self._model, self._graph, *_ONE_RANGE):
            for quantizing in [makers[int(index)] for index in operator.inputs if int(index) in makers]:
                tensor = int(quantizing.inputs[0])
                if self.code(quantizing) != Operator.QUANTIZE or self._type(tensor) not in FLOATS:
                    continue
                for taker in calls_of(self._model, self._graph, *_KNOWN_RANGE):
                    if quantizing.outputs[0] in taker.inputs:
                        self._take_floats(taker, tensor)
                takers = sum(tensor in taker.inputs for taker in self._graph.operators)
                if tensor in states or (takers > 1 and self.code(operator) != Operator.CONCATENATION):
                    product = product_with_one(self._model, self._graph, quantizing, tensor)
                    quantizing.inputs = np.array([product], np.int32)

    def _take_floats(self, operator: Any, floats: int) -> None:
        """Let an operator of integers take floats, and make integers of what it makes of them."""
        integers = int(operator.outputs[0])
        made = self._float_twin(integers)
        operator.inputs, operator.outputs = np.array([floats], np.int32), np.array([made], np.int32)
        quantizing = _operator(code_index(self._model, Operator.QUANTIZE, version=2), made, integers)
        self._graph.operators.insert(self._place_behind(made), quantizing)

    def share_trained_ranges(self) -> None:
        """Let all that take a tensor take it in its trained range, if one of them does.

        The quantizer would leave the operator that makes it in float.
        """
        operators = self._graph.operators
        for quantizing in [operator for operator in operators if self.code(operator) == Operator.QUANTIZE]:
            tensor = int(quantizing.inputs[0])
            others = [operator for operator in operators if operator is not quantizing and tensor in operator.inputs]
            if self._type(tensor) not in FLOATS or not others:
                continue
            operators.remove(quantizing)
            operators.insert(self._place_behind(tensor), quantizing)
            floats = self._as_floats(int(quantizing.outputs[0]))
            for operator in others:
                self._redirect(operator, {tensor: floats})

    def join_in_trained_ranges(self) -> None:
        """Scale integers that are joined with floats as the whole is scaled by training.

        The quantizer demands one scale of all that is joined, and would leave it in float.
        """
        operators = self._graph.operators
        makers = {int(index): operator for operator in operators for index in operator.outputs}
        quantized = {
            int(operator.inputs[0]): int(operator.outputs[0])
            for operator in operators
            if self.code(operator) == Operator.QUANTIZE
        }
        for operator in [each for each in operators if self.code(each) == Operator.CONCATENATION]:
            whole = quantized.get(int(operator.outputs[0]))
            if whole is None or self._type(whole) is not TensorType.INT8:
                continue
            for index in map(int, operator.inputs):
                maker = makers.get(index)
                if maker is not None and self.code(maker) == Operator.DEQUANTIZE:
                    scaled = self._scaled(int(maker.inputs[0]), whole)
                    self._redirect(operator, {index: self._as_floats(scaled)})

    def _scaled(self, integers: int, other: int) -> int:
        """The tensor with the integers of one, in the scale of another."""
        tensor = copy(self._graph.tensors[integers])
        tensor.name, tensor.quantization = tensor.name + b"/scaled", copy(self._graph.tensors[other].quantization)
        self._graph.tensors.append(tensor)
        scaled = len(self._graph.tensors) - 1
        operator = _operator(code_index(self._model, Operator.QUANTIZE, version=2), integers, scaled)
        self._graph.operators.insert(self._place_behind(integers), operator)
        return scaled

    def _as_floats(self, integers: int) -> int:
        """The tensor with the floats of another's integers."""
        if integers not in self._floats:
            self._floats[integers] = self._float_twin(integers)
            operator = _operator(
                code_index(self._model, Operator.DEQUANTIZE, version=2), integers, self._floats[integers]
            )
            self._graph.operators.insert(self._place_behind(integers), operator)
        return self._floats[integers]

    def _float_twin(self, integers: int) -> int:
        """The place of a new tensor of floats, like another one of integers."""
        tensor = copy(self._graph.tensors[integers])
        tensor.name, tensor.type, tensor.quantization = tensor.name + b"/float", TensorType.FLOAT32, None
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _place_behind(self, tensor: int) -> int:
        """Where in the order of operators the one that makes a tensor is over; 0 for an input."""
        makers = [number for number, operator in enumerate(self._graph.operators) if tensor in operator.outputs]
        return makers[0] + 1 if makers else 0

    def _type(self, index: int) -> TensorType | None:
        return type_of(self._graph.tensors[index]) if index >= 0 else None

    def _redirect(self, operator: Any, to: Mapping[int, int]) -> None:
        operator.inputs = np.array([to.get(int(index), int(index)) for index in operator.inputs], np.int32)


def _operator(code: int, takes: int, makes: int) -> Any:
    from ai_edge_litert.schema_py_generated import OperatorT

    operator = OperatorT()
    operator.opcodeIndex = code
    operator.inputs, operator.outputs = np.array([takes], np.int32), np.array([makes], np.int32)
    return operator
