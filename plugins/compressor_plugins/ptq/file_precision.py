"""Tells how a quantized file was quantized: in what its weights are stored, and what it computes in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from compressor.models.litert import LiteRTModel, Operator, TensorType, kernels_in, operator_of, read_model, type_of

_PRECISIONS = ("int8", "int4", "int2", "float16")
_WEIGHTS = (TensorType.INT8, TensorType.INT4, TensorType.INT2, TensorType.FLOAT16)


def parameters_of(content: bytes) -> Mapping[str, Any] | None:
    """The parameters with which `ptq` makes a file like this one; None where its weights are all in float."""
    sizes: Counter[str] = Counter()
    for tensor in kernels_in(content):
        sizes[tensor.dtype] += tensor.size
    stored = [dtype for dtype, _ in sizes.most_common() if dtype in _PRECISIONS]
    if not stored:
        return None
    weights, (computes, one_scale) = stored[0], _most_operators(content)
    named = {"int8": "int8", "int16": "int16x8", "dynamic": "dynamic"}.get(computes) if weights == "int8" else None
    params = {"precision": named or weights}
    if named is None and not (weights != "int8" and computes == "float32"):
        params["activations"] = computes
    if one_scale:
        params["granularity"] = "tensor"
    io = LiteRTModel(content).inputs[0].dtype
    if io in ("int8", "uint8", "int16") and computes in ("int8", "int16"):
        params["io"] = io
    return params


def _most_operators(content: bytes) -> tuple[str, bool]:
    """What most operators with weights compute in, and whether all values of their weights share a scale."""
    file = read_model(content)
    graph = file.subgraphs[0]
    found: Counter[tuple[str, bool]] = Counter()
    casts = {call.outputs[0]: call.inputs[0] for call in graph.operators if _kind(file, call) == Operator.DEQUANTIZE}
    for call in graph.operators:
        if len(call.inputs) < 2 or call.inputs[1] < 0:
            continue
        taken, weights = graph.tensors[call.inputs[0]], graph.tensors[casts.get(call.inputs[1], call.inputs[1])]
        if type_of(weights) not in _WEIGHTS or not _has_values(file, weights):
            continue
        computes = type_of(taken)
        if call.inputs[1] in casts:
            name = "float32"
        else:
            name = computes.dtype if computes in (TensorType.INT8, TensorType.INT16) else "dynamic"
        scales = None if weights.quantization is None else weights.quantization.scale
        found[name, scales is not None and len(scales) == 1 < weights.shape[0]] += 1
    return found.most_common(1)[0][0] if found else ("float32", False)


def _kind(file: Any, call: Any) -> int:
    return operator_of(file.operatorCodes[call.opcodeIndex])


def _has_values(file: Any, tensor: Any) -> bool:
    data = file.buffers[tensor.buffer].data
    return data is not None and len(data) > 0
