"""Converts a SavedModel to the `.tflite` file that ships."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compressor.base.errors import ModelError
from compressor.base.text import words_of
from compressor.models.library_errors import LOADING_ERRORS
from compressor.models.litert.conversion.converter_output import finished
from compressor.models.litert.conversion.endpoint_names import numbered_input, numbered_output
from compressor.models.litert.conversion.saved_model_check import refuse_other_outputs


def saved_model_to_litert(folder: Path) -> bytes:
    """Convert the serving signature of a SavedModel to a float LiteRT file that takes one sample a call.

    Raises:
        ModelError: it has no such signature, the converter cannot, or its file computes something else.
    """
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(folder))
        serving = loaded.signatures["serving_default"]
    except KeyError:
        remedy = "save it with a serving signature, as model.export does"
        raise ModelError(f"{folder} has no signature 'serving_default'", remedy) from None
    except LOADING_ERRORS as error:
        raise ModelError(f"{folder} is not a whole SavedModel ({error})", "save it again") from None
    inputs = dict(sorted(serving.structured_input_signature[1].items()))
    names, outputs = tuple(inputs), tuple(sorted(serving.structured_outputs))
    specs = [
        tf.TensorSpec((1, *spec.shape[1:]), spec.dtype, name=numbered_input(index))
        for index, spec in enumerate(inputs.values())
    ]

    def call(*tensors: Any) -> Any:
        results = serving(**dict(zip(names, tensors, strict=True)))
        return {numbered_output(index): results[name] for index, name in enumerate(outputs)}

    try:
        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            [tf.function(call).get_concrete_function(*specs)], loaded
        )
        content = converter.convert()
    # the converter's own error derives from nothing narrower
    except Exception as error:
        reason = words_of(error, 300)
        raise ModelError(f"the LiteRT converter cannot convert {folder} ({reason})", "see run.log") from error
    content = finished(content, names, outputs)
    refuse_other_outputs(content, serving, inputs, outputs)
    return content
