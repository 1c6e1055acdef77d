"""Decides for each operator of a float file how its weights are stored and what it computes with.

LiteRT runs fewer combinations than litert-quantizer writes, and some of those that it runs come out wrong without a
word. The tables hold what was measured to be right (litert-quantizer 0.11, ai-edge-litert 2.3): INT2 convolutions give
NaN or do not load, INT2 dense layers with int8 activations are a sixth off, INT4 depthwise ones with int16 activations
are of another size, dynamic depthwise ones with one scale for all are a hundred times too large, and of blockwise
weights only INT4 in dynamic dense layers is right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compressor import StepError
from compressor.contracts.layer_sensitivity import WeightType
from compressor.contracts.layer_targets import value_for
from compressor.models.litert import Operator
from compressor_plugins.graph.rewrites import listed
from compressor_plugins.ptq.request import Algorithm, Granularity, Request
from compressor_plugins.ptq.weighted_operators import WeightedOperator
from compressor_plugins.shared.precision import ActivationType

# what an operator computes rightly with, by its kind and its weights' type; with float32 activations all do
_COMPUTES: Mapping[tuple[Operator, WeightType], frozenset[ActivationType]] = {
    (Operator.FULLY_CONNECTED, "int8"): frozenset({"dynamic", "int8", "int16"}),
    (Operator.FULLY_CONNECTED, "int4"): frozenset({"dynamic", "int8", "int16"}),
    (Operator.FULLY_CONNECTED, "int2"): frozenset({"dynamic"}),
    (Operator.CONV_2D, "int8"): frozenset({"dynamic", "int8", "int16"}),
    (Operator.CONV_2D, "int4"): frozenset({"dynamic", "int8", "int16"}),
    (Operator.DEPTHWISE_CONV_2D, "int8"): frozenset({"dynamic", "int8", "int16"}),
    (Operator.DEPTHWISE_CONV_2D, "int4"): frozenset({"int8"}),
    (Operator.TRANSPOSE_CONV, "int8"): frozenset({"dynamic", "int8", "int16"}),
    (Operator.BATCH_MATMUL, "int8"): frozenset({"dynamic", "int8", "int16"}),
    (Operator.EMBEDDING_LOOKUP, "int8"): frozenset({"dynamic"}),
    (Operator.EMBEDDING_LOOKUP, "int4"): frozenset({"dynamic"}),
}
_CONVOLUTIONS = {Operator.CONV_2D, Operator.DEPTHWISE_CONV_2D, Operator.TRANSPOSE_CONV}
_STORED: Mapping[WeightType, set[Operator]] = {  # the kinds whose weights can be stored so
    "float16": _CONVOLUTIONS | {Operator.FULLY_CONNECTED, Operator.EMBEDDING_LOOKUP},
    "int8": _CONVOLUTIONS | {Operator.FULLY_CONNECTED, Operator.EMBEDDING_LOOKUP, Operator.BATCH_MATMUL},
    "int4": _CONVOLUTIONS | {Operator.FULLY_CONNECTED, Operator.EMBEDDING_LOOKUP, Operator.BATCH_MATMUL},
    "int2": {Operator.CONV_2D, Operator.DEPTHWISE_CONV_2D, Operator.FULLY_CONNECTED},
}
_KNOWS: Mapping[Algorithm, set[Operator]] = {
    "octav": _CONVOLUTIONS | {Operator.FULLY_CONNECTED, Operator.EMBEDDING_LOOKUP, Operator.BATCH_MATMUL},
    "mse": _CONVOLUTIONS | {Operator.FULLY_CONNECTED, Operator.EMBEDDING_LOOKUP},
    "gptq": {Operator.FULLY_CONNECTED},
    "hadamard": {Operator.FULLY_CONNECTED},
    "oscar": {Operator.FULLY_CONNECTED},
    "recovery": {Operator.FULLY_CONNECTED, Operator.CONV_2D},
}


@dataclass(frozen=True)
class Storage:
    """How an operator's weights are stored, and what it computes with."""

    weights: WeightType
    activations: ActivationType
    algorithm: Algorithm
    granularity: Granularity


