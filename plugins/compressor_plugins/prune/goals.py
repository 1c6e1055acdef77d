"""The goals of pruning: which kernels are pruned together, and the sparsity that they must reach."""

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

_TOLERANCE = 0.01  # how far below its sparsity a layer pruned in blocks may end before a note says so

Choose = Callable[[Sequence[NDArray[Any]], float], list[Mask]]  # takes weights and a sparsity, returns the masks


@dataclass(frozen=True)
class Goal:
    """Kernels that are pruned together, to the share `final` of zeros over all of them.

    `names` holds each kernel's layer, and `choose` picks the weights that stay. `unit` is the number of weights that
    are pruned at a time: 1, or the size of a block.
    """

    names: Sequence[str]
    kernels: Sequence[Any]
    final: float
    choose: Choose
    unit: int = 1

    def require(self) -> None:
        """Check that the kernels have reached their sparsity.

        Raises:
            StepError: they have too few zeros.
        """
        zeros, size = self._zeros(), self.size
        if zeros < int(self.final * size) - self.unit * len(self.kernels):
            layers = list(dict.fromkeys(self.names))
            subject = (
                f"the layer '{layers[0]}'" if len(layers) == 1 else f"the {len(layers)} layers of the global threshold"
            )
            what = f"{subject} ended at {zeros / size:.1%} zeros, short of {self.final:.1%}"
            raise StepError(what, "train for more epochs")

    @property
    def size(self) -> int:
        """Number of weights in all kernels."""
        return sum(kernel.shape.num_elements() for kernel in self.kernels)

    @property
    def reached(self) -> float:
        """The share of zeros now."""
        return self._zeros() / self.size

    def _zeros(self) -> int:
        return sum(int((kernel.numpy() == 0).sum()) for kernel in self.kernels)


def goals_for(targets: Sequence[Target], params: PruneParams) -> list[Goal]:
    """The goals that the parameters of `prune` ask for.

    Each layer has a goal of its own. With `scope: global` the layers without a sparsity of their own share one.

    Raises:
        StepError: the shared goal is out of reach, since every layer keeps a minimum of weights.
    """
    together = [target for target in targets if _is_shared(target, params)]
    goals = [_layer_goal(target, params) for target in targets if not _is_shared(target, params)]
    if together:
        kernels = [kernel for target in together for kernel in target.kernels]
        scales = [deviation(kernel.numpy()) for kernel in kernels]
        names = [target.name for target in together for _ in target.kernels]
        goals.append(Goal(names, kernels, params.final_sparsity, lambda w, share: largest_over_all(w, scales, share)))
        _refuse_unreachable(goals[-1])
    return goals


def note_shortfalls(goals: Sequence[Goal], context: StepContext, params: PruneParams) -> None:
    """Note the layers that have fewer zeros than asked for, or too few for XNNPACK's sparse kernels."""
    for goal in goals:
        if goal.unit > 1 and goal.reached < goal.final - _TOLERANCE:
            short = f"'{goal.names[0]}' ended at {goal.reached:.1%} zeros, short of {goal.final:.1%}"
            context.note(f"{short}; its blocks are too large to get closer")
        for name, kernel in zip(goal.names, goal.kernels, strict=True):
            alive, size = int(np.count_nonzero(kernel.numpy())), kernel.shape.num_elements()
            if len(set(goal.names)) > 1 and alive <= floor(kernel.shape):
                minimum = f"'{name}' kept its minimum of {alive:,} of {size:,} weights"
                context.note(f"{minimum}; the global threshold would have removed more")
            if params.policy == "xnnpack" and alive * 3 > size:
                context.note(f"'{name}' is less than two thirds zeros, so XNNPACK would run it dense")


def _refuse_unreachable(goal: Goal) -> None:
    """Refuse a sparsity that a shared threshold cannot reach, since it leaves every layer some weights."""
    kept = sum(floor(kernel.shape) for kernel in goal.kernels)
    if kept > max(1, round(goal.size * (1 - goal.final))):
        most = int(1e4 * (1 - kept / goal.size)) / 1e4
        what = (
            f"final_sparsity: {goal.final:g} is too high for a global threshold, which leaves each layer some weights"
        )
        raise StepError(what, f"lower it to {most:g}, or drop 'scope: global'")


def _is_shared(target: Target, params: PruneParams) -> bool:
    """Whether a layer is pruned by the global threshold."""
    return params.scope == "global" and value_for(params.sparsity, target.name, target.kind) is None


def _layer_goal(target: Target, params: PruneParams) -> Goal:
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
    """Of every m weights, keep the number that comes nearest to the sparsity."""
    return n_of_m(kernel, round(m * (1 - sparsity)), m, axis)
