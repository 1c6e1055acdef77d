"""A Keras model to the bytes of the `.tflite` file that ships, and nothing in them that only the converter needs.

The graph is traced for one sample, which drops the operators that compute shapes at run time. Reshapes then get
their sample dimension freed again, so that the same file still takes many samples a call. The signature names inputs
and outputs as Keras does, so that nobody has to guess which of two equal shapes is which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from compressor.base.errors import ModelError, StepError
from compressor.base.types import Arrays
from compressor.models.library_errors import LOADING_ERRORS
from compressor.models.litert.endpoint_names import input_names, output_names
from compressor.models.litert.flatbuffer import read_model, write_model
from compressor.models.litert.operators import Operator
from compressor.models.litert.tensor_types import TensorType

Weights = Literal["float32", "float16", "dynamic_int8", "int8", "int16x8"]
IODtype = Literal["float32", "int8", "uint8", "int16"]
_BIAS_INPUTS: Mapping[int, int] = {  # the place of the bias among an operator's inputs
    Operator.CONV_2D: 2, Operator.DEPTHWISE_CONV_2D: 2, Operator.FULLY_CONNECTED: 2, Operator.TRANSPOSE_CONV: 3,
}  # fmt: skip
_MOST_CONSTANTS = 2**30  # bytes; a graph of TensorFlow's cannot be written with twice as many


@dataclass(frozen=True)
class Conversion:
    """How to convert.

    `weights`: float32 as they are, float16, dynamic_int8 (weights alone), int8 (weights and activations) or int16x8
    (int8 weights, int16 activations), both with ranges from fake quantization in the model, or else from `calibration`,
    which gives one sample after the other, by name where a model has several inputs. `io`: dtype of the file's inputs
    and outputs; int8 and uint8 need int8, and int16 needs int16x8.
    """

    weights: Weights = "float32"
    io: IODtype = "float32"
    calibration: Iterator[Arrays] | None = None


@dataclass(frozen=True)
class _Ends:
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
    ends = _ends(model)
    try:
        model = in_float32(model)
        traced = _one_sample(model)
        if conversion.calibration is not None and _may_loop(traced):
            _refuse_loop(_converter(traced, model).convert())
        converter = _converter(traced, model)
        _configure(converter, conversion, ends)
        content = converter.convert()
    except StepError:
        raise
    # the converter's own error derives from nothing narrower, and tracing runs whatever layers do
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise StepError(
            f"the LiteRT converter cannot convert the model ({reason})", "see run.log for its words"
        ) from error
    return _finished(content, ends)


def saved_model_to_litert(folder: Path) -> bytes:
    """Convert the serving signature of a SavedModel to a float LiteRT file that takes one sample a call.

    Raises:
        ModelError: it has none, or the converter cannot.
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
        tf.TensorSpec((1, *spec.shape[1:]), spec.dtype, name=_input(index))
        for index, spec in enumerate(inputs.values())
    ]

    def call(*given: Any) -> Any:
        found = serving(**dict(zip(names, given, strict=True)))
        return {f"output_{index:03}": found[name] for index, name in enumerate(outputs)}

    try:
        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            [tf.function(call).get_concrete_function(*specs)], loaded
        )
        content = converter.convert()
    # the converter's own error derives from nothing narrower
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"the LiteRT converter cannot convert {folder} ({reason})", "see run.log") from error
    return _finished(content, _Ends(names, tuple(spec.dtype.name for spec in specs), outputs))


def _ends(model: Any) -> _Ends:
    if not getattr(model, "inputs", None):
        what = "the model has no fixed inputs, so it cannot be exported"
        raise StepError(what, "make it a functional or sequential model with an Input of a fixed shape")
    for name, tensor in zip(input_names(model), model.inputs, strict=True):
        if any(size is None for size in tensor.shape[1:]):
            what = f"the input '{name}' of the model has the shape {tuple(tensor.shape)}, which leaves a size open"
            raise StepError(what, "build the model with a fixed size, such as Input((128,)), and load its weights")
    dtypes = tuple(tensor.dtype.name for tensor in model.inputs)
    return _Ends(tuple(input_names(model)), dtypes, tuple(output_names(model)))


