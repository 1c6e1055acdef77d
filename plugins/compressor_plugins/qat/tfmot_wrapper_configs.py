"""Tells the wrapper of each layer what to quantize: by tfmot's own configs where they can say it, by ours elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from compressor.contracts.keras_layer_support import keras_layer
from compressor_plugins.graph.layer_graph import GraphLayer
from compressor_plugins.qat.quantizers import Scales, activation_quantizer, weight_quantizer

_SHARED = 0.9  # distinct values of a kernel over the sum of those of its channels; 1 where channels share none

Role = Literal["weights", "weights and output", "output", "none"]


@dataclass(frozen=True)
class Simulation:
    """What a training simulates.

    `weight_bits` gives the bits of a layer's weights by its name and class, 8 or 4, and 0 for one that stays in float;
    `activation_bits` are 8, or 16, whose ranges are symmetric, for LiteRT's 16-bit operators know no zero point;
    `learned` tells whether ranges are learned by gradient, or follow what is seen.
    """

    weight_bits: Callable[[str, str], int]
    activation_bits: int = 8
    learned: bool = False

    def config(self, layer: GraphLayer, role: Role, normed: bool) -> Any:
        """The config for a layer's wrapper; `normed` if the converter will multiply each channel by its own factor."""
        bits = self.weight_bits(*layer.known_as) if role.startswith("weights") else 0
        scales = _scales(layer, normed) if bits else "tensor"
        kernel = keras_layer(layer.kind).kernels[0] if bits else None
        depthwise = kernel is not None and kernel.is_depthwise
        own = scales == "tied" or (scales == "channel" and depthwise)
        if role == "none" or (self.activation_bits == 8 and not self.learned and not own):
            return _tfmot_config(layer, role, bits, scales)
        return layer_quantize_config()(
            kernel=kernel.attribute if kernel else None,
            depthwise=depthwise,
            weight_bits=bits,
            scales=scales,
            activation=role == "weights and output" and not _has_unknown_activation(layer),
            output=role == "output" or (role == "weights and output" and _has_unknown_activation(layer)),
            activation_bits=self.activation_bits,
            learned=self.learned,
        )

    def entry(self, of_model: bool) -> Any:
        """The quantizer of a tensor in float that quantized layers take; an input of the model's is as wide as data."""
        from tensorflow_model_optimization.python.core.quantization.keras import quantizers

        if of_model:
            wide = self.activation_bits == 16
            return quantizers.AllValuesQuantizer(self.activation_bits, False, symmetric=wide, narrow_range=wide)
        return activation_quantizer(self.activation_bits, self.learned)


def shares_values(kernel: NDArray[Any]) -> bool:
    """Whether a kernel was clustered as a whole: its channels share values.

    Scales for each channel would make of k values up to k for each channel; one scale for all keeps them k. A few
    values that are equal by chance, as in any kernel of some size, do not make it clustered.
    """
    nonzero = kernel[kernel != 0]
    values = len(np.unique(nonzero))
    if values > nonzero.size / 2:
        return False
    channels = kernel.reshape(-1, kernel.shape[-1]).T
    return bool(values <= _SHARED * sum(len(np.unique(channel[channel != 0])) for channel in channels))


@cache
def layer_quantize_config() -> type[Any]:
    """The class, which cannot be made without tfmot."""
    from tensorflow_model_optimization.python.core.quantization.keras.quantize_config import QuantizeConfig

    class LayerQuantizeConfig(QuantizeConfig):  # type: ignore[misc]
        """What tfmot's configs cannot say: activations in 16 bits, learned ranges, scales of depthwise kernels."""

        def __init__(self, **settings: Any) -> None:
            self._settings = settings
            self._kernels = [settings["kernel"]] if settings["kernel"] else []
            bits, scales, learned = settings["weight_bits"], settings["scales"], settings["learned"]
            self._of_weights = weight_quantizer(bits, scales, settings["depthwise"], learned)
            self._of_activations = activation_quantizer(settings["activation_bits"], learned)

        def get_weights_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:
            """The kernel, if the layer has one to quantize."""
            return [(getattr(layer, name), self._of_weights) for name in self._kernels]

        def get_activations_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:
            """The layer's own activation, if its result is to be quantized."""
            return [(layer.activation, self._of_activations)] if self._settings["activation"] else []

        def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
            """Let the layer compute with the quantized kernel."""
            for name, weight in zip(self._kernels, quantize_weights, strict=True):
                setattr(layer, name, weight)

        def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
            """Let the layer end in the quantized activation."""
            for activation in quantize_activations:
                layer.activation = activation

        def get_output_quantizers(self, layer: Any) -> list[Any]:
            """That of a layer without an activation of its own."""
            return [self._of_activations] if self._settings["output"] else []

        def get_config(self) -> dict[str, Any]:
            """What `from_config` makes it again from."""
            return dict(self._settings)

    return LayerQuantizeConfig


def _scales(layer: GraphLayer, normed: bool) -> Scales:
    if keras_layer(layer.kind).quantization.weights != "channel":
        return "tensor"
    if not shares_values(layer.weights[0]):
        return "channel"
    return "tied" if normed else "tensor"


def _has_unknown_activation(layer: GraphLayer) -> bool:
    """Whether tfmot does not know the activation, so that the layer's output is quantized in its place."""
    return bool(layer.config["activation"] == "relu6")


def _tfmot_config(layer: GraphLayer, role: Role, bits: int, scales: Scales) -> Any:
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_configs as configs,
    )
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_registry as in_8_bits,
    )
    from tensorflow_model_optimization.python.core.quantization.keras.experimental.default_n_bit import (
        default_n_bit_quantize_registry as in_n_bits,
    )

    if role == "none":
        return configs.NoOpQuantizeConfig()
    if role == "output":
        return configs.Default8BitOutputQuantizeConfig()
    output = role == "weights and output" and _has_unknown_activation(layer)
    activations = ["activation"] if role == "weights and output" and not output else []
    kernel = keras_layer(layer.kind).kernels[0]
    kind = "Conv" if scales == "channel" else "ConvTranspose" if kernel.is_transposed else ""
    registry, depth = (in_8_bits, "8") if bits == 8 else (in_n_bits, "N")
    config = getattr(registry, f"Default{depth}Bit{kind}QuantizeConfig")
    settings = {} if bits == 8 else {"num_bits_weight": bits}
    return config([kernel.attribute], activations, output, **settings)
