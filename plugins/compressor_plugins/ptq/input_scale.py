"""Lets firmware feed a file bytes as they come from a sensor: gives its uint8 inputs the scale that these have."""

from __future__ import annotations

import numpy as np

from compressor import StepError


def with_input_scale(content: bytes, scale: float) -> bytes:
    """The file, whose uint8 inputs mean `scale` times the byte; its first operators scale them again.

    Raises:
        StepError: it has no uint8 input, or one that another operator takes than the one that scales it.
    """
    from compressor.models.litert import Operator, TensorType, operator_of, read_model, type_of, write_model

    model = read_model(content)
    graph = model.subgraphs[0]
    inputs = [int(index) for index in graph.inputs if type_of(graph.tensors[index]) is TensorType.UINT8]
    if not inputs:
        raise StepError("no input of the file is uint8", "leave input_scale out")
    for operator in graph.operators:
        code = operator_of(model.operatorCodes[operator.opcodeIndex])
        for index in inputs:
            if index in operator.inputs and code != Operator.QUANTIZE:
                name = graph.tensors[index].name.decode(errors="replace")
                what = f"the input '{name}' is taken by an operator that does not scale it"
                raise StepError(what, "leave input_scale out")
    for index in inputs:
        quantization = graph.tensors[index].quantization
        quantization.scale, quantization.zeroPoint = np.array([scale], np.float32), np.array([0], np.int64)
    return write_model(model)
