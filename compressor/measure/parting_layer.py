"""Finds the first layer of a Keras model after which its file, or the same model in a batch, gives other values."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import CompressorError
from compressor.base.named_arrays import by_name, in_order
from compressor.base.types import Arrays
from compressor.measure.relative_gaps import relative_gaps
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.conversion.endpoint_names import input_names
from compressor.models.litert.reading.output_operators import last_operators
from compressor.models.litert.running.interpreter import LiteRTModel

Inputs: TypeAlias = Sequence[NDArray[Any]]


@dataclass(frozen=True)
class _Tensor:
    """What a layer gives: a symbolic tensor of the model, the layer, and the tensors that the layer took for it."""

    symbol: Any
    layer: Any
    taken: Sequence[Any]


def parting_layer(model: Any, sample: Arrays, limit: float) -> str | None:
    """The first layer whose outputs differ in the file, and what the file computes them by; None if none is found.

    One file gives the outputs of all layers at once. Where none of them differs there, since the converter joins
    operators less often, files that end at one layer each are tried, halving the model each time.

    Args:
        model: a tf_keras model.
        sample: inputs, of shape (1, ...), for which the file gives other outputs.
        limit: the difference that is taken, as a share of the largest value.
    """
    return _parting(model, in_order(sample, input_names(model)), limit, "")


def mixing_layer(model: Any, samples: Arrays, limit: float) -> str | None:
    """The first layer whose outputs for a sample depend on the other samples in its batch; None if none is found."""
    tensors, batch = _tensors(model), in_order(samples, input_names(model))
    if not tensors:
        return None
    alone, together = (
        _keras_values(model, tensors, [array[:1] for array in batch]),
        _keras_values(model, tensors, batch),
    )
    for tensor, one, many in zip(tensors, alone, together, strict=True):
        if one.shape[1:] != many.shape[1:] or relative_gaps(one[:1], many[:1]).max(initial=0) > limit:
            return f"the layer '{tensor.layer.name}'"
    return None


def _parting(model: Any, inputs: Inputs, limit: float, prefix: str) -> str | None:
    tensors = _tensors(model)
    if not tensors:
        return None
    expected = _keras_values(model, tensors, inputs)

    def first_differing(start: int, end: int) -> tuple[int, str] | None:
        """The first tensor that differs in a file that gives these, and the operator that makes it."""
        part = [tensor.symbol for tensor in tensors[start:end]]
        try:
            actual, operators = _file_values(model, part, inputs)
        except CompressorError:  # the converter fails at what these tensors hold, such as text
            return None
        gaps = [relative_gaps(a, b).max(initial=0) for a, b in zip(expected[start:end], actual, strict=True)]
        return next(((start + i, operators[i]) for i, gap in enumerate(gaps) if gap > limit), None)

    differing = first_differing(0, len(tensors))
    if differing is None:
        place = bisect_left(range(len(tensors)), True, key=lambda i: first_differing(i, i + 1) is not None)
        differing = first_differing(place, place + 1) if place < len(tensors) else None
    if differing is None:
        return None
    tensor, operator = tensors[differing[0]], differing[1]
    values = {id(other.symbol): value for other, value in zip(tensors, expected, strict=True)}
    values |= {id(symbol): array for symbol, array in zip(model.inputs, inputs, strict=True)}
    taken = [values[id(symbol)] for symbol in tensor.taken if id(symbol) in values]
    inner = None
    if _tensors(tensor.layer) and len(taken) == len(tensor.layer.inputs):
        inner = _parting(tensor.layer, taken, limit, f"{prefix}{tensor.layer.name}/")
    return inner or f"the layer '{prefix}{tensor.layer.name}', which the file computes by {operator}"


def _tensors(model: Any) -> list[_Tensor]:
    """What the layers of a functional model give, in the order in which they are computed; empty for another model."""
    by_depth = getattr(model, "_nodes_by_depth", {})
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if not node.is_input]
    return [
        _Tensor(symbol, node.layer, node.keras_inputs)
        for node in nodes
        for symbol in _flat(node.outputs)
        if getattr(symbol, "dtype", None) is not None and (symbol.dtype.is_floating or symbol.dtype.is_integer)
    ]


def _keras_values(model: Any, tensors: Sequence[_Tensor], inputs: Inputs) -> list[NDArray[Any]]:
    part = _ending_at(model, [tensor.symbol for tensor in tensors])
    values = part.predict_on_batch(inputs[0] if len(inputs) == 1 else list(inputs))
    return [np.asarray(value) for value in _flat(values)]


def _file_values(model: Any, symbols: Sequence[Any], inputs: Inputs) -> tuple[list[NDArray[Any]], tuple[str, ...]]:
    """The values of tensors in a file that gives them, and the operators that make them."""
    part = _ending_at(model, symbols)
    content = to_litert(part)
    file = LiteRTModel(content)
    values = file.run(dict(zip(input_names(part), inputs, strict=True)) if len(inputs) > 1 else inputs[0])
    return list(by_name(values, "output").values()), last_operators(content)


def _ending_at(model: Any, symbols: Sequence[Any]) -> Any:
    import tf_keras

    return tf_keras.Model(model.inputs, list(symbols))


def _flat(values: Any) -> list[Any]:
    import tensorflow as tf

    flat: list[Any] = tf.nest.flatten(values)
    return flat
