"""Tells how a quantized file was quantized: in what its weights are stored, and what it computes in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from compressor.models.litert import LiteRTModel, Operator, TensorType, kernels_in, operator_of, read_model, type_of

_PRECISIONS = {"int8": "int8", "int4": "int4", "int2": "int2", "float16": "float16"}


def parameters_of(content: bytes) -> Mapping[str, Any] | None:
    """The parameters with which `ptq` makes a file like this one; None where its weights are all in float."""
    sizes: Counter[str] = Counter()
    for tensor in kernels_in(content):
        sizes[tensor.dtype] += tensor.size
    stored = [dtype for dtype, _ in sizes.most_common() if dtype in _PRECISIONS]
    if not stored:
        return None
    weights, computes = stored[0], _computes_in(content)
    if weights == "int8":
        named = {"int8": "int8", "int16": "int16x8", "dynamic": "dynamic"}.get(computes)
        params = {"precision": named} if named else {"precision": "int8", "activations": computes}
    else:
        params = {"precision": weights, **({} if computes == "float32" else {"activations": computes})}
    io = LiteRTModel(content).inputs[0].dtype
    return {**params, "io": io} if io in ("int8", "uint8", "int16") and computes in ("int8", "int16") else params


def _computes_in(content: bytes) -> str:
    """What most operators with weights compute in."""
    file = read_model(content)
    graph = file.subgraphs[0]
    found: Counter[str] = Counter()
    casts = {call.outputs[0] for call in graph.operators if _kind(file, call) == Operator.DEQUANTIZE}
    for call in graph.operators:
        if len(call.inputs) < 2 or call.inputs[1] < 0 or _kind(file, call) in (Operator.DEQUANTIZE, Operator.QUANTIZE):
            continue
        weights, taken = graph.tensors[call.inputs[1]], graph.tensors[call.inputs[0]]
        if call.inputs[1] in casts:
            found["float32"] += 1
        elif type_of(weights) in (TensorType.INT8, TensorType.INT4, TensorType.INT2):
            type_ = type_of(taken)
            found[type_.dtype if type_ in (TensorType.INT8, TensorType.INT16) else "dynamic"] += 1
    return found.most_common(1)[0][0] if found else "float32"


def _kind(file: Any, call: Any) -> int:
    return operator_of(file.operatorCodes[call.opcodeIndex])
