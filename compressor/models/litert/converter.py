"""Converts a Keras model to the `.tflite` file that ships.

The model is traced for one sample, so that the file needs no operators that compute shapes at run time;
`converter_output` then lets its reshapes take any number of samples again. The signature names inputs and outputs as
Keras does, so that nobody has to guess which of two equal shapes is which.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from compressor.base.errors import ModelError, StepError
from compressor.base.named_arrays import in_order
from compressor.base.text import shortened
from compressor.base.types import Arrays
from compressor.models.library_errors import LOADING_ERRORS
from compressor.models.litert.converter_output import finished
from compressor.models.litert.endpoint_names import input_names, output_names
from compressor.models.litert.flatbuffer import read_model
from compressor.models.litert.float32_model import in_float32
from compressor.models.litert.operators import Operator

Weights = Literal["float32", "float16", "dynamic_int8", "int8", "int16x8"]
IODtype = Literal["float32", "int8", "uint8", "int16"]
_MOST_CONSTANTS = 2**30  # bytes; TensorFlow cannot write a graph of twice as many


@dataclass(frozen=True)
class Conversion:
    """How to convert.

    Attributes:
        weights: float32 (as they are), float16, dynamic_int8 (weights alone in int8), int8 (weights and activations) or
            int16x8 (int8 weights, int16 activations).
        io: dtype of the file's inputs and outputs; int8 and uint8 need int8 weights, and int16 needs int16x8.
        calibration: samples of shape (1, ...), by name where the model has several inputs, that the ranges of int8 and
            int16x8 activations are taken from. Without any, they come from the fake quantization in the model.
    """

    weights: Weights = "float32"
    io: IODtype = "float32"
    calibration: Iterator[Arrays] | None = None


@dataclass(frozen=True)
class _Endpoints:
    """Names and dtypes of a model's inputs, and names of its outputs, in the model's order."""

    inputs: tuple[str, ...]
    dtypes: tuple[str, ...]
    outputs: tuple[str, ...]


def to_litert(model: Any, conversion: Conversion | None = None) -> bytes:
    """Convert a tf_keras model to a LiteRT file.

    Raises:
        StepError: the converter cannot, or the model's inputs have no fixed shape.
    """
    conversion = conversion or Conversion()
    endpoints = _endpoints(model)
    try:
        model = in_float32(model)
        traced = _one_sample(model)
        if conversion.calibration is not None and _may_loop(traced):
            _refuse_loop(_converter(traced, model).convert())
        converter = _converter(traced, model)
        _configure(converter, conversion, endpoints)
        content = converter.convert()
    except StepError:
        raise
    # the converter's own error derives from nothing narrower, and tracing runs whatever layers do
    except Exception as error:
        reason = shortened(str(error), 300)
        raise StepError(
            f"the LiteRT converter cannot convert the model ({reason})", "see run.log for its words"
        ) from error
    return finished(content, endpoints.inputs, endpoints.outputs)


def saved_model_to_litert(folder: Path) -> bytes:
    """Convert the serving signature of a SavedModel to a float LiteRT file that takes one sample a call.

    Raises:
        ModelError: it has no such signature, or the converter cannot.
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
        tf.TensorSpec((1, *spec.shape[1:]), spec.dtype, name=_input_name(index))
        for index, spec in enumerate(inputs.values())
    ]

    def call(*tensors: Any) -> Any:
        results = serving(**dict(zip(names, tensors, strict=True)))
        return {_output_name(index): results[name] for index, name in enumerate(outputs)}

    try:
        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            [tf.function(call).get_concrete_function(*specs)], loaded
        )
        content = converter.convert()
    # the converter's own error derives from nothing narrower
    except Exception as error:
        reason = shortened(str(error), 300)
        raise ModelError(f"the LiteRT converter cannot convert {folder} ({reason})", "see run.log") from error
    return finished(content, names, outputs)


def _endpoints(model: Any) -> _Endpoints:
    if not getattr(model, "inputs", None):
        what = "the model has no fixed inputs, so it cannot be exported"
        raise StepError(what, "make it a functional or sequential model with an Input of a fixed shape")
    for name, tensor in zip(input_names(model), model.inputs, strict=True):
        if any(size is None for size in tensor.shape[1:]):
            what = f"the input '{name}' of the model has the shape {tuple(tensor.shape)}, which leaves a size open"
            raise StepError(what, "build the model with a fixed size, such as Input((128,)), and load its weights")
    dtypes = tuple(tensor.dtype.name for tensor in model.inputs)
    return _Endpoints(tuple(input_names(model)), dtypes, tuple(output_names(model)))


def _one_sample(model: Any) -> Any:
    """The model traced for one sample.

    Its inputs and outputs are numbered, since Keras' names may hold characters that TensorFlow's must not.
    """
    import tensorflow as tf

    specs = [
        tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype, name=_input_name(index))
        for index, tensor in enumerate(model.inputs)
    ]

    def call(*inputs: Any) -> Any:
        outputs = tf.nest.flatten(model(inputs[0] if len(inputs) == 1 else list(inputs), training=False))
        return {_output_name(index): output for index, output in enumerate(outputs)}

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


def _has_own_gradient(traced: Any) -> bool:
    return any("_gradient_op_type" in node.attr for node in _nodes(traced))


def _nodes(traced: Any) -> Iterator[Any]:
    """The nodes of a graph and of the functions in it."""
    graph = traced.graph.as_graph_def()
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _refuse_loop(content: bytes) -> None:
    """Refuse a file with a loop in it, at which the calibrator would crash the process."""
    if any(code.builtinCode == Operator.WHILE for code in read_model(content).operatorCodes):
        what = "the model holds a loop, as GRU, SimpleRNN and ConvLSTM2D make, and calibration cannot run loops"
        raise StepError(what, "use 'precision: dynamic', give the layer 'unroll=True', or put 'qat' before this step")


def _input_name(index: int) -> str:
    return f"input_{index:03}"


def _output_name(index: int) -> str:
    return f"output_{index:03}"


def _configure(converter: Any, conversion: Conversion, endpoints: _Endpoints) -> None:
    import tensorflow as tf

    if conversion.weights == "float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if conversion.weights == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if conversion.weights in ("int8", "int16x8"):
        ops = tf.lite.OpsSet
        if conversion.weights == "int16x8":
            in_int16 = ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            converter.target_spec.supported_ops = [in_int16, ops.TFLITE_BUILTINS]
        if conversion.calibration is not None:
            samples = conversion.calibration
            converter.representative_dataset = lambda: (_by_number(sample, endpoints) for sample in samples)
            if conversion.weights == "int8" and conversion.io != "float32":
                # only after calibration: with ranges from training the converter needs no such setting, and refuses it
                converter.target_spec.supported_ops = [ops.TFLITE_BUILTINS_INT8]
        if conversion.io != "float32":
            converter.inference_input_type = converter.inference_output_type = tf.as_dtype(conversion.io)


def _by_number(sample: Arrays, endpoints: _Endpoints) -> dict[str, Any]:
    """A sample by the numbered names of the traced inputs, in their dtypes."""
    arrays = in_order(sample, endpoints.inputs)
    return {
        _input_name(index): array.astype(dtype)
        for index, (array, dtype) in enumerate(zip(arrays, endpoints.dtypes, strict=True))
    }
