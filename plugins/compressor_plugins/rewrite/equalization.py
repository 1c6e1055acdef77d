"""Evens out the ranges of the channels between two layers, so that one scale fits them all.

Nagel et al. 2019 (arXiv 1906.04721), section 4.1: relu(s * x) = s * relu(x) for s > 0, so that a channel of the first
layer may be divided by s and the second layer's weights for it multiplied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.contracts.keras_layer_support import keras_layer
from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph
from compressor_plugins.graph.relu_fusion import is_plain_relu
from compressor_plugins.graph.rewrites import Done, counted

_ROUNDS = 50
_SETTLED = 1e-3  # the largest factor's distance from 1 at which a round is the last


def equalize_channels(graph: LayerGraph) -> Done:
    """Give the channels between each two layers ranges as even as they can be on both sides.

    Pairs are layers of which the second takes the first one's output alone, through a ReLU or nothing that bends.
    """
    pairs = list(_pairs(graph))
    for _ in range(_ROUNDS):
        if max((_evened(graph, first, second) for first, second in pairs), default=0.0) < _SETTLED:
            break
    return Done(
        f"evened the channels of {counted(len(pairs), 'pair')} of layers",
        [f"{first} and {second}" for first, second in pairs],
    )


def _pairs(graph: LayerGraph) -> Iterator[tuple[str, str]]:
    for number in graph.order():
        first = graph.layer_of(number)
        if not _can_be_evened(first) or first.config.get("activation") not in ("relu", "linear"):
            continue
        taker = graph.only_consumer(number)
        while taker is not None and _hands_on(graph, taker):
            taker = graph.only_consumer(taker)
        if taker is None or graph.only_source(taker) is None or len(graph.calls(graph.nodes[taker].layer)) != 1:
            continue
        second = graph.layer_of(taker)
        if _can_be_evened(second) and _inputs(second) % _outputs(first) == 0:
            yield first.name, second.name


def _hands_on(graph: LayerGraph, number: int) -> bool:
    """Whether a layer treats each channel by itself, and twice the input is twice the output."""
    layer = graph.layer_of(number)
    last = layer.config.get("data_format", "channels_last") in (None, "channels_last")
    by_channel = keras_layer(layer.kind).equalization == "between" or is_plain_relu(layer)
    return graph.only_source(number) is not None and last and by_channel


def _can_be_evened(layer: GraphLayer) -> bool:
    plain = layer.config.get("depth_multiplier", 1) == 1 and layer.config.get("groups", 1) == 1
    last = layer.config.get("data_format") != "channels_first"
    return keras_layer(layer.kind).equalization == "weights" and plain and last


def _axes(layer: GraphLayer) -> tuple[int, int]:
    """The axes of its kernel along which channels come out, and go in; depthwise, both stand along one."""
    (kernel,) = keras_layer(layer.kind).kernels
    return kernel.makes[0], kernel.takes


def _outputs(layer: GraphLayer) -> int:
    return int(layer.weights[0].shape[_axes(layer)[0]])


def _inputs(layer: GraphLayer) -> int:
    return int(layer.weights[0].shape[_axes(layer)[1]])


def _evened(graph: LayerGraph, first: str, second: str) -> float:
    """Move factors from the first layer's channels to the second's; how far the farthest was from 1."""
    one, other = graph.layers[first], graph.layers[second]
    channels = _outputs(one)
    out_axis, in_axis = _axes(one)[0], _axes(other)[1]
    coming = np.abs(np.moveaxis(one.weights[0], out_axis, 0).reshape(channels, -1)).max(axis=1)
    repeats = _inputs(other) // channels  # a Flatten stands between, and channels are its last axis
    taken = np.abs(np.moveaxis(other.weights[0], in_axis, 0).reshape(repeats, channels, -1)).max(axis=(0, 2))
    used = (coming > 0) & (taken > 0)
    factors = np.where(used, np.sqrt(coming / np.where(used, taken, 1)), 1.0).astype(np.float64)
    kernel, *bias = one.weights
    weights: list[NDArray[Any]] = [_divided(kernel, factors, out_axis), *((b / factors).astype(b.dtype) for b in bias)]
    graph.layers[first] = replace(one, weights=weights)
    kernel, *rest = other.weights
    graph.layers[second] = replace(other, weights=[_divided(kernel, 1 / np.tile(factors, repeats), in_axis), *rest])
    return float(np.abs(factors - 1).max(initial=0))


def _divided(kernel: NDArray[Any], factors: NDArray[np.float64], axis: int) -> NDArray[Any]:
    shape = [1] * kernel.ndim
    shape[axis] = -1
    result: NDArray[Any] = (kernel / factors.reshape(shape)).astype(kernel.dtype)
    return result