def in_float32(model: Any) -> Any:
    """The model, or, where it computes in half precision, a copy that computes in float32.

    LiteRT's operators know no other. The variables of mixed precision are float32 anyway, so that nothing is lost.
    """
    import tf_keras

    layers = [layer for layer in model._flatten_layers(include_self=False) if hasattr(layer, "dtype_policy")]
    if not any(_is_half(layer.dtype_policy.name) for layer in layers):
        return model

    def rebuilt(layer: Any) -> Any:
        if isinstance(layer, tf_keras.Model):
            return tf_keras.models.clone_model(layer, clone_function=rebuilt)
        return type(layer).from_config(_without_halves(layer.get_config()))

    copied = tf_keras.models.clone_model(model, clone_function=rebuilt)
    copied.set_weights(model.get_weights())
    return copied


def _without_halves(config: Any) -> Any:
    if isinstance(config, Mapping):
        return {
            key: "float32" if key == "dtype" and _is_half(value) else _without_halves(value)
            for key, value in config.items()
        }
    return [_without_halves(value) for value in config] if isinstance(config, list) else config


def _is_half(policy: Any) -> bool:
    name = policy["config"]["name"] if isinstance(policy, Mapping) else policy
    return str(name).endswith("float16")  # of bfloat16 as well


def _one_sample(model: Any) -> Any:
    """The model for one sample, with numbered ends: Keras' own names may hold what TensorFlow's must not."""
    import tensorflow as tf

    specs = [
        tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype, name=_input(index))
        for index, tensor in enumerate(model.inputs)
    ]

    def call(*inputs: Any) -> Any:
        outputs = tf.nest.flatten(model(inputs[0] if len(inputs) == 1 else list(inputs), training=False))
        return {f"output_{index:03}": output for index, output in enumerate(outputs)}

    return tf.function(call).get_concrete_function(*specs)


def _converter(traced: Any, model: Any) -> Any:
    """The converter of a traced model, whose variables it is given as constants where that is right.

    It saves and loads what it is given, and for that traces functions for each variable, which took two thirds of the
    time of a deep model. A loop stays as it was traced: the converter knows an LSTM by the function around it. So does
    what has a gradient of its own, as swish, which cannot be saved without its function: names and signatures get lost.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    holder = tf.Module()  # keeps the variables; of a model, the converter would save every layer's calls too
    size = sum(int(np.prod(variable.shape)) * int(variable.dtype.size) for variable in model.variables)
    if _may_loop(traced) or _has_own_gradient(traced) or size > _MOST_CONSTANTS:
        holder.variables_of_model = list(model.variables)
    else:
        traced = convert_variables_to_constants_v2(traced, lower_control_flow=False)
    return tf.lite.TFLiteConverter.from_concrete_functions([traced], holder)


def _may_loop(traced: Any) -> bool:
    """Whether a graph holds a loop that the converter may keep; it makes one operator of a plain LSTM's."""
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
    """The calibrator takes the process down with a fault of memory when it comes to a loop."""
    if any(code.builtinCode == Operator.WHILE for code in read_model(content).operatorCodes):
        what = "the model holds a loop, as GRU, SimpleRNN and ConvLSTM2D make, and calibration cannot run loops"
        raise StepError(what, "use 'precision: dynamic', give the layer 'unroll=True', or put 'qat' before this step")


def _input(index: int) -> str:
    return f"input_{index:03}"


def _configure(converter: Any, conversion: Conversion, ends: _Ends) -> None:
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
            converter.representative_dataset = lambda: (_by_number(sample, ends) for sample in samples)
            if conversion.weights == "int8" and conversion.io != "float32":
                # with ranges from training the converter refuses it, and needs it not
                converter.target_spec.supported_ops = [ops.TFLITE_BUILTINS_INT8]
        if conversion.io != "float32":
            converter.inference_input_type = converter.inference_output_type = tf.as_dtype(conversion.io)


