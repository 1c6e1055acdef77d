"""Finishes the file that TensorFlow's converter wrote: names, the number of samples a call, 16-bit biases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.models.litert.format.flatbuffer import read_model, write_model
from compressor.models.litert.format.operators import Operator
from compressor.models.litert.format.tensor_types import TensorType

_BIAS_INPUTS: Mapping[int, int] = {  # the place of the bias among an operator's inputs
    Operator.CONV_2D: 2, Operator.DEPTHWISE_CONV_2D: 2, Operator.FULLY_CONNECTED: 2, Operator.TRANSPOSE_CONV: 3,
}  # fmt: skip


def finished(content: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """The converter's file, ready to ship.

    Inputs and outputs get Keras' names and order, and inner tensors short names. Reshapes take any number of samples
    again, and biases of 16-bit operators get 64 bits.

    Args:
        content: what the converter wrote; the names in its signature sort as the model's inputs and outputs do.
        inputs: the names of the model's inputs, in its order.
        outputs: likewise of its outputs.
    """
    model = read_model(content)
    for graph in model.subgraphs:
        _shorten_names(graph)
        for call in graph.operators:
            operator = model.operatorCodes[call.opcodeIndex].builtinCode
            if operator == Operator.RESHAPE and len(call.inputs) > 1:
                _free_samples(model, graph, call)
            place = _BIAS_INPUTS.get(operator, len(call.inputs))
            in_16_bits = any(index >= 0 and graph.tensors[index].type == TensorType.INT16 for index in call.inputs)
            if in_16_bits and place < len(call.inputs) and call.inputs[place] >= 0:
                _widen_bias(model, graph.tensors[call.inputs[place]])
    _name_endpoints(model, inputs, outputs)
    model.metadata = [entry for entry in model.metadata or [] if entry.name != b"CONVERSION_METADATA"]
    return write_model(model)


def _shorten_names(graph: Any) -> None:
    endpoints = {*graph.inputs, *graph.outputs}
    for index, tensor in enumerate(graph.tensors):
        if index not in endpoints:
            tensor.name = _short(tensor.name.decode()).encode()


def _short(name: str) -> str:
    """The converter's name less what repeats: `model/quant_dense/MatMul;model/...` becomes `dense/MatMul`."""
    first = name.split(";")[0]
    parts = [part.removeprefix("quant_") for part in first.split("/")]
    while len(parts) > 2 and (parts[-1] in ("ReadVariableOp", "resource") or parts[-1].isdecimal()):
        parts.pop()
    return "/".join(parts[1:] if len(parts) > 1 else parts)


def _free_samples(model: Any, graph: Any, call: Any) -> None:
    """Let a Reshape to a shape that begins with one sample take any number of them.

    A size that it leaves to be inferred, other than the first, becomes what it is for one sample.
    """
    shape = graph.tensors[call.inputs[1]]
    data = model.buffers[shape.buffer].data
    if data is None or not len(data):
        return
    sizes = np.frombuffer(bytes(data), np.int32).copy()
    if not len(sizes) or sizes[0] != 1:
        return
    if (sizes < 0).any():
        sizes = np.array(graph.tensors[call.outputs[0]].shape, np.int32)
        shape = copy(shape)  # another Reshape may infer another size by the same one
        graph.tensors.append(shape)
        call.inputs = np.array([call.inputs[0], len(graph.tensors) - 1], np.int32)
    if (sizes > 0).all():
        sizes[0] = -1
        _store(model, shape, sizes)


def _widen_bias(model: Any, bias: Any) -> None:
    """Store the bias of a 16-bit operator in 64 bits, which makes LiteRT add up in as many.

    The converter does so after calibration, but not where ranges come from training, and the sums overflow there.
    """
    if bias.type == TensorType.INT32:
        values = np.frombuffer(bytes(model.buffers[bias.buffer].data), np.int32)
        _store(model, bias, values.astype(np.int64))
        bias.type = TensorType.INT64


def _store(model: Any, tensor: Any, values: NDArray[Any]) -> None:
    """Give a constant other values, in a buffer of its own: another tensor may share the one it had."""
    buffer = copy(model.buffers[tensor.buffer])
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    tensor.buffer = len(model.buffers)
    model.buffers.append(buffer)


def _name_endpoints(model: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Put Keras' names into the signature and on the tensors, and inputs and outputs in Keras' order."""
    (signature,) = model.signatureDefs
    graph = model.subgraphs[signature.subgraphIndex]
    graph.inputs = [entry.tensorIndex for entry in sorted(signature.inputs, key=_by_number)]
    graph.outputs = [entry.tensorIndex for entry in sorted(signature.outputs, key=_by_number)]
    for entries, names in ((signature.inputs, inputs), (signature.outputs, outputs)):
        for entry, name in zip(sorted(entries, key=_by_number), names, strict=True):
            entry.name = name.encode()
            graph.tensors[entry.tensorIndex].name = name.encode()


def _by_number(entry: Any) -> tuple[str, int]:
    """A signature's entry in the order of the number that its name ends in: `Identity_2` comes before `Identity_10`."""
    name = entry.name.decode()
    stem = name.rstrip("0123456789")
    return stem.rstrip("_"), int(name.removeprefix(stem) or 0)
