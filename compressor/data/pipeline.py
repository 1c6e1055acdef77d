"""Applies declared steps to batches, with the same numbers for training, calibration and evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compressor.base.errors import DataError
from compressor.base.named_arrays import Values, arrays_in, by_name, each, is_named
from compressor.data.augment import Change
from compressor.data.preprocess import Rescale, Step
from compressor.data.samples import Pair, Samples

Steps = tuple[Step, ...]


def default_steps(samples: Samples) -> Steps:
    """The steps where none are declared: bytes, and images of 16 bits, are scaled to 0..1; all else stays."""
    scales = {name: _scale(array) for name, array in by_name(samples.example[0], "").items()}
    return tuple(Rescale(scale=scale, only=name or None) for name, scale in scales.items() if scale)


def with_default_scale(samples: Samples, steps: Steps) -> Steps:
    """Declared steps, after the default ones for inputs whose scale none of them changes. No steps at all stay so."""

    def changed(name: str | None) -> bool:
        return any(not step.keeps_scale and step.only in (None, name) for step in steps)

    return (*(step for step in default_steps(samples) if not changed(step.only)), *steps) if steps else ()


def _scale(array: Any) -> float | None:
    """The factor that scales pixels to 0..1, by their type; None for anything but 8-bit values and 16-bit images."""
    if array.dtype == np.uint8:
        return 1 / 255
    return 1 / 65_535 if array.dtype == np.uint16 and array.ndim > 2 else None


def prepared(pair: Pair, steps: Steps) -> Pair:
    """A batch in memory with all steps applied: inputs as float32, labels as stored.

    TensorFlow is imported only where a step needs it.

    Raises:
        DataError: a step does not fit the data.
    """
    inputs, labels = pair
    inputs = each(inputs, lambda array: array.astype(np.float32))
    if all(step.plain for step in steps):
        return _applied(steps, inputs, labels)
    import tensorflow as tf

    with tf.device("cpu"):
        inputs, labels = _applied(steps, each(inputs, tf.constant), each(labels, tf.constant))
    return each(inputs, np.asarray), each(labels, np.asarray)


def prepared_tensors(pair: Pair, steps: Steps) -> Pair:
    """The same as `prepared`, within a tf.data pipeline."""
    import tensorflow as tf

    def kept_apart(tensor: Any) -> Any:
        # else the graph's optimizer merges the constants of neighboring steps, which rounds differently
        return tf.raw_ops.PlaceholderWithDefault(input=tensor, shape=tensor.shape)

    inputs, labels = pair
    inputs = each(inputs, lambda tensor: tf.cast(tensor, tf.float32))
    for number, step in enumerate(steps):
        inputs, labels = _applied((step,), each(inputs, kept_apart) if number else inputs, labels)
    return inputs, labels


def augmented(batch: Sequence[Values], changes: Sequence[Change], key: Any, follow: bool) -> tuple[Any, ...]:
    """A batch of tensors with the steps of augmentation applied in turn.

    Args:
        batch: inputs and labels, prepared, and weights where the samples have some.
        changes: the steps.
        key: two numbers from the seed, the epoch and the batch, which decide everything random.
        follow: whether labels and weights with the inputs' height and width, such as masks, are moved along.
    """
    import tensorflow as tf

    inputs, *others = batch
    for number, change in enumerate(changes):
        own = tf.random.experimental.stateless_fold_in(key, number)

        def changed(tensor: Any, change: Change = change, own: Any = own) -> Any:
            return change.apply(tensor, own)

        def moved(tensor: Any, change: Change = change, own: Any = own) -> Any:
            whole = tf.cast(tensor, tf.float32)
            return tf.cast(change.apply(whole, own, smooth=tensor.dtype.is_floating), tensor.dtype)

        sizes = {tuple(tensor.shape[1:3]) for tensor in arrays_in(inputs) if len(tensor.shape) > 2}
        inputs = _apply_to(change.only, inputs, changed)
        if follow and change.moves:

            def along(tensor: Any, moved: Any = moved, sizes: Any = sizes) -> Any:
                return moved(tensor) if len(tensor.shape) > 2 and tuple(tensor.shape[1:3]) in sizes else tensor

            others = [each(values, along) for values in others]
    return inputs, *others


def _applied(steps: Steps, inputs: Values, labels: Values) -> Pair:
    for step in steps:
        if not step.labels:
            inputs = _apply_to(step.only, inputs, step.apply)
        elif labels is not None:
            labels = _apply_to(step.only, labels, step.apply)
    return inputs, labels


def _apply_to(name: str | None, values: Values, function: Any) -> Values:
    """The values with the function applied to the array of a name, or to all where there is no name."""
    refuse_unknown_name(name, values)
    return each(values, function) if name is None else {**values, name: function(values[name])}


def refuse_unknown_name(name: str | None, values: Values) -> None:
    """Refuse a step that is only for an array that the data does not have.

    Raises:
        DataError: it is.
    """
    if name is not None and (not is_named(values) or name not in values):
        known = f"has {', '.join(values)}" if is_named(values) else "has one array, without a name"
        raise DataError(f"a step is only for '{name}', and the data {known}", "correct 'only', or leave it out")
