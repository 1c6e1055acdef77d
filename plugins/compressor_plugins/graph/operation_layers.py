"""Turns TensorFlow operations within a model (`x * 0.5`, `tf.nn.relu(x)`) into the Keras layers that do the same.

Keras wraps such an operation in a `TFOpLambda`, which none of tfmot's techniques knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph, Ref, graph_layer, refs
from compressor_plugins.graph.rewrites import Done, counted


def map_operations(graph: LayerGraph) -> Done:
    """Replace the operations that a layer can stand for; the others stay, and are no failure."""
    changed, left = [], {}
    for number in list(graph.nodes):
        layer = graph.layer_of(number)
        if layer.kind not in ("TFOpLambda", "SlicingOpLambda"):
            continue
        operation = layer.config["function"]
        made = _LAYERS[operation](graph, number) if operation in _LAYERS and len(graph.calls(layer.name)) == 1 else None
        if made is None:
            left[layer.name] = f"no layer stands for the operation tf.{operation}"
            continue
        node = graph.nodes[number]
        tensors = list(refs((node.args, node.kwargs)))
        graph.replace_layer(layer.name, made)
        inputs = tensors[0] if len(tensors) == 1 else tensors
        graph.nodes[number] = replace(node, layer=made.name, args=(inputs,), kwargs={})
        changed.append(layer.name)
    return Done(f"made {counted(len(changed), 'operation')} a layer", changed, left)


def _layer(class_name: str, **settings: Any) -> Callable[[LayerGraph, int], GraphLayer | None]:
    """For an operation on one tensor without further arguments."""

    def make(graph: LayerGraph, number: int) -> GraphLayer | None:
        node = graph.nodes[number]
        known = [value for key, value in node.kwargs.items() if key != "name" and value is not None]
        return _new(graph, number, class_name, **settings) if len(node.args) == 1 and not known else None

    return make


def _arithmetic(merge: str, scalar: Callable[[float], dict[str, float]]) -> Any:
    """For two tensors of one shape the layer `merge`, for a tensor and a number a `Rescaling`."""

    def make(graph: LayerGraph, number: int) -> GraphLayer | None:
        node = graph.nodes[number]
        operands = [*node.args, *(value for key, value in node.kwargs.items() if key != "name")]
        if len(operands) != 2:
            return None
        if all(isinstance(operand, Ref) for operand in operands):
            shapes = {graph.nodes[ref.node].shapes[ref.tensor] for ref in operands}
            return _new(graph, number, merge) if merge and len(shapes) == 1 else None
        tensors = [isinstance(operand, Ref) for operand in operands]
        commutes = merge in ("Add", "Multiply")
        if sum(tensors) != 1 or not (tensors[0] or commutes):
            return None
        if not graph.is_float(operands[0 if tensors[0] else 1]):
            return None  # a Rescaling makes floats of integers
        value = np.asarray(operands[1 if tensors[0] else 0])
        return _new(graph, number, "Rescaling", **scalar(float(value))) if value.ndim == 0 else None

    return make


def _concatenation(graph: LayerGraph, number: int) -> GraphLayer | None:
    node = graph.nodes[number]
    axis = node.kwargs.get("axis", node.args[1] if len(node.args) > 1 else None)
    parts = node.args[0] if node.args else None
    whole = isinstance(parts, list | tuple) and len(parts) > 1 and all(isinstance(part, Ref) for part in parts)
    return _new(graph, number, "Concatenate", axis=int(axis)) if whole and isinstance(axis, int) and axis else None


def _reshape(graph: LayerGraph, number: int) -> GraphLayer | None:
    shape = graph.nodes[number].shapes[0]
    single = len(list(refs((graph.nodes[number].args, graph.nodes[number].kwargs)))) == 1
    whole = shape[0] is None and all(size is not None for size in shape[1:])
    if single and whole:  # samples may be made of other samples' parts, which no layer does
        (ref,) = graph.sources(number)
        given = graph.nodes[ref.node].shapes[ref.tensor][1:]
        whole = all(size is not None for size in given) and prod(given) == prod(shape[1:])  # type: ignore[arg-type]
    return _new(graph, number, "Reshape", target_shape=shape[1:]) if single and whole else None


def _mean(graph: LayerGraph, number: int) -> GraphLayer | None:
    node = graph.nodes[number]
    given = dict(zip(("axis", "keepdims"), node.args[1:], strict=False)) | node.kwargs
    (source,) = graph.sources(number)
    rank = len(graph.nodes[source.node].shapes[source.tensor])
    axes = given.get("axis")
    if rank != 4 or not isinstance(axes, list | tuple) or sorted(axis % 4 for axis in axes) != [1, 2]:
        return None
    return _new(graph, number, "GlobalAveragePooling2D", keepdims=bool(given.get("keepdims")))


def _new(graph: LayerGraph, number: int, class_name: str, **settings: Any) -> GraphLayer:
    from tf_keras import layers

    name = graph.free_name(graph.nodes[number].layer.replace("tf.", "").replace(".", "_").strip("_"))
    return graph_layer(getattr(layers, class_name)(name=name, **settings))


_ADD = _arithmetic("Add", lambda value: {"scale": 1.0, "offset": value})
_SUBTRACT = _arithmetic("Subtract", lambda value: {"scale": 1.0, "offset": -value})
_MULTIPLY = _arithmetic("Multiply", lambda value: {"scale": value})
_DIVIDE = _arithmetic("", lambda value: {"scale": 1 / value})

_LAYERS: dict[str, Callable[[LayerGraph, int], GraphLayer | None]] = {
    "nn.relu": _layer("ReLU"),
    "nn.relu6": _layer("ReLU", max_value=6.0),
    "nn.softmax": _layer("Softmax"),
    "nn.silu": _layer("Activation", activation="swish"),
    "math.sigmoid": _layer("Activation", activation="sigmoid"),
    "math.tanh": _layer("Activation", activation="tanh"),
    "__operators__.add": _ADD,
    "math.add": _ADD,
    "math.subtract": _SUBTRACT,
    "math.multiply": _MULTIPLY,
    "math.truediv": _DIVIDE,
    "concat": _concatenation,
    "reshape": _reshape,
    "math.reduce_mean": _mean,
}
