"""Makes a Keras model that computes in half precision compute in float32."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compressor.contracts.frozen_layers import parts_thawed


def in_float32(model: Any) -> Any:
    """The model itself, or, where a layer computes in half precision, a copy of it that computes in float32.

    LiteRT's operators compute in float32 only. Nothing is lost, since mixed precision keeps its variables in float32.
    """
    import tf_keras

    layers = [layer for layer in model._flatten_layers(include_self=False) if hasattr(layer, "dtype_policy")]
    if not any(_is_half(layer.dtype_policy.name) for layer in layers):
        return model

    def copy_of(layer: Any) -> Any:
        if isinstance(layer, tf_keras.Model):
            return tf_keras.models.clone_model(layer, clone_function=copy_of)
        return type(layer).from_config(_without_halves(layer.get_config()))

    copied = tf_keras.models.clone_model(model, clone_function=copy_of)
    with parts_thawed(model):
        copied.set_weights(model.get_weights())
    return copied


def _without_halves(config: Any) -> Any:
    """A configuration whose dtypes of half precision are float32, at any depth."""
    if isinstance(config, Mapping):
        return {
            key: "float32" if key == "dtype" and _is_half(value) else _without_halves(value)
            for key, value in config.items()
        }
    return [_without_halves(value) for value in config] if isinstance(config, list) else config


def _is_half(policy: Any) -> bool:
    """Whether a dtype, or a dtype policy as a configuration holds it, computes in float16 or bfloat16."""
    name = policy["config"]["name"] if isinstance(policy, Mapping) else policy
    return str(name).endswith("float16")
