"""What `prune` does to a model: chooses kernels, and trains them to their goals."""

from __future__ import annotations

from collections.abc import Sequence

from compressor import Model, StepContext
from compressor.contracts.kept_structure import keeping, structure_of
from compressor_plugins.prune.callback import pruning
from compressor_plugins.prune.goals import Goal, goals_for, note_shortfalls
from compressor_plugins.prune.params import PruneParams
from compressor_plugins.prune.rounds import prune_in_rounds
from compressor_plugins.prune.schedule import Constant, Curve, Rounds, Schedule
from compressor_plugins.prune.targets import prunable, require_sparse_inference
from compressor_plugins.shared.frozen import nothing_left
from compressor_plugins.shared.kernels import Target, others, targeted


def pruned(model: Model, params: PruneParams, context: StepContext) -> Model:
    """The model with zeros in its kernels. Training goes on for its biases and other layers too.

    Raises:
        StepError: there is no layer that can be pruned, or the sparsity was not reached.
    """
    if params.policy == "xnnpack":
        require_sparse_inference(model)
    chosen = prunable(
        targeted(model, params, context, "pruned"),
        context,
        pattern=params.n_of_m,
        block=params.block,
        pointwise_only=params.policy == "xnnpack",
        min_weights=params.min_weights,
    )
    if not chosen:
        raise nothing_left("there is no layer that can be pruned", "name other layers, or drop the step", context)
    goals = goals_for(chosen, params)
    if params.rewind == "none":
        _prune(model, chosen, goals, params, context)
    else:
        prune_in_rounds(model, goals, context, params, params.rounds, to_start=params.rewind == "weights")
    for goal in goals:
        goal.require()
    note_shortfalls(goals, context, params)
    return model


def _prune(
    model: Model, chosen: Sequence[Target], goals: Sequence[Goal], params: PruneParams, context: StepContext
) -> None:
    """Prune during a single training."""
    whole = params.model_copy(update={"epochs": params.epochs * params.rounds})
    schedule, steps_per_epoch = _schedule(params, context.training_steps(whole)), context.steps_per_epoch(whole)
    callbacks = [pruning(goals, schedule, "sparse" in context.state.traits)]
    if kept := structure_of(others(model, chosen), context.state):
        callbacks.append(keeping(kept))
    context.fit(model, whole, callbacks, settled_after=-(-schedule.settled // steps_per_epoch))


def _schedule(params: PruneParams, steps: int) -> Schedule:
    """The schedule, scaled to the number of optimizer steps that the training makes."""
    if params.in_rounds:
        return Rounds(params.rounds, steps)
    if params.schedule == "constant":
        return Constant(steps)
    power = 3 if params.schedule == "cubic" else params.power
    initial = 0 if params.pattern else params.initial_sparsity
    return Curve(initial, power, max(1, round(steps * params.ramp)))
