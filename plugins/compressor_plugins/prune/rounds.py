"""Iterative pruning with rewinding: prune, rewind the weights or the learning rate, train, and repeat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compressor import StepContext, TrainingParams
from compressor.contracts.kept_structure import Mask, keeping, structure_of
from compressor_plugins.prune.goals import Goal
from compressor_plugins.prune.schedule import after_round


def prune_in_rounds(
    model: Any, goals: Sequence[Goal], context: StepContext, params: TrainingParams, rounds: int, to_start: bool
) -> None:
    """Prune and train once per round, each time with a new optimizer and the learning rate at its start.

    Args:
        model: pruned in place.
        goals: the kernels to prune, and the sparsity to reach in each.
        context: trains the model.
        params: how to train in each round.
        rounds: number of rounds.
        to_start: whether the weights that stay go back to their values before the step. The model is then trained
            before the first pruning as well, since the paper judges weights by their magnitudes after training
            (Frankle & Carbin 2018, arXiv 1803.03635).
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
        others = [variable for variable in model.trainable_variables if id(variable) not in pruned]
        context.fit(model, params, _callbacks([*masks, *structure_of(others, context.state)]))


def _masks(goal: Goal, sparsity: float) -> list[Mask]:
    """The masks of a goal's kernels; weights that are zero already stay zero."""
    weights = [kernel.numpy() for kernel in goal.kernels]
    chosen = goal.choose(weights, sparsity)
    return [
        Mask(kernel, stays & (values != 0)) for kernel, stays, values in zip(goal.kernels, chosen, weights, strict=True)
    ]


def _callbacks(parts: Sequence[Any]) -> list[Any]:
    return [keeping(parts)] if parts else []
