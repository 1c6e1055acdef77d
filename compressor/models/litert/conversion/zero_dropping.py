"""Rewrites a LiteRT file so that it stores float weights without their zeros, in LiteRT's own sparse format.

The operator DENSIFY, put before each operator that reads such weights, writes all of them into memory when the file is
loaded, once; from then on the file runs as it did.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from compressor.base.errors import ModelError
from compressor.base.file_limits import swells
from compressor.models.library_errors import FLATBUFFER_ERRORS
from compressor.models.litert.format.flatbuffer import operator_of, read_model
from compressor.models.litert.format.flatbuffer_writer import compact
from compressor.models.litert.format.operators import Operator
from compressor.models.litert.format.sparse_tensors import index_bytes, sparse_values
from compressor.models.litert.format.tensor_types import TensorType, type_of
from compressor.models.litert.format.weight_inputs import WEIGHTS_AT, listed, weights_alone

_READ_AT = {**WEIGHTS_AT, Operator.DEQUANTIZE: 0}  # float16 weights, which are unpacked before layers read them
_DTYPES = {TensorType.FLOAT32: "<f4", TensorType.FLOAT16: "<f2"}
_WORTH_IT = 200  # bytes that a tensor must save: DENSIFY, its tensor and the levels of the tree take about as many


@dataclass(frozen=True)
class SparseTensor:
    """Weights that are stored without their zeros: their name, and bytes before and after, with those of the places."""

    name: str
    bytes_before: int
    bytes_after: int


def without_zeros(content: bytes) -> tuple[bytes, tuple[SparseTensor, ...]]:
    """Store weights of convolutions and dense layers without their zeros, where that takes fewer bytes.

    Args:
        content: a LiteRT file. Weights in float32 and float16 are stored so; those of other types stay, since LiteRT
            computes with them several times slower after DENSIFY.

    Returns:
        The file, and what is stored so; as it was, and nothing, where none takes fewer bytes.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    model = read_model(content)
    try:
        found = tuple(done for graph in model.subgraphs for done in _made_sparse(model, graph))
        smaller = compact(model) if found else content
    except FLATBUFFER_ERRORS as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None
    return (smaller, found) if len(smaller) < len(content) else (content, ())


def _made_sparse(model: Any, graph: Any) -> list[SparseTensor]:
    """Rewrite one graph, and list the tensors that are stored without their zeros now."""
    done: dict[int, SparseTensor] = {}
    for index in sorted(weights_alone(model, graph, _READ_AT)):
        if (tensor := _without_zeros(model, graph.tensors[index])) is not None:
            done[index] = tensor
    if not done:
        return []
    opcode = _densify_opcode(model)
    dense: dict[int, int] = {}
    calls: list[Any] = []
    for call in graph.operators:
        place = _READ_AT.get(operator_of(model.operatorCodes[call.opcodeIndex]))
        inputs = listed(call.inputs)
        if place is not None and place < len(inputs) and inputs[place] in done:
            index = inputs[place]
            if index not in dense:
                dense[index] = _dense_tensor(graph, graph.tensors[index])
                calls.append(_densify(opcode, index, dense[index]))
            inputs[place] = dense[index]
            call.inputs = inputs
        calls.append(call)
    graph.operators = calls
    return list(done.values())


def _without_zeros(model: Any, tensor: Any) -> SparseTensor | None:
    """Store one tensor without its zeros, if it is of floats and that is worth it."""
    type_, buffer = type_of(tensor), model.buffers[tensor.buffer]
    dtype = _DTYPES.get(type_) if type_ is not None else None
    if dtype is None or buffer.data is None or tensor.sparsity is not None or tensor.shape is None:
        return None
    data = np.frombuffer(np.asarray(buffer.data, np.uint8).tobytes(), dtype)
    if len(tensor.shape) < 2 or data.size != np.prod(tensor.shape):
        return None
    values, sparsity = sparse_values(data.reshape(tensor.shape))
    after = values.nbytes + index_bytes(sparsity)
    if data.nbytes - after <= _WORTH_IT or swells(data.nbytes, values.nbytes):
        return None
    buffer.data, tensor.sparsity = np.frombuffer(values.tobytes(), np.uint8), sparsity
    return SparseTensor((tensor.name or b"").decode(errors="replace"), data.nbytes, after)


def _densify_opcode(model: Any) -> int:
    from ai_edge_litert.schema_py_generated import OperatorCodeT

    code = OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = Operator.DENSIFY
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _dense_tensor(graph: Any, sparse: Any) -> int:
    """Add the tensor that DENSIFY writes: it is as the sparse one was, but has no bytes in the file."""
    tensor = copy(sparse)
    tensor.buffer, tensor.sparsity = 0, None
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _densify(opcode: int, index: int, output: int) -> Any:
    from ai_edge_litert.schema_py_generated import BuiltinOptions, DensifyOptionsT, OperatorT

    call = OperatorT()
    call.opcodeIndex, call.inputs, call.outputs = opcode, [index], [output]
    call.builtinOptionsType, call.builtinOptions = BuiltinOptions.DensifyOptions, DensifyOptionsT()
    return call
