"""Converts a Keras model to the `.tflite` file that ships.

The model is traced for one sample, so that the file needs no operators that compute shapes at run time;
`converter_output` then lets its reshapes take any number of samples again. The signature names inputs and outputs as
Keras does, so that nobody has to guess which of two equal shapes is which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from compressor.base.errors import StepError
from compressor.base.named_arrays import in_order
from compressor.base.text import words_of
from compressor.base.types import Arrays
from compressor.contracts.keras_layer_support import keras_layer
from compressor.models.litert.conversion.converter_faults import rewritten
from compressor.models.litert.conversion.converter_output import finished
from compressor.models.litert.conversion.endpoint_names import (
    example_input,
    input_names,
    numbered_input,
    numbered_output,
    output_names,
)
from compressor.models.litert.conversion.float32_model import in_float32
from compressor.models.litert.conversion.hidden_errors import disk_faults_raised
from compressor.models.litert.conversion.loops import holds_loop, refuse_loop, unrolled
from compressor.models.litert.conversion.without_fake_quantization import without_fake_quantization
from compressor.models.litert.integers.integer_completion import completed
from compressor.models.litert.integers.integer_quantizer import quantized
from compressor.models.litert.integers.requantized_outputs import requantized
from compressor.models.litert.reading.graph_contents import float_operators

Weights = Literal["float32", "float16", "dynamic_int8", "int8", "int16x8"]
IODtype = Literal["float32", "int8", "uint8", "int16"]
INTEGERS = ("int8", "int16x8")  # weights whose layers compute in integers
_MOST_CONSTANTS = 2**30  # bytes; TensorFlow cannot write a graph of twice as many


@dataclass(frozen=True)
class Conversion:
    """How to convert.

    Attributes:
        weights: float32 (as they are), float16, dynamic_int8 (weights alone in int8), int8 (weights and activations) or
            int16x8 (int8 weights, int16 activations).
        io: dtype of the file's inputs and outputs; int8 and uint8 need int8 weights, and int16 needs int16x8.
        calibration: samples of shape (1, ...), by name where the model has several inputs, that the ranges of int8 and
            int16x8 activations are measured on.
        trained: whether the ranges are those of the fake quantization in the model. Only what has none gets one from
            calibration then; without samples it stays in float.
    """

    weights: Weights = "float32"
    io: IODtype = "float32"
    calibration: Iterator[Arrays] | None = None
    trained: bool = False


@dataclass(frozen=True)
class _Endpoints:
    """Names and dtypes of a model's inputs, and names of its outputs, in the model's order."""

    inputs: tuple[str, ...]
    dtypes: tuple[str, ...]
    outputs: tuple[str, ...]


def to_litert(model: Any, conversion: Conversion | None = None, tell: Callable[[str], None] | None = None) -> bytes:
    """Convert a tf_keras model to a LiteRT file.

    Args:
        model: a functional or sequential model.
        conversion: how to convert; by default to floats.
        tell: is given what was done in another way than asked.

    Raises:
        StepError: the converter cannot, or the model's inputs have no fixed shape.
        OSError: the temporary folder cannot be written.
    """
    conversion = conversion or Conversion()
    endpoints = _endpoints(model)
    try:
        with disk_faults_raised():
            content = _converted(in_float32(model), conversion, endpoints, tell)
    except (StepError, OSError):
        raise
    # the converter's own error derives from nothing narrower, and tracing runs whatever layers do
    except Exception as error:
        reason = words_of(error, 300)
        raise StepError(
            f"the LiteRT converter cannot convert the model ({reason})", "see run.log for its words"
        ) from error
    return finished(requantized(content), endpoints.inputs, endpoints.outputs)


def _converted(model: Any, conversion: Conversion, endpoints: _Endpoints, tell: Callable[[str], None] | None) -> bytes:
    """What TensorFlow's converter and quantizer make of a model."""
    wide = conversion.weights == "int16x8"  # for which LiteRT has no LSTM
    traced = _one_sample(model, wide)
    integers = conversion.weights in INTEGERS and conversion.calibration is not None
    if integers and _may_loop(traced) and (wide or holds_loop(_converter(traced, model).convert())):
        with unrolled(model) as layers:
            traced = _one_sample(model, wide)
        if layers and tell:
            tell(f"computed step by step instead of in a loop, which has no integers: {', '.join(layers)}")
        if not conversion.trained:
            refuse_loop(_converter(traced, model).convert())
    if integers and conversion.trained:
        as_trained = _trained_in_16_bits if wide else _trained_in_8_bits
        return as_trained(traced, model, conversion, endpoints, tell)
    content: bytes = _configured(traced, model, conversion, endpoints).convert()
    is_calibrated = integers and conversion.weights == "int8"
    return quantized(content, io=conversion.io) if is_calibrated else content


