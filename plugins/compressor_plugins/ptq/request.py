"""What may be asked of a quantized file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from compressor.contracts.layer_sensitivity import WeightType
from compressor_plugins.shared.precision import ActivationType

Algorithm = Literal["min_max", "octav", "mse", "gptq", "hadamard", "oscar", "recovery"]
Granularity = Literal["channel", "tensor", "block_32", "block_64", "block_128", "block_256"]
IO = Literal["float32", "int8", "uint8", "int16"]


@dataclass(frozen=True)
class Request:
    """What is asked for: the same for all layers but for the types of weights that `per_layer` gives some of them."""

    weights: WeightType
    activations: ActivationType
    algorithm: Algorithm = "min_max"
    granularity: Granularity = "channel"
    per_layer: Mapping[str, WeightType] | None = None
