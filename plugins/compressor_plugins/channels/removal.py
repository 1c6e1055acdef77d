"""What `prune_channels` does to a model: ranks its channels, removes those that matter least, and trains the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import islice
from math import ceil
from typing import Any

from compressor import Arrays, Model, StepContext, StepError
from compressor.contracts.kept_structure import kept
from compressor.data import joined
from compressor_plugins.channels import costs
from compressor_plugins.channels.groups import channel_groups, without
from compressor_plugins.channels.params import PruneChannelsParams
from compressor_plugins.channels.saliency import Saliency, by_activation, by_batch_norm, by_magnitude
from compressor_plugins.channels.types import ChannelGroups
from compressor_plugins.graph.flattening import flatten
from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph
from compressor_plugins.graph.operation_layers import map_operations
from compressor_plugins.graph.rewrites import prepared
from compressor_plugins.shared.frozen import FROZEN, nothing_left
from compressor_plugins.shared.kernels import tell_of_idle

Cost = Callable[[Collection[int]], float]  # of the model without some groups
_BATCH = 16  # samples


def narrowed(model: Model, params: PruneChannelsParams, context: StepContext) -> Model:
    """The model without its least salient channels, trained on.

    Raises:
        StepError: the target cannot be reached, or there is no channel that may go.
    """
    graph = prepared(model, [flatten, map_operations], context, "'prune_channels'")
    groups = channel_groups(graph, partial(_not_chosen, params))
    saliency = _saliency(graph, groups, params, context)
    _tell_of_fixed(graph, groups, saliency, params, context)
    order = removal_order(groups, saliency, params.floor)
    if not order:
        remedy = "choose other layers, lower 'floor', or drop the step"
        raise nothing_left("there is no channel that may go", remedy, context)
    name, share = params.target
    cost = _cost(name, graph, groups, next(context.calibration(1)))
    gone = shortest(order, cost, share, name, params.floor)
    smaller = without(graph, groups, gone)
    context.note(_told(graph, smaller, groups))
    context.note(f"{name}: {cost(gone) / cost(()):.1%} of what it was, before training")
    built = smaller.build()
    context.fit(built, params, kept(built, context.state))
    return built


def _not_chosen(params: PruneChannelsParams, layer: GraphLayer) -> str:
    chosen = params.selects(layer.name, layer.kind)
    return "" if chosen else f"its channels meet those of '{layer.name}', which is not to be pruned"


def _tell_of_fixed(
    graph: LayerGraph, groups: ChannelGroups, saliency: Saliency, params: PruneChannelsParams, context: StepContext
) -> None:
    """Name the chosen layers that keep all their channels, but for those that make outputs."""
    for slot in groups.makers():
        reason = groups.reason(slot.atoms)
        if reason is None and not any(int(root) in saliency for root in groups.roots(slot.atoms)):
            reason = "no BatchNormalization with a factor follows it"
        if graph.layers[slot.layer].is_frozen:
            reason = FROZEN
        if reason and params.selects(slot.layer, graph.layers[slot.layer].kind):
            context.leave_alone(slot.layer, reason)
    makers = [(slot.layer, graph.layers[slot.layer].kind) for slot in groups.makers()]
    tell_of_idle(params, makers, context, "made narrower")


def _saliency(graph: LayerGraph, groups: ChannelGroups, params: PruneChannelsParams, context: StepContext) -> Saliency:
    if params.criterion == "bn_scale":
        return by_batch_norm(graph, groups)
    if params.criterion == "magnitude":
        return by_magnitude(graph, groups)
    return by_activation(graph, groups, _batches(context.calibration(params.calibration_samples)))


def removal_order(groups: ChannelGroups, saliency: Saliency, floor: float) -> list[int]:
    """The groups that may go, by their roots, least salient first, so that every layer keeps its floor."""
    held = [Counter(groups.roots(slot.atoms).tolist()) for slot in groups.makers()]
    spare = [counts.total() - max(1, ceil(counts.total() * floor)) for counts in held]
    order = []
    for root in sorted(saliency, key=lambda root: (saliency[root], root)):
        if all(left >= counts[root] for left, counts in zip(spare, held, strict=True)):
            spare = [left - counts[root] for left, counts in zip(spare, held, strict=True)]
            order.append(root)
    return order


def shortest(order: Sequence[int], cost: Cost, share: float, name: str, floor: float) -> list[int]:
    """As few of the groups, in order, as bring the cost down to a share of what it is.

    Raises:
        StepError: all of them do not.
    """
    whole, least = cost(()), cost(order)
    wanted = whole * share
    if least > wanted:
        reached = f"{least / whole:.1%} of the {name}"
        what = f"{name}: {share:g} cannot be reached: there is {reached} left at the floor of {floor:g}"
        raise StepError(what, "ask for less, lower 'floor', or choose other layers")
    low, high = 0, len(order)  # too few, enough
    while high - low > 1:
        middle = (low + high) // 2
        if cost(order[:middle]) <= wanted:
            high = middle
        else:
            low = middle
    return list(order[:high])


def _cost(name: str, graph: LayerGraph, groups: ChannelGroups, sample: Arrays) -> Cost:
    if name == "channels":
        return lambda gone: costs.removable(groups, gone)
    if name == "latency":
        return lambda gone: costs.seconds(graph, groups, gone, sample)
    counted = {"parameters": costs.parameters, "flops": costs.flops, "bytes": costs.file_bytes}
    return lambda gone: counted[name](graph, groups, gone)


def _told(before: LayerGraph, after: LayerGraph, groups: ChannelGroups) -> str:
    parts = []
    for slot in groups.makers():
        was, now = (graph.layers[slot.layer].weights[slot.weight].shape[slot.axis] for graph in (before, after))
        if was != now:
            parts.append(f"{slot.layer} {was} -> {now}")
    return f"channels: {', '.join(parts)}"


def _batches(samples: Iterator[Arrays]) -> Iterator[Any]:
    """Samples of shape (1, ...), many at a time: what all layers make of all samples may not fit into memory."""
    while some := list(islice(samples, _BATCH)):
        yield joined(some)
