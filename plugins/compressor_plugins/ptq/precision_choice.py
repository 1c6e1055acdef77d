"""Measures a model's layers, chooses their types, and makes the file, for `mixed_precision`."""

from __future__ import annotations

from collections.abc import Sequence

from compressor import Model, StepContext, StepError, to_litert
from compressor.contracts.layer_sensitivity import LayerSensitivity
from compressor.contracts.param_fields import format_size
from compressor_plugins.ptq.bit_allocation import error_of, least_bytes, least_error
from compressor_plugins.ptq.mixed_precision_params import Choice, MixedPrecisionParams
from compressor_plugins.ptq.quantization import quantized_file
from compressor_plugins.ptq.sensitivity import sensitivities
from compressor_plugins.ptq.weighted_operators import WeightedOperator, weighted_operators

_BISECTIONS = 7  # of the interval that the largest error to allow lies in
_TRIES = 4  # with ever smaller budgets for the weights, until the whole file fits


def mixed_file(model: Model, params: MixedPrecisionParams, context: StepContext) -> bytes:
    """The bytes of the `.tflite` file.

    Raises:
        StepError: the model has no weights to quantize, or no choice keeps to the budget.
    """
    content, operators = float_file(model)
    samples = list(context.calibration(params.samples))
    table = sensitivities(content, operators, params.types, params.algorithm, samples)
    for layer in table:
        context.note(_sensitivity_note(layer))
    if params.max_size is not None:
        choice, made = _within(params, table, len(content), model, context)
    else:
        choice, made = _losing(params, table, content, model, context)
    picked = ", ".join(f"{layer.layer} {choice[layer.layer]}" for layer in table)
    context.note(f"picked {picked}; the outputs are expected to change by {error_of(table, choice):.1%}")
    return made


def _made(params: MixedPrecisionParams, choice: Choice, model: Model, context: StepContext) -> bytes:
    notes, left = list(context.notes), dict(context.left_alone)
    made = quantized_file(model, params.ptq(choice), context)
    new = [note for note in context.notes if note not in notes]
    context.notes[:], context.left_alone = [*notes, *new], left | context.left_alone
    return made


def _within(
    params: MixedPrecisionParams, table: Sequence[LayerSensitivity], float_size: int, model: Model, context: StepContext
) -> tuple[Choice, bytes]:
    """The choice with the least error whose file is small enough, and that file."""
    assert params.max_size is not None
    most, rest = params.max_size, float_size - 4 * sum(layer.weights for layer in table)
    budget = float(most - rest)
    least = 0
    for _ in range(_TRIES):
        choice = least_error(table, budget)
        if choice is None:
            break
        made = _made(params, choice, model, context)
        if len(made) <= most:
            return choice, made
        least = len(made)
        budget -= len(made) - most
    needed = least or rest + sum(min(layer.bytes.values()) for layer in table)
    what = f"no choice of types makes a file of at most {format_size(most)}"
    raise StepError(f"{what}; about {format_size(needed)} is needed", "allow more bytes, or types of fewer bits")


def _losing(
    params: MixedPrecisionParams, table: Sequence[LayerSensitivity], content: bytes, model: Model, context: StepContext
) -> tuple[Choice, bytes]:
    """The choice with the fewest bytes whose file loses little enough on the validation split, and that file."""
    assert params.max_drop is not None
    most, before, worse = params.max_drop, context.validation_score(content), 1 if context.higher_is_better else -1

    def tried(choice: Choice) -> tuple[Choice, bytes] | None:
        made = _made(params, choice, model, context)
        return (choice, made) if worse * (before - context.validation_score(made)) <= most else None

    safest = least_error(table, float("inf")) or {}
    best = tried(safest)
    if best is None:
        what = f"every choice of types loses more than {most:g} on the validation split"
        raise StepError(what, "allow more, or put int8 or float32 among the types")
    low, high = error_of(table, safest), _largest_error(table)
    allowed, seen = high, {tuple(safest.items()): True}
    for _ in range(_BISECTIONS):
        choice = least_bytes(table, allowed) or safest
        key = tuple(choice.items())
        if key not in seen:
            found = tried(choice)
            seen[key], best = found is not None, found or best
        low, high = (allowed, high) if seen[key] else (low, allowed)
        allowed = (low + high) / 2
        if low >= high:
            break
    return best


def float_file(model: Model) -> tuple[bytes, Sequence[WeightedOperator]]:
    """The float file of a model, and the operators in it that have weights.

    Raises:
        StepError: there are none.
    """
    keras_model = None if isinstance(model, bytes) else model
    content: bytes = model if keras_model is None else to_litert(keras_model)
    operators = weighted_operators(content, keras_model)
    if not operators:
        raise StepError("the model has no layer whose weights can be quantized", "drop the step")
    return content, operators


def _largest_error(table: Sequence[LayerSensitivity]) -> float:
    """An error so large that it allows every choice."""
    return 1.001 * float(sum(max(layer.errors.values()) ** 2 for layer in table) ** 0.5)


def _sensitivity_note(layer: LayerSensitivity) -> str:
    errors = ", ".join(f"{type_} {error:.2%}" for type_, error in layer.errors.items())
    return f"sensitivity of {layer.layer} ({layer.kind}, {layer.weights:,} weights): {errors}"
