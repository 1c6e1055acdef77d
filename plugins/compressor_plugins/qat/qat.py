"""Quantization-aware training: weights in 8 or 4 bits, activations in 8 or 16."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

import compressor
from compressor import Model, ModelState, StepContext, StepError, Strategy
from compressor.contracts.keras_layers import keras_layer
from compressor.contracts.layer_targets import value_for
from compressor_plugins.graph.batch_norm import (
    fold_batch_norms,
    fold_dense_batch_norms,
    follows_convolution,
    separate_batch_norms,
)
from compressor_plugins.graph.flattening import flatten
from compressor_plugins.graph.operation_layers import map_operations
from compressor_plugins.graph.relu_fusion import fuse_relus
from compressor_plugins.graph.rewrites import Rewrite, listed, prepared
from compressor_plugins.graph.row_images import convolutions_as_2d
from compressor_plugins.graph.separable_split import split_separable
from compressor_plugins.qat.activation_ranges import SAMPLES
from compressor_plugins.qat.fake_quantization import own_objects, simulated
from compressor_plugins.qat.quantize_configs import Simulation
from compressor_plugins.qat.quantize_layers import quantize_layers
from compressor_plugins.shared.kept_structure import kept
from compressor_plugins.shared.kernels import tell_of_idle
from compressor_plugins.shared.precision import BITS


class QAT(Strategy):
    """Fine-tune with few bits simulated (weights 8 or 4, activations 8 or 16), so that the model learns to live with
    them.

    Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"
    (arXiv 1712.05877). Ranges may be learned as well: Esser et al. 2020, "Learned Step Size Quantization" (arXiv
    1902.08153), on the logarithms of Jain et al. 2020, "Trained Quantization Thresholds" (arXiv 1903.08066). Zeros and
    clusters that earlier steps made are kept. Layers that have no quantized form stay in float and are named.
    """

    name = "qat"

    class Params(compressor.TrainingParams, compressor.LayerTargets):
        """How to fine-tune, which layers, and how the model is made ready for it."""

        by_layer: ClassVar[tuple[str, ...]] = ("per_layer",)

        epochs: int = Field(2, ge=1, le=10_000, description="passes over the training split")
        weights: Literal["int8", "int4"] = Field("int8", description="type of the weights")
        activations: Literal["int8", "int16"] = Field(
            "int8", description="what layers compute with; int16 goes with int8 weights (16x8)"
        )
        ranges: Literal["observed", "learned"] = Field(
            "observed",
            description="where ranges come from: the largest weights and a moving average of activations, or learned "
            "by gradient with the weights",
        )
        per_layer: dict[str, Literal["float32", "int8", "int4"]] = Field(
            {}, description="another type for the weights of some layers, by names, globs or types; the last one counts"
        )
        flatten: bool = Field(True, description="put the layers of nested models into the model, to quantize them too")
        fuse_relu: bool = Field(True, description="make a ReLU of its own part of the layer before it")
        map_operations: bool = Field(True, description="replace operations such as `x * 0.5` by layers")
        conv1d_as_2d: bool = Field(
            True, description="give one-dimensional convolutions images of one row, as LiteRT does, to quantize them"
        )
        fold_batch_norm: Literal["none", "separate", "all"] = Field(
            "separate",
            description="which BatchNormalization to fold into weights, with its statistics fixed: none, those that "
            "follow no convolution, or all",
        )

        @property
        def precision(self) -> str:
            """The precision that `ptq` has for this."""
            return "int16x8" if self.activations == "int16" else self.weights

        @model_validator(mode="after")
        def _fits(self) -> QAT.Params:
            if self.activations == "int16" and "int4" in (self.weights, *self.per_layer.values()):
                raise ValueError("int16 activations go with int8 weights; LiteRT has no 16-bit operator for all others")
            return self

        def bits_of(self, name: str, kind: str) -> int:
            """Bits of the weights of the layer of this name and class; 0 where it stays in float."""
            bits = self._asked_bits(name, kind)
            return max(bits, keras_layer(kind).quantization.fewest_bits) if bits else 0

        def widened(self, name: str, kind: str) -> bool:
            """Whether the layer gets more bits than asked, as LiteRT cannot run it with fewer."""
            return self.bits_of(name, kind) != self._asked_bits(name, kind)

        def _asked_bits(self, name: str, kind: str) -> int:
            weights = value_for(self.per_layer, name, kind) or self.weights
            return 0 if weights == "float32" or not self.selects(name, kind) else BITS[weights]

    def plan(self, state: ModelState) -> ModelState:
        """Needs a Keras model with plain layers."""
        state = state.require(format="keras", lacks="quantization_aware")
        return replace(state.add("quantization_aware"), trained_for=self.params.precision)

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with fake quantization in its layers."""
        graph = prepared(model, self._rewrites(context.state), context, "quantization-aware training")
        params = self.params
        clustered = "clustered" in context.state.traits
        if params.fold_batch_norm == "all" and clustered and any(follows_convolution(graph, n) for n in graph.nodes):
            context.note("folded no BatchNormalization into a convolution, whose clusters its factors would part")
        simulation = Simulation(params.bits_of, 16 if params.activations == "int16" else 8, params.ranges == "learned")
        quantized, chosen = simulated(graph, simulation, context.calibration(SAMPLES), params.batch_size)
        if not any(role.startswith("weights") for role in chosen.roles.values()):
            raise StepError("there is no layer that can be quantized in training", "use 'ptq' alone")
        if chosen.preprocessing:
            context.note(f"kept in float before the quantized layers: {listed(chosen.preprocessing)}")
        if chosen.cast:
            context.note(f"made floats of integers before the quantized layers: {listed(chosen.cast)}")
        if chosen.growth > 1:
            context.note(
                "the statistics of BatchNormalization have not settled: in training activations go up to "
                f"{chosen.growth:,.0f} times as far; train longer before, or with a lower momentum of these layers"
            )
        for layer, reason in chosen.left.items():
            context.leave_alone(layer, reason)
        with_weights = [
            layer.known_as
            for layer in graph.layers.values()
            if keras_layer(layer.kind).quantization.weights or layer.name in chosen.left
        ]
        tell_of_idle(params, with_weights, context, "quantized in training")
        if wide := [name for name, kind in with_weights if params.widened(name, kind)]:
            context.note(f"given int8 weights, as LiteRT does not run these layers with fewer bits: {listed(wide)}")
        context.fit(quantized, params, kept(quantized, context.state))
        return quantized

    def custom_objects(self) -> Mapping[str, Any]:
        """tfmot's wrappers, quantizers and configs, and our own."""
        import tensorflow_model_optimization as tfmot
        import tf_keras

        with tfmot.quantization.keras.quantize_scope():
            known = dict(tf_keras.utils.get_custom_objects()) | _scope_objects() | _n_bit_objects()
        return {**known, **quantize_layers(), **own_objects()}

    def _rewrites(self, state: ModelState) -> list[Rewrite]:
        params = self.params
        rewrites: list[Rewrite] = [flatten] if params.flatten else []
        if params.map_operations:
            rewrites.append(map_operations)
        if params.conv1d_as_2d:
            rewrites.append(partial(convolutions_as_2d, in_16_bits=params.activations == "int16"))
        rewrites.append(split_separable)
        clustered = "clustered" in state.traits
        if params.fold_batch_norm == "all" and not clustered:
            rewrites.append(fold_batch_norms)
        if params.fold_batch_norm != "none" and not clustered:
            rewrites.append(fold_dense_batch_norms)
        if params.fold_batch_norm != "none":
            rewrites.append(separate_batch_norms)
        return [*rewrites, fuse_relus] if params.fuse_relu else rewrites


def _scope_objects() -> dict[str, Any]:
    import tensorflow_model_optimization as tfmot

    scope = tfmot.quantization.keras.quantize_scope()
    return {name: value for group in scope.custom_objects for name, value in group.items()}


def _n_bit_objects() -> dict[str, Any]:
    """What tfmot's scope leaves out: its configs for other than 8 bits."""
    from tensorflow_model_optimization.python.core.quantization.keras.experimental.default_n_bit import (
        default_n_bit_quantize_registry as registry,
    )

    return {name: value for name, value in vars(registry).items() if name.startswith("DefaultNBit")}
