"""Narrows a model for `prune_channels`: removes the channels that matter least, and trains the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import ceil

from compressor import Model, StepContext, StepError
from compressor.contracts.kept_structure import kept
from compressor_plugins.channels.channel_steps import channels_of
from compressor_plugins.channels.costs import Cost
from compressor_plugins.channels.params import PruneChannelsParams
from compressor_plugins.channels.saliency import Saliency
from compressor_plugins.channels.types import ChannelGroups, Copies
from compressor_plugins.shared.frozen import nothing_left


def narrowed(model: Model, params: PruneChannelsParams, context: StepContext) -> Model:
    """The model without its least salient channels, trained on.

    Raises:
        StepError: the target cannot be reached, or there is no channel that may go.
    """
    channels = channels_of(model, params, context, "'prune_channels'", "made narrower")
    order = removal_order(channels.groups, channels.saliency, params.floor)
    if not order:
        remedy = "choose other layers, lower 'floor', or drop the step"
        raise nothing_left("there is no channel that may go", remedy, context)
    name, share = params.target
    cost = channels.cost(name, context)
    gone = removed(shortest(order, cost, share, name, params.floor))
    built = channels.with_copies(gone, context)
    context.note(f"{name}: {cost(gone) / cost({}):.1%} of what it was, before training")
    context.fit(built, params, kept(built, context.state))
    return built


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


def removed(roots: Sequence[int]) -> Copies:
    """No copy of these groups."""
    return dict.fromkeys(roots, 0)


def shortest(order: Sequence[int], cost: Cost, share: float, name: str, floor: float) -> list[int]:
    """As few of the groups, in order, as bring the cost down to a share of what it is.

    Raises:
        StepError: all of them do not.
    """
    whole, least = cost({}), cost(removed(order))
    wanted = whole * share
    if least > wanted:
        reached = f"{least / whole:.1%} of the {name}"
        what = f"{name}: {share:g} cannot be reached: there is {reached} left at the floor of {floor:g}"
        raise StepError(what, "ask for less, lower 'floor', or choose other layers")
    low, high = 0, len(order)  # too few, enough
    while high - low > 1:
        middle = (low + high) // 2
        if cost(removed(order[:middle])) <= wanted:
            high = middle
        else:
            low = middle
    return list(order[:high])
