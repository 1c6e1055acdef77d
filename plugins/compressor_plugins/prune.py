"""Magnitude pruning while training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

import compressor
from compressor import Model, ModelState, StepContext, StepError, Strategy
from compressor_plugins.kept_structure import keeping, structure_of
from compressor_plugins.kernels import others, targeted

_UPDATES = 100  # of the mask while sparsity rises


class Prune(Strategy):
    """Zero the weights of smallest magnitude, step by step while training.

    Zhu & Gupta 2017, "To prune, or not to prune: exploring the efficacy of pruning for model compression"
    (arXiv 1710.01878): sparsity(t) = final + (initial - final) * (1 - t / ramp) ** power.
    """

    name = "prune"

    class Params(compressor.TrainingParams, compressor.LayerTargets):
        """How much to prune, where, and how fast."""

        schedule: Literal["polynomial_decay", "constant"] = Field(
            "polynomial_decay", description="raise sparsity along a curve, or have it from the first step"
        )
        initial_sparsity: float = Field(0.5, ge=0, lt=1, description="share of zeros at the start of the curve")
        final_sparsity: float = Field(0.8, gt=0, lt=1, description="share of zeros at the end, in each layer")
        power: float = Field(3, gt=0, le=10, description="exponent of the curve")
        ramp: float = Field(
            0.6, gt=0, le=1, description="share of the training during which sparsity rises; the rest recovers accuracy"
        )
        epochs: int = Field(4, ge=1, le=10_000, description="passes over the training split")

        @model_validator(mode="after")
        def _rises(self) -> Prune.Params:
            if self.schedule == "polynomial_decay" and self.initial_sparsity > self.final_sparsity:
                raise ValueError("initial_sparsity is above final_sparsity; swap them, or lower the first")
            return self

    def plan(self, state: ModelState) -> ModelState:
        """Needs a Keras model with plain layers, and leaves zeros."""
        return state.require(format="keras", lacks="quantization_aware").require(lacks="clustered").add("sparse")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with zeros in its kernels; its biases and its other layers are as they were, but trained on."""
        chosen = targeted(model, self.params, context, "pruned")
        if not chosen:
            raise StepError("there is no layer that can be pruned", "name other layers, or drop the step")
        schedule = self._schedule(context)
        keeps_zeros = "sparse" in context.state.traits
        kernels = [kernel for _, of_layer in chosen for kernel in of_layer]
        callbacks = [_pruning(kernels, schedule, context.steps_per_epoch(self.params), keeps_zeros)]
        if kept := structure_of(others(model, chosen), context.state):
            callbacks.append(keeping(kept))
        settled_epochs = -(-schedule.settled // context.steps_per_epoch(self.params))
        context.fit(model, self.params, callbacks, settled_after=settled_epochs)
        for name, of_layer in chosen:
            _require_sparsity(name, of_layer, self.params.final_sparsity)
        return model

    def _schedule(self, context: StepContext) -> Schedule:
        """The schedule fitted to the steps that training really makes."""
        params = self.params
        steps = context.training_steps(params)
        if params.schedule == "constant":
            return Schedule(params.final_sparsity, params.final_sparsity, 1, 1, max(1, steps // _UPDATES))
        ramp = max(1, round(steps * params.ramp))
        return Schedule(params.initial_sparsity, params.final_sparsity, params.power, ramp, max(1, ramp // _UPDATES))


@dataclass(frozen=True)
class Schedule:
    """Sparsity over optimizer steps, counted from 1: from `initial` to `final` in the first `ramp` of them."""

    initial: float
    final: float
    power: float
    ramp: int
    frequency: int

    @property
    def settled(self) -> int:
        """The step from which on sparsity no longer rises."""
        return 0 if self.initial == self.final else self.ramp

    def sparsity(self, step: int) -> float:
        """Share of zeros after a step."""
        ahead: float = (1 - min(1.0, step / self.ramp)) ** self.power
        return self.final + (self.initial - self.final) * ahead

    def is_due(self, step: int) -> bool:
        """Whether the weights to keep are chosen anew after a step."""
        return step == self.ramp or (step % self.frequency == 0 and (step < self.ramp or self.settled == 0))


def _pruning(kernels: Sequence[Any], schedule: Schedule, steps_per_epoch: int, keeps_zeros: bool) -> Any:
    """The callback that zeroes weights behind every optimizer step.

    tfmot's wrappers are not used for it: they know too few layers (no Bidirectional, no TimeDistributed, no attention
    that was loaded from a file), and their default schedule leaves a run of under 100 steps unpruned.
    """
    import tensorflow as tf
    import tf_keras

    masks = [tf.Variable(tf.ones(kernel.shape, tf.bool), trainable=False) for kernel in kernels]

    @tf.function  # type: ignore[untyped-decorator]
    def zero() -> None:
        for kernel, mask in zip(kernels, masks, strict=True):
            kernel.assign(tf.where(mask, kernel, 0))  # a product would leave zeros with a sign

    class Pruning(tf_keras.callbacks.Callback):  # type: ignore[misc]
        """Chooses the weights of largest magnitude when it is due, and zeroes the others after each step."""

        def __init__(self) -> None:
            super().__init__()
            self._step = 0
            self._fixed: list[Any] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if self._step == 0 and (epoch or keeps_zeros):  # a training that goes on finds its masks in the weights
                for kernel, mask in zip(kernels, masks, strict=True):
                    mask.assign(tf.not_equal(kernel, 0))
            if keeps_zeros and not self._fixed:
                self._fixed = [mask.numpy() for mask in masks]
            self._step = epoch * steps_per_epoch

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._step += 1
            if schedule.is_due(self._step):
                for index, (kernel, mask) in enumerate(zip(kernels, masks, strict=True)):
                    fixed = self._fixed[index] if self._fixed else True
                    mask.assign(largest(kernel.numpy() * fixed, schedule.sparsity(self._step)) & fixed)
            zero()

    return Pruning()


def largest(weights: NDArray[Any], sparsity: float) -> NDArray[np.bool_]:
    """Which weights to keep: all but the share of `sparsity` that has the smallest magnitude."""
    kept = round(weights.size * (1 - sparsity))
    magnitudes = np.abs(weights).reshape(-1)
    mask = np.zeros(weights.size, bool)
    if kept:
        mask[np.argpartition(magnitudes, weights.size - kept)[weights.size - kept :]] = True
    return mask.reshape(weights.shape)


def _require_sparsity(name: str, kernels: Sequence[Any], share: float) -> None:
    zeros = sum(int((kernel.numpy() == 0).sum()) for kernel in kernels)
    size = sum(kernel.shape.num_elements() for kernel in kernels)
    if zeros < int(share * size) - len(kernels):
        what = f"the layer '{name}' ended at {zeros / size:.1%} zeros, short of {share:.1%}"
        raise StepError(what, "give it more epochs")
