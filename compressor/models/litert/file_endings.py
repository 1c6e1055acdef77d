"""What the outputs of a `.tflite` file end in, told by its last operators."""

from __future__ import annotations

from compressor.base.types import EndsIn
from compressor.models.litert.flatbuffer import operator_of, read_model

_SOFTMAX, _SIGMOID = 25, 14  # BuiltinOperator.SOFTMAX and LOGISTIC in the LiteRT schema


# RESHAPE, SQUEEZE, EXPAND_DIMS, TRANSPOSE, QUANTIZE, DEQUANTIZE, CAST: they pass values on
_PASSING = {22, 43, 70, 39, 114, 6, 53}


def file_endings(content: bytes) -> tuple[EndsIn, ...]:
    """What each output of a `.tflite` file ends in, in the file's order."""
    model = read_model(content)
    graph = model.subgraphs[0]
    codes = [operator_of(code) for code in model.operatorCodes]
    maker = {int(index): operator for operator in graph.operators for index in operator.outputs}

    def ending(tensor: int) -> EndsIn:
        while tensor in maker:
            operator = maker[tensor]
            code = codes[operator.opcodeIndex]
            if code not in _PASSING:
                return "softmax" if code == _SOFTMAX else "sigmoid" if code == _SIGMOID else "linear"
            tensor = int(operator.inputs[0])
        return "linear"

    return tuple(ending(int(index)) for index in graph.outputs)
