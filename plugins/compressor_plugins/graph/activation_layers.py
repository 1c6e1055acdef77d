"""Gives a layer that is the activation of another, as in `Dense(activation=LeakyReLU(0.1))`, a place of its own."""

from __future__ import annotations

from dataclasses import replace

from compressor_plugins.graph.layer_graph import LayerGraph, Ref, graph_layer


def split_activation_layers(graph: LayerGraph) -> None:
    """Put each layer that is another's activation behind it."""
    import tf_keras

    for name, layer in list(graph.layers.items()):
        held = layer.config.get("activation")
        if not isinstance(held, dict) or not hasattr(tf_keras.layers, str(held.get("class_name"))):
            continue
        is_output = any(map(graph.is_output, graph.calls(name)))  # which is called as the last layer
        first, second = f"{name}_linear" if is_output else name, name if is_output else f"{name}_activation"
        first = first if first == name else graph.free_name(first)
        second = second if second == name else graph.free_name(second)
        activation = graph_layer(tf_keras.layers.deserialize(held))
        own = len(layer.weights) - (activation.kind == "PReLU")  # whose weight is the last
        config = layer.config | {"activation": "linear", "name": first}
        graph.replace_layer(name, replace(layer, config=config, weights=layer.weights[:own], was=layer.known_as))
        behind = replace(activation, config=activation.config | {"name": second}, weights=layer.weights[own:])
        for number in graph.calls(first):
            graph.insert_after(Ref(number), behind)