IN_FLOAT = Storage("float32", "float32", "min_max", "channel")


@dataclass(frozen=True)
class Assignment:
    """The storage of each operator, in what it differs from what was asked for, and layers that stay in float."""

    storages: Mapping[WeightedOperator, Storage]
    notes: Sequence[str]
    left: Mapping[str, str]


def assigned(operators: Sequence[WeightedOperator], request: Request) -> Assignment:
    """Give each operator a storage that LiteRT computes rightly with, as near as can be to what was asked for.

    Raises:
        StepError: a pattern matches no layer, or there is nothing to quantize.
    """
    per_layer = request.per_layer or {}
    _refuse_unmatched(per_layer, operators)
    storages: dict[WeightedOperator, Storage] = {}
    left: dict[str, str] = {}
    differs: dict[str, list[str]] = defaultdict(list)
    for operator in operators:
        weights = value_for(per_layer, operator.layer, operator.layer_kind) or request.weights
        if weights == "float32" or operator.kind not in _STORED[weights]:
            storages[operator] = IN_FLOAT
            if weights != "float32":
                left[operator.layer] = f"{operator.layer_kind} has no {weights} weights"
            continue
        storage, reasons = _storage(operator, weights, request)
        storages[operator] = storage
        for reason in reasons:
            differs[reason].append(operator.layer)
    if all(storage == IN_FLOAT for storage in storages.values()):
        raise StepError("there is no layer whose weights can be quantized so", "choose another precision")
    grains = {storage.granularity for storage in storages.values()}
    if request.granularity.startswith("block") and request.granularity not in grains:
        what = f"no layer can have weights in blocks of {request.granularity.removeprefix('block_')}"
        raise StepError(what, "take a smaller block, which must divide a dense layer's inputs, or 'channel'")
    notes = [f"{reason}: {listed(layers)}" for reason, layers in differs.items()]
    return Assignment(storages, notes, left)


def _storage(operator: WeightedOperator, weights: WeightType, request: Request) -> tuple[Storage, list[str]]:
    """The storage of an operator, and why it is not all that was asked for."""
    reasons = []
    activations, algorithm, granularity = request.activations, request.algorithm, request.granularity
    if weights == "float16":
        return Storage(weights, "float32", "min_max", "tensor"), []
    if algorithm != "min_max" and operator.kind not in _KNOWS[algorithm]:
        reasons.append(f"{algorithm} does not know {operator.layer_kind}, so min_max was used")
        algorithm = "min_max"
    if algorithm == "mse" and weights == "int2":
        reasons.append("mse knows no int2, so octav was used")
        algorithm = "octav"
    if activations != "float32" and activations not in _COMPUTES.get((operator.kind, weights), frozenset()):
        reasons.append(f"{operator.layer_kind} with {weights} weights computes in float, for LiteRT has no other right")
        activations = "float32"
    if granularity.startswith("block"):
        block = int(granularity.removeprefix("block_"))
        if (operator.kind, weights) != (Operator.FULLY_CONNECTED, "int4"):
            reasons.append("a scale for each channel, for only int4 dense layers have blocks")
            granularity = "channel"
        elif operator.shape[-1] % block:
            reasons.append(f"a scale for each channel, for {block} does not divide the inputs")
            granularity = "channel"
    if granularity == "tensor" and (operator.kind, activations) == (Operator.DEPTHWISE_CONV_2D, "dynamic"):
        reasons.append("a scale for each channel, for dynamic DepthwiseConv2D is wrong with one for all")
        granularity = "channel"
    return Storage(weights, activations, algorithm, granularity), reasons


def _refuse_unmatched(per_layer: Mapping[str, WeightType], operators: Sequence[WeightedOperator]) -> None:
    layers = [(operator.layer, operator.layer_kind) for operator in operators]
    for pattern in per_layer:
        if not any(value_for({pattern: True}, *layer) for layer in layers):
            what = f"'per_layer' names '{pattern}', and the file's layers with weights are"
            raise StepError(f"{what} {listed([name for name, _ in layers])}", "name one of these, or a type")
