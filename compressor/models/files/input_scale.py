"""Tells what a model does with the scale of its inputs."""

from __future__ import annotations

from typing import Any, Literal

from compressor.models.keras3.random_inputs import divides_pixels

Scaling = Literal["none", "own", "of pixels", "untold"]
"""It leaves the scale alone, changes it, or divides pixels of 0 to 255; a file does not tell."""

_SCALES = {"Rescaling", "Normalization", "BatchNormalization"}


def scaling_of(model: Any) -> Scaling:
    """What a tf_keras model does with the scale of its inputs, as far as its layers tell."""
    if divides_pixels(model):
        return "of pixels"
    return "own" if _SCALES & {type(layer).__name__ for layer in model._flatten_layers(include_self=False)} else "none"
