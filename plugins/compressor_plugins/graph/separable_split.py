"""Splits separable convolutions into their two, so that 8-bit arithmetic can be simulated between them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph, graph_layer
from compressor_plugins.graph.rewrites import Done, counted

_SHARED = ("padding", "strides", "dilation_rate", "data_format", "kernel_size", "depth_multiplier")


def split_separable(graph: LayerGraph) -> Done:
    """Make each SeparableConv2D a DepthwiseConv2D, called `name_depthwise`, and a 1x1 Conv2D of its own name."""
    split = []
    for number in list(graph.nodes):
        layer = graph.layer_of(number)
        if layer.kind != "SeparableConv2D" or len(graph.calls(layer.name)) != 1:
            continue
        depthwise, pointwise = _halves(layer, graph.free_name(f"{layer.name}_depthwise"))
        (source,) = graph.sources(number)
        graph.insert_after(source, depthwise, [number])
        graph.replace_layer(layer.name, pointwise)
        split.append(layer.name)
    return Done(f"split {counted(len(split), 'separable convolution')} in two", split)


def _halves(layer: GraphLayer, name: str) -> tuple[GraphLayer, GraphLayer]:
    from tf_keras import layers

    config: dict[str, Any] = layer.config
    shared = {key: config[key] for key in _SHARED} | {"trainable": config["trainable"]}
    first, second, *bias = layer.weights
    depthwise = layers.DepthwiseConv2D(**shared, use_bias=False, name=name)
    pointwise = layers.Conv2D(
        config["filters"],
        1,
        data_format=config["data_format"],
        activation=config["activation"],
        use_bias=config["use_bias"],
        trainable=config["trainable"],
        name=layer.name,
    )
    known, kind = layer.known_as
    return (
        replace(graph_layer(depthwise, [first]), was=(name, kind)),
        replace(graph_layer(pointwise, [second, *bias]), was=(known, kind)),
    )
