"""Starts the ranges of fake quantization where the model's activations are.

tfmot starts every range at -6 to 6 and moves it by a thousandth of the way a step, so that a short training ends with
ranges that fit no layer: most of the 256 values go unused, or large activations are cut off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from compressor.strategy import Arrays

Ranges = Mapping[str, tuple[float, float]]

SAMPLES = 64


def observed(model: Any, layers: Iterable[str], samples: Iterable[Arrays]) -> Ranges:
    """The smallest and largest output of each layer over some samples, zero included.

    Args:
        model: the float model.
        layers: names of layers that are called once and have one output.
        samples: the model's inputs, each of shape (1, ...), or a structure of them.
    """
    import tensorflow as tf
    import tf_keras

    names = list(layers)
    if not names:
        return {}
    ends = [_range(tf, model.get_layer(name).output) for name in names]
    measuring = tf_keras.Model(model.inputs, ends)
    batch = tf.nest.map_structure(lambda *parts: np.concatenate(parts), *samples)
    found = measuring.predict(batch, batch_size=8, verbose=0)
    found = [found] if len(names) == 1 else found  # Keras gives one output without a list
    return {
        name: (float(min(0, ends[:, 0].min())), float(max(0, ends[:, 1].max())))
        for name, ends in zip(names, found, strict=True)
    }


def start_ranges(model: Any, ranges: Ranges) -> None:
    """Give the quantizers of a model with fake quantization the ranges of the layers that they belong to."""
    for layer in model.layers:
        found = ranges.get(getattr(layer, "layer", layer).name)
        if found is None or found[0] == found[1]:
            continue
        for variable in layer.non_trainable_weights:
            name = variable.name.split(":")[0].split("/")[-1]
            if name.endswith(("output_min", "post_activation_min", f"{layer.name}_min")):
                variable.assign(found[0])
            if name.endswith(("output_max", "post_activation_max", f"{layer.name}_max")):
                variable.assign(found[1])


def _range(tf: Any, tensor: Any) -> Any:
    """A layer's smallest and largest output for each sample, shape (n, 2)."""
    flat = tf.reshape(tensor, (tf.shape(tensor)[0], -1))
    return tf.stack([tf.reduce_min(flat, axis=1), tf.reduce_max(flat, axis=1)], axis=1)
