"""What outputs are called, and what they end in: a softmax, a sigmoid, or plain numbers.

Plain numbers are logits where classes are told apart, and losses and metrics must know. A model says it by its last
layer, a file by its last operator.
"""

from __future__ import annotations

from typing import Any

from compressor.contracts.strategy import EndsIn
from compressor.models.litert.flatbuffer import operator_of, read_model

_SOFTMAX, _SIGMOID = 25, 14  # BuiltinOperator.SOFTMAX and LOGISTIC in the LiteRT schema
# RESHAPE, SQUEEZE, EXPAND_DIMS, TRANSPOSE, QUANTIZE, DEQUANTIZE, CAST: they pass values on
_PASSING = {22, 43, 70, 39, 114, 6, 53}
_PASSING_LAYERS = ("Reshape", "Flatten", "Permute", "Dropout", "RepeatVector", "Cropping2D")


def file_endings(content: bytes) -> tuple[EndsIn, ...]:
    """What each output of a `.tflite` file ends in, in the file's order."""
    model = read_model(content)
    graph = model.subgraphs[0]
    codes = [operator_of(code) for code in model.operatorCodes]
    maker = {int(index): operator for operator in graph.operators for index in operator.outputs}

    def ending(tensor: int) -> EndsIn:
        while tensor in maker:
            operator = maker[tensor]
            code = codes[operator.opcodeIndex]
            if code not in _PASSING:
                return "softmax" if code == _SOFTMAX else "sigmoid" if code == _SIGMOID else "linear"
            tensor = int(operator.inputs[0])
        return "linear"

    return tuple(ending(int(index)) for index in graph.outputs)


def model_endings(model: Any) -> dict[str, EndsIn]:
    """What each output of a tf_keras model ends in, by `output_names`."""
    names = output_names(model)
    if not getattr(model, "_is_graph_network", False):
        return dict.fromkeys(names, "linear")  # a subclassed model does not tell
    return {name: _tensor_ending(tensor) for name, tensor in zip(names, model.outputs, strict=True)}


def input_names(model: Any) -> list[str]:
    """The names of a tf_keras model's inputs, in order: its own keys where it takes a mapping, or the input layers'."""
    nested = getattr(model, "_nested_inputs", None)
    return sorted(nested) if isinstance(nested, dict) else list(model.input_names or [])


def output_names(model: Any) -> list[str]:
    """The names of a tf_keras model's outputs, in order: its own keys where it gives a mapping, or the last layers'.

    They are the same while tfmot's wrappers, which have names of their own, are around the last layers.
    """
    wrapped = {layer.name: layer.layer.name for layer in model.layers if _is_tfmot_wrapper(layer)}
    return [wrapped.get(name, name) for name in keras_keys(model)]


def keras_keys(model: Any) -> list[str]:
    """What Keras itself calls the outputs, in `compile` and in `fit`."""
    nested = getattr(model, "_nested_outputs", None)
    return sorted(nested) if isinstance(nested, dict) else list(model.output_names or [])


def _is_tfmot_wrapper(layer: Any) -> bool:
    bases = [base.__module__ for base in type(layer).__mro__]
    return hasattr(layer, "layer") and any(name.startswith("tensorflow_model_optimization") for name in bases)


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
    name = getattr(activation, "__name__", "linear")
    if kind in _PASSING_LAYERS or (kind, name) == ("Activation", "linear"):
        source = history.layer.inbound_nodes[history.node_index].keras_inputs
        return _tensor_ending(source[0]) if source else "linear"
    return "softmax" if name == "softmax" else "sigmoid" if name == "sigmoid" else "linear"
