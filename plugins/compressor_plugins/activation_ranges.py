"""Starts the ranges of fake quantization where the model's activations are.

tfmot starts every range at -6 to 6 and moves it by a thousandth of the way a step, so that a short training ends with
ranges that fit no layer: most of the 256 values go unused, or large activations are cut off.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from compressor.strategy import Arrays

Ranges = Mapping[str, tuple[float, float]]

SAMPLES = 64
_A_CALL = 8  # samples, whose activations are in memory together


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
    measuring = tf_keras.Model(model.inputs, [model.get_layer(name).output for name in names])
    batch = tf.nest.map_structure(lambda *parts: np.concatenate(parts), *samples)
    size = len(tf.nest.flatten(batch)[0])
    taken = tf.nest.map_structure(lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), batch)

    @tf.function(input_signature=[taken])  # type: ignore[untyped-decorator]
    def ranges(inputs: Any) -> Any:
        outputs = tf.nest.flatten(measuring(inputs, training=False))
        return tf.stack([tf.stack([tf.reduce_min(output), tf.reduce_max(output)]) for output in outputs])

    parts = [slice(start, start + _A_CALL) for start in range(0, size, _A_CALL)]
    found = np.stack([ranges(tf.nest.map_structure(operator.itemgetter(part), batch)).numpy() for part in parts])
    lows, highs = np.minimum(0, found[:, :, 0].min(0)), np.maximum(0, found[:, :, 1].max(0))
    return {name: (float(low), float(high)) for name, low, high in zip(names, lows, highs, strict=True)}


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
