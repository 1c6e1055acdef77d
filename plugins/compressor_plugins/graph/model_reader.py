"""Reads the layer graph of a Keras model."""

from __future__ import annotations

from typing import Any

from compressor_plugins.graph.activation_layers import split_activation_layers
from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph, Node, Ref, flat, graph_layer, mapped


def read(model: Any) -> LayerGraph:
    """The graph of a functional model, or of a sequential one that knows its input; activation layers stand apart.

    Raises:
        ValueError: it is a subclassed model, which has no graph.
    """
    import tf_keras

    if not getattr(model, "_is_graph_network", False):
        raise ValueError(f"the model '{model.name}' is subclassed")
    if isinstance(model, tf_keras.Sequential):
        model = tf_keras.Model(model.inputs, model.outputs, name=model.name)
    layers: dict[str, GraphLayer] = {}
    numbers: dict[tuple[str, int], int] = {}
    nodes: dict[int, Node] = {}

    def ref(value: Any) -> Any:
        history = getattr(value, "_keras_history", None)
        if history is None:
            return value
        return Ref(numbers[history.layer.name, history.node_index], history.tensor_index)

    for depth in sorted(model._nodes_by_depth, reverse=True):
        for call in model._nodes_by_depth[depth]:
            layer = call.layer
            if layer.name not in layers:
                layers[layer.name] = graph_layer(layer)
            number = len(nodes)
            numbers[layer.name, layer._inbound_nodes.index(call)] = number
            arguments = () if call.is_input else tuple(mapped(ref, call.call_args))
            settings = {} if call.is_input else mapped(ref, call.call_kwargs)
            outputs = flat(call.outputs)
            shapes = tuple(tuple(tensor.shape) for tensor in outputs)
            dtypes = tuple(tensor.dtype.name for tensor in outputs)
            nodes[number] = Node(layer.name, arguments, settings, shapes, dtypes)
    ends = mapped(ref, model._nested_inputs), mapped(ref, model._nested_outputs)
    graph = LayerGraph(model.name, layers, nodes, *ends)
    split_activation_layers(graph)
    return graph
