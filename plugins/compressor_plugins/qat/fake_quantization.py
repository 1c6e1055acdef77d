"""Decides which layers compute in 8 bits, and gives them the fake quantization that they train with.

tfmot brings the wrappers and quantizers. Where they go is decided here, on the model's graph: tfmot's own search for
patterns (`default_8bit_transforms.py`) skips the weights before a ReLU of its own without a word, refuses models with
layers it does not know, and leaves the layer behind a float one in float too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from compressor import Arrays
from compressor.contracts.keras_layer_support import keras_layer
from compressor_plugins.graph.batch_norm import follows_convolution
from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph, Ref, graph_layer
from compressor_plugins.graph.relu_fusion import is_plain_relu
from compressor_plugins.qat.activation_ranges import Place, observed, start_ranges
from compressor_plugins.qat.learned_ranges import learned_range_quantizer, start_weight_ranges
from compressor_plugins.qat.quantizers import channel_quantizer
from compressor_plugins.qat.tfmot_wrapper_configs import Role, Simulation, layer_quantize_config
from compressor_plugins.qat.tfmot_wrappers import quantize_layers

_RANGED = {"swish", "gelu", "relu", "relu6"}  # activations whose output needs a range of its own
_FROM_INPUT = {"softmax", "sigmoid", "tanh"}  # whose output has a known range, and whose input has not
_FIXED = {"linear", *_FROM_INPUT}
_CALIBRATED = "is not simulated in training; calibration gives it its ranges"
_ONE_LAYER = (_RANGED | _FIXED) - {"swish"}  # tfmot gives it no range before, and the converter no 8 bits without one


@dataclass
class QuantizationMap:
    """What each layer's wrapper quantizes, layers that stay in float with the reason, and preprocessing before them."""

    roles: dict[str, Role] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    preprocessing: list[str] = field(default_factory=list)
    entries: dict[str, Any] = field(default_factory=dict)  # quantizers, by layers put in for tensors in float
    cast: list[str] = field(default_factory=list)  # layers whose integers are made floats first
    growth: float = 1.0  # how many times as far activations go in training, if normalizations have not settled
    normed: set[str] = field(default_factory=set)  # whose channels the converter multiplies by factors of their own


def simulated(
    graph: LayerGraph, simulation: Simulation, samples: Iterable[Arrays], batch_size: int
) -> tuple[Any, QuantizationMap]:
    """The graph's model with fake quantization, and where it went.

    Args:
        graph: of the float model.
        simulation: what of it computes in how many bits.
        samples: inputs of shape (1, ...) that the ranges of activations start from.
        batch_size: of the training.

    Layers that have no 8-bit form here stay as they are, and the tensors between them and the others are quantized.
    """
    import tensorflow_model_optimization as tfmot
    import tf_keras

    _split_activations(graph)
    chosen = _Chooser(graph, simulation).chosen()
    configs = {
        name: simulation.config(graph.layers[name], role, name in chosen.normed) for name, role in chosen.roles.items()
    }

    def wrap(layer: Any) -> Any:
        if layer.name in chosen.entries:
            return quantize_layers()["QuantizeLayer"](chosen.entries[layer.name], name=layer.name)
        config = configs.get(layer.name)
        return layer if config is None else quantize_layers()["QuantizeWrapperV2"](layer, config)

    with tfmot.quantization.keras.quantize_scope(own_objects()):
        plain = graph.build()
        seen = observed(plain, _places(graph, chosen), samples, batch_size)
        quantized = tf_keras.models.clone_model(plain, clone_function=wrap)
    chosen.growth = seen.growth
    start_ranges(quantized, seen.ranges, symmetric=simulation.activation_bits == 16)
    start_weight_ranges(quantized)
    return quantized, chosen


def own_objects() -> dict[str, Any]:
    """What Keras must know by name beside tfmot's own classes."""
    return {cls.__name__: cls for cls in (learned_range_quantizer(), channel_quantizer(), layer_quantize_config())}


def _places(graph: LayerGraph, chosen: QuantizationMap) -> list[tuple[str, Place]]:
    """Where ranges can be seen: at a layer's output, and where its activation gets its range from its input."""
    found: list[tuple[str, Place]] = [(name, "output") for name in chosen.entries]
    for name, role in chosen.roles.items():
        activation = graph.layers[name].config.get("activation")
        if role == "output" or (role == "weights and output" and activation not in _FROM_INPUT):
            found.append((name, "output"))
        if role == "weights and output" and activation in (*_FROM_INPUT, "gelu"):
            found.append((name, "pre_activation"))
    return [place for place in found if len(graph.calls(place[0])) == 1]


