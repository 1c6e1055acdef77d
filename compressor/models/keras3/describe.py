"""Describes a tf_keras model in plain data that `writer` builds a Keras 3 model from: layers, calls and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import ModelError
from compressor.contracts.keras_layer_support import keras_layer
from compressor.models.keras3.refusal import joined, refused_layer, refused_operation

_REMEDY = "leave the model as it is, or ship it as .tflite"
_QUANTIZED = "QuantizeLayer QuantizeWrapper QuantizeWrapperV2"
_WRAPPED = "PruneLowMagnitude ClusterWeights"
_OPERATIONS = {
    "__operators__.add": "add", "cast": "cast", "clip_by_value": "clip", "concat": "concatenate", "einsum": "einsum",
    "expand_dims": "expand_dims", "identity": "copy", "linalg.matmul": "matmul", "math.abs": "abs", "math.add": "add",
    "math.divide": "divide", "math.equal": "equal", "math.greater": "greater", "math.less": "less",
    "math.log": "log", "math.log_sigmoid": "log_sigmoid", "math.maximum": "maximum", "math.minimum": "minimum",
    "math.multiply": "multiply", "math.negative": "negative", "math.not_equal": "not_equal", "math.pow": "power",
    "math.reduce_max": "max", "math.reduce_mean": "mean", "math.reduce_min": "min", "math.reduce_sum": "sum",
    "math.rsqrt": "rsqrt", "math.sqrt": "sqrt", "math.square": "square", "math.subtract": "subtract",
    "math.tanh": "tanh", "nn.gelu": "gelu", "nn.log_softmax": "log_softmax", "nn.relu": "relu", "nn.relu6": "relu6",
    "nn.sigmoid": "sigmoid", "nn.silu": "silu", "nn.softmax": "softmax", "reshape": "reshape", "squeeze": "squeeze",
    "stack": "stack", "tile": "tile", "transpose": "transpose", "where": "where",
}  # fmt: skip
_RENAMED = {"multiples": "repeats", "perm": "axes"}


def describe(model: Any) -> tuple[dict[str, Any], list[NDArray[Any]]]:
    """Describe a model.

    Returns:
        The graph, as JSON can hold it, and the weights, which its layers name by number.

    Raises:
        ModelError: the model is neither Functional nor Sequential, or holds something that Keras 3 lacks.
    """
    weights: list[NDArray[Any]] = []
    return _model(model, "", weights), weights


def _model(model: Any, place: str, weights: list[NDArray[Any]]) -> dict[str, Any]:
    import tensorflow as tf

    if not hasattr(model, "_nodes_by_depth") or not getattr(model, "_is_graph_network", False):
        what = f"the model '{place or model.name}' is neither Functional nor Sequential"
        raise ModelError(what, "build it with the functional API")
    layers: dict[str, Any] = {}
    calls: list[dict[str, Any]] = []
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            layer = node.layer
            if node.is_input:
                continue
            where = joined(place, layer.name)
            args, kwargs = list(node.call_args), dict(node.call_kwargs)
            if keras_layer(type(layer).__name__).is_recurrent and isinstance(args[0], list):  # so it is given states
                args, kwargs["initial_state"] = args[0][:1], args[0][1:]
            if layer.name not in layers:
                layers[layer.name] = _layer(layer, where, weights)
            kwargs = {
                key: value for key, value in kwargs.items() if value is not None and key not in ("training", "name")
            }
            calls.append(
                {
                    "layer": layer.name,
                    "args": [_argument(value, where) for value in args],
                    "kwargs": {_RENAMED.get(key, key): _argument(value, where) for key, value in kwargs.items()},
                    "outputs": [_key(tensor) for tensor in tf.nest.flatten(node.outputs)],
                }
            )
    return {
        "class": "Sequential" if type(model).__name__ == "Sequential" else "Functional",
        "name": model.name,
        "trainable": model.trainable,
        "inputs": [
            {"key": _key(tensor), "shape": list(tensor.shape), "dtype": tensor.dtype.name, "name": name}
            for tensor, name in zip(model.inputs, model.input_names, strict=True)
        ],
        "input": _argument(model.input, place),
        "output": _argument(model.output, place),
        "layers": layers,
        "calls": calls,
    }


def _layer(layer: Any, place: str, weights: list[NDArray[Any]]) -> dict[str, Any]:
    kind = type(layer).__name__
    if kind in _QUANTIZED.split():
        remedy = "convert the model as it was before quantization-aware training, or ship this one as .tflite"
        raise refused_layer(place, kind, "is part of quantization-aware training, which Keras 3 does not know", remedy)
    if kind in _WRAPPED.split():
        raise refused_layer(place, kind, "is a wrapper for training", "strip it first")
    if hasattr(layer, "_nodes_by_depth"):
        return {"model": _model(layer, place, weights)}
    if kind in ("TFOpLambda", "SlicingOpLambda"):
        name = str(layer.get_config()["function"])
        known = "getitem" if kind == "SlicingOpLambda" else _OPERATIONS.get(name)
        if known is None:
            raise refused_operation(place, name, "has no counterpart here", _REMEDY)
        return {"operation": known}
    if keras_layer(kind).bridge is None or not type(layer).__module__.startswith("tf_keras."):
        raise refused_layer(place, kind, "has no counterpart in Keras 3", _REMEDY)
    entry: dict[str, Any] = {"class": kind, "place": place, "config": _plain(layer.get_config(), place, kind)}
    if hasattr(layer, "layer") and hasattr(layer.layer, "_nodes_by_depth"):  # a wrapper around a model
        entry["config"].pop("layer")
        entry["inner"] = _model(layer.layer, joined(place, layer.layer.name), weights)
        return entry
    own = [np.asarray(weight) for weight in layer.get_weights()]
    entry["weights"] = list(range(len(weights), len(weights) + len(own)))
    weights.extend(own)
    return entry


def _plain(value: Any, place: str, kind: str) -> Any:
    """A configuration as JSON can hold it, in the names of Keras 3."""
    if isinstance(value, dict):
        if {"activation", "recurrent_activation"} & value.keys():
            for key in ("activation", "recurrent_activation"):
                if value.get(key) == "hard_sigmoid":
                    why = f"uses {key}='hard_sigmoid', which Keras 3 computes otherwise"
                    raise refused_layer(place, kind, why, _REMEDY)
        return {str(key): _plain(option, place, kind) for key, option in value.items()}
    if isinstance(value, list | tuple) or hasattr(value, "as_list"):  # a TensorShape
        return [_plain(item, place, kind) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, str | int | float | bool | None):
        return value
    raise refused_layer(place, kind, f"has an option of the type {type(value).__name__}", _REMEDY)


def _key(tensor: Any) -> str:
    history = tensor._keras_history
    return f"{history.layer.name}:{history.node_index}:{history.tensor_index}"


def _argument(value: Any, place: str) -> Any:
    """An argument of a call as JSON can hold it, with names for tensors, slices and types."""
    if hasattr(value, "_keras_history"):
        return {"tensor": _key(value)}
    if isinstance(value, dict) and value.keys() == {"start", "stop", "step"}:  # as tf_keras keeps a slice
        return {"slice": [_argument(value[key], place) for key in ("start", "stop", "step")]}
    if isinstance(value, dict):
        return {"dict": {key: _argument(item, place) for key, item in value.items()}}
    if isinstance(value, list | tuple):
        return [_argument(item, place) for item in value]
    if isinstance(value, slice):
        return {"slice": [_argument(bound, place) for bound in (value.start, value.stop, value.step)]}
    if value is ...:
        return {"ellipsis": True}
    if isinstance(value, np.ndarray | np.generic):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    if type(value).__name__ == "DType":
        return str(value.name)
    if hasattr(value, "numpy"):
        return {"array": value.numpy().tolist(), "dtype": value.dtype.name}
    if isinstance(value, str | int | float | bool | None):
        return value
    raise ModelError(f"'{place}' is called with a {type(value).__name__}, which Keras 3 cannot be given", _REMEDY)
