"""How much each group of channels matters, as a mean over the layers that it runs through."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from compressor import Arrays
from compressor.contracts.keras_layer_support import keras_layer
from compressor_plugins.channels.types import Atoms, ChannelGroups
from compressor_plugins.graph.layer_graph import LayerGraph

Saliency = Mapping[int, float]  # by the group's root


def by_magnitude(graph: LayerGraph, groups: ChannelGroups) -> Saliency:
    """The L1 norm of the weights that make a channel, in means of its layer, since layers differ in scale.

    Li et al. 2017, "Pruning Filters for Efficient ConvNets" (arXiv 1608.08710).
    """
    found = []
    for slot in groups.makers():
        kernel = np.abs(graph.layers[slot.layer].weights[slot.weight].astype(np.float64))
        norms = np.moveaxis(kernel, slot.axis, -1).reshape(-1, kernel.shape[slot.axis]).sum(axis=0)
        found.append((slot.atoms, _in_means(norms)))
    return _of_groups(groups, found)


def by_batch_norm(graph: LayerGraph, groups: ChannelGroups) -> Saliency:
    """The magnitude of a channel's factor in BatchNormalization; groups that meet none are not among them.

    Liu et al. 2017, "Learning Efficient Convolutional Networks through Network Slimming" (arXiv 1708.06519).
    """
    found = []
    for slot in groups.slots:
        layer = graph.layers[slot.layer]
        if keras_layer(layer.kind).is_batch_norm and layer.config["scale"] and not slot.weight:
            found.append((slot.atoms, np.abs(layer.weights[0].astype(np.float64))))
    return _of_groups(groups, found)


def by_activation(graph: LayerGraph, groups: ChannelGroups, batches: Iterable[Arrays]) -> Saliency:
    """The mean magnitude of what the layers behind a channel take of it on real samples, in means of the layer."""
    import tensorflow as tf

    takers = [slot for slot in groups.slots if not slot.makes and slot.weight == 0 and slot.layer in groups.taken]
    takers = [slot for slot in takers if any(made.layer == slot.layer for made in groups.makers())]
    watched = LayerGraph(graph.name, graph.layers, dict(graph.nodes), graph.inputs, [])
    watched.outputs = [groups.taken[slot.layer] for slot in takers]
    model, sums = watched.build(), [np.zeros(len(slot.atoms)) for slot in takers]
    for features in batches:
        for total, output in zip(sums, tf.nest.flatten(model(features, training=False)), strict=True):
            values = np.abs(np.asarray(output))
            total += values.reshape(-1, values.shape[-1]).sum(axis=0, dtype=np.float64)
    return _of_groups(groups, [(slot.atoms, _in_means(total)) for slot, total in zip(takers, sums, strict=True)])


def _in_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values / (values.mean() or 1.0)


def _of_groups(groups: ChannelGroups, found: Iterable[tuple[Atoms, NDArray[np.float64]]]) -> Saliency:
    values: defaultdict[int, list[float]] = defaultdict(list)
    for atoms, scores in found:
        free = groups.free(atoms)
        for root, score in zip(groups.roots(atoms[free]), scores[free], strict=True):
            values[int(root)].append(float(score))
    return {root: float(np.mean(scores)) for root, scores in values.items()}
