"""Structured pruning: whole filters and neurons go, and what is left is an ordinary, smaller model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from math import ceil
from typing import Any, Literal

from pydantic import Field, model_validator

import compressor
from compressor import Arrays, Model, ModelState, StepContext, StepError, Strategy
from compressor.data import joined
from compressor_plugins.channels import costs
from compressor_plugins.channels.groups import channel_groups, without
from compressor_plugins.channels.saliency import Saliency, by_activation, by_batch_norm, by_magnitude
from compressor_plugins.channels.types import ChannelGroups
from compressor_plugins.graph.flattening import flatten
from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph
from compressor_plugins.graph.operation_layers import map_operations
from compressor_plugins.graph.rewrites import prepared
from compressor_plugins.shared.kept_structure import kept
from compressor_plugins.shared.kernels import tell_of_idle

Cost = Callable[[Collection[int]], float]  # of the model without some groups
_BATCH = 16  # samples
_TARGETS = ("channels", "parameters", "flops", "bytes", "latency")


class PruneChannels(Strategy):
    """Remove the filters and neurons that matter least, so that the file gets smaller and faster, then train.

    By magnitude: Li et al. 2017, "Pruning Filters for Efficient ConvNets" (arXiv 1608.08710). By BatchNormalization's
    factors: Liu et al. 2017, "Learning Efficient Convolutional Networks through Network Slimming" (arXiv 1708.06519).
    Channels that meet, as in a residual addition, go together or not at all; what a layer does with its channels that
    is not understood keeps them, and is named. Layers that make the model's outputs keep theirs.
    """

    name = "prune_channels"

    class Params(compressor.TrainingParams, compressor.LayerTargets):
        """What to go down to, exactly one of them, and by what channels are judged."""

        channels: float | None = Field(None, gt=0, lt=1, description="share of the removable channels to keep")
        parameters: float | None = Field(None, gt=0, lt=1, description="share of the parameters to go down to")
        flops: float | None = Field(
            None, gt=0, lt=1, description="share to go down to of the arithmetic of convolutions and dense layers"
        )
        bytes: float | None = Field(None, gt=0, lt=1, description="share to go down to of the float .tflite file")
        latency: float | None = Field(
            None,
            gt=0,
            lt=1,
            description="share to go down to of the time LiteRT takes for one sample in float on this machine; another "
            "machine, or a busy one, may get another model",
        )
        criterion: Literal["magnitude", "bn_scale", "activation"] = Field(
            "magnitude",
            description="judge by the weights that make a channel, by its factor in BatchNormalization, or by its mean "
            "activation on training samples",
        )
        calibration_samples: int = Field(
            200, ge=1, le=100_000, description="training samples for `criterion: activation`"
        )
        floor: float = Field(0.1, gt=0, le=1, description="share of each layer's channels that stays in any case")
        epochs: int = Field(3, ge=1, le=10_000, description="passes over the training split, after the removal")

        @model_validator(mode="after")
        def _one_target(self) -> PruneChannels.Params:
            given = [name for name in _TARGETS if getattr(self, name) is not None]
            if len(given) != 1:
                held = f"{given[0]} and {given[1]} are" if given else "none is"
                raise ValueError(f"{held} given; give exactly one of {', '.join(_TARGETS)}")
            return self

        @property
        def target(self) -> tuple[str, float]:
            """What to go down to, and the share of it."""
            return next((name, share) for name in _TARGETS if (share := getattr(self, name)) is not None)

    def plan(self, state: ModelState) -> ModelState:
        """Needs a Keras model with plain layers; zeros and clusters stay in the weights that do."""
        return state.require(format="keras", lacks="quantization_aware")

    def apply(self, model: Model, context: StepContext) -> Model:
        """A model with fewer channels, trained on."""
        graph = prepared(model, [flatten, map_operations], context, "'prune_channels'")
        groups = channel_groups(graph, self._not_chosen)
        saliency = self._saliency(graph, groups, context)
        self._tell_of_fixed(graph, groups, saliency, context)
        order = removal_order(groups, saliency, self.params.floor)
        name, share = self.params.target
        cost = _cost(name, graph, groups, next(context.calibration(1)))
        gone = shortest(order, cost, share, name, self.params.floor)
        smaller = without(graph, groups, gone)
        context.note(_told(graph, smaller, groups))
        context.note(f"{name}: {cost(gone) / cost(()):.1%} of what it was, before training")
        built = smaller.build()
        context.fit(built, self.params, kept(built, context.state))
        return built

    def _not_chosen(self, layer: GraphLayer) -> str:
        chosen = self.params.selects(layer.name, layer.kind)
        return "" if chosen else f"its channels meet those of '{layer.name}', which is not to be pruned"

    def _tell_of_fixed(
        self, graph: LayerGraph, groups: ChannelGroups, saliency: Saliency, context: StepContext
    ) -> None:
        """Name the chosen layers that keep all their channels, but for those that make outputs."""
        for slot in groups.makers():
            reason = groups.reason(slot.atoms)
            if reason is None and not any(int(root) in saliency for root in groups.roots(slot.atoms)):
                reason = "no BatchNormalization with a factor follows it"
            if reason and self.params.selects(slot.layer, graph.layers[slot.layer].kind):
                context.leave_alone(slot.layer, reason)
        makers = [(slot.layer, graph.layers[slot.layer].kind) for slot in groups.makers()]
        tell_of_idle(self.params, makers, context, "made narrower")

    def _saliency(self, graph: LayerGraph, groups: ChannelGroups, context: StepContext) -> Saliency:
        if self.params.criterion == "bn_scale":
            return by_batch_norm(graph, groups)
        if self.params.criterion == "magnitude":
            return by_magnitude(graph, groups)
        return by_activation(graph, groups, _batches(context.calibration(self.params.calibration_samples)))


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
        StepError: all of them do not, or there are none.
    """
    if not order:
        raise StepError("there is no channel that may go", "choose other layers, lower 'floor', or drop the step")
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
