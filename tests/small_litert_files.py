"""LiteRT files made tensor by tensor, without TensorFlow."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from compressor.models.litert.format.flatbuffer import write_model

_OPTIONS = {
    "CONV_2D": ("Conv2DOptions", {"padding": 1, "strideW": 1, "strideH": 1}),  # without padding
    "MAX_POOL_2D": (
        "Pool2DOptions",
        {"padding": 1, "strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2},
    ),
    "FULLY_CONNECTED": ("FullyConnectedOptions", {}),
}


def name_of(operator):
    """The name of the schema's class of an operator's options."""
    return _OPTIONS[operator][0]


def tensor(name, shape, type_="INT8", data=None, scales=(), variable=False):
    """A tensor; with data it is a constant."""
    made = schema.TensorT()
    made.name, made.shape, made.type = name.encode(), list(shape), getattr(schema.TensorType, type_)
    made.isVariable, made.data = variable, data
    if scales:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = list(scales), [0] * len(scales)
    return made


def litert_file(
    tensors: Sequence[schema.TensorT],
    calls: Sequence[tuple[str, Sequence[int], Sequence[int]]],
    inputs: Sequence[int],
    outputs: Sequence[int],
    metadata: Mapping[str, bytes] = {},
) -> bytes:
    """A file with one graph. Each call is an operator's name, the tensors that it takes and those that it makes."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers, model.operatorCodes = 3, [schema.BufferT()], []
    model.subgraphs, model.metadata = [graph], []
    graph.tensors, graph.operators, graph.inputs, graph.outputs = list(tensors), [], list(inputs), list(outputs)
    for each in tensors:
        each.buffer = 0 if each.data is None else _buffer(model, each.data)
    names: list[str] = []
    for name, takes, makes in calls:
        if name not in names:
            names.append(name)
            code = schema.OperatorCodeT()
            number = getattr(schema.BuiltinOperator, name, None)
            code.builtinCode = schema.BuiltinOperator.CUSTOM if number is None else number
            code.deprecatedBuiltinCode = min(code.builtinCode, 127)
            code.customCode = name.encode() if number is None else None
            model.operatorCodes.append(code)
        call = schema.OperatorT()
        call.opcodeIndex, call.inputs, call.outputs = names.index(name), list(takes), list(makes)
        if name in _OPTIONS:
            call.builtinOptions = getattr(schema, f"{name_of(name)}T")()
            call.builtinOptionsType = getattr(schema.BuiltinOptions, name_of(name))
            vars(call.builtinOptions).update(_OPTIONS[name][1])
        graph.operators.append(call)
    for name, data in metadata.items():
        entry = schema.MetadataT()
        entry.name, entry.buffer = name.encode(), _buffer(model, data)
        model.metadata.append(entry)
    return write_model(model)


def _buffer(model: schema.ModelT, data: bytes) -> int:
    buffer = schema.BufferT()
    buffer.data = data
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def chain() -> bytes:
    """An int8 convolution, a pooling and a dense layer, from 8x8x1 to 3."""
    tensors = [
        tensor("image", (1, 8, 8, 1), scales=[0.5]),
        tensor("kernel", (4, 3, 3, 1), data=bytes(range(36)), scales=[0.1] * 4),
        tensor("bias", (4,), "INT32", struct.pack("<4i", 1, 2, 3, 4), scales=[0.05] * 4),
        tensor("conv", (1, 6, 6, 4), scales=[0.5]),
        tensor("pool", (1, 3, 3, 4), scales=[0.5]),
        tensor("weights", (3, 36), data=bytes(number * 37 % 256 for number in range(108)), scales=[0.1]),
        tensor("logits", (1, 3), scales=[0.25]),
    ]
    calls = [
        ("CONV_2D", [0, 1, 2], [3]),
        ("MAX_POOL_2D", [3], [4]),
        ("FULLY_CONNECTED", [4, 5, -1], [6]),
    ]
    return litert_file(tensors, calls, [0], [6])


def sparse_chain() -> bytes:
    """An int8 convolution and a dense layer, from 8x8x8 to 10; four of five weights are zero."""
    random = np.random.default_rng(0)

    def weights(count: int) -> bytes:
        values = random.choice(np.array([-40, -20, -10, 10, 20, 40], np.int8), count)
        return np.where(random.random(count) < 0.8, np.int8(0), values).tobytes()

    tensors = [
        tensor("image", (1, 8, 8, 8), scales=[0.5]),
        tensor("kernel", (16, 3, 3, 8), data=weights(1152), scales=[0.01] * 16),
        tensor("bias", (16,), "INT32", bytes(64), scales=[0.005] * 16),
        tensor("conv", (1, 6, 6, 16), scales=[0.5]),
        tensor("weights", (10, 576), data=weights(5760), scales=[0.01]),
        tensor("logits", (1, 10), scales=[0.5]),
    ]
    return litert_file(tensors, [("CONV_2D", [0, 1, 2], [3]), ("FULLY_CONNECTED", [3, 4, -1], [5])], [0], [5])


def float_dense(weights: np.ndarray) -> bytes:
    """A dense layer in float32, whose weights have the shape (outputs, inputs)."""
    outputs, inputs = weights.shape
    tensors = [
        tensor("x", (1, inputs), "FLOAT32"),
        tensor("w", weights.shape, "FLOAT32", weights.astype("<f4").tobytes()),
        tensor("y", (1, outputs), "FLOAT32"),
    ]
    return litert_file(tensors, [("FULLY_CONNECTED", [0, 1, -1], [2])], [0], [2])


def dense(weights: str, output: str = "FLOAT32", dequantized: bool = False) -> bytes:
    """A dense layer with weights of a type, which an operator makes floats of first where they are `dequantized`."""
    tensors = [
        tensor("x", (1, 4), output), tensor("w", (4, 4), weights, data=bytes(64)), tensor("y", (1, 4), output),
        tensor("f", (4, 4), "FLOAT32"),
    ]  # fmt: skip
    calls = [("FULLY_CONNECTED", [0, 3 if dequantized else 1, -1], [2])]
    return litert_file(tensors, [("DEQUANTIZE", [1], [3]), *calls] if dequantized else calls, [0], [2])
