"""What a model does with the scale of its inputs."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

Scaling = Literal["none", "own", "of pixels", "untold"]
"""Nothing, something, or it divides pixels of 0 to 255; a file does not tell."""

_DIVIDES = 0.05  # what multiplies by less is meant for numbers as large as bytes
_SCALES = {"Rescaling", "Normalization", "BatchNormalization"}


def scaling_of(model: Any) -> Scaling:
    """What a tf_keras model does, as far as its layers tell."""
    if divides_pixels(model):
        return "of pixels"
    return "own" if _SCALES & {type(layer).__name__ for layer in model._flatten_layers(include_self=False)} else "none"


def divides_pixels(model: Any) -> bool:
    """Whether a tf_keras model takes pixels of 0 to 255, and brings them to a scale of its own."""
    layers = list(model._flatten_layers())
    scales = [np.asarray(layer.scale, np.float64) for layer in layers if type(layer).__name__ == "Rescaling"]
    for layer in layers:
        if type(layer).__name__ == "Normalization" and layer.built and not layer.invert:
            scales.append(1 / np.maximum(np.sqrt(np.asarray(layer.variance, np.float64)), 1e-7))
    return any(float(np.abs(scale).min()) < _DIVIDES for scale in scales)
