"""Folds BatchNormalization into weights: what it does at inference is a factor and an offset for each channel.

Jacob et al. 2018 (arXiv 1712.05877), section 3.2, equation 14: w' = gamma * w / sqrt(variance + epsilon).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor_plugins.layer_graph import GraphLayer, LayerGraph, graph_layer
from compressor_plugins.rewrites import Done

_FOLDING = ("Conv1D", "Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "Dense")


def fold_batch_norms(graph: LayerGraph) -> Done:
    """Fold each BatchNormalization into the linear convolution or dense layer whose output it alone takes."""
    folded = _folded(graph, _FOLDING)
    return Done(f"folded {_counted(folded)} into the layer before", folded)


def fold_dense_batch_norms(graph: LayerGraph, clustered: bool = False) -> Done:
    """Fold those that follow a dense layer, which in training has one scale for all its weights.

    The factor of each channel would leave the converter weights that no scale fits, and that it ships in float.
    """
    folded = _folded(graph, ("Dense",))
    parted = ", which parts its clusters; 'fuse' before 'cluster' keeps them" if clustered else ""
    return Done(f"folded {_counted(folded)} into the dense layer before{parted}", folded)


def separate_batch_norms(graph: LayerGraph) -> Done:
    """Make each BatchNormalization over images that has no convolution to fold into a 1x1 depthwise convolution.

    It then is a layer that 8-bit arithmetic knows, as the pre-activation nets (DenseNet, ResNetV2) need it. Its
    statistics become fixed.
    """
    changed = []
    for number in list(graph.nodes):
        norm = graph.layer_of(number)
        if not _is_norm(graph, number) or follows_convolution(graph, number) or len(graph.nodes[number].shapes[0]) != 4:
            continue
        import tf_keras

        scale, offset = _affine(norm)
        layer = tf_keras.layers.DepthwiseConv2D(1, name=norm.name, trainable=norm.config["trainable"])
        graph.replace_layer(norm.name, graph_layer(layer, [scale.reshape(1, 1, -1, 1), offset]))
        changed.append(norm.name)
    return Done(f"made {_counted(changed)} a 1x1 depthwise convolution", changed)


def _folded(graph: LayerGraph, kinds: Sequence[str]) -> list[str]:
    """The names of those that were folded into layers of these classes."""
    folded = []
    for number in list(graph.nodes):
        norm, source = graph.layer_of(number), _folds_into(graph, number)
        if source is not None and graph.layer_of(source).kind in kinds:
            before = graph.layer_of(source)
            graph.replace_layer(before.name, _scaled(before, *_affine(norm)))
            graph.remove(number)
            folded.append(norm.name)
    return folded


def follows_convolution(graph: LayerGraph, number: int) -> bool:
    """Whether the converter folds this BatchNormalization into the convolution or dense layer before it."""
    return _folds_into(graph, number) is not None


def _folds_into(graph: LayerGraph, number: int) -> int | None:
    source = graph.only_source(number)
    if source is None or not _is_norm(graph, number) or graph.only_consumer(source) != number:
        return None
    before = graph.layer_of(source)
    linear = before.config.get("activation") == "linear" and before.config.get("data_format") != "channels_first"
    return source if before.kind in _FOLDING and linear else None


def _is_norm(graph: LayerGraph, number: int) -> bool:
    layer, shape = graph.layer_of(number), graph.nodes[number].shapes[0]
    if layer.kind not in ("BatchNormalization", "SyncBatchNormalization") or len(graph.calls(layer.name)) != 1:
        return False
    axis = layer.config["axis"]
    (axis,) = axis if isinstance(axis, list | tuple) and len(axis) == 1 else (axis,)
    return axis in (-1, len(shape) - 1)


def _affine(norm: GraphLayer) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The factor and the offset of each channel, both of shape (channels,)."""
    weights = [weight.astype(np.float64) for weight in norm.weights]
    gamma = weights.pop(0) if norm.config["scale"] else 1.0
    beta = weights.pop(0) if norm.config["center"] else 0.0
    mean, variance = weights
    scale: Any = gamma / np.sqrt(variance + norm.config["epsilon"])
    return scale.astype(np.float32), (beta - mean * scale).astype(np.float32)


def _scaled(layer: GraphLayer, scale: NDArray[np.float32], offset: NDArray[np.float32]) -> GraphLayer:
    kernel, *rest = layer.weights
    bias = rest[0] if rest else np.float32(0)
    if layer.kind == "DepthwiseConv2D":
        kernel = kernel * scale.reshape(kernel.shape[2:])
    elif layer.kind == "Conv2DTranspose":
        kernel = kernel * scale[:, None]  # (height, width, out, in)
    else:
        kernel = kernel * scale
    weights = [kernel.astype(np.float32), (bias * scale + offset).astype(np.float32)]
    return replace(layer, config=layer.config | {"use_bias": True}, weights=weights)


def _counted(names: list[str]) -> str:
    return f"{len(names)} BatchNormalization{'s' if len(names) != 1 else ''}"
