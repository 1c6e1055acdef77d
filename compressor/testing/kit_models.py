"""The small models that strategies are tried on, each with one trait that steps have to cope with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np

Samples: TypeAlias = Literal["pictures", "pictures and numbers", "series", "numbers"]

CLASSES = 3


def _dense(layers: Any) -> Any:
    inputs = layers.Input((8, 8, 1), name="picture")
    x = layers.Dense(24, activation="relu", name="wide")(layers.Flatten()(inputs))
    x = layers.Dense(12, activation="relu", name="narrow")(x)
    return inputs, layers.Dense(CLASSES, activation="softmax", name="classes")(x)


def _conv_norm(layers: Any) -> Any:
    inputs = layers.Input((8, 8, 1), name="picture")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="first")(inputs)
    x = layers.ReLU(name="first_relu")(layers.BatchNormalization(name="first_norm")(x))
    x = layers.Conv2D(12, 3, strides=2, name="second")(x)
    x = layers.ReLU(6.0, name="second_relu")(layers.BatchNormalization(name="second_norm")(x))
    return inputs, layers.Dense(CLASSES, name="classes")(layers.GlobalAveragePooling2D()(x))


def _separate_relu(layers: Any) -> Any:
    inputs = layers.Input((8, 8, 1), name="picture")
    x = layers.MaxPooling2D()(layers.ReLU()(layers.Conv2D(8, 3, name="conv")(inputs)))
    x = layers.ReLU()(layers.Dense(16, name="middle")(layers.Flatten()(x)))
    return inputs, layers.Dense(CLASSES, name="classes")(x)


def _depthwise(layers: Any) -> Any:
    inputs = layers.Input((8, 8, 1), name="picture")
    x = layers.Conv2D(8, 3, activation="relu", name="first")(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(layers.DepthwiseConv2D(3, name="depthwise")(x)))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(12, 1, activation="relu", name="pointwise")(x))
    return inputs, layers.Dense(CLASSES, name="classes")(x)


def _residual(layers: Any) -> Any:
    inputs = layers.Input((8, 8, 1), name="picture")
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(inputs)
    x = layers.ReLU()(layers.Add()([x, layers.Conv2D(8, 3, padding="same", name="second")(x)]))
    return inputs, layers.Dense(CLASSES, name="classes")(layers.GlobalAveragePooling2D()(x))


def _nested(layers: Any) -> Any:
    import tf_keras

    inner = layers.Input((6, 6, 8))
    block = tf_keras.Model(inner, layers.Conv2D(8, 3, activation="relu", name="inner")(inner), name="block")
    inputs = layers.Input((8, 8, 1), name="picture")
    x = layers.GlobalAveragePooling2D()(block(layers.Conv2D(8, 3, activation="relu", name="first")(inputs)))
    return inputs, layers.Dense(CLASSES, name="classes")(x)


def _two_inputs(layers: Any) -> Any:
    picture, numbers = layers.Input((8, 8, 1), name="picture"), layers.Input((4,), name="numbers")
    x = layers.Flatten()(layers.Conv2D(4, 3, strides=2, activation="relu", name="conv")(picture))
    x = layers.Concatenate()([x, layers.Dense(8, activation="relu", name="dense")(numbers)])
    return [picture, numbers], layers.Dense(CLASSES, name="classes")(x)


def _shared_layer(layers: Any) -> Any:
    inputs = layers.Input((8, 8, 1), name="picture")
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(inputs)
    shared = layers.Conv2D(8, 3, padding="same", activation="relu", name="shared")
    return inputs, layers.Dense(CLASSES, name="classes")(layers.GlobalAveragePooling2D()(shared(shared(x))))


def _one_weight(layers: Any) -> Any:
    inputs = layers.Input((1,), name="number")
    x = layers.Dense(1, use_bias=False, name="weight")(inputs)
    return inputs, layers.Concatenate()([x] * CLASSES)


def _sequence(layers: Any) -> Any:
    inputs = layers.Input((12, 4), name="series")
    x = layers.Conv1D(8, 3, padding="causal", activation="relu", name="conv")(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(8, 3, name="second")(x)))
    return inputs, layers.Dense(CLASSES, name="classes")(layers.GlobalAveragePooling1D()(x))


def _frozen(layers: Any) -> Any:
    inputs = layers.Input((8, 8, 1), name="picture")
    x = layers.Conv2D(8, 3, use_bias=False, name="frozen_conv", trainable=False)(inputs)
    x = layers.ReLU()(layers.BatchNormalization(name="frozen_norm", trainable=False)(x))
    x = layers.Conv2D(12, 3, activation="relu", name="conv")(x)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 1, activation="relu", name="pointwise")(x))
    x = layers.Dense(12, activation="relu", name="frozen_dense", trainable=False)(x)
    return inputs, layers.Dense(CLASSES, name="classes")(x)


def _all_frozen(layers: Any) -> Any:
    inputs = layers.Input((8, 8, 1), name="picture")
    x = layers.Flatten()(layers.Conv2D(8, 3, strides=2, name="frozen_conv", trainable=False)(inputs))
    return inputs, layers.Dense(CLASSES, name="frozen_classes", trainable=False)(x)


def _no_weights(layers: Any) -> Any:
    inputs = layers.Input((8, 8, 1), name="picture")
    x = layers.GlobalAveragePooling2D()(layers.AveragePooling2D()(inputs))
    return inputs, layers.Concatenate()([x] * CLASSES)


_Build: TypeAlias = Callable[[Any], Any]

TRIED: Mapping[str, _Build] = {
    "conv_norm": _conv_norm,
    "dense": _dense,
    "separate_relu": _separate_relu,
    "depthwise": _depthwise,
    "residual": _residual,
    "nested": _nested,
    "two_inputs": _two_inputs,
    "shared_layer": _shared_layer,
    "sequence": _sequence,
    "one_weight": _one_weight,
}
"""The models that every strategy is tried on."""

ODD: Mapping[str, _Build] = {"frozen": _frozen, "all_frozen": _all_frozen, "no_weights": _no_weights}
"""The models of single checks."""

SAMPLES: Mapping[str, Samples] = {"two_inputs": "pictures and numbers", "sequence": "series", "one_weight": "numbers"}
"""What a model takes that takes no pictures."""

TITLES: Mapping[str, str] = {
    "conv_norm": "convolutions and BatchNormalization",
    "dense": "dense layers",
    "separate_relu": "ReLU layers of their own",
    "depthwise": "a depthwise convolution",
    "residual": "a residual addition",
    "nested": "a model within the model",
    "two_inputs": "two inputs",
    "shared_layer": "a layer that is called twice",
    "sequence": "convolutions along a sequence",
    "one_weight": "a single weight",
    "frozen": "some frozen layers",
    "all_frozen": "frozen layers only",
    "no_weights": "no weights",
}


def built(name: str) -> Any:
    """One of the models, with the same weights each time, none of them zero."""
    import tf_keras

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Model(*{**TRIED, **ODD}[name](tf_keras.layers), name="model")
    draw = np.random.default_rng(0)
    moved = [w if w.ndim > 1 else w + draw.uniform(0.02, 0.2, w.shape) for w in model.get_weights()]
    model.set_weights(moved)
    return model
