"""Magnitude pruning while training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

import compressor
from compressor import Model, ModelState, StepContext, StepError, Strategy
from compressor.params import value_for
from compressor_plugins.kept_structure import keeping, structure_of
from compressor_plugins.kernels import Target, others, targeted
from compressor_plugins.pruning_goals import Goal, pruning
from compressor_plugins.pruning_masks import Mask, deviation, floor, largest, largest_over_all
from compressor_plugins.pruning_schedule import Constant, Curve, Schedule


class Prune(Strategy):
    """Zero the weights of smallest magnitude, step by step while training.

    Zhu & Gupta 2017, "To prune, or not to prune: exploring the efficacy of pruning for model compression"
    (arXiv 1710.01878): sparsity(t) = final + (initial - final) * (1 - t / ramp) ** power.
    """

    name = "prune"

    class Params(compressor.TrainingParams, compressor.LayerTargets):
        """How much to prune, where, and how fast."""

        by_layer: ClassVar[tuple[str, ...]] = ("sparsity",)

        schedule: Literal["polynomial_decay", "cubic", "constant"] = Field(
            "polynomial_decay",
            description="raise sparsity along a curve of any power, or of power 3, or have it from the first step",
        )
        scope: Literal["layer", "global"] = Field(
            "layer",
            description="the smallest weights of each layer, or, with one threshold, of all layers together, each "
            "measured in standard deviations of its kernel before pruning; no layer goes below one weight an output, "
            "or 1 % where that is less",
        )
        initial_sparsity: float = Field(0.5, ge=0, lt=1, description="share of zeros at the start of the curve")
        final_sparsity: float = Field(
            0.8, gt=0, lt=1, description="share of zeros at the end, in each layer or in all together"
        )
        sparsity: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(
            {},
            description="share of zeros at the end for layers of their own, by name, glob or type; the last that "
            "matches counts, and with `scope: global` such a layer is not under the one threshold",
        )
        power: float = Field(3, gt=0, le=10, description="exponent of the curve")
        ramp: float = Field(
            0.6, gt=0, le=1, description="share of the training during which sparsity rises; the rest recovers accuracy"
        )
        epochs: int = Field(4, ge=1, le=10_000, description="passes over the training split")

        @model_validator(mode="after")
        def _rises(self) -> Prune.Params:
            if self.schedule != "constant" and self.initial_sparsity > self.final_sparsity:
                raise ValueError("initial_sparsity is above final_sparsity; swap them, or lower the first")
            if self.schedule == "cubic" and "power" in self.model_fields_set and self.power != 3:
                raise ValueError("power belongs to schedule: polynomial_decay; a cubic curve has the power 3")
            return self

    def plan(self, state: ModelState) -> ModelState:
        """Needs a Keras model with plain layers, and leaves zeros."""
        return state.require(format="keras", lacks="quantization_aware").require(lacks="clustered").add("sparse")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with zeros in its kernels; its biases and its other layers are as they were, but trained on."""
        chosen = targeted(model, self.params, context, "pruned")
        if not chosen:
            raise StepError("there is no layer that can be pruned", "name other layers, or drop the step")
        goals = self._goals(chosen)
        schedule = self._schedule(context)
        keeps_zeros = "sparse" in context.state.traits
        callbacks = [pruning(goals, schedule, context.steps_per_epoch(self.params), keeps_zeros)]
        if kept := structure_of(others(model, chosen), context.state):
            callbacks.append(keeping(kept))
        settled_epochs = -(-schedule.settled // context.steps_per_epoch(self.params))
        context.fit(model, self.params, callbacks, settled_after=settled_epochs)
        for goal in goals:
            goal.require()
        self._tell_of_floors(chosen, context)
        return model

    def _goals(self, chosen: Sequence[Target]) -> list[Goal]:
        """One goal for each layer, or one for all that have no sparsity of their own."""
        shares = [value_for(self.params.sparsity, target.name, target.kind) for target in chosen]
        final = self.params.final_sparsity
        together = [target for target, share in zip(chosen, shares, strict=True) if self._is_shared(share)]
        goals = [
            Goal(f"the layer '{target.name}'", target.kernels, final if share is None else share, _each)
            for target, share in zip(chosen, shares, strict=True)
            if not self._is_shared(share)
        ]
        if together:
            kernels = [kernel for target in together for kernel in target.kernels]
            scales = [deviation(kernel.numpy()) for kernel in kernels]
            what = f"the {len(together)} layers under one threshold"
            goals.append(Goal(what, kernels, final, lambda weights, share: largest_over_all(weights, scales, share)))
        return goals

    def _is_shared(self, share: float | None) -> bool:
        """Whether a layer with this sparsity of its own is under the one threshold."""
        return self.params.scope == "global" and share is None

    def _schedule(self, context: StepContext) -> Schedule:
        """The schedule fitted to the steps that training really makes."""
        params = self.params
        steps = context.training_steps(params)
        if params.schedule == "constant":
            return Constant(steps)
        power = 3 if params.schedule == "cubic" else params.power
        return Curve(params.initial_sparsity, power, max(1, round(steps * params.ramp)))

    def _tell_of_floors(self, chosen: Sequence[Target], context: StepContext) -> None:
        """Say which layers one threshold would have left with less than they must keep."""
        for target in chosen if self.params.scope == "global" else ():
            if not self._is_shared(value_for(self.params.sparsity, target.name, target.kind)):
                continue
            for kernel in target.kernels:
                alive, size = int(np.count_nonzero(kernel.numpy())), kernel.shape.num_elements()
                if alive <= floor(kernel.shape):
                    held = f"'{target.name}' was held at {alive:,} of {size:,} weights"
                    context.note(f"{held}; the one threshold would have taken more")


def _each(weights: Sequence[NDArray[Any]], sparsity: float) -> list[Mask]:
    """The largest weights of each kernel by itself."""
    return [largest(kernel, sparsity) for kernel in weights]