def _trained_in_8_bits(
    traced: Any, model: Any, conversion: Conversion, endpoints: _Endpoints, tell: Callable[[str], None] | None
) -> bytes:
    """A file with the ranges of the model's fake quantization, and those of calibration where it has none."""
    without_samples = replace(conversion, calibration=None)
    content: bytes = _configured(traced, model, without_samples, endpoints).convert()
    if not (_is_trained(traced) and float_operators(content)) or holds_loop(content):
        return content
    in_floats = content
    if conversion.io != "float32":
        in_floats = _configured(traced, model, replace(without_samples, io="float32"), endpoints).convert()
    samples = (_by_number(sample, endpoints) for sample in conversion.calibration or ())
    try:
        return completed(in_floats, samples, conversion.io, _kept_in_float(model))
    except RuntimeError:  # from the quantizer, for some graphs, such as a SELECT between floats and constants
        if tell:
            tell("TensorFlow's quantizer gave up on what training gave no range, which stays in float")
        return content


def _kept_in_float(model: Any) -> list[str]:
    """The layers that could have been trained with fake quantization and were not, since somebody chose so."""
    return [layer.name for layer in model.layers if keras_layer(type(layer).__name__).quantization.weights]


def _trained_in_16_bits(
    traced: Any, model: Any, conversion: Conversion, endpoints: _Endpoints, tell: Callable[[str], None] | None
) -> bytes:
    """The same with 16-bit activations, all of whose ranges come from calibration where training's do not do."""
    from tensorflow.lite.python.convert_phase import ConverterError

    keeps_ranges = not _is_trained(traced) or bool(_kept_in_float(model))
    content = b""
    try:
        content = _configured(traced, model, replace(conversion, calibration=None), endpoints).convert()
    except ConverterError:
        if keeps_ranges:
            raise
    if content and (keeps_ranges or not float_operators(content)):
        return content
    if tell:
        tell("the converter cannot write all 16-bit ranges of the training; those of calibration take their place")
    converter = _configured(without_fake_quantization(traced), model, conversion, endpoints)
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True  # trained with one scale each
    again: bytes = converter.convert()
    return again


def _endpoints(model: Any) -> _Endpoints:
    if not getattr(model, "inputs", None):
        what = "the model has no fixed inputs, so it cannot be exported"
        raise StepError(what, "make it a functional or sequential model with an Input of a fixed shape")
    for name, tensor in zip(input_names(model), model.inputs, strict=True):
        if any(size is None for size in tensor.shape[1:]):
            what = f"the input '{name}' of the model has the shape {tuple(tensor.shape)}, which leaves a size open"
            example = example_input(tensor.shape[1:])
            raise StepError(what, f"build the model with a fixed size, such as {example}, and load its weights")
    dtypes = tuple(tensor.dtype.name for tensor in model.inputs)
    return _Endpoints(tuple(input_names(model)), dtypes, tuple(output_names(model)))


