"""Low-rank factorization: a layer becomes two or three thin ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

import compressor
from compressor import Model, ModelState, StepContext, StepError, Strategy
from compressor_plugins.graph.flattening import flatten
from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph, Ref, graph_layer
from compressor_plugins.graph.rewrites import prepared
from compressor_plugins.low_rank.factors import rank_for, spectrum, svd_factors, tucker_factors, unfolded
from compressor_plugins.shared.kernels import tell_of_idle

_SEARCH = 40  # halvings of the energy between 0 and 1


@dataclass(frozen=True)
class Split:
    """A layer that could be factored: the spectra that its ranks are read from."""

    layer: GraphLayer
    spectra: tuple[NDArray[np.float64], ...]

    def ranks(self, energy: float) -> tuple[int, ...]:
        """One rank for a matrix, two for the inputs and outputs of a convolution."""
        return tuple(rank_for(values, energy) for values in self.spectra)

    def parameters(self, energy: float) -> int:
        """Weights of the kernels that it becomes, or of its own where these have no fewer."""
        return min(self.size, _factored_size(self.layer.weights[0].shape, self.ranks(energy)))

    @property
    def size(self) -> int:
        """Weights of its kernel."""
        return int(self.layer.weights[0].size)


class LowRank(Strategy):
    """Replace dense layers and convolutions by two or three thinner ones whose product comes near, then train.

    Dense layers and 1x1 convolutions by the singular value decomposition (Denton et al. 2014, arXiv 1404.0736), other
    convolutions by Tucker-2 (Kim et al. 2016, "Compression of Deep Convolutional Neural Networks for Fast and Low Power
    Mobile Applications", arXiv 1511.06530). A layer that would not have fewer weights is left alone, and named.
    """

    name = "low_rank"
    makes_layers = True

    class Params(compressor.TrainingParams, compressor.LayerTargets):
        """How near, or how small."""

        energy: float | None = Field(
            None, gt=0, le=1, description="share of the sum of squared singular values to keep in each layer"
        )
        parameters: float | None = Field(
            None,
            gt=0,
            lt=1,
            description="share of the chosen layers' weights to go down to, at one energy for all of them",
        )
        epochs: int = Field(3, ge=1, le=10_000, description="passes over the training split, after the factoring")

        @model_validator(mode="after")
        def _one_target(self) -> LowRank.Params:
            if (self.energy is None) == (self.parameters is None):
                raise ValueError("give exactly one of energy and parameters")
            return self

    def plan(self, state: ModelState) -> ModelState:
        """Needs a Keras model with plain layers; zeros and clusters of a kernel are not those of its factors."""
        return (
            state.require(format="keras", lacks="quantization_aware").require(lacks="sparse").require(lacks="clustered")
        )

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with thin layers, trained on."""
        graph = prepared(model, [flatten], context, "'low_rank'")
        splits = self._splits(graph, context)
        energy = self.params.energy or energy_for(splits, self.params.parameters)
        told = []
        for split in splits:
            layer = split.layer
            ranks = split.ranks(energy)
            if split.parameters(energy) == split.size:
                asked = " and ".join(map(str, ranks))
                context.leave_alone(layer.name, f"at rank {asked} it would have no fewer weights")
                continue
            replace_by(graph, layer.name, factored(layer, ranks))
            told.append(f"{layer.name} to rank {' and '.join(map(str, ranks))}")
        if not told:
            raise StepError(
                "no layer would have fewer weights", "keep less energy, name other layers, or drop the step"
            )
        context.note(f"factored {', '.join(told)}, at {energy:.1%} of the energy")
        built = graph.build()
        context.fit(built, self.params)
        return built

    def _splits(self, graph: LayerGraph, context: StepContext) -> list[Split]:
        found = []
        for layer in graph.layers.values():
            if not self.params.selects(layer.name, layer.kind):
                continue
            if layer.kind not in ("Dense", "Conv2D"):
                if any(weight.ndim > 1 for weight in layer.weights):
                    context.leave_alone(layer.name, f"no factors of {layer.kind} are known here")
                continue
            if layer.config.get("groups", 1) != 1 or layer.config.get("data_format") == "channels_first":
                context.leave_alone(layer.name, "it has groups, or its channels first")
                continue
            kernel = layer.weights[0]
            if prod(kernel.shape[:-2]) == 1:
                found.append(Split(layer, (spectrum(kernel.reshape(kernel.shape[-2:])),)))
            else:
                found.append(Split(layer, (spectrum(unfolded(kernel, 2)), spectrum(unfolded(kernel, 3)))))
        worked_on = {split.layer.name for split in found} | set(context.left_alone)
        layers = [(layer.name, layer.kind) for layer in graph.layers.values() if layer.name in worked_on]
        tell_of_idle(self.params, layers, context, "factored")
        return found


def energy_for(splits: Sequence[Split], share: float) -> float:
    """The most energy at which all layers together have no more than a share of their weights.

    Raises:
        StepError: not even rank 1 is that small.
    """
    size = sum(split.size for split in splits)
    low, high = 0.0, 1.0
    for _ in range(_SEARCH):
        middle = (low + high) / 2
        few = sum(split.parameters(middle) for split in splits) <= share * size
        low, high = (middle, high) if few else (low, middle)
    if sum(split.parameters(low) for split in splits) > share * size or not low:
        least = sum(split.parameters(0) for split in splits) / size if size else 1.0
        what = f"parameters: {share:g} cannot be reached: rank 1 in every layer leaves {least:.1%} of their weights"
        raise StepError(what, "ask for less, or choose other layers")
    return low


def factored(layer: GraphLayer, ranks: Sequence[int]) -> list[GraphLayer]:
    """The thin layers, in order; the last has the bias, the activation and the name of the layer."""
    kernel, *bias = layer.weights
    if len(ranks) == 2:
        taken, made = ranks
        first, core, last = tucker_factors(kernel, taken, made)
        return [
            _pointwise(layer, f"{layer.name}_in", first),
            _linear(layer, f"{layer.name}_core", {"filters": made}, core),
            _last(layer, {"kernel_size": (1, 1), "strides": (1, 1), "dilation_rate": (1, 1)}, last[None, None], bias),
        ]
    one, two = svd_factors(kernel.reshape(kernel.shape[-2:]), ranks[0])
    if layer.kind == "Dense":
        return [_linear(layer, f"{layer.name}_in", {"units": ranks[0]}, one), _last(layer, {}, two, bias)]
    thin = _linear(layer, f"{layer.name}_in", {"filters": ranks[0]}, one[None, None])
    return [thin, _last(layer, {"strides": (1, 1), "padding": "valid"}, two[None, None], bias)]


def replace_by(graph: LayerGraph, name: str, layers: Sequence[GraphLayer]) -> None:
    """Put layers in a row in place of a layer, in all its calls."""
    *before, last = (replace(layer, config=layer.config | {"name": _free(graph, layer.name, name)}) for layer in layers)
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


def _free(graph: LayerGraph, wanted: str, replaced: str) -> str:
    return wanted if wanted == replaced else graph.free_name(wanted)


def _pointwise(layer: GraphLayer, name: str, kernel: NDArray[Any]) -> GraphLayer:
    """A 1x1 convolution before the layer, without an offset, so that padding means what it meant."""
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
