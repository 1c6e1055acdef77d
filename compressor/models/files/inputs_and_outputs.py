"""Describes the inputs and outputs of a model: names, shapes, and what each output ends in.

An output ends in a softmax, a sigmoid, or plain numbers, which for a classifier are logits; losses and metrics must
know. In a Keras model the last layer tells, in a file the last operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from compressor.base.types import EndsIn
from compressor.models.files.input_scale import Scaling, scaling_of
from compressor.models.litert.conversion.endpoint_names import input_names, output_names
from compressor.models.litert.reading.output_operators import file_endings

_PASSING_LAYERS = ("Reshape", "Flatten", "Permute", "Dropout", "RepeatVector", "Cropping2D")


def model_endings(model: Any) -> dict[str, EndsIn]:
    """What each output of a tf_keras model ends in, by `output_names`."""
    names = output_names(model)
    if not getattr(model, "_is_graph_network", False):
        return dict.fromkeys(names, "linear")  # the layers of a subclassed model are not known
    return {name: _tensor_ending(tensor) for name, tensor in zip(names, model.outputs, strict=True)}


def _tensor_ending(tensor: Any) -> EndsIn:
    history = tensor._keras_history
    layer = history.layer
    while hasattr(layer, "layer") and not hasattr(layer, "outputs"):  # tfmot's wrappers, TimeDistributed
        layer = layer.layer
    kind = type(layer).__name__
    if getattr(layer, "_is_graph_network", False):
        return _tensor_ending(layer.outputs[history.tensor_index])
    if kind == "Softmax":
        return "softmax"
    activation = getattr(layer, "activation", None)
    activation = getattr(activation, "activation", activation)  # tfmot's QuantizeAwareActivation
    name = getattr(activation, "__name__", type(activation).__name__.lower())  # a layer may be an activation
    if kind in _PASSING_LAYERS or (kind, name) == ("Activation", "linear"):
        source = history.layer.inbound_nodes[history.node_index].keras_inputs
        return _tensor_ending(source[0]) if source else "linear"
    return "softmax" if name == "softmax" else "sigmoid" if name == "sigmoid" else "linear"


Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Ends:
    """The inputs and outputs of a model: shapes of a sample by name, with None for a size that may vary.

    `scaling` tells what the model does with the scale of its inputs, `endings` what each output ends in, and `whole`
    the type of each input that takes whole numbers alone.
    """

    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    scaling: Scaling = "none"
    endings: Mapping[str, EndsIn] = field(default_factory=dict)
    whole: Mapping[str, str] = field(default_factory=dict)


def ends_of(model: Any) -> Ends:
    """The ends of a tf_keras model, or of the bytes of a LiteRT file."""
    if isinstance(model, bytes):
        from compressor.models.litert.running.interpreter import LiteRTModel

        file = LiteRTModel(model)
        inputs, outputs = ({end.name: end.shape[1:] for end in ends} for ends in (file.inputs, file.outputs))
        endings = dict(zip(outputs, file_endings(model), strict=True))
        whole = {end.name: end.dtype for end in file.inputs if "int" in end.dtype and not end.scale}
        return Ends(inputs, outputs, "untold", endings, whole)  # the converter may fold a scale into the next operator
    inputs = dict(zip(input_names(model), (tuple(tensor.shape)[1:] for tensor in model.inputs), strict=True))
    outputs = dict(zip(output_names(model), (tuple(tensor.shape)[1:] for tensor in model.outputs), strict=True))
    types = zip(input_names(model), (tensor.dtype for tensor in model.inputs), strict=True)
    whole = {name: type_.name for name, type_ in types if type_.is_integer}
    return Ends(inputs, outputs, scaling_of(model), model_endings(model), whole)