def _one_sample(model: Any, wide: bool) -> Any:
    """The model traced for one sample.

    Its inputs and outputs are numbered, since Keras' names may hold characters that TensorFlow's must not.
    """
    import tensorflow as tf

    specs = [
        tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype, name=numbered_input(index))
        for index, tensor in enumerate(model.inputs)
    ]

    def call(*inputs: Any) -> Any:
        outputs = tf.nest.flatten(model(inputs[0] if len(inputs) == 1 else list(inputs), training=False))
        named = {numbered_output(index): output for index, output in enumerate(outputs)}
        return tf.autograph.experimental.do_not_convert(rewritten)(named, wide)

    return tf.function(call).get_concrete_function(*specs)


def _converter(traced: Any, model: Any) -> Any:
    """TensorFlow's converter for a traced model.

    Variables become constants first: the converter saves and loads the graph that it gets, and for that traces
    functions for each variable, which took two thirds of the time for a deep model. They stay variables

    - beside a loop, since the converter knows an LSTM by the function around it;
    - beside a gradient of its own, as swish has one: such a graph cannot be saved without its function, and the file
      would lose names and signature;
    - where there are too many of them.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    holder = tf.Module()  # keeps the variables; the model itself would have every layer's calls saved, too
    size = sum(int(np.prod(variable.shape)) * int(variable.dtype.size) for variable in model.variables)
    if _may_loop(traced) or _has_own_gradient(traced) or size > _MOST_CONSTANTS:
        holder.variables_of_model = list(model.variables)
    else:
        traced = convert_variables_to_constants_v2(traced, lower_control_flow=False)
    return tf.lite.TFLiteConverter.from_concrete_functions([traced], holder)


def _may_loop(traced: Any) -> bool:
    """Whether a graph holds a loop. The converter may keep it; the loop of a plain LSTM becomes one operator."""
    return any(node.op in ("While", "StatelessWhile") for node in _nodes(traced))


def _is_trained(traced: Any) -> bool:
    """Whether a graph holds fake quantization, whose ranges count more than what calibration finds."""
    return any(node.op.startswith("FakeQuant") for node in _nodes(traced))


def _has_own_gradient(traced: Any) -> bool:
    return any("_gradient_op_type" in node.attr for node in _nodes(traced))


def _nodes(traced: Any) -> Iterator[Any]:
    """The nodes of a graph and of the functions in it."""
    graph = traced.graph.as_graph_def()
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _configured(traced: Any, model: Any, conversion: Conversion, endpoints: _Endpoints) -> Any:
    """TensorFlow's converter, told what to convert to."""
    import tensorflow as tf

    converter = _converter(traced, model)
    if conversion.weights == "float32":
        return converter
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if conversion.weights == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if conversion.weights in INTEGERS:
        ops = tf.lite.OpsSet
        if conversion.weights == "int16x8":
            in_int16 = ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            converter.target_spec.supported_ops = [in_int16, ops.TFLITE_BUILTINS]
        if conversion.calibration is not None:
            samples = conversion.calibration
            converter.representative_dataset = lambda: (_by_number(sample, endpoints) for sample in samples)
            converter._experimental_calibrate_only = conversion.weights == "int8"
            if conversion.weights == "int8" and conversion.io != "float32":
                # only after calibration: with ranges from training the converter needs no such setting, and refuses it
                converter.target_spec.supported_ops = [ops.TFLITE_BUILTINS_INT8]
        if conversion.io != "float32" and not converter._experimental_calibrate_only:
            converter.inference_input_type = converter.inference_output_type = tf.as_dtype(conversion.io)
    return converter


def _by_number(sample: Arrays, endpoints: _Endpoints) -> dict[str, Any]:
    """A sample by the numbered names of the traced inputs, in their dtypes."""
    arrays = in_order(sample, endpoints.inputs)
    return {
        numbered_input(index): array.astype(dtype)
        for index, (array, dtype) in enumerate(zip(arrays, endpoints.dtypes, strict=True))
    }
