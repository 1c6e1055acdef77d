"""Whole models for the bridge: what lies between layers rather than in them. Built with Keras 3 alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def sequential(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((6, 6, 1)), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(3)]
    )


def nested(keras: Any) -> Any:
    layers = keras.layers
    x = inner_input = keras.Input((5,), name="inner_input")
    core = keras.Sequential([layers.Dense(4, activation="relu"), layers.Dense(4)], name="core")
    encoder = keras.Model(inner_input, layers.Add()([core(x), core(layers.Dense(5)(x))]), name="encoder")
    a = keras.Input((5,), name="a")
    return keras.Model(a, layers.Dense(2)(encoder(a) + encoder(a * 2.0)))


def shared(keras: Any) -> Any:
    layers = keras.layers
    a, b = keras.Input((5,), name="a"), keras.Input((5,), name="b")
    twin = layers.Dense(4, activation="tanh", name="twin")
    return keras.Model([a, b], [layers.Concatenate()([twin(a), twin(b)]), twin(b)])


def dictionaries(keras: Any) -> Any:
    layers = keras.layers
    a, b = keras.Input((5,), name="zebra"), keras.Input((3,), name="ant")
    x = layers.Concatenate()([a, b])
    return keras.Model({"zebra": a, "ant": b}, {"small": layers.Dense(1)(x), "large": layers.Dense(7)(x)})


def operations(keras: Any) -> Any:
    ops = keras.ops
    a, b = keras.Input((4, 6), name="a"), keras.Input((4, 6), name="b")
    x = ops.relu(a * 2.0 + 1.0) - 0.5 * b
    x = ops.concatenate([x, ops.sigmoid(b)], axis=-1)
    x = ops.transpose(ops.reshape(x, (-1, 6, 8)), (0, 2, 1))
    x = x / (1.0 + ops.abs(x)) + ops.mean(x, axis=1, keepdims=True)
    y = ops.softmax(ops.matmul(a, ops.transpose(b, (0, 2, 1))) / 3)
    z = ops.max(x, axis=-1) ** 2 + ops.sum(ops.square(x[:, :, 1:3]), axis=-1)
    w = ops.where(z > 1.0, ops.log(ops.exp(z) + 1), -z)
    v = ops.expand_dims(ops.clip(z, 0.0, 6.0), -1) * ops.stack([ops.gelu(w), ops.silu(w)], axis=-1)
    return keras.Model([a, b], [x, y, z, w, v, ops.mean(x, axis=(1,)), ops.leaky_relu(b) - ops.hard_sigmoid(a)])


def activations(keras: Any) -> Any:
    layers = keras.layers
    names = (
        "hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu log_sigmoid log_softmax relu6 tanh_shrink "
        "silu celu elu gelu mish selu softplus softsign exponential"
    )
    x = keras.Input((5,))
    return keras.Model(x, [layers.Dense(4, activation=name)(x) for name in names.split()])


def activation_layers(keras: Any) -> Any:
    """Layers as activations, once of a layer that is called twice."""
    layers = keras.layers
    a, b = keras.Input((5,), name="a"), keras.Input((5,), name="b")
    twin = layers.Dense(4, activation=layers.LeakyReLU(0.1))
    x = layers.Dense(4, activation=layers.ELU(0.5))(layers.Add()([twin(a), twin(b)]))
    return keras.Model([a, b], layers.Dense(3, activation=layers.Softmax())(layers.Activation(layers.ReLU(2.0))(x)))


def activation_in_sequence(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential([keras.Input((5,)), layers.Dense(4, activation="hard_silu"), layers.Dense(3)])


def masked(keras: Any) -> Any:
    layers = keras.layers
    ids = keras.Input((7,), dtype="int32")
    x = layers.Embedding(5, 4, mask_zero=True)(ids)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 3)(x, x))
    x, state = layers.GRU(4, return_sequences=True, return_state=True)(x)
    return keras.Model(ids, [layers.TimeDistributed(layers.Dense(2))(x), layers.GRU(4)(x, initial_state=state)])


def transformer(keras: Any) -> Any:
    layers = keras.layers
    ids = keras.Input((6,), dtype="int32")
    x = layers.Embedding(9, 8)(ids)
    y = layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)
    x = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([x, y]))
    x = layers.LayerNormalization()(x + layers.Dense(8)(layers.Dense(16, activation="gelu")(x)))
    return keras.Model(ids, layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling1D()(x)))


def wrapped_model(keras: Any) -> Any:
    layers = keras.layers
    frame = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)])
    return keras.Sequential([keras.Input((4, 6, 6, 1)), layers.TimeDistributed(frame), layers.LSTM(3)])


def frozen(keras: Any) -> Any:
    layers = keras.layers
    base = keras.Sequential(
        [keras.Input((5,)), layers.Dense(4), layers.BatchNormalization(), layers.Dense(4)], name="base"
    )
    base.layers[0].trainable = False
    x = keras.Input((5,))
    head = layers.BatchNormalization()
    head.trainable = False
    return keras.Model(x, layers.Dense(2)(head(base(x, training=False))))


def in_half_precision(keras: Any) -> Any:
    layers = keras.layers
    x = keras.Input((5,))
    y = layers.Dense(8, activation="relu", dtype="mixed_float16")(x)
    return keras.Model(x, layers.Dense(3, dtype="float32")(layers.BatchNormalization(dtype="mixed_float16")(y)))


def application(name: str, size: int, **options: Any) -> Callable[[Any], Any]:
    def make(keras: Any) -> Any:
        return getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=5, **options)

    return make


MODELS: dict[str, Callable[[Any], Any]] = {
    maker.__name__: maker
    for maker in (
        sequential, nested, shared, dictionaries, operations, activations, activation_layers, activation_in_sequence,
        masked, transformer, wrapped_model, frozen, in_half_precision,
    )
}  # fmt: skip
APPLICATIONS: dict[str, Callable[[Any], Any]] = {
    "MobileNetV2": application("MobileNetV2", 32, alpha=0.35),
    "MobileNetV3Small": application("MobileNetV3Small", 32),
    "EfficientNetV2B0": application("EfficientNetV2B0", 32),
    "ResNet50": application("ResNet50", 32),
    "DenseNet121": application("DenseNet121", 32),
    "Xception": application("Xception", 71),
}


def sample_for(model: Any) -> dict[str, Any]:
    """Inputs by the names of a Keras 3 model's input layers: two samples each."""
    generator, found = np.random.default_rng(0), {}
    for tensor in model.inputs:
        shape = (2, *tensor.shape[1:])
        values = generator.integers(0, 5, shape) if "int" in tensor.dtype else generator.normal(0, 1, shape)
        found[tensor._keras_history.operation.name] = values.astype(tensor.dtype)
    return found
