"""Makes a quantized `.tflite` file of a model, for `ptq`."""

from __future__ import annotations

from collections.abc import Sequence

from compressor import Arrays, Conversion, Model, StepContext, to_litert
from compressor.models.litert import refuse_failing
from compressor_plugins.graph.rewrites import listed
from compressor_plugins.ptq.bias_correction import bias_corrected
from compressor_plugins.ptq.cheaper_weights import with_cheaper_weights
from compressor_plugins.ptq.file_quantization import quantized
from compressor_plugins.ptq.input_columns import narrow_columns
from compressor_plugins.ptq.input_scale import with_input_scale
from compressor_plugins.ptq.params import CONVERTED, PTQParams
from compressor_plugins.ptq.remarks import tell_ends, tell_others, tell_small, tell_wider
from compressor_plugins.ptq.rounded_weights import rounded
from compressor_plugins.ptq.tied_scales import with_clusters
from compressor_plugins.ptq.weight_quantization import Assignment, assigned
from compressor_plugins.ptq.weighted_operators import weighted_operators
from compressor_plugins.shared.float_parts import refuse_floats, tell_floats


def quantized_file(model: Model, params: PTQParams, context: StepContext) -> bytes:
    """The bytes of the `.tflite` file.

    Raises:
        StepError: there is nothing to quantize, or not all of it can be as it was asked for.
    """
    if "quantization_aware" in context.state.traits:
        content = _as_trained(model, params, context)
    elif isinstance(model, bytes) or not params.by_converter:
        content = _by_quantizer(model, params, context)
    else:
        content = _by_converter(model, params, context)
    if params.rate_weight:
        samples = list(context.calibration(params.calibration_samples))
        content = with_cheaper_weights(content, params.rate_weight, samples, context)
    if params.input_scale is not None:
        content = with_input_scale(content, params.input_scale)
    if params.integer_only:
        refuse_floats(content, params.io)
    return content


def _as_trained(model: Model, params: PTQParams, context: StepContext) -> bytes:
    content = context.converted(params.calibration_samples) if params.io == "float32" else None
    if content is None:
        samples = context.calibration(params.calibration_samples)
        conversion = Conversion(
            "int16x8" if params.precision == "int16x8" else "int8", params.io, samples, trained=True
        )
        content = to_litert(model, conversion, context.note)
    tell_floats(content, context)
    tell_wider(content, 8, context)
    tell_ends(content, params.io, context)
    return content


def _by_converter(model: Model, params: PTQParams, context: StepContext) -> bytes:
    request = params.request
    calibrated = request.activations in ("int8", "int16")
    calibration = context.calibration(params.calibration_samples) if calibrated else None
    weights = CONVERTED[request.weights, request.activations]
    content = with_clusters(to_litert(model, Conversion(weights, params.io, calibration), context.note), model)
    refuse_failing(content, next(iter(context.calibration(1))), "the quantized model")
    if request.activations == "dynamic":
        tell_small(content, context)
    else:
        tell_wider(content, 16 if request.weights == "float16" else 8, context)
    tell_ends(content, params.io, context)
    if calibrated:
        tell_floats(content, context)
    if request.activations == "int8":
        _tell_columns(model, params, context)
    return content


def _by_quantizer(model: Model, params: PTQParams, context: StepContext) -> bytes:
    keras_model = None if isinstance(model, bytes) else model
    content = model if keras_model is None else to_litert(keras_model)
    operators = weighted_operators(content, keras_model)
    assignment = assigned(operators, params.request)
    samples = list(context.calibration(params.calibration_samples))
    if params.bias_correction:
        content = _bias_corrected(content, assignment, samples, context)
    if params.request.activations == "int8":
        _tell_columns(model, params, context)
    result = quantized(content, assignment.storages, params.request.activations, params.io, samples)
    for note in assignment.notes:
        context.note(note)
    for layer, reason in assignment.left.items():
        context.leave_alone(layer, reason)
    tell_others(content, operators, context)
    return result


def _tell_columns(model: Model, params: PTQParams, context: StepContext) -> None:
    """Note the columns of a table that int8 hardly resolves, though the model would have scaled them up."""
    layers = [] if isinstance(model, bytes) else model._flatten_layers()
    if not any(type(layer).__name__ == "Normalization" for layer in layers):
        return
    for name, columns in narrow_columns(context.calibration(params.calibration_samples)).items():
        which = f"column{'s' if len(columns) > 1 else ''} {listed([str(column) for column in columns])}"
        which += f" of the input '{name}'" if name else " of the input"
        context.note(
            f"{which} span fewer than 8 of the 256 int8 steps that all columns share; "
            "put 'qat' first, which keeps the normalization in float, or use precision int16x8 or dynamic"
        )


def _bias_corrected(content: bytes, assignment: Assignment, samples: Sequence[Arrays], context: StepContext) -> bytes:
    corrected, uncorrected = bias_corrected(content, rounded(content, assignment.storages, samples), samples)
    for reason in dict.fromkeys(uncorrected.values()):
        context.note(f"{reason}: {listed([layer for layer, why in uncorrected.items() if why == reason])}")
    return corrected
