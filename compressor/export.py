"""A Keras model to the bytes of the `.tflite` file that ships, and nothing in them that only the converter needs.

The graph is traced for one sample, which drops the operators that compute shapes at run time. Reshapes then get
their sample dimension freed again, so that the same file still takes many samples a call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from compressor.errors import StepError
from compressor.flatbuffer import RESHAPE, read_model, write_model

Weights = Literal["float32", "float16", "dynamic_int8", "int8"]
IODtype = Literal["float32", "int8"]


@dataclass(frozen=True)
class Conversion:
    """How to convert.

    `weights`: float32 as they are, float16, dynamic_int8 (weights alone), or int8 (weights and activations; from fake
    quantization in the model, or from `calibration`). `io`: dtype of the file's inputs and outputs; int8 needs int8.
    """

    weights: Weights = "float32"
    io: IODtype = "float32"
    calibration: Iterator[NDArray[np.float32]] | None = None


def to_litert(model: Any, conversion: Conversion | None = None) -> bytes:
    """Convert a tf_keras model to a LiteRT file.

    Raises:
        StepError: the converter cannot.
    """
    import tensorflow as tf

    conversion = conversion or Conversion()
    try:
        converter = tf.lite.TFLiteConverter.from_concrete_functions([_one_sample(model)], model)
        _configure(converter, conversion)
        content = converter.convert()
    # the converter's own error derives from nothing narrower, and tracing runs whatever layers do
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise StepError(
            f"the LiteRT converter cannot convert the model ({reason})", "see run.log for its words"
        ) from error
    return _finished(content)


def _one_sample(model: Any) -> Any:
    import tensorflow as tf

    specs = [tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype, name=_plain(tensor.name)) for tensor in model.inputs]

    def call(*inputs: Any) -> Any:
        return model(inputs[0] if len(inputs) == 1 else list(inputs), training=False)

    return tf.function(call).get_concrete_function(*specs)


def _configure(converter: Any, conversion: Conversion) -> None:
    import tensorflow as tf

    if conversion.weights == "float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if conversion.weights == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if conversion.weights == "int8":
        if conversion.calibration is not None:
            samples = conversion.calibration
            converter.representative_dataset = lambda: ([sample] for sample in samples)
            if conversion.io == "int8":  # with ranges from training the converter refuses this, and needs it not
                converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        if conversion.io == "int8":
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8


def _finished(content: bytes) -> bytes:
    model = read_model(content)
    for graph in model.subgraphs:
        ends = {*graph.inputs, *graph.outputs}
        for index, tensor in enumerate(graph.tensors):
            if index not in ends:
                tensor.name = _short(tensor.name.decode()).encode()
        for operator in graph.operators:
            if model.operatorCodes[operator.opcodeIndex].builtinCode == RESHAPE and len(operator.inputs) > 1:
                _free_samples(model, graph.tensors[operator.inputs[1]])
    model.metadata = [entry for entry in model.metadata or [] if entry.name != b"CONVERSION_METADATA"]
    return write_model(model)


def _free_samples(model: Any, shape: Any) -> None:
    buffer = model.buffers[shape.buffer]
    if buffer.data is None or not len(buffer.data):
        return
    sizes = np.frombuffer(bytes(buffer.data), np.int32).copy()
    if len(sizes) and sizes[0] == 1 and not (sizes < 0).any():
        sizes[0] = -1
        buffer.data = np.frombuffer(sizes.tobytes(), np.uint8)


def _short(name: str) -> str:
    """The converter's name less what repeats: `model/quant_dense/MatMul;model/...` becomes `dense/MatMul`."""
    first = name.split(";")[0]
    parts = [part.removeprefix("quant_") for part in first.split("/")]
    if len(parts) > 2 and parts[-1] == "ReadVariableOp":
        parts.pop()
    return "/".join(parts[1:] if len(parts) > 1 else parts)


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name.split(":")[0])
