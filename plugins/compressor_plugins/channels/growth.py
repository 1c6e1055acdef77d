"""Widens a model for `grow_channels`: copies the channels that matter most, and trains on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from compressor import Model, StepContext, StepError
from compressor_plugins.channels.channel_steps import Channels, channels_of
from compressor_plugins.channels.costs import Cost
from compressor_plugins.channels.params import GrowChannelsParams
from compressor_plugins.channels.saliency import Saliency
from compressor_plugins.channels.types import ChannelGroups, Copies
from compressor_plugins.shared.frozen import nothing_left


def widened(model: Model, params: GrowChannelsParams, context: StepContext) -> Model:
    """The model with copies of its most salient channels, trained on.

    Raises:
        StepError: the target cannot be reached, or there is no channel that may be copied.
    """
    channels = channels_of(model, params, context, "'grow_channels'", "made wider")
    order = growth_order(channels.groups, _copyable(channels, context), params.ceiling)
    if not order:
        remedy = "choose other layers, raise 'ceiling', or drop the step"
        raise nothing_left("there is no channel that may be copied", remedy, context)
    name, share = params.target
    cost = channels.cost(name, context)
    copies = longest(order, cost, share, name, params.ceiling)
    built = channels.with_copies(copies, context)
    context.note(f"{name}: {cost(copies) / cost({}):.1%} of what it was, before training")
    context.fit(built, params)
    return built


def _copyable(channels: Channels, context: StepContext) -> Saliency:
    """The groups that may be copied; the layers that make others are named in the report."""
    groups, fixed = channels.groups, dict[int, str]()
    for layer, atoms in groups.multiplied.items():
        fixed |= dict.fromkeys(groups.roots(atoms).tolist(), layer)
    for slot in groups.makers():
        chosen = [root for root in groups.roots(slot.atoms).tolist() if root in channels.saliency]
        if by := next((fixed[root] for root in chosen if root in fixed), None):
            context.leave_alone(slot.layer, f"'{by}' makes several channels of each of its channels")
    return {root: value for root, value in channels.saliency.items() if root not in fixed}


def growth_order(groups: ChannelGroups, saliency: Saliency, ceiling: float) -> list[int]:
    """The groups to copy, by their roots, one copy after the other, so that no layer exceeds its ceiling.

    All layers grow alike: the most salient of each come first, by their place among those of the layer. A group comes
    again when all others of its layer have come.
    """
    held = [Counter(groups.roots(slot.atoms).tolist()) for slot in groups.makers()]
    room = [int(counts.total() * ceiling) - counts.total() for counts in held]
    place: dict[int, float] = {}
    for counts in held:
        ranked = sorted((root for root in counts if root in saliency), key=lambda root: (-saliency[root], root))
        for rank, root in enumerate(ranked):
            place.setdefault(root, (rank + 1) / len(ranked))
    once = sorted(place, key=lambda root: (place[root], root))
    order: list[int] = []
    while True:
        before = len(order)
        for root in once:
            if all(left >= counts[root] for left, counts in zip(room, held, strict=True)):
                room = [left - counts[root] for left, counts in zip(room, held, strict=True)]
                order.append(root)
        if len(order) == before:
            return order


def longest(order: Sequence[int], cost: Cost, share: float, name: str, ceiling: float) -> Copies:
    """As many copies, in order, as the cost may grow to a share of what it is.

    Raises:
        StepError: all of them cost less, or the first one more.
    """
    whole, most = cost({}), cost(_with(order))
    wanted = whole * share
    if most < wanted:
        reached = f"{most / whole:.1%} of the {name}"
        what = f"{name}: {share:g} cannot be reached: there is {reached} at the ceiling of {ceiling:g}"
        raise StepError(what, "ask for less, raise 'ceiling', or choose other layers")
    low, high = 0, len(order) + 1  # few enough, too many
    while high - low > 1:
        middle = (low + high) // 2
        if cost(_with(order[:middle])) <= wanted:
            low = middle
        else:
            high = middle
    if not low:
        first = cost(_with(order[:1])) / whole
        raise StepError(f"{name}: {share:g} is less than one more channel takes: {first:.1%}", "ask for more")
    return _with(order[:low])


def _with(order: Sequence[int]) -> Copies:
    return {root: 1 + more for root, more in Counter(order).items()}
