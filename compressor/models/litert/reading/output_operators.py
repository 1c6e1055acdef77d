"""The last operators of a `.tflite` file, and what its outputs end in: a softmax, a sigmoid, or plain numbers."""

from __future__ import annotations

from collections.abc import Mapping

from compressor.base.types import EndsIn
from compressor.models.litert.format.flatbuffer import operator_of, read_model
from compressor.models.litert.format.operators import Operator, operator_name

_PASSING = {  # they hand values on, in another shape or type
    Operator.RESHAPE, Operator.SQUEEZE, Operator.EXPAND_DIMS, Operator.TRANSPOSE,
    Operator.QUANTIZE, Operator.DEQUANTIZE, Operator.CAST,
}  # fmt: skip
_ENDINGS: Mapping[int, EndsIn] = {Operator.SOFTMAX: "softmax", Operator.LOGISTIC: "sigmoid"}


def file_endings(content: bytes) -> tuple[EndsIn, ...]:
    """What each output of a `.tflite` file ends in, in the file's order."""
    model = read_model(content)
    graph = model.subgraphs[0]
    codes = [operator_of(code) for code in model.operatorCodes]
    makers = {int(index): operator for operator in graph.operators for index in operator.outputs}

    def ending(tensor: int) -> EndsIn:
        while tensor in makers:
            operator = makers[tensor]
            code = codes[operator.opcodeIndex]
            if code not in _PASSING:
                return _ENDINGS.get(code, "linear")
            tensor = int(operator.inputs[0])
        return "linear"

    return tuple(ending(int(index)) for index in graph.outputs)


def last_operators(content: bytes) -> tuple[str, ...]:
    """The name of the operator that makes each output of a `.tflite` file, in the file's order."""
    model = read_model(content)
    graph = model.subgraphs[0]
    makers = {int(index): operator for operator in graph.operators for index in operator.outputs}
    made = [makers.get(int(index)) for index in graph.outputs]
    return tuple(
        operator_name(operator_of(model.operatorCodes[operator.opcodeIndex])) if operator else "no operator"
        for operator in made
    )
