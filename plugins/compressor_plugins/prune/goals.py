"""What pruning is to reach: kernels whose weights are chosen together, and the share of zeros that they end at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from compressor import StepContext, StepError
from compressor.contracts.layer_targets import value_for
from compressor_plugins.prune.masks import (
    Mask,
    deviation,
    floor,
    largest,
    largest_blocks,
    largest_over_all,
    n_of_m,
)
from compressor_plugins.shared.kernels import Target

if TYPE_CHECKING:
    from compressor_plugins.prune.params import PruneParams

_NEAR = 0.01  # how far below its share of zeros blocks may leave a layer without a word

Choose = Callable[[Sequence[NDArray[Any]], float], list[Mask]]  # from weights and sparsity to the weights that stay


@dataclass(frozen=True)
class Goal:
    """Kernels that end at the share `final` of zeros, all together.

    `names` are those of the kernels' layers; `unit` is how many weights go at a time.
    """

    names: Sequence[str]
    kernels: Sequence[Any]
    final: float
    choose: Choose
    unit: int = 1

    def require(self) -> None:
        """Count the zeros.

        Raises:
            StepError: there are fewer than there should be.
        """
        zeros, size = self._zeros(), self.size
        if zeros < int(self.final * size) - self.unit * len(self.kernels):
            layers = list(dict.fromkeys(self.names))
            who = f"the layer '{layers[0]}'" if len(layers) == 1 else f"the {len(layers)} layers under one threshold"
            what = f"{who} ended at {zeros / size:.1%} zeros, short of {self.final:.1%}"
            raise StepError(what, "give it more epochs")

    @property
    def size(self) -> int:
        """Weights of all kernels."""
        return sum(kernel.shape.num_elements() for kernel in self.kernels)

    @property
    def reached(self) -> float:
        """The share of zeros that there is."""
        return self._zeros() / self.size

    def _zeros(self) -> int:
        return sum(int((kernel.numpy() == 0).sum()) for kernel in self.kernels)


def goals_for(targets: Sequence[Target], params: PruneParams) -> list[Goal]:
    """One goal for each layer, or one for all that have no sparsity of their own; `params` are those of `prune`.

    Raises:
        StepError: what one threshold leaves in any case is more than should be left.
    """
    together = [target for target in targets if _is_shared(target, params)]
    goals = [_alone(target, params) for target in targets if not _is_shared(target, params)]
    if together:
        kernels = [kernel for target in together for kernel in target.kernels]
        scales = [deviation(kernel.numpy()) for kernel in kernels]
        names = [target.name for target in together for _ in target.kernels]
        goals.append(Goal(names, kernels, params.final_sparsity, lambda w, share: largest_over_all(w, scales, share)))
        _refuse_emptied(goals[-1])
    return goals


def tell_of_goals(goals: Sequence[Goal], context: StepContext, params: PruneParams) -> None:
    """Say where a layer was held above the one threshold, and where XNNPACK would see too few zeros."""
    for goal in goals:
        if goal.unit > 1 and goal.reached < goal.final - _NEAR:
            short = f"'{goal.names[0]}' ended at {goal.reached:.1%} zeros, short of {goal.final:.1%}"
            context.note(f"{short}; its blocks are too large to come nearer")
        for name, kernel in zip(goal.names, goal.kernels, strict=True):
            alive, size = int(np.count_nonzero(kernel.numpy())), kernel.shape.num_elements()
            if len(set(goal.names)) > 1 and alive <= floor(kernel.shape):
                held = f"'{name}' was held at {alive:,} of {size:,} weights"
                context.note(f"{held}; the one threshold would have taken more")
            if params.policy == "xnnpack" and alive * 3 > size:
                context.note(f"'{name}' has fewer than two thirds of zeros, so XNNPACK would run it dense")


def _refuse_emptied(goal: Goal) -> None:
    """See that one threshold can take as much as it is to take, since it leaves each layer some weights."""
    held = sum(floor(kernel.shape) for kernel in goal.kernels)
    if held > max(1, round(goal.size * (1 - goal.final))):
        most = int(1e4 * (1 - held / goal.size)) / 1e4
        what = f"final_sparsity: {goal.final:g} is more than one threshold takes, which leaves each layer some weights"
        raise StepError(what, f"lower it to {most:g}, or drop 'scope: global'")


def _is_shared(target: Target, params: PruneParams) -> bool:
    """Whether a layer is under the one threshold."""
    return params.scope == "global" and value_for(params.sparsity, target.name, target.kind) is None


def _alone(target: Target, params: PruneParams) -> Goal:
    names = [target.name] * len(target.kernels)
    axis = target.input_axis
    if params.n_of_m and axis is not None:
        n, m = params.n_of_m
        return Goal(names, target.kernels, 1 - n / m, lambda w, share: [_grouped(k, share, m, axis) for k in w])
    own = value_for(params.sparsity, target.name, target.kind)
    final = params.final_sparsity if own is None else own
    if params.block:
        height, width = params.block
        choose: Choose = lambda w, share: [largest_blocks(k, share, height, width) for k in w]  # noqa: E731
        unit = max(min(height, k.shape[0]) * min(width, k.shape[1]) for k in target.kernels)
        return Goal(names, target.kernels, final, choose, unit)
    return Goal(names, target.kernels, final, lambda w, share: [largest(k, share) for k in w])


def _grouped(kernel: NDArray[Any], sparsity: float, m: int, axis: int) -> Mask:
    """Of each m as many as come nearest to the sparsity."""
    return n_of_m(kernel, round(m * (1 - sparsity)), m, axis)
