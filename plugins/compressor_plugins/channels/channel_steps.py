"""Finds a model's channels and judges them, for the steps that remove or add some."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from compressor import Arrays, Model, StepContext
from compressor.data import joined
from compressor_plugins.channels.costs import Cost, cost_of
from compressor_plugins.channels.groups import channel_groups, resized
from compressor_plugins.channels.params import ChannelParams
from compressor_plugins.channels.saliency import Saliency, by_activation, by_batch_norm, by_magnitude
from compressor_plugins.channels.types import ChannelGroups, Copies
from compressor_plugins.graph.flattening import flatten
from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph
from compressor_plugins.graph.operation_layers import map_operations
from compressor_plugins.graph.rewrites import prepared
from compressor_plugins.shared.frozen import FROZEN
from compressor_plugins.shared.kernels import tell_of_idle

_BATCH = 16  # samples


@dataclass(frozen=True)
class Channels:
    """A model's graph, its groups of channels, and what each is worth; those that must stay as they are have none."""

    graph: LayerGraph
    groups: ChannelGroups
    saliency: Saliency

    def cost(self, name: str, context: StepContext) -> Cost:
        """The cost of a name, for so many copies of each group."""
        return cost_of(name, self.graph, self.groups, next(context.calibration(1)))

    def with_copies(self, copies: Copies, context: StepContext) -> Model:
        """The model with so many copies of each group, of which the report is told."""
        other = resized(self.graph, self.groups, copies)
        parts = []
        for slot in self.groups.makers():
            was, now = (graph.layers[slot.layer].weights[slot.weight].shape[slot.axis] for graph in (self.graph, other))
            if was != now:
                parts.append(f"{slot.layer} {was} -> {now}")
        context.note(f"channels: {', '.join(parts)}")
        return other.build()


def channels_of(model: Model, params: ChannelParams, context: StepContext, step: str, done: str) -> Channels:
    """The channels of a model; the layers that keep theirs are named in the report.

    Args:
        model: of which the graph is read.
        params: which layers are chosen, and by what channels are judged.
        context: has the samples.
        step: that it is for, as messages name it.
        done: what it does to a layer, such as "made narrower".

    Raises:
        StepError: the model has no graph of layers, or a layer is named that is not there.
    """
    graph = prepared(model, [flatten, map_operations], context, step)
    groups = channel_groups(graph, partial(_not_chosen, params, done))
    saliency = _saliency(graph, groups, params, context)
    for slot in groups.makers():
        reason = groups.reason(slot.atoms)
        if reason is None and not any(int(root) in saliency for root in groups.roots(slot.atoms)):
            reason = "no BatchNormalization with a factor follows it"
        if graph.layers[slot.layer].is_frozen:
            reason = FROZEN
        if reason and params.selects(slot.layer, graph.layers[slot.layer].kind):
            context.leave_alone(slot.layer, reason)
    makers = [(slot.layer, graph.layers[slot.layer].kind) for slot in groups.makers()]
    tell_of_idle(params, makers, context, done)
    return Channels(graph, groups, saliency)


def _not_chosen(params: ChannelParams, done: str, layer: GraphLayer) -> str:
    chosen = params.selects(layer.name, layer.kind)
    return "" if chosen else f"its channels meet those of '{layer.name}', which is not to be {done}"


def _saliency(graph: LayerGraph, groups: ChannelGroups, params: ChannelParams, context: StepContext) -> Saliency:
    if params.criterion == "bn_scale":
        return by_batch_norm(graph, groups)
    if params.criterion == "magnitude":
        return by_magnitude(graph, groups)
    return by_activation(graph, groups, _batches(context.calibration(params.calibration_samples)))


def _batches(samples: Iterator[Arrays]) -> Iterator[Any]:
    """Samples of shape (1, ...), many at a time: what all layers make of all samples may not fit into memory."""
    while some := list(islice(samples, _BATCH)):
        yield joined(some)
