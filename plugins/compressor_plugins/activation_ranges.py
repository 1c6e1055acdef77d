"""Starts the ranges of fake quantization where the model's activations are.

tfmot starts every range at -6 to 6 and moves it by a thousandth of the way a step, so that a short training ends with
ranges that fit no layer: most of the 256 values go unused, or large activations are cut off.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from compressor.strategy import Arrays

Place: TypeAlias = Literal["pre_activation", "output"]
Ranges: TypeAlias = Mapping[tuple[str, Place], tuple[float, float]]

SAMPLES = 64
_A_CALL = 8  # samples, whose activations are in memory together


def observed(model: Any, places: Iterable[tuple[str, Place]], samples: Iterable[Arrays]) -> Ranges:
    """The smallest and largest value at each place over some samples, zero included.

    Args:
        model: the float model.
        places: layers that are called once and have one output, by name, and where to look at them.
        samples: the model's inputs, each of shape (1, ...), or a structure of them.
    """
    import tensorflow as tf
    import tf_keras

    places = list(places)
    if not places:
        return {}
    measuring = tf_keras.Model(model.inputs, [_tensor(model.get_layer(name), place) for name, place in places])
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
    return {place: (float(low), float(high)) for place, low, high in zip(places, lows, highs, strict=True)}


def start_ranges(model: Any, ranges: Ranges, symmetric: bool) -> None:
    """Give the quantizers of a model with fake quantization the ranges of the places that they stand at."""
    for layer in model.layers:
        for place in get_args(Place):
            low, high = ranges.get((getattr(layer, "layer", layer).name, place), (0.0, 0.0))
            if symmetric:
                low, high = min(low, -high), max(high, -low)
            if low == high:
                continue
            own = (place,) if place == "pre_activation" else (place, "post_activation", layer.name)
            for variable in layer.non_trainable_weights:
                name = variable.name.split(":")[0].split("/")[-1]
                if name in [f"{prefix}_min" for prefix in own]:
                    variable.assign(low)
                if name in [f"{prefix}_max" for prefix in own]:
                    variable.assign(high)


def _tensor(layer: Any, place: Place) -> Any:
    """What a layer of a model makes, or what its activation makes that of."""
    if place == "output":
        return layer.output
    linear = type(layer).from_config(layer.get_config() | {"name": f"{layer.name}_{place}", "activation": "linear"})
    found = linear(layer.input)
    linear.set_weights(layer.get_weights())
    return found
