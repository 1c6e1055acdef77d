"""Fuses a ReLU that stands alone into the convolution or dense layer before it: a layer less, and the same outputs."""

from __future__ import annotations

from dataclasses import replace

from compressor.contracts.keras_layer_support import keras_layer
from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph
from compressor_plugins.graph.rewrites import Done, counted


def fuse_relus(graph: LayerGraph) -> Done:
    """Make `ReLU` and `Activation('relu')` the activation of the layer before, where nothing else takes its output."""
    fused = []
    for number in list(graph.nodes):
        layer = graph.layer_of(number)
        source = graph.only_source(number)
        if not is_plain_relu(layer) or source is None or len(graph.calls(layer.name)) != 1:
            continue
        before = graph.layer_of(source)
        if (
            keras_layer(before.kind).fused_relu == "activation"
            and before.config["activation"] == "linear"
            and graph.only_consumer(source) == number
        ):
            graph.replace_layer(before.name, replace(before, config=before.config | {"activation": "relu"}))
            graph.remove(number)
            fused.append(layer.name)
    return Done(f"fused {counted(len(fused), 'ReLU')} into the layer before", fused)


def is_plain_relu(layer: GraphLayer) -> bool:
    """Whether a layer is max(x, 0) and no more."""
    config = layer.config
    if layer.kind == "Activation":
        return bool(config["activation"] == "relu")
    plain = not (config.get("max_value") is not None or config.get("negative_slope") or config.get("threshold"))
    return layer.kind == "ReLU" and plain
