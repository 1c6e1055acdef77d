"""Says how far a device's outputs may be off from LiteRT's, since its kernels round in other places.

LiteRT for Microcontrollers rounds fully connected layers and LSTMs differently now and then. With 100 samples of noise
for each net, int8 outputs were off by 0 to 2 steps (in half of the samples of an autoencoder of six dense layers),
int16 outputs by 1 to 4 steps (in all samples of four dense layers), and floats by 2e-7 of the largest in the output.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compressor.models.litert.format.flatbuffer import operator_of, read_model
from compressor.models.litert.format.operators import Operator
from compressor.models.litert.format.tensor_types import TensorType, type_of
from compressor.models.litert.reading.graph_contents import main_graph_of

_STEPS = {TensorType.INT8: 4, TensorType.UINT8: 4, TensorType.INT16: 32}
_OF_FLOATS, _BEHIND_INTEGERS = 1e-5, 0.02  # of the largest number in the output
_PASSING = {Operator.RESHAPE, Operator.SQUEEZE, Operator.EXPAND_DIMS, Operator.TRANSPOSE}


def allowed_differences(content: bytes, outputs: Sequence[bytes]) -> tuple[float, ...]:
    """How far each output of a LiteRT file may be off, in numbers as it is stored; 0 where each bit must be the same.

    Args:
        content: the file.
        outputs: the bytes that it gives for a sample.
    """
    model = read_model(content)
    graph = model.subgraphs[0]
    codes = [operator_of(code) for code in model.operatorCodes]
    makers = {int(index): call for call in graph.operators for index in call.outputs}
    constants = {index for index, tensor in enumerate(graph.tensors) if model.buffers[tensor.buffer].data is not None}
    computes_in_integers = any(
        codes[call.opcodeIndex] == Operator.DEQUANTIZE and int(call.inputs[0]) not in constants
        for call in graph.operators
    )

    def of_floats(index: int, given: bytes) -> float:
        while index in makers:
            call = makers[index]
            index, code = int(call.inputs[0]), codes[call.opcodeIndex]
            if code == Operator.DEQUANTIZE and type_of(graph.tensors[index]) in _STEPS:
                return _steps(graph.tensors[index]) * float(graph.tensors[index].quantization.scale[0])
            if code not in _PASSING:
                break
        numbers = np.abs(np.frombuffer(given, "<f4"))
        largest = float(numbers[np.isfinite(numbers)].max(initial=0.0))
        return largest * (_BEHIND_INTEGERS if computes_in_integers else _OF_FLOATS)

    return tuple(
        of_floats(int(index), given)
        if type_of(graph.tensors[index]) is TensorType.FLOAT32
        else _steps(graph.tensors[index])
        for index, given in zip(graph.outputs, outputs, strict=True)
    )


def alike(content: bytes, outputs: Sequence[bytes]) -> list[str]:
    """List the outputs of several numbers that are alike but for rounding, so that they tell no kernel from another.

    Args:
        content: the LiteRT file.
        outputs: the bytes that it gives for a sample.
    """
    found = []
    ends = main_graph_of(content).outputs
    for end, given, allowed in zip(ends, outputs, allowed_differences(content, outputs), strict=True):
        numbers = np.frombuffer(given, end.dtype).astype(float)
        if numbers.size > 1 and not np.ptp(numbers) > 2 * allowed:  # nor if one is no number
            found.append(end.name)
    return found


def _steps(tensor: Any) -> float:
    type_ = type_of(tensor)
    return float(_STEPS.get(type_, 0)) if type_ is not None and _is_scaled(tensor) else 0.0


def _is_scaled(tensor: Any) -> bool:
    return tensor.quantization is not None and tensor.quantization.scale is not None
