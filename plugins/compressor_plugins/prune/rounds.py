"""Pruning in rounds that begin anew: prune at once, go back, train, and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compressor import StepContext, TrainingParams
from compressor_plugins.prune.goals import Goal
from compressor_plugins.prune.schedule import after_round
from compressor_plugins.shared.kept_structure import Mask, keeping, structure_of


def prune_in_rounds(
    model: Any, goals: Sequence[Goal], context: StepContext, params: TrainingParams, rounds: int, to_start: bool
) -> None:
    """Prune and train as often as there are rounds, each training with a new optimizer and its rate from the start.

    Args:
        model: pruned in place.
        goals: what to reach.
        context: what trains.
        params: of the training of each round.
        rounds: how many.
        to_start: put the weights that stay back to what they were given as. The first pruning then follows a training
            too, since it is by the weights trained that the paper judges (Frankle & Carbin 2018, arXiv 1803.03635).
    """
    start = model.get_weights()
    if to_start:
        context.fit(model, params, _callbacks(structure_of(model.trainable_variables, context.state)))
    pruned = {id(kernel) for goal in goals for kernel in goal.kernels}
    for number in range(1, rounds + 1):
        masks = [mask for goal in goals for mask in _masks(goal, after_round(number, rounds, goal.final))]
        if to_start:
            model.set_weights(start)
        for mask in masks:
            mask.restore()
        rest = [variable for variable in model.trainable_variables if id(variable) not in pruned]
        context.fit(model, params, _callbacks([*masks, *structure_of(rest, context.state)]))


def _masks(goal: Goal, sparsity: float) -> list[Mask]:
    """The weights of a goal that stay; what is zero stays zero."""
    weights = [kernel.numpy() for kernel in goal.kernels]
    chosen = goal.choose(weights, sparsity)
    return [
        Mask(kernel, stays & (values != 0)) for kernel, stays, values in zip(goal.kernels, chosen, weights, strict=True)
    ]


def _callbacks(parts: Sequence[Any]) -> list[Any]:
    return [keeping(parts)] if parts else []
