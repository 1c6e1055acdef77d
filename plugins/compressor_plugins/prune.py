"""Magnitude pruning while training."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

import compressor
from compressor import Model, ModelState, StepContext, StepError, Strategy

_UPDATES = 100  # of the mask while sparsity rises; tfmot's own default, every 100 steps, never prunes a short run


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
        return state.require(format="keras", lacks="quantization_aware").add("sparse")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with zeros in its kernels; its biases and its other layers are as they were, but trained on."""
        import tensorflow_model_optimization as tfmot

        schedule, settled_step = self._schedule(context)
        targets: list[str] = []
        pruned = _wrapped(model, self.params, schedule, context, targets)
        if not targets:
            raise StepError("there is no layer that can be pruned", "name other layers, or drop the step")
        settled_epochs = -(-settled_step // context.steps_per_epoch(self.params))
        context.fit(pruned, self.params, [tfmot.sparsity.keras.UpdatePruningStep()], settled_after=settled_epochs)
        stripped = tfmot.sparsity.keras.strip_pruning(pruned)
        _require_sparsity(stripped, targets, self.params.final_sparsity)
        return stripped

    def _schedule(self, context: StepContext) -> tuple[Any, int]:
        """The schedule fitted to the steps that training really makes, and the step at which it is done."""
        import tensorflow_model_optimization as tfmot

        params = self.params
        steps = context.training_steps(params)
        if params.schedule == "constant":
            return tfmot.sparsity.keras.ConstantSparsity(
                params.final_sparsity, 1, frequency=max(1, steps // _UPDATES)
            ), 0
        ramp = max(1, round(steps * params.ramp))
        frequency = max(1, ramp // _UPDATES)
        end = ramp // frequency * frequency  # a multiple, or the last update would fall short of the target
        return (
            tfmot.sparsity.keras.PolynomialDecay(
                params.initial_sparsity, params.final_sparsity, 0, end, power=params.power, frequency=frequency
            ),
            end,
        )


def _wrapped(model: Any, params: Any, schedule: Any, context: StepContext, targets: list[str]) -> Any:
    """A copy of the model whose targets are wrapped for pruning; the names of those go into `targets`."""
    import tensorflow_model_optimization as tfmot
    import tf_keras
    from tensorflow_model_optimization.python.core.sparsity.keras import prune_registry

    def wrap(layer: Any) -> Any:
        if isinstance(layer, tf_keras.Model):
            return tf_keras.models.clone_model(layer, clone_function=wrap)
        clone = layer.__class__.from_config(layer.get_config())
        if not layer.trainable_weights or not params.selects(layer.name, type(layer).__name__):
            return clone
        if not prune_registry.PruneRegistry.supports(layer):
            context.leave_alone(layer.name, f"pruning does not know {type(layer).__name__}")
            return clone
        if not prune_registry.PruneRegistry._weight_names(layer):
            if any(weight.shape.rank > 1 for weight in layer.trainable_weights):
                context.leave_alone(layer.name, f"tfmot prunes no weights of {type(layer).__name__}")
            return clone
        targets.append(layer.name)
        return tfmot.sparsity.keras.prune_low_magnitude(clone, pruning_schedule=schedule)

    wrapped = tf_keras.models.clone_model(model, clone_function=wrap)
    _copy_weights(model, wrapped)
    return wrapped


def _copy_weights(source: Any, wrapped: Any) -> None:
    """Weights of each layer to its copy; a wrapper's own variables (masks, thresholds) keep their values."""
    import tf_keras

    for original, copy in zip(source.layers, wrapped.layers, strict=True):
        if isinstance(original, tf_keras.Model):
            _copy_weights(original, copy)
        else:
            getattr(copy, "layer", copy).set_weights(original.get_weights())


def _require_sparsity(model: Any, targets: list[str], share: float) -> None:
    for layer in model._flatten_layers(include_self=False, recursive=True):
        if layer.name not in targets:
            continue
        kernels = [weight.numpy() for weight in layer.trainable_weights if weight.shape.rank > 1]
        zeros, size = sum(int((kernel == 0).sum()) for kernel in kernels), sum(kernel.size for kernel in kernels)
        if zeros < int(share * size) - len(kernels):
            what = f"the layer '{layer.name}' ended at {zeros / size:.1%} zeros, short of {share:.1%}"
            raise StepError(what, "give it more epochs")
