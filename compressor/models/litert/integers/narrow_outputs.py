"""Lets LiteRT run integer operators whose output has far smaller steps than their input."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np

from compressor.models.litert.format.flatbuffer import code_index, operator_of, read_model, write_model
from compressor.models.litert.format.operators import Operator
from compressor.models.litert.format.tensor_types import TensorType, type_of

_FINEST = 1 / 128  # of an input's step: smaller steps than that a HARD_SWISH cannot make


def runnable(content: bytes) -> bytes:
    """The file, with each HARD_SWISH making steps that it can, and a QUANTIZE behind it those that were asked for.

    Such steps come from ranges that were never seen anything in: of layers that are dead, or not trained yet.
    """
    model = read_model(content)
    codes = [operator_of(code) for code in model.operatorCodes]
    if Operator.HARD_SWISH not in codes:
        return content
    changed = False
    for graph in model.subgraphs:
        for call in [call for call in graph.operators if codes[call.opcodeIndex] == Operator.HARD_SWISH]:
            ends = graph.tensors[call.inputs[0]], graph.tensors[call.outputs[0]]
            if any(type_of(tensor) is not TensorType.INT8 for tensor in ends):
                continue
            least = ends[0].quantization.scale[0] * _FINEST
            if ends[1].quantization.scale[0] < least:
                _coarsen(model, graph, call, 2 * least)
                changed = True
    return write_model(model) if changed else content


def _coarsen(model: Any, graph: Any, call: Any, step: float) -> None:
    from ai_edge_litert.schema_py_generated import OperatorT

    made = int(call.outputs[0])
    coarse = deepcopy(graph.tensors[made])
    coarse.quantization.scale = np.array([step], np.float32)
    graph.tensors.append(coarse)
    quantize = OperatorT()
    quantize.opcodeIndex = code_index(model, Operator.QUANTIZE, version=2)
    call.outputs = np.array([len(graph.tensors) - 1], np.int32)
    quantize.inputs, quantize.outputs = call.outputs, np.array([made], np.int32)
    graph.operators.insert(graph.operators.index(call) + 1, quantize)
