"""The types of weights and activations, and the named precisions that combine them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from compressor.contracts.layer_sensitivity import WeightType

ActivationType = Literal["float32", "dynamic", "int8", "int16"]
Precision = Literal["int8", "int16x8", "dynamic", "float16", "int4", "int2"]

BITS: Mapping[WeightType, int] = {"float32": 32, "float16": 16, "int8": 8, "int4": 4, "int2": 2}

# the types that a precision stands for: of the weights, and of the activations unless these are set separately
MEANING: Mapping[Precision, tuple[WeightType, ActivationType]] = {
    "int8": ("int8", "int8"),
    "int16x8": ("int8", "int16"),
    "dynamic": ("int8", "dynamic"),
    "float16": ("float16", "float32"),
    "int4": ("int4", "float32"),
    "int2": ("int2", "float32"),
}
