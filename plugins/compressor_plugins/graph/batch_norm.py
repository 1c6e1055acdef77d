"""Folds BatchNormalization into weights: what it does at inference is a factor and an offset for each channel.

Jacob et al. 2018 (arXiv 1712.05877), section 3.2, equation 14: w' = gamma * w / sqrt(variance + epsilon).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.contracts.keras_layer_support import keras_layer
from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph, Ref, graph_layer
from compressor_plugins.graph.rewrites import Done, counted


def fold_batch_norms(graph: LayerGraph) -> Done:
    """Fold each BatchNormalization into the linear convolution or dense layer whose output it alone takes.

    Where one of the two is frozen and the other is not, both stay: what is frozen would be trained, or the reverse.
    """
    folded = _folded(graph, "weights", "converter")
    left = {}
    for number in graph.nodes:
        source = _folds_into(graph, number)
        if source is not None and not _are_frozen_alike(graph, source, number):
            pair = graph.layer_of(source), graph.layer_of(number)
            frozen, other = pair if pair[0].is_frozen else reversed(pair)
            left[pair[1].name] = f"'{frozen.name}' is frozen, and '{other.name}' is not"
    return Done(f"folded {_counted(folded)} into the layer before", folded, left)


def fold_dense_batch_norms(graph: LayerGraph) -> Done:
    """Fold those that follow a dense layer: it has one scale for all its weights, so the converter could not."""
    folded = _folded(graph, "weights")
    return Done(f"folded {_counted(folded)} into the dense layer before", folded)


def separate_batch_norms(graph: LayerGraph) -> Done:
    """Make each BatchNormalization that has no convolution to fold into a 1x1 depthwise convolution.

    It then is a layer that 8-bit arithmetic knows, as the pre-activation nets (DenseNet, ResNetV2) need it. Its
    statistics become fixed. Vectors and sequences are made images of one row for it, where all of them comes from
    layers in 8 bits: the columns of a model's input may differ in range by more than 8 bits have.
    """
    changed = []
    for number in list(graph.nodes):
        if not _is_norm(graph, number) or follows_convolution(graph, number):
            continue
        norm, shape = graph.layer_of(number), graph.nodes[number].shapes[0]
        if not (len(shape) == 4 or (len(shape) in (2, 3) and _can_be_image(graph, number))):
            continue
        import tf_keras

        scale, offset = _affine(norm)
        name = norm.name if len(shape) == 4 else graph.free_name(f"{norm.name}_factors")
        layer = tf_keras.layers.DepthwiseConv2D(1, name=name, trainable=norm.config["trainable"])
        made = graph_layer(layer, [scale.reshape(1, 1, -1, 1), offset])
        graph.replace_layer(norm.name, replace(made, was=norm.known_as))
        if len(shape) < 4:
            _between_reshapes(graph, number, norm.name)
        changed.append(norm.name)
    return Done(f"made {_counted(changed)} a 1x1 depthwise convolution", changed)


def _can_be_image(graph: LayerGraph, number: int) -> bool:
    masks = any(_masks(graph.layer_of(above)) for above in graph.above(number))  # which an image would not have
    return None not in graph.nodes[number].shapes[0][1:] and not masks and _comes_in_8_bits(graph, number)


def _comes_in_8_bits(graph: LayerGraph, number: int) -> bool:
    """Whether the nearest layers above with weights, on every way, compute in 8 bits."""
    sources = [ref.node for ref in graph.sources(number)]
    kinds = [graph.layer_of(source).kind for source in sources]
    return bool(sources) and all(
        keras_layer(kind).quantization.weights if graph.layer_of(source).weights else _comes_in_8_bits(graph, source)
        for source, kind in zip(sources, kinds, strict=True)
    )


def _masks(layer: GraphLayer) -> bool:
    return layer.kind == "Masking" or bool(layer.config.get("mask_zero"))


def _between_reshapes(graph: LayerGraph, number: int, name: str) -> None:
    """Let a node work on images of one row, and give out what it gave before under this name."""
    from tf_keras.layers import Reshape

    shape = graph.nodes[number].shapes[0]
    image = (shape[0], *[1] * (4 - len(shape)), *shape[1:])
    (source,) = graph.sources(number)
    before = Reshape(image[1:], name=graph.free_name(f"{name}_image"))
    graph.insert_after(source, graph_layer(before), [number], image)
    graph.nodes[number] = replace(graph.nodes[number], shapes=(image,))
    graph.insert_after(Ref(number), graph_layer(Reshape(shape[1:], name=name)), shape=shape)


def _folded(graph: LayerGraph, *kinds: str) -> list[str]:
    """The names of those that were folded into a layer of which the records say one of these."""
    folded = []
    for number in list(graph.nodes):
        norm, source = graph.layer_of(number), _folds_into(graph, number)
        if source is None or not _are_frozen_alike(graph, source, number):
            continue
        before = graph.layer_of(source)
        if keras_layer(before.kind).folded_batch_norm in kinds:
            graph.replace_layer(before.name, _scaled(before, *_affine(norm)))
            graph.remove(number)
            folded.append(norm.name)
    return folded


def follows_convolution(graph: LayerGraph, number: int) -> bool:
    """Whether the converter folds this BatchNormalization into the convolution before it, whose scales take factors."""
    source = _folds_into(graph, number)
    return source is not None and keras_layer(graph.layer_of(source).kind).folded_batch_norm == "converter"


def _folds_into(graph: LayerGraph, number: int) -> int | None:
    source = graph.only_source(number)
    if source is None or not _is_norm(graph, number) or graph.only_consumer(source) != number:
        return None
    before = graph.layer_of(source)
    linear = before.config.get("activation") == "linear" and before.config.get("data_format") != "channels_first"
    return source if keras_layer(before.kind).folded_batch_norm and linear else None


def _are_frozen_alike(graph: LayerGraph, one: int, other: int) -> bool:
    return graph.layer_of(one).is_frozen == graph.layer_of(other).is_frozen


def _is_norm(graph: LayerGraph, number: int) -> bool:
    layer, shape = graph.layer_of(number), graph.nodes[number].shapes[0]
    if not keras_layer(layer.kind).is_batch_norm or len(graph.calls(layer.name)) != 1:
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
    (axes,) = (found.makes for found in keras_layer(layer.kind).kernels)
    along = [1] * kernel.ndim
    for axis in axes:
        along[axis] = kernel.shape[axis]
    weights = [(kernel * scale.reshape(along)).astype(np.float32), (bias * scale + offset).astype(np.float32)]
    return replace(layer, config=layer.config | {"use_bias": True}, weights=weights)


def _counted(names: list[str]) -> str:
    return counted(len(names), "BatchNormalization")