@dataclass
class _Chooser:
    graph: LayerGraph
    simulation: Simulation
    found: QuantizationMap = field(default_factory=QuantizationMap)
    quantized: set[int] = field(default_factory=set)  # nodes whose outputs are 8-bit values
    raw: set[int] = field(default_factory=set)  # nodes with nothing but preprocessing between them and the inputs
    entries: dict[Ref, int] = field(default_factory=dict)  # where a float tensor was quantized

    def chosen(self) -> QuantizationMap:
        """Go through the graph from its inputs on."""
        for number in self.graph.order():
            self._choose(number)
        for number in self.graph.order():
            if keras_layer(self.graph.layer_of(number).kind).channels == "concatenated":
                self._share_range(number)
        return self.found

    def _choose(self, number: int) -> None:
        graph, layer = self.graph, self.graph.layer_of(number)
        quantization = keras_layer(layer.kind).quantization
        sources = [ref.node for ref in graph.sources(number)]
        one_range = quantization.shares_range
        ready = bool(sources) and (one_range or all(source in self.quantized for source in sources))
        of_input = quantization.output == "input"
        if self.raw.issuperset(sources) and (of_input or quantization.is_preprocessing or layer.kind == "InputLayer"):
            self.raw.add(number)
            if quantization.is_preprocessing:
                self.found.preprocessing.append(layer.name)
            return
        bits = self.simulation.weight_bits(*layer.known_as) if quantization.weights else 0
        if quantization.weights:
            if bits:
                self._quantize_weights(number, layer)
        elif not (ready and self._quantize_output(number, layer)) and not of_input:
            self._leave(layer, any(source in self.quantized for source in sources))

    def _quantize_weights(self, number: int, layer: GraphLayer) -> None:
        self._enter(number)
        followed = layer.config["activation"] == "linear" and self._is_fused(number)
        unranged = followed or self._feeds_recurrence(number)
        self._give(number, "weights" if unranged else "weights and output")
        if self._is_normed(number):
            self.found.normed.add(layer.name)

    def _quantize_output(self, number: int, layer: GraphLayer) -> bool:
        """Let a layer without such weights make 8-bit values of 8-bit values; False, if it has no form for that."""
        known = keras_layer(layer.kind)
        output, activation = known.quantization.output, layer.config.get("activation")
        if output == "own" and (not known.is_batch_norm or follows_convolution(self.graph, number)):
            ranged_behind = known.fused_relu == "converter" and self._relu_follows(number)
            unranged = ranged_behind or self._feeds_recurrence(number)
            self._give(number, "none" if unranged else "output")
        elif output == "activation" and activation in _RANGED:
            self._give(number, "output")
        elif output in ("input", "known") or (output == "activation" and activation in _FIXED):
            self.quantized.add(number)
        else:
            return False
        return True

    def _give(self, number: int, role: Role) -> None:
        self.found.roles[self.graph.nodes[number].layer] = role
        self.quantized.add(number)

    def _leave(self, layer: GraphLayer, was_quantized: bool) -> None:
        kind, known = layer.kind, keras_layer(layer.kind)
        has_form = known.quantization.output == "own"
        if has_form and known.is_batch_norm:
            self.found.left[layer.name] = f"a {kind} that follows no convolution {_CALIBRATED}"
        elif layer.weights or (was_quantized and not has_form):
            name = f"{kind} '{layer.config['activation']}'" if kind == "Activation" else kind
            self.found.left[layer.name] = f"{name} {_CALIBRATED}"

    def _enter(self, number: int) -> None:
        """Quantize those of a node's inputs that come from the model's input or from a layer in float."""
        for ref in set(self.graph.sources(number)):
            if ref.node in self.quantized or self._is_of_recurrence(ref.node):
                continue
            if ref not in self.entries:
                self.entries[ref] = self._quantize_layer(ref if self.graph.is_float(ref) else self._as_float(ref))
                self.quantized.add(self.entries[ref])
            self.graph.redirect({ref: Ref(self.entries[ref])}, [number])

    def _as_float(self, ref: Ref) -> Ref:
        """The tensor as floats, for the layers that get 8-bit values of it; others go on with its integers."""
        from tf_keras.layers import Rescaling

        name = self.graph.nodes[ref.node].layer
        self.found.cast.append(name)
        return Ref(
            self.graph.insert_after(ref, graph_layer(Rescaling(1.0, name=self.graph.free_name(f"{name}_float"))), [])
        )

    def _quantize_layer(self, ref: Ref) -> int:
        """Put in a layer that passes a tensor on, for its quantizer to take the place of once ranges were observed."""
        from tf_keras.layers import Activation

        source = self.graph.layer_of(ref.node)
        name = self.graph.free_name(f"quantize_{source.name}".replace(".", "_"))
        self.found.entries[name] = self.simulation.entry(of_model=self._is_input(ref.node))
        return self.graph.insert_after(ref, graph_layer(Activation("linear", name=name)), [])

    def _is_input(self, number: int) -> bool:
        """Whether a node gives out the values of an input of the model's, moved at the most."""
        source = self._origin(number)
        return source is not None and self.graph.layer_of(source).kind == "InputLayer"

    def _origin(self, number: int) -> int | None:
        """The node that made the values which a node gives out, moved at the most; None if several did."""
        source: int | None = number
        while source is not None and keras_layer(self.graph.layer_of(source).kind).quantization.output == "input":
            source = self.graph.only_source(source)
        return source

    def _is_of_recurrence(self, number: int) -> bool:
        """Whether a node gives out what a recurrent layer made.

        LiteRT's LSTM has one range for its output and its state, over all steps, and one for all that it takes. They
        are found by calibration; what a layer beside it was trained with would get in their way.
        """
        source = self._origin(number)
        return source is not None and keras_layer(self.graph.layer_of(source).kind).is_recurrent

    def _feeds_recurrence(self, number: int) -> bool:
        """Whether a recurrent layer takes what a node makes."""
        takers = [taker for taker in self.graph.nodes if number in {ref.node for ref in self.graph.sources(taker)}]
        return any(
            known.is_recurrent or (known.quantization.output == "input" and self._feeds_recurrence(taker))
            for taker, known in ((taker, keras_layer(self.graph.layer_of(taker).kind)) for taker in takers)
        )

    def _is_fused(self, number: int) -> bool:
        """Whether the converter takes what follows a linear layer into it, so that the range comes after that."""
        return self._is_normed(number) or self._relu_follows(number)

    def _is_normed(self, number: int) -> bool:
        taker = self.graph.only_consumer(number)
        return taker is not None and follows_convolution(self.graph, taker)

    def _relu_follows(self, number: int) -> bool:
        taker = self.graph.only_consumer(number)
        if taker is None or len(self.graph.calls(self.graph.nodes[taker].layer)) != 1:
            return False
        layer = self.graph.layer_of(taker)
        six = layer.kind == "ReLU" and layer.config["max_value"] == 6 and not layer.config.get("negative_slope")
        return is_plain_relu(layer) or (six and not layer.config.get("threshold"))

    def _share_range(self, number: int) -> None:
        """Let what a concatenation joins take its range, or each part would be scaled again at run time."""
        if self.graph.nodes[number].layer not in self.found.roles:
            return
        for ref in self.graph.sources(number):
            name = self.graph.nodes[ref.node].layer
            layer, role = self.graph.layers[name], self.found.roles.get(name)
            if self.graph.only_consumer(ref.node) != number:
                continue
            if role == "output" and keras_layer(layer.kind).quantization.joins_range:
                self.found.roles[name] = "none"
            elif role == "weights and output" and layer.config["activation"] in ("linear", "relu"):
                self.found.roles[name] = "weights"


def _split_activations(graph: LayerGraph) -> None:
    """Let an activation that has no 8 bits within a layer (elu, softplus, swish) follow it, whose weights then have."""
    import tf_keras

    for name, layer in list(graph.layers.items()):
        quantized, activation = keras_layer(layer.kind).quantization.weights, layer.config.get("activation")
        if not quantized or (isinstance(activation, str) and activation in _ONE_LAYER):
            continue
        function = tf_keras.activations.deserialize(activation)
        separate = tf_keras.layers.Activation(function, name=graph.free_name(f"{name}_activation"))
        graph.replace_layer(name, replace(layer, config=layer.config | {"activation": "linear"}))
        for number in graph.calls(name):
            graph.insert_after(Ref(number), graph_layer(separate))
