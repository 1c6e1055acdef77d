"""Corrects each bias by the mean error that rounding causes in its layer's output.

Nagel et al. 2019 (arXiv 1906.04721), section 4.2: with rounded weights w + e the output is off by e * E[x] on average,
where E[x] is the mean input of each channel, measured here on samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor import Arrays
from compressor.data import in_order
from compressor.models.litert import LiteRTModel, Operator, read_model, write_model
from compressor_plugins.ptq.rounded_weights import Kernels
from compressor_plugins.ptq.weighted_operators import WeightedOperator, kernel_of

_KINDS = {Operator.CONV_2D, Operator.DEPTHWISE_CONV_2D, Operator.FULLY_CONNECTED}
_MOST_SAMPLES = 128


def bias_corrected(content: bytes, kernels: Kernels, samples: Sequence[Arrays]) -> tuple[bytes, dict[str, str]]:
    """A float file with corrected biases, and the layers whose biases are not corrected, each with the reason.

    Args:
        content: the float file. Its kernels stay as they are.
        kernels: the kernels after rounding.
        samples: inputs of shape (1, ...), by name where the file has several.
    """
    file = read_model(content)
    graph = file.subgraphs[0]
    left = {}
    means = _mean_inputs(content, list(kernels), samples)
    for operator, kernel in kernels.items():
        call = graph.operators[operator.index]
        if operator.kind not in _KINDS:
            left[operator.layer] = f"the bias of {operator.layer_kind} is not corrected"
            continue
        if operator.kind is Operator.CONV_2D and len(means[operator]) != operator.shape[-1]:
            left[operator.layer] = "the bias of a convolution in groups is not corrected"
            continue
        shift = _shift(operator, kernel - kernel_of(file, operator), means[operator])
        has_bias = len(call.inputs) > 2 and call.inputs[2] >= 0  # the converter drops one that is all zeros
        old = graph.tensors[call.inputs[2] if has_bias else operator.tensor]
        values = np.frombuffer(bytes(file.buffers[old.buffer].data), np.float32) if has_bias else 0.0
        tensor, buffer = copy(old), copy(file.buffers[old.buffer])  # copies, since other layers may share the originals
        buffer.data = np.frombuffer((values - shift).astype(np.float32).tobytes(), np.uint8)
        tensor.buffer, tensor.shape = len(file.buffers), [len(shift)]
        tensor.name = f"{operator.layer}/bias".encode()
        file.buffers.append(buffer)
        call.inputs = [*call.inputs[:2], len(graph.tensors), *call.inputs[3:]]
        graph.tensors.append(tensor)
    return write_model(file), left


def _shift(operator: WeightedOperator, error: NDArray[Any], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean error of each output channel: what its bias must be lowered by."""
    shift: NDArray[np.float64]
    if operator.kind is Operator.DEPTHWISE_CONV_2D:
        shift = error.sum(axis=(0, 1, 2)) * np.repeat(mean, error.shape[-1] // len(mean))
    else:
        shift = error.reshape(error.shape[0], -1, error.shape[-1]).sum(axis=1) @ mean
    return shift


def _mean_inputs(
    content: bytes, operators: Sequence[WeightedOperator], samples: Sequence[Arrays]
) -> Mapping[WeightedOperator, NDArray[np.float64]]:
    """The mean of each input channel of some operators, over the samples."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    calls = read_model(content).subgraphs[0].operators
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES  # which keeps every tensor
    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=plain, experimental_preserve_all_tensors=True
    )
    interpreter.allocate_tensors()
    ends, names = interpreter.get_input_details(), [end.name for end in LiteRTModel(content).inputs]
    sums: dict[WeightedOperator, Any] = dict.fromkeys(operators, 0.0)
    taken = samples[:_MOST_SAMPLES]
    for sample in taken:
        for end, values in zip(ends, in_order(sample, names), strict=True):
            interpreter.set_tensor(end["index"], values.astype(end["dtype"]))
        interpreter.invoke()
        for operator in operators:
            values = interpreter.get_tensor(calls[operator.index].inputs[0])
            channels = operator.shape[-1] if operator.kind is Operator.FULLY_CONNECTED else values.shape[-1]
            sums[operator] = sums[operator] + values.reshape(-1, channels).mean(axis=0, dtype=np.float64)
    return {operator: total / len(taken) for operator, total in sums.items()}
