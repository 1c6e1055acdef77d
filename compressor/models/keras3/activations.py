"""Builds activations that Keras 2 lacks, or computes otherwise, from operations that it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compressor.models.keras3.tf_layers import operation

_SAME = "elu exponential gelu linear mish relu selu sigmoid silu softmax softplus softsign swish tanh"
SAME = frozenset(_SAME.split())
"""Activations with the same name and the same meaning in both."""

KERAS2_NAMES = {"silu": "swish", "celu": "elu"}  # celu is elu for alpha=1, the only alpha that a name can mean


def _relu6(x: Any, name: str) -> Any:
    import tf_keras

    return tf_keras.layers.ReLU(6.0, name=name)(x)


def _leaky_relu(x: Any, name: str) -> Any:
    import tf_keras

    return tf_keras.layers.LeakyReLU(0.2, name=name)(x)


def _hard_sigmoid(x: Any, name: str) -> Any:
    import tensorflow as tf

    shifted = operation(tf.math.add, f"{name}_shift", x, 3.0)
    return operation(tf.math.multiply, name, _relu6(shifted, f"{name}_relu6"), 1.0 / 6.0)


def _hard_silu(x: Any, name: str) -> Any:
    import tf_keras

    return tf_keras.layers.Multiply(name=name)([x, _hard_sigmoid(x, f"{name}_gate")])


def _log_softmax(x: Any, name: str) -> Any:
    import tensorflow as tf

    return operation(tf.nn.log_softmax, name, x)


def _log_sigmoid(x: Any, name: str) -> Any:
    import tensorflow as tf

    return operation(tf.math.log_sigmoid, name, x)


def _hard_tanh(x: Any, name: str) -> Any:
    import tensorflow as tf

    return operation(tf.clip_by_value, name, x, -1.0, 1.0)


def _tanh_shrink(x: Any, name: str) -> Any:
    import tensorflow as tf
    import tf_keras

    return tf_keras.layers.Subtract(name=name)([x, operation(tf.math.tanh, f"{name}_tanh", x)])


LAYERS = {"ELU", "LeakyReLU", "ReLU", "Softmax"}
"""Layers without weights that Keras 3 models may have as an activation."""

COMPOSED: dict[str, Callable[[Any, str], Any]] = {
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": _hard_silu,
    "hard_swish": _hard_silu,
    "hard_tanh": _hard_tanh,
    "leaky_relu": _leaky_relu,
    "log_sigmoid": _log_sigmoid,
    "log_softmax": _log_softmax,
    "relu6": _relu6,
    "tanh_shrink": _tanh_shrink,
}
"""Functions of (tensor, name of the last layer) that add layers for an activation."""
