"""Which channels of a model live and die together, and where each of them stands in the weights.

Every channel that a layer makes is an atom. Layers hand atoms on: an addition makes those that meet one, a
concatenation puts them side by side, flattening repeats them. An atom that a layer which is not understood takes or
makes, or that the model gives out, stays.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor_plugins.channels.types import Atoms, Call, ChannelGroups, Fixing
from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph, Ref, refs


def channel_groups(graph: LayerGraph, fixing: Fixing) -> ChannelGroups:
    """Find the groups of a graph without nested models.

    Args:
        graph: of the model.
        fixing: why a layer must not lose channels that it makes; "" where it may.
    """
    from compressor_plugins.channels.layers import flow

    groups = ChannelGroups()
    tensors: dict[Ref, Atoms] = {}
    unknown: set[str] = set()  # a layer that is understood in one call alone must keep its channels as well
    for number in graph.order():
        node, layer = graph.nodes[number], graph.layer_of(number)
        sources = graph.sources(number)
        inputs = [tensors[ref] for ref in sources]
        shapes = [graph.nodes[ref.node].shapes[ref.tensor] for ref in sources]
        call = Call(layer, node, inputs, shapes)
        made = None if layer.name in unknown else flow(groups, call, fixing)
        if made is None:
            unknown.add(layer.name)
            reason = "its channels are the model's inputs" if not sources else _not_understood(layer)
            for atoms in (*inputs, *(slot.atoms for slot in groups.slots if slot.layer == layer.name)):
                groups.fix(atoms, reason)
            for tensor, shape in enumerate(node.shapes):
                tensors[Ref(number, tensor)] = groups.fresh(shape[-1] or 0 if len(shape) > 1 else 0, reason)
            continue
        tensors[Ref(number)] = made
        if sources:
            groups.taken.setdefault(layer.name, sources[0])
    for slot in groups.slots:
        if graph.layers[slot.layer].is_frozen:
            groups.fix(slot.atoms, f"'{slot.layer}' is frozen")
    for ref in refs(graph.outputs):
        groups.fix(tensors[ref], "")  # an output's channels are what the model is for
    return groups


def without(graph: LayerGraph, groups: ChannelGroups, gone: Collection[int]) -> LayerGraph:
    """The graph without the channels of some groups, given by their roots."""
    removed = np.fromiter(gone, np.int64, len(gone))
    layers = dict(graph.layers)
    for slot in groups.slots:
        weights = list(layers[slot.layer].weights)
        weights[slot.weight] = np.compress(_stays(groups, slot.atoms, removed), weights[slot.weight], slot.axis)
        layers[slot.layer] = replace(layers[slot.layer], weights=weights)
    for setting in groups.settings:
        size: Any = int(_stays(groups, setting.atoms, removed).sum())
        config = layers[setting.layer].config
        if setting.position is not None:
            sizes = list(config[setting.key])
            sizes[setting.position] = size
            size = sizes
        layers[setting.layer] = replace(layers[setting.layer], config=config | {setting.key: size})
    return LayerGraph(graph.name, layers, dict(graph.nodes), graph.inputs, graph.outputs)


def weight_shapes(graph: LayerGraph, groups: ChannelGroups, gone: Collection[int]) -> dict[str, list[list[int]]]:
    """The shapes that each layer's weights have without some groups."""
    removed = np.fromiter(gone, np.int64, len(gone))
    shapes = {name: [list(weight.shape) for weight in layer.weights] for name, layer in graph.layers.items()}
    for slot in groups.slots:
        shapes[slot.layer][slot.weight][slot.axis] = int(_stays(groups, slot.atoms, removed).sum())
    return shapes


def _stays(groups: ChannelGroups, atoms: Atoms, removed: Atoms) -> NDArray[np.bool_]:
    return ~np.isin(groups.roots(atoms), removed)


def _not_understood(layer: GraphLayer) -> str:
    return f"its channels pass through '{layer.name}', and what {layer.kind} does with them is not known"
