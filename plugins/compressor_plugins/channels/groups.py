"""Which channels of a model live and die together, and where each of them stands in the weights.

Every channel that a layer makes is an atom. Layers hand atoms on: an addition makes those that meet one, a
concatenation puts them side by side, flattening repeats them. An atom that a layer which is not understood takes or
makes, or that the model gives out, stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor_plugins.channels.types import Atoms, Call, ChannelGroups, Copies, Fixing, Slot
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


def resized(graph: LayerGraph, groups: ChannelGroups, copies: Copies) -> LayerGraph:
    """The graph with so many copies of each group of channels.

    Copies make what the one channel made, and what takes them counts each in part, so that outputs stay as they are
    (Chen et al. 2016, "Net2Net", arXiv 1511.05641). The parts are unequal, so that copies learn different things.
    """
    layers = dict(graph.layers)
    for slot in groups.slots:
        weights = list(layers[slot.layer].weights)
        weights[slot.weight] = _repeated(weights[slot.weight], _counts(groups, slot.atoms, copies), slot)
        layers[slot.layer] = replace(layers[slot.layer], weights=weights)
    for setting in groups.settings:
        size: Any = int(_counts(groups, setting.atoms, copies).sum())
        config = layers[setting.layer].config
        if setting.position is not None:
            sizes = list(config[setting.key])
            sizes[setting.position] = size
            size = sizes
        layers[setting.layer] = replace(layers[setting.layer], config=config | {setting.key: size})
    return LayerGraph(graph.name, layers, dict(graph.nodes), graph.inputs, graph.outputs)


def weight_shapes(graph: LayerGraph, groups: ChannelGroups, copies: Copies) -> dict[str, list[list[int]]]:
    """The shapes that each layer's weights have with so many copies of each group of channels."""
    shapes = {name: [list(weight.shape) for weight in layer.weights] for name, layer in graph.layers.items()}
    for slot in groups.slots:
        shapes[slot.layer][slot.weight][slot.axis] = int(_counts(groups, slot.atoms, copies).sum())
    return shapes


def _counts(groups: ChannelGroups, atoms: Atoms, copies: Copies) -> NDArray[np.int64]:
    return np.array([copies.get(int(root), 1) for root in groups.roots(atoms)], np.int64)


def _repeated(weight: NDArray[Any], counts: NDArray[np.int64], slot: Slot) -> NDArray[Any]:
    repeated = np.repeat(weight, counts, slot.axis)
    if not slot.adds_up or counts.max(initial=0) < 2:
        return repeated
    parts = np.concatenate([np.arange(1, count + 1) / (count * (count + 1) / 2) for count in counts])
    shape = [1] * weight.ndim
    shape[slot.axis] = -1
    scaled: NDArray[Any] = (repeated * parts.reshape(shape)).astype(weight.dtype)
    return scaled


def _not_understood(layer: GraphLayer) -> str:
    return f"its channels pass through '{layer.name}', and what {layer.kind} does with them is not known"
