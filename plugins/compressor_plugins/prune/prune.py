"""Magnitude pruning during training."""

from __future__ import annotations

from collections.abc import Sequence

from compressor import Model, ModelState, StepContext, StepError, Strategy
from compressor_plugins.prune.callback import pruning
from compressor_plugins.prune.goals import Goal, goals_for, note_shortfalls
from compressor_plugins.prune.params import PruneParams
from compressor_plugins.prune.rounds import prune_in_rounds
from compressor_plugins.prune.schedule import Constant, Curve, Rounds, Schedule
from compressor_plugins.prune.targets import prunable, require_sparse_inference
from compressor_plugins.shared.kept_structure import keeping, structure_of
from compressor_plugins.shared.kernels import Target, others, targeted


class Prune(Strategy):
    """Set the weights of smallest magnitude to zero, gradually during training.

    Zhu & Gupta 2017, "To prune, or not to prune: exploring the efficacy of pruning for model compression"
    (arXiv 1710.01878): sparsity(t) = final + (initial - final) * (1 - t / ramp) ** power.
    Rounds that rewind the weights: Frankle & Carbin 2018, "The Lottery Ticket Hypothesis" (arXiv 1803.03635); rounds
    that rewind the learning rate: Renda et al. 2020, "Comparing Rewinding and Fine-tuning in Neural Network Pruning"
    (arXiv 2003.02389). N:m sparsity: Mishra et al. 2021, "Accelerating Sparse Deep Neural Networks" (arXiv 2104.08378).
    """

    name = "prune"

    Params = PruneParams

    def plan(self, state: ModelState) -> ModelState:
        """Takes a Keras model that is neither clustered nor quantization-aware; its kernels become sparse."""
        return state.require(format="keras", lacks="quantization_aware").require(lacks="clustered").add("sparse")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with zeros in its kernels. Training goes on for its biases and other layers too."""
        params = self.params
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
            raise StepError("there is no layer that can be pruned", "name other layers, or drop the step")
        goals = goals_for(chosen, params)
        if params.rewind == "none":
            self._prune(model, chosen, goals, context)
        else:
            prune_in_rounds(model, goals, context, params, params.rounds, to_start=params.rewind == "weights")
        for goal in goals:
            goal.require()
        note_shortfalls(goals, context, params)
        return model

    def _prune(self, model: Model, chosen: Sequence[Target], goals: Sequence[Goal], context: StepContext) -> None:
        """Prune during a single training."""
        params = self.params.model_copy(update={"epochs": self.params.epochs * self.params.rounds})
        schedule, steps_per_epoch = self._schedule(context.training_steps(params)), context.steps_per_epoch(params)
        callbacks = [pruning(goals, schedule, steps_per_epoch, "sparse" in context.state.traits)]
        if kept := structure_of(others(model, chosen), context.state):
            callbacks.append(keeping(kept))
        context.fit(model, params, callbacks, settled_after=-(-schedule.settled // steps_per_epoch))

    def _schedule(self, steps: int) -> Schedule:
        """The schedule, scaled to the number of optimizer steps that the training makes."""
        params = self.params
        if params.in_rounds:
            return Rounds(params.rounds, steps)
        if params.schedule == "constant":
            return Constant(steps)
        power = 3 if params.schedule == "cubic" else params.power
        initial = 0 if params.pattern else params.initial_sparsity
        return Curve(initial, power, max(1, round(steps * params.ramp)))
