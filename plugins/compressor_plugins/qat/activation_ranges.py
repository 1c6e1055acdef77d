"""Starts the ranges of fake quantization where the model's activations are.

tfmot starts every range at -6 to 6 and moves it by a thousandth of the way a step, so that a short training ends with
ranges that fit no layer: most of the 256 values go unused, or large activations are cut off.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from compressor import Arrays
from compressor.contracts.keras_layer_support import keras_layer

Place: TypeAlias = Literal["pre_activation", "output"]
Ranges: TypeAlias = Mapping[tuple[str, Place], tuple[float, float]]

SAMPLES = 64
_A_CALL = 8  # samples, whose activations are in memory together
_A_BATCH = 32  # samples at the most, whose statistics are those that training would see
_FAR = 16  # times as wide: cut to less than this, activations would still differ enough to train on


@dataclass(frozen=True)
class Observation:
    """Where activations were, and how many times as far they go in training, if that is far more: else 1."""

    ranges: Ranges
    growth: float = 1.0


def observed(
    model: Any, places: Iterable[tuple[str, Place]], samples: Iterable[Arrays], batch_size: int = _A_BATCH
) -> Observation:
    """The smallest and largest value at each place over some samples, zero included.

    A BatchNormalization goes by its moving statistics at inference and by those of the batch in training. Where the
    former have not settled yet, the ranges hold both: cut off in training, activations would all be the same, and the
    gradients of the next normalization without bounds.

    Args:
        model: the float model, whose weights are left as they are.
        places: layers that are called once and have one output, by name, and where to look at them.
        samples: the model's inputs, each of shape (1, ...), or a structure of them.
        batch_size: of the training.
    """
    import tensorflow as tf
    import tf_keras

    places = list(places)
    if not places:
        return Observation({})
    measuring = tf_keras.Model(model.inputs, [_tensor(model.get_layer(name), place) for name, place in places])
    batch = tf.nest.map_structure(lambda *parts: np.concatenate(parts), *samples)
    ends = _ends(measuring, batch, _A_CALL, training=False)
    growth = 1.0
    if any(keras_layer(type(layer).__name__).is_batch_norm for layer in model._flatten_layers()):
        weights = model.get_weights()
        in_training = _ends(measuring, batch, min(batch_size, _A_BATCH), training=True)
        model.set_weights(weights)
        width, wider = np.ptp(ends, axis=1), np.ptp(in_training, axis=1)
        far = wider > _FAR * width
        growth = float(np.max(wider / np.where(width > 0, width, 1), where=far & (width > 0), initial=1))
        both = np.stack([np.minimum(ends, in_training)[:, 0], np.maximum(ends, in_training)[:, 1]], axis=1)
        ends = np.where(far[:, None], both, ends)
    return Observation(
        {place: (float(low), float(high)) for place, (low, high) in zip(places, ends, strict=True)}, growth
    )


def _ends(measuring: Any, batch: Arrays, a_call: int, training: bool) -> NDArray[np.float32]:
    """The smallest and largest value of each of a model's outputs, zero included, of shape (outputs, 2)."""
    import tensorflow as tf

    size = len(tf.nest.flatten(batch)[0])
    taken = tf.nest.map_structure(lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), batch)

    @tf.function(input_signature=[taken])  # type: ignore[untyped-decorator]
    def ranges(inputs: Any) -> Any:
        outputs = tf.nest.flatten(measuring(inputs, training=training))
        return tf.stack([tf.stack([tf.reduce_min(output), tf.reduce_max(output)]) for output in outputs])

    parts = [slice(start, start + a_call) for start in range(0, size, a_call)]
    called = ranges if len(parts) > 1 else ranges.python_function  # a graph takes longer to make than a call
    found = np.stack([called(tf.nest.map_structure(operator.itemgetter(part), batch)).numpy() for part in parts])
    return np.stack([np.minimum(0, found[:, :, 0].min(0)), np.maximum(0, found[:, :, 1].max(0))], axis=1)


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
