"""Low-rank factorization: a layer is replaced by two or three thin ones."""

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


class LowRank(Strategy):
    """Replace dense layers and convolutions by two or three thinner ones that approximate them, then train.

    Dense layers and 1x1 convolutions are factored by singular value decomposition (Denton et al. 2014, arXiv
    1404.0736), other convolutions by Tucker-2 (Kim et al. 2016, "Compression of Deep Convolutional Neural Networks for
    Fast and Low Power Mobile Applications", arXiv 1511.06530). A layer that would not have fewer weights is left alone.
    """

    name = "low_rank"
    makes_layers = True

    class Params(compressor.TrainingParams, compressor.LayerTargets):
        """How close the approximation is to be, or how small the result."""

        energy: float | None = Field(
            None, gt=0, le=1, description="share of the sum of squared singular values to keep in each layer"
        )
        parameters: float | None = Field(
            None,
            gt=0,
            lt=1,
            description="share of the chosen layers' weights to keep in total; all of them get the same energy",
        )
        epochs: int = Field(3, ge=1, le=10_000, description="passes over the training split, after the factoring")

        @model_validator(mode="after")
        def _one_target(self) -> LowRank.Params:
            if (self.energy is None) == (self.parameters is None):
                raise ValueError("give exactly one of energy and parameters")
            return self

    def plan(self, state: ModelState) -> ModelState:
        """Takes a Keras model without fake quantization, zeros or clusters to keep: the factors would lose them."""
        return (
            state.require(format="keras", lacks="quantization_aware").require(lacks="sparse").require(lacks="clustered")
        )

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with thin layers, fine-tuned."""
        graph = prepared(model, [flatten], context, "'low_rank'")
        splits = self._splits(graph, context)
        energy = self.params.energy or energy_for(splits, self.params.parameters)
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
            raise StepError(
                "no layer would have fewer weights", "keep less energy, name other layers, or drop the step"
            )
        context.note(f"factored {', '.join(ranks_by_layer)}, at {energy:.1%} of the energy")
        built = graph.build()
        context.fit(built, self.params)
        return built

    def _splits(self, graph: LayerGraph, context: StepContext) -> list[Split]:
        splits = []
        for layer in graph.layers.values():
            if not self.params.selects(layer.name, layer.kind):
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
        tell_of_idle(self.params, layers, context, "factored")
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
