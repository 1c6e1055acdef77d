"""Finds weights that are not finite: NaN, or infinite."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.types import Model
from compressor.models.litert.format.flatbuffer import operator_of, read_model
from compressor.models.litert.format.operators import Operator
from compressor.models.litert.format.tensor_types import TensorType, type_of

_WITH_STATISTICS = {"BatchNormalization", "Normalization", "SyncBatchNormalization"}
_READ = (TensorType.FLOAT32, TensorType.FLOAT16, TensorType.FLOAT64)
_WITH_WEIGHTS = {
    Operator.CONV_2D, Operator.DEPTHWISE_CONV_2D, Operator.TRANSPOSE_CONV, Operator.FULLY_CONNECTED,
    Operator.BATCH_MATMUL, Operator.EMBEDDING_LOOKUP, Operator.UNIDIRECTIONAL_SEQUENCE_LSTM,
}  # fmt: skip


def weight_not_finite(model: Model) -> str | None:
    """The first weight of a model that holds NaN or an infinite value, as the end of a message; None if none does.

    Constants of a file may be infinite where they are no kernels: a mask adds minus infinity to what it rules out, and
    the converter may have made that part of a bias.

    Args:
        model: a tf_keras model, or the bytes of a LiteRT file, whose scales count as well.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    return next(_in_file(model) if isinstance(model, bytes) else _in_keras(model), None)


def _in_keras(model: Any) -> Iterator[str]:
    for layer in model._flatten_layers(include_self=False, recursive=False):
        for variable in layer.weights:
            if variable.dtype.is_floating and (odd := _odd(variable.numpy())) is not None:
                yield f"'{variable.name}' of the layer '{layer.name}' holds {odd:g}"


def _in_file(content: bytes) -> Iterator[str]:
    model = read_model(content)
    for graph in model.subgraphs:
        weights = {
            int(index)
            for call in graph.operators or []
            if operator_of(model.operatorCodes[call.opcodeIndex]) in _WITH_WEIGHTS
            for index in (call.inputs if call.inputs is not None else ())
        }
        for index, tensor in enumerate(graph.tensors or []):
            name = (tensor.name or b"").decode(errors="replace")
            scales = tensor.quantization.scale if tensor.quantization is not None else None
            if scales is not None and (odd := _odd(np.asarray(scales))) is not None:
                yield f"a scale of the tensor '{name}' is {odd:g}"
            data, type_ = model.buffers[tensor.buffer].data, type_of(tensor)
            if data is None or type_ not in _READ:
                continue
            values = np.frombuffer(bytes(data) if isinstance(data, list) else data, np.dtype(type_.dtype))
            odd = _odd(values)
            is_kernel = index in weights and tensor.shape is not None and len(tensor.shape) > 1
            if odd is not None and (math.isnan(odd) or is_kernel):
                yield f"the tensor '{name}' holds {odd:g}"


def _odd(values: NDArray[Any]) -> float | None:
    """A value that is not finite, NaN if there is one."""
    finite = np.isfinite(values)
    if finite.all():
        return None
    odd = values[~finite]
    return float("nan") if np.isnan(odd).any() else float(odd[0])


def largest_weight(model: Any) -> tuple[float, str]:
    """The largest absolute value among the weights of a tf_keras model, and the name of its layer; 0 if it has none.

    The statistics of normalizations do not count, which are as large as the data is.
    """
    largest = (0.0, "")
    for layer in model._flatten_layers(include_self=False, recursive=False):
        for variable in layer.trainable_weights if type(layer).__name__ in _WITH_STATISTICS else layer.weights:
            if variable.dtype.is_floating and (values := variable.numpy()).size:
                largest = max(largest, (float(np.abs(values).max()), layer.name))
    return largest
