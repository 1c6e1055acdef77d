"""Rewrites a LiteRT file so that LiteRT for Microcontrollers decodes the weights of each layer just before it runs.

The weights stay coded in flash. The operator DECODE (`TFLM_DECODE`), put before each operator that reads them, writes
them into the arena, where the next operator takes them from: flash is saved, and memory and time are spent.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import ModelError
from compressor.models.library_errors import FLATBUFFER_ERRORS
from compressor.models.litert.format.flatbuffer import operator_of, read_model
from compressor.models.litert.format.flatbuffer_writer import compact
from compressor.models.litert.format.operators import operator_name
from compressor.models.litert.format.tensor_types import TensorType, type_of
from compressor.models.litert.format.weight_inputs import WEIGHTS_AT, listed, weights_alone
from compressor.models.micro.arena import OFFLINE_PLAN
from compressor.models.micro.weight_codes import CodedWeights, smallest_code

DECODE = "TFLM_DECODE"
_DTYPES = {TensorType.INT8: "<i1", TensorType.FLOAT32: "<f4"}
_WORTH_IT = 192  # bytes that a tensor must save: DECODE and its two tensors take about as many


@dataclass(frozen=True)
class DecodedTensor:
    """Weights that are decoded on the device: their name, how they are coded, and bytes before and after."""

    name: str
    method: str
    bytes_before: int
    bytes_after: int


def with_decoded_weights(content: bytes) -> tuple[bytes, tuple[DecodedTensor, ...]]:
    """Code the weights of convolutions and dense layers where that saves flash, and put DECODE before their operators.

    Args:
        content: a LiteRT file. Weights in int8 and float32 are coded; those of other types stay as they are.

    Returns:
        The file, and what is coded in it; as it was, and nothing, where none takes fewer bytes coded.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    model = read_model(content)
    try:
        found = [done for graph in model.subgraphs for done in _decoded(model, graph)]
    except FLATBUFFER_ERRORS as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None
    if not found:
        return content, ()
    model.metadata = [entry for entry in model.metadata or [] if entry.name != OFFLINE_PLAN]  # of fewer tensors
    smaller = compact(model)
    return (smaller, tuple(found)) if len(smaller) < len(content) else (content, ())


def _decoded(model: Any, graph: Any) -> list[DecodedTensor]:
    """Rewrite one graph, and list the tensors whose weights are coded now."""
    codes = {index: code for index in sorted(weights_alone(model, graph)) if (code := _code_of(model, graph, index))}
    done = [
        DecodedTensor(_name(model, graph, index), code.method, _size(model, graph.tensors[index]), code.bytes)
        for index, code in codes.items()
    ]
    if not codes:
        return []
    opcode = _decode_opcode(model)
    metadata: dict[bytes, int] = {}
    calls: list[Any] = []
    for call in graph.operators:
        place = WEIGHTS_AT.get(operator_of(model.operatorCodes[call.opcodeIndex]))
        index = int(call.inputs[place]) if place is not None else -1
        if index in codes:
            head = codes[index].metadata
            if head not in metadata:
                metadata[head] = _added(model, graph, head)
            output = _decoded_tensor(graph, graph.tensors[index])
            calls.append(_call(opcode, [index, metadata[head]], output))
            call.inputs = [output if number == place else int(each) for number, each in enumerate(call.inputs)]
        calls.append(call)
    graph.operators = calls
    for index, code in codes.items():
        tensor = graph.tensors[index]
        tensor.name = tensor.quantization = None
        model.buffers[tensor.buffer].data = _describe(tensor, code.codes)
    return done


def _code_of(model: Any, graph: Any, index: int) -> CodedWeights | None:
    tensor = graph.tensors[index]
    type_, data = type_of(tensor), model.buffers[tensor.buffer].data
    dtype = _DTYPES.get(type_) if type_ is not None else None
    if dtype is None or data is None or len(data) == 0 or tensor.sparsity is not None:
        return None
    code = smallest_code(np.frombuffer(np.asarray(data, np.uint8).tobytes(), dtype))
    return code if code is not None and len(data) - code.bytes > _WORTH_IT else None


def _decode_opcode(model: Any) -> int:
    from ai_edge_litert.schema_py_generated import BuiltinOperator, OperatorCodeT

    code = OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = BuiltinOperator.CUSTOM
    code.customCode, code.version = DECODE.encode(), 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _call(opcode: int, inputs: Sequence[int], output: int) -> Any:
    from ai_edge_litert.schema_py_generated import OperatorT

    call = OperatorT()
    call.opcodeIndex, call.inputs, call.outputs = opcode, list(inputs), [output]
    return call


def _added(model: Any, graph: Any, data: bytes) -> int:
    """Add a tensor of these bytes, and return its place."""
    from ai_edge_litert.schema_py_generated import BufferT, TensorT

    tensor, buffer = TensorT(), BufferT()
    buffer.data = _describe(tensor, data)
    tensor.buffer = len(model.buffers)
    model.buffers.append(buffer)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _describe(tensor: Any, data: bytes) -> NDArray[np.uint8]:
    """Make a tensor one of so many bytes, and return them as its buffer holds them."""
    tensor.type, tensor.shape, tensor.shapeSignature = TensorType.UINT8, [len(data)], None
    return np.frombuffer(data, np.uint8)


def _decoded_tensor(graph: Any, coded: Any) -> int:
    """Add the tensor that DECODE writes: it is as the coded one was, but has no bytes in the file."""
    tensor = copy(coded)
    tensor.buffer = 0
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _name(model: Any, graph: Any, index: int) -> str:
    """The name of a tensor of weights, or the operator that reads it where it has none."""
    if name := (graph.tensors[index].name or b"").decode(errors="replace"):
        return name
    number, call = next((place, each) for place, each in enumerate(graph.operators, 1) if index in listed(each.inputs))
    return f"{operator_name(operator_of(model.operatorCodes[call.opcodeIndex]))}, operator {number}"


def _size(model: Any, tensor: Any) -> int:
    return len(model.buffers[tensor.buffer].data)