def _by_number(sample: Arrays, ends: _Ends) -> dict[str, Any]:
    if not isinstance(sample, Mapping):
        sample = {ends.inputs[0]: sample}
    elif len(ends.inputs) == len(sample) == 1:
        sample = {ends.inputs[0]: next(iter(sample.values()))}
    return {
        _input(index): sample[name].astype(dtype)
        for index, (name, dtype) in enumerate(zip(ends.inputs, ends.dtypes, strict=True))
    }


def _finished(content: bytes, ends: _Ends) -> bytes:
    model = read_model(content)
    for graph in model.subgraphs:
        outer = {*graph.inputs, *graph.outputs}
        for index, tensor in enumerate(graph.tensors):
            if index not in outer:
                tensor.name = _short(tensor.name.decode()).encode()
        for operator in graph.operators:
            if model.operatorCodes[operator.opcodeIndex].builtinCode == Operator.RESHAPE and len(operator.inputs) > 1:
                _free_samples(model, graph.tensors[operator.inputs[1]])
            place = _BIAS_INPUTS.get(model.operatorCodes[operator.opcodeIndex].builtinCode, len(operator.inputs))
            wide = any(index >= 0 and graph.tensors[index].type == TensorType.INT16 for index in operator.inputs)
            if wide and place < len(operator.inputs) and operator.inputs[place] >= 0:
                _widen_bias(model, graph.tensors[operator.inputs[place]])
    _name_ends(model, ends)
    model.metadata = [entry for entry in model.metadata or [] if entry.name != b"CONVERSION_METADATA"]
    return write_model(model)


def _name_ends(model: Any, ends: _Ends) -> None:
    """Put Keras' names where the numbers are, in the signature and on the tensors, and all ends in Keras' order."""
    (signature,) = model.signatureDefs
    graph = model.subgraphs[signature.subgraphIndex]
    graph.inputs = [entry.tensorIndex for entry in sorted(signature.inputs, key=lambda entry: entry.name)]
    graph.outputs = [entry.tensorIndex for entry in sorted(signature.outputs, key=lambda entry: entry.name)]
    for entries, names in ((signature.inputs, ends.inputs), (signature.outputs, ends.outputs)):
        for entry, name in zip(sorted(entries, key=lambda entry: entry.name), names, strict=True):
            entry.name = name.encode()
            graph.tensors[entry.tensorIndex].name = name.encode()


def _widen_bias(model: Any, bias: Any) -> None:
    """Store the bias of a 16-bit operator in 64 bits, which makes LiteRT add up in as many.

    The converter does so after calibration, but not where the ranges come from training, and the sums overflow.
    """
    if bias.type != TensorType.INT32:
        return
    data = np.frombuffer(bytes(model.buffers[bias.buffer].data), np.int32)
    own = copy(model.buffers[bias.buffer])  # another tensor may share the one it had
    own.data = np.frombuffer(data.astype(np.int64).tobytes(), np.uint8)
    bias.type, bias.buffer = TensorType.INT64, len(model.buffers)
    model.buffers.append(own)


def _free_samples(model: Any, shape: Any) -> None:
    buffer = model.buffers[shape.buffer]
    if buffer.data is None or not len(buffer.data):
        return
    sizes = np.frombuffer(bytes(buffer.data), np.int32).copy()
    if len(sizes) and sizes[0] == 1 and not (sizes < 0).any():
        sizes[0] = -1
        own = copy(buffer)  # another tensor may share the one it had
        own.data = np.frombuffer(sizes.tobytes(), np.uint8)
        shape.buffer = len(model.buffers)
        model.buffers.append(own)


def _short(name: str) -> str:
    """The converter's name less what repeats: `model/quant_dense/MatMul;model/...` becomes `dense/MatMul`."""
    first = name.split(";")[0]
    parts = [part.removeprefix("quant_") for part in first.split("/")]
    while len(parts) > 2 and (parts[-1] in ("ReadVariableOp", "resource") or parts[-1].isdecimal()):
        parts.pop()
    return "/".join(parts[1:] if len(parts) > 1 else parts)
