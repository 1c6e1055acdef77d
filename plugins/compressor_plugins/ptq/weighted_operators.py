"""Finds the operators with weights in a LiteRT file, and the Keras layers that they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor import StepError
from compressor.models.litert import Operator, TensorType, operator_of, read_model, type_of

# the place of the weights among the inputs, and the Keras class of the layer
_WEIGHTED: Mapping[int, tuple[int, str]] = {
    Operator.CONV_2D: (1, "Conv2D"),
    Operator.DEPTHWISE_CONV_2D: (1, "DepthwiseConv2D"),
    Operator.EMBEDDING_LOOKUP: (1, "Embedding"),
    Operator.FULLY_CONNECTED: (1, "Dense"),
    Operator.TRANSPOSE_CONV: (1, "Conv2DTranspose"),
    Operator.BATCH_MATMUL: (1, "EinsumDense"),
}


@dataclass(frozen=True)
class WeightedOperator:
    """An operator and its kernel, whose shape is LiteRT's. `index` is its place in the graph.

    `layer` and `layer_kind` are the name and the class of its Keras layer, by which the user knows it. `factors` are
    what the converter multiplied the channels of the layer's kernel by; none where that is 1, or is not known.
    """

    index: int
    kind: Operator
    layer: str
    layer_kind: str
    tensor: int
    shape: tuple[int, ...]
    factors: tuple[float, ...] = ()

    @property
    def axis(self) -> int:
        """The axis of the channels in the kernel, those that it makes."""
        return len(self.shape) - 1 if self.kind is Operator.DEPTHWISE_CONV_2D else 0

    @property
    def size(self) -> int:
        """Number of weights."""
        return int(np.prod(self.shape))


def weighted_operators(content: bytes, model: Any = None) -> list[WeightedOperator]:
    """The operators with float weights in the main graph of a float file.

    Args:
        content: of the file.
        model: the tf_keras model that it was converted from. Its layers' names are then taken for the operators.

    Raises:
        StepError: the file is quantized or sparse-encoded already.
    """
    file = read_model(content)
    refuse_encoded(file)
    graph = file.subgraphs[0]
    found = []
    for index, operator in enumerate(graph.operators):
        number = operator_of(file.operatorCodes[operator.opcodeIndex])
        place, layer_kind = _WEIGHTED.get(number, (0, ""))
        if not layer_kind or len(operator.inputs) <= place:
            continue
        tensor = graph.tensors[operator.inputs[place]]
        data = file.buffers[tensor.buffer].data
        if data is None or not len(data) or type_of(tensor) is not TensorType.FLOAT32:
            continue
        shape = tuple(int(size) for size in tensor.shape)
        name = _layer_in((tensor.name or b"").decode(errors="replace")) or f"operator_{index}"  # 'slim' drops names
        found.append(WeightedOperator(index, Operator(number), name, layer_kind, int(operator.inputs[place]), shape))
    return found if model is None else _named(found, file, model)


def kernel_of(file: Any, operator: WeightedOperator) -> NDArray[np.float32]:
    """The float weights of an operator, in the layout of the file."""
    tensor = file.subgraphs[0].tensors[operator.tensor]
    return np.frombuffer(bytes(file.buffers[tensor.buffer].data), np.float32).reshape(operator.shape)


def refuse_encoded(file: Any) -> None:
    """Refuse a file that litert-quantizer would return unchanged, without an error.

    Raises:
        StepError: it is quantized, or its weights are stored sparsely.
    """
    for tensor in (tensor for graph in file.subgraphs for tensor in graph.tensors):
        name = (tensor.name or b"").decode(errors="replace")
        at = f" ('{name}')" if name else ""  # 'slim' drops names
        data = file.buffers[tensor.buffer].data
        scaled = tensor.quantization is not None and tensor.quantization.scale is not None
        if tensor.sparsity is not None:
            what = f"the file's weights are stored sparsely{at}"
            raise StepError(what, "give the dense float file that it was made from")
        if scaled and len(tensor.quantization.scale):
            raise StepError(f"the file is quantized already{at}", "give the float file that it was made from")
        if type_of(tensor) is TensorType.FLOAT16 and data is not None and len(data):
            what = f"the file's weights are float16 already{at}"
            raise StepError(what, "give the float32 file that it was made from")


def _layer_in(tensor: str) -> str:
    """The layer's name in a tensor's name: `conv` in `inner/conv/Conv2D`."""
    parts = tensor.split(";")[0].split("/")
    return parts[-2] if len(parts) > 1 else parts[0]


def _named(operators: Sequence[WeightedOperator], file: Any, model: Any) -> list[WeightedOperator]:
    """Name each operator after the Keras layer that has the same kernel, apart from a factor for each channel.

    The converter names a kernel after whatever it was fused with, such as the BatchNormalization behind it.
    """
    layers = [layer for layer in model._flatten_layers(include_self=False) if not hasattr(layer, "layers")]
    known = [(layer, channels) for layer in layers for weight in layer.weights for channels in _channels_of(weight)]
    named = []
    for operator in operators:
        kernel = kernel_of(file, operator)
        own = _channels(np.moveaxis(kernel, operator.axis, -1))
        for layer, channels in known:
            if _same(channels.directions, own.directions):
                named.append(
                    replace(
                        operator,
                        layer=layer.name,
                        layer_kind=type(layer).__name__,
                        factors=_factors(own.lengths, channels.lengths),
                    )
                )
                break
        else:
            named.append(operator)
    return named


@dataclass(frozen=True)
class _Channels:
    """The channels of a kernel as unit vectors of sorted magnitudes, in columns, and their lengths."""

    directions: NDArray[np.float64]
    lengths: NDArray[np.float64]


def _channels_of(weight: Any) -> list[_Channels]:
    """The channels of a layer's kernel, for the axes that they may have."""
    if weight.shape.rank < 2:
        return []
    values = weight.numpy()
    depthwise = "depthwise" in weight.name.split("/")[-1]
    if depthwise:
        return [_channels(values.reshape(*values.shape[:-2], -1))]
    return [_channels(values), _channels(np.moveaxis(values, -2, -1))]


def _channels(kernel: NDArray[Any]) -> _Channels:
    columns = np.sort(np.abs(kernel.reshape(-1, kernel.shape[-1]).astype(np.float64)), axis=0)
    lengths = np.linalg.norm(columns, axis=0)
    return _Channels(np.divide(columns, lengths, out=np.zeros_like(columns), where=lengths > 0), lengths)


def _factors(made: NDArray[np.float64], given: NDArray[np.float64]) -> tuple[float, ...]:
    """What channels of these lengths were multiplied by, if by anything."""
    factors = np.divide(made, given, out=np.ones_like(made), where=given > 0)
    return () if np.allclose(factors, 1, rtol=0, atol=1e-6) else tuple(factors.tolist())


def _same(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return one.shape == other.shape and bool(np.allclose(one, other, atol=1e-5))
