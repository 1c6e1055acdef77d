"""Quantization-aware training to 8 bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

import compressor
from compressor import Model, ModelState, StepContext, StepError, Strategy
from compressor_plugins.relu_fusion import fuse_relus

_FOLDS_BATCH_NORM = ("Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "Dense")


class QAT(Strategy):
    """Fine-tune with 8-bit weights and activations simulated, so that the model learns to live with them.

    Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"
    (arXiv 1712.05877). Zeros that pruning made are kept.
    """

    name = "qat"

    class Params(compressor.TrainingParams):
        """How to fine-tune."""

        epochs: int = Field(2, ge=1, le=10_000, description="passes over the training split")

    def plan(self, state: ModelState) -> ModelState:
        """Needs a Keras model with plain layers."""
        return state.require(format="keras", lacks="quantization_aware").add("quantization_aware")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with fake quantization in its layers."""
        import tensorflow_model_optimization as tfmot

        if not getattr(model, "_is_graph_network", False):
            what = "quantization-aware training needs a functional or sequential model"
            raise StepError(what, "rewrite the subclassed model, or use 'ptq' alone")
        model, fused = fuse_relus(model)
        if fused:
            context.note(f"fused into the layer before: {', '.join(fused)}")
        with tfmot.quantization.keras.quantize_scope():
            annotated = _annotated(model, context)
            scheme = _scheme(keep_zeros="sparse" in context.state.traits)
            try:
                quantized = tfmot.quantization.keras.quantize_apply(annotated, scheme)
            except (ValueError, RuntimeError, AttributeError) as error:
                reason = " ".join(str(error).split())[:300]
                raise StepError(
                    f"tfmot cannot make the model quantization-aware ({reason})", "use 'ptq' alone"
                ) from error
            _name_skipped(quantized, context)
            context.fit(quantized, self.params)
        return quantized

    def custom_objects(self) -> Mapping[str, Any]:
        """tfmot's wrappers, quantizers and configs."""
        import tensorflow_model_optimization as tfmot
        import tf_keras

        with tfmot.quantization.keras.quantize_scope():
            return dict(tf_keras.utils.get_custom_objects()) | _scope_objects()


def _scope_objects() -> dict[str, Any]:
    import tensorflow_model_optimization as tfmot

    scope = tfmot.quantization.keras.quantize_scope()
    return {name: value for group in scope.custom_objects for name, value in group.items()}


def _annotated(model: Any, context: StepContext) -> Any:
    """The model with every layer marked that tfmot can quantize; the others are named in the report."""
    import tensorflow_model_optimization as tfmot
    import tf_keras
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_registry as registry,
    )

    known = registry.Default8BitQuantizeRegistry()

    def annotate(layer: Any) -> Any:
        kind = type(layer).__name__
        if isinstance(layer, tf_keras.Model):
            context.leave_alone(layer.name, "tfmot does not look into a model within the model")
        elif not known.supports(layer):
            context.leave_alone(layer.name, f"tfmot cannot quantize {kind}")
        elif kind == "BatchNormalization" and _before(layer) not in _FOLDS_BATCH_NORM:
            context.leave_alone(layer.name, "a BatchNormalization that follows no convolution or dense layer")
        else:
            return tfmot.quantization.keras.quantize_annotate_layer(layer)
        return layer

    return tf_keras.models.clone_model(model, clone_function=annotate)


def _before(layer: Any) -> str:
    inbound = layer.inbound_nodes[0].inbound_layers if layer.inbound_nodes else []
    return type(inbound).__name__ if not isinstance(inbound, list) else ""


def _scheme(keep_zeros: bool) -> Any:
    from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.prune_preserve import (
        default_8bit_prune_preserve_quantize_scheme as prune_preserve,
    )
    from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.prune_preserve import (
        prune_preserve_quantize_registry as preserve_registry,
    )
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import default_8bit_quantize_scheme

    if not keep_zeros:
        return default_8bit_quantize_scheme.Default8BitQuantizeScheme()

    class Registry(preserve_registry.Default8bitPrunePreserveQuantizeRegistry):  # type: ignore[misc]
        """Quantizes the layers whose zeros tfmot cannot keep as usual, rather than refusing the model."""

        def apply_sparsity_preserve_quantize_config(self, layer: Any, quantize_config: Any) -> Any:
            if not self.supports(layer):
                return quantize_config
            return super().apply_sparsity_preserve_quantize_config(layer, quantize_config)

    class Scheme(prune_preserve.Default8BitPrunePreserveQuantizeScheme):  # type: ignore[misc]
        """The scheme with that registry."""

        def get_quantize_registry(self) -> Any:
            return Registry()

    return Scheme()


def _name_skipped(model: Any, context: StepContext) -> None:
    """Layers whose weights tfmot left as they are, without a word."""
    for layer in model.layers:
        config = getattr(layer, "quantize_config", None)
        if type(config).__name__ == "NoOpQuantizeConfig" and any(
            w.shape.rank > 1 for w in layer.layer.trainable_weights
        ):
            name = layer.layer.name
            context.leave_alone(name, "an activation that cannot be fused follows it, and tfmot then skips its weights")
