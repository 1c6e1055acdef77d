"""What `qat` does to a model: rewrites it, puts fake quantization into its layers, and trains it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compressor import Model, ModelState, StepContext, StepError
from compressor.contracts.kept_structure import kept
from compressor.contracts.keras_layer_support import keras_layer
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
from compressor_plugins.qat.params import QATParams
from compressor_plugins.qat.tfmot_wrapper_configs import Simulation
from compressor_plugins.qat.tfmot_wrappers import quantize_layers
from compressor_plugins.shared.float_parts import refuse_floats
from compressor_plugins.shared.kernels import tell_of_idle

_UNROLLED = ("GRU", "SimpleRNN")


def fine_tuned(model: Model, params: QATParams, context: StepContext) -> Model:
    """The model with fake quantization in its layers, trained.

    Raises:
        StepError: there is no layer that can be quantized in training, or one whose clusters would be lost.
    """
    graph = prepared(model, _rewrites(params, context.state), context, "quantization-aware training")
    clustered = "clustered" in context.state.traits
    if clustered:
        _refuse_loops(model)
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
    if params.integer_only:
        refuse_floats(_file(quantized, params, context))
    context.fit(quantized, params, kept(quantized, context.state))
    return quantized


def _refuse_loops(model: Any) -> None:
    """Refuse clusters of layers whose loops the conversion unrolls: their kernels get a scale for each channel."""
    if loops := [layer.name for layer in model._flatten_layers() if type(layer).__name__ in _UNROLLED]:
        what = f"the clusters of {listed(loops)} would be lost, since such layers are computed step by step in integers"
        raise StepError(what, "leave out 'qat', since 'ptq' alone keeps them")


def _file(quantized: Any, params: QATParams, context: StepContext) -> bytes:
    """The file that the model would ship as, were it not trained."""
    from compressor import Conversion, to_litert

    wide, samples = params.activations == "int16", context.calibration(SAMPLES)
    return to_litert(quantized, Conversion("int16x8" if wide else "int8", calibration=samples, trained=True))


def known_objects() -> Mapping[str, Any]:
    """tfmot's wrappers, quantizers and configs, and our own, by name."""
    import tensorflow_model_optimization as tfmot
    import tf_keras

    with tfmot.quantization.keras.quantize_scope():
        known = dict(tf_keras.utils.get_custom_objects()) | _scope_objects() | _n_bit_objects()
    return {**known, **quantize_layers(), **own_objects()}


def _rewrites(params: QATParams, state: ModelState) -> list[Rewrite]:
    rewrites: list[Rewrite] = [flatten] if params.flatten else []
    if params.map_operations:
        rewrites.append(map_operations)
    if params.conv1d_as_2d:
        rewrites.append(convolutions_as_2d)
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
