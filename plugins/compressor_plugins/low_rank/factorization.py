"""What `low_rank` does to a model: finds the ranks, replaces layers by their factors, and trains them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor import Model, StepContext, StepError
from compressor_plugins.graph.flattening import flatten
from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph, Ref, graph_layer
from compressor_plugins.graph.rewrites import prepared
from compressor_plugins.low_rank.factors import rank_for, spectrum, svd_factors, tucker_factors, unfolded
from compressor_plugins.low_rank.params import LowRankParams
from compressor_plugins.shared.frozen import FROZEN, nothing_left
from compressor_plugins.shared.kernels import tell_of_idle

_BISECTIONS = 40  # of the interval from 0 to 1 that the energy lies in


@dataclass(frozen=True)
class Split:
    """A layer that can be factored, with the singular values that its ranks follow from."""

    layer: GraphLayer
    spectra: tuple[NDArray[np.float64], ...]

    def ranks(self, energy: float) -> tuple[int, ...]:
        """One rank for a matrix; two for a convolution, of its inputs and its outputs."""
        return tuple(rank_for(values, energy) for values in self.spectra)

    def parameters(self, energy: float) -> int:
        """Number of weights after factoring, or now if factoring would save none."""
        return min(self.size, _factored_size(self.layer.weights[0].shape, self.ranks(energy)))

    @property
    def size(self) -> int:
        """Number of weights in its kernel."""
        return int(self.layer.weights[0].size)


def factorized(model: Model, params: LowRankParams, context: StepContext) -> Model:
    """The model with thin layers in place of those that lose weights by it, fine-tuned.

    Raises:
        StepError: no layer would have fewer weights, or the target cannot be reached.
    """
    graph = prepared(model, [flatten], context, "'low_rank'")
    splits = _splits(graph, params, context)
    energy = params.energy or energy_for(splits, params.parameters or 1.0)  # exactly one of the two is set
    ranks_by_layer = []
    for split in splits:
        layer = split.layer
        ranks = split.ranks(energy)
        ranks_text = " and ".join(map(str, ranks))
        if split.parameters(energy) == split.size:
            context.leave_alone(layer.name, f"at rank {ranks_text} it would have no fewer weights")
            continue
        replace_by(graph, layer.name, factored(layer, ranks))
        ranks_by_layer.append(f"{layer.name} to rank {ranks_text}")
    if not ranks_by_layer:
        remedy = "keep less energy, name other layers, or drop the step"
        raise nothing_left("no layer would have fewer weights", remedy, context)
    context.note(f"factored {', '.join(ranks_by_layer)}, at {energy:.1%} of the energy")
    built = graph.build()
    context.fit(built, params)
    return built


def _splits(graph: LayerGraph, params: LowRankParams, context: StepContext) -> list[Split]:
    splits = []
    for layer in graph.layers.values():
        if not params.selects(layer.name, layer.kind):
            continue
        if layer.is_frozen and any(weight.ndim > 1 for weight in layer.weights):
            context.leave_alone(layer.name, FROZEN)
            continue
        if layer.kind not in ("Dense", "Conv2D"):
            if any(weight.ndim > 1 for weight in layer.weights):
                context.leave_alone(layer.name, f"{layer.kind} layers cannot be factored")
            continue
        if layer.config.get("groups", 1) != 1 or layer.config.get("data_format") == "channels_first":
            context.leave_alone(layer.name, "convolutions in groups, or with channels first, cannot be factored")
            continue
        kernel = layer.weights[0]
        if prod(kernel.shape[:-2]) == 1:
            splits.append(Split(layer, (spectrum(kernel.reshape(kernel.shape[-2:])),)))
        else:
            splits.append(Split(layer, (spectrum(unfolded(kernel, 2)), spectrum(unfolded(kernel, 3)))))
    worked_on = {split.layer.name for split in splits} | set(context.left_alone)
    layers = [(layer.name, layer.kind) for layer in graph.layers.values() if layer.name in worked_on]
    tell_of_idle(params, layers, context, "factored")
    return splits


def energy_for(splits: Sequence[Split], share: float) -> float:
    """The highest energy at which the layers together keep at most a share of their weights.

    Raises:
        StepError: they would keep more even at rank 1.
    """
    size = sum(split.size for split in splits)
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        small_enough = sum(split.parameters(middle) for split in splits) <= share * size
        low, high = (middle, high) if small_enough else (low, middle)
    if sum(split.parameters(low) for split in splits) > share * size or not low:
        least = sum(split.parameters(0) for split in splits) / size if size else 1.0
        what = f"parameters: {share:g} cannot be reached: rank 1 in every layer leaves {least:.1%} of their weights"
        raise StepError(what, "keep a larger share, or choose other layers")
    return low


def factored(layer: GraphLayer, ranks: Sequence[int]) -> list[GraphLayer]:
    """The thin layers that replace a layer, in order. The last one has its bias, activation and name."""
    kernel, *bias = layer.weights
    if len(ranks) == 2:
        input_rank, output_rank = ranks
        first, core, last = tucker_factors(kernel, input_rank, output_rank)
        return [
            _pointwise(layer, f"{layer.name}_in", first),
            _linear(layer, f"{layer.name}_core", {"filters": output_rank}, core),
            _last(layer, {"kernel_size": (1, 1), "strides": (1, 1), "dilation_rate": (1, 1)}, last[None, None], bias),
        ]
    first, last = svd_factors(kernel.reshape(kernel.shape[-2:]), ranks[0])
    if layer.kind == "Dense":
        return [_linear(layer, f"{layer.name}_in", {"units": ranks[0]}, first), _last(layer, {}, last, bias)]
    thin = _linear(layer, f"{layer.name}_in", {"filters": ranks[0]}, first[None, None])
    return [thin, _last(layer, {"strides": (1, 1), "padding": "valid"}, last[None, None], bias)]


def replace_by(graph: LayerGraph, name: str, layers: Sequence[GraphLayer]) -> None:
    """Replace a layer by a chain of layers, wherever it is called."""
    *before, last = (
        replace(layer, config=layer.config | {"name": _free_name(graph, layer.name, name)}) for layer in layers
    )
    calls = graph.calls(name)
    graph.replace_layer(name, last)
    for call in calls:
        (source,) = graph.sources(call)
        for layer in before:
            graph.layers[layer.name] = layer
            number = max(graph.nodes) + 1
            graph.nodes[number] = replace(graph.nodes[call], layer=layer.name, args=(source,), kwargs={})
            source = Ref(number)
        graph.nodes[call] = replace(graph.nodes[call], args=(source,))


def _free_name(graph: LayerGraph, wanted: str, replaced: str) -> str:
    return wanted if wanted == replaced else graph.free_name(wanted)


def _pointwise(layer: GraphLayer, name: str, kernel: NDArray[Any]) -> GraphLayer:
    """A 1x1 convolution to put before the layer. Without a bias, so that the zeros of padding stay zero."""
    import tf_keras

    made = tf_keras.layers.Conv2D(kernel.shape[1], 1, use_bias=False, name=name, trainable=layer.config["trainable"])
    return graph_layer(made, [kernel[None, None].astype(np.float32)])


def _linear(layer: GraphLayer, name: str, sizes: dict[str, Any], kernel: NDArray[Any]) -> GraphLayer:
    plain = {"name": name, "use_bias": False, "activation": "linear", "bias_regularizer": None, "bias_constraint": None}
    return replace(layer, config=layer.config | plain | sizes, weights=[kernel.astype(np.float32)])


def _last(layer: GraphLayer, sizes: dict[str, Any], kernel: NDArray[Any], bias: list[NDArray[Any]]) -> GraphLayer:
    return replace(layer, config=layer.config | sizes, weights=[kernel.astype(np.float32), *bias])


def _factored_size(shape: tuple[int, ...], ranks: Sequence[int]) -> int:
    *window, inputs, outputs = shape
    if len(ranks) == 1:
        return ranks[0] * (inputs + outputs)
    return inputs * ranks[0] + prod(window) * ranks[0] * ranks[1] + ranks[1] * outputs
