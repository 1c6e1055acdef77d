"""The outputs of a Keras model by the names that its file has for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compressor.base.named_arrays import in_order, joined
from compressor.base.types import Arrays
from compressor.measure.score_rows import Outputs
from compressor.measure.typical_samples import count_of, part_of
from compressor.models.litert.conversion.endpoint_names import input_names, output_names


def keras_outputs(model: Any, features: Arrays, names: Sequence[str] = ("output",)) -> Outputs:
    """The outputs of a Keras model for a batch; `names` serve where the model has none itself."""
    import tensorflow as tf

    inputs = in_order(features, input_names(model))
    outputs = model.predict_on_batch(inputs[0] if len(inputs) == 1 else inputs)
    return dict(zip(output_names(model) or names, tf.nest.flatten(outputs), strict=True))


def keras_outputs_alone(model: Any, features: Arrays, names: Sequence[str] = ("output",)) -> Outputs:
    """The outputs of a Keras model for each sample of a batch alone."""
    alone = [keras_outputs(model, part_of(features, slice(at, at + 1)), names) for at in range(count_of(features))]
    outputs: Outputs = joined(alone)
    return outputs
