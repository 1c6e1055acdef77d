"""What `entropy` does to a model: trains it with rounded kernels, whose bits are part of the loss."""

from __future__ import annotations

from collections.abc import Sequence

from compressor import Model, StepContext, StepError
from compressor_plugins.entropy.package_size import coded_size, size_around
from compressor_plugins.entropy.params import EntropyParams
from compressor_plugins.entropy.quantized_kernels import QuantizedKernel, place_of, quantizing
from compressor_plugins.entropy.rate_control import Goal, rate_control
from compressor_plugins.shared.frozen import nothing_left
from compressor_plugins.shared.kernels import targeted

_ROOM = 0.99  # share of the size asked for that is steered to
_THRESHOLDS = (0.5, 0.8)  # steps, between which the least weights become zero where too many bytes are left
_HALVINGS = 7
_FAR_BELOW = 0.8  # share of the size asked for, below which a package is told to be smaller than it need be


def trained_for_size(model: Model, params: EntropyParams, context: StepContext) -> Model:
    """The model with kernels that cost few bits, in place.

    Raises:
        StepError: there is no layer to work on, or the rest of the model takes all of `max_size`.
    """
    kernels = _kernels(model, params, context)
    around, goal = 0, None
    if params.max_size is not None:
        around = size_around(model, kernels, context)
        goal = _goal(params, around, context)
    _train(model, params, kernels, goal, context)
    threshold = _THRESHOLDS[0]
    if params.max_size is not None:
        around = size_around(model, kernels, context)
        threshold = _threshold_for(kernels, params.max_size - around)
        if fewer := _nonzero(kernels, _THRESHOLDS[0]) - _nonzero(kernels, threshold):
            context.note(f"set the {fewer:,} least weights to zero after the training, to come down to 'max_size'")
    size, parts = coded_size(kernels, threshold), sum(kernel.kernel.shape.num_elements() for kernel in kernels)
    for kernel in kernels:
        kernel.settle(threshold)
    context.note(f"{parts:,} weights take {size:,} bytes as 'pack' codes them, {8 * size / parts:.2f} bits each")
    if params.max_size is not None:
        context.note(f"quantized to int8, slimmed and packed, the model takes about {around + size:,} bytes")
        if around + size > params.max_size:
            context.note(
                f"that is more than 'max_size' ({params.max_size:,} bytes); train for more epochs, or start from a "
                "smaller model"
            )
        elif around + size < _FAR_BELOW * params.max_size:
            context.note(
                f"that is far less than 'max_size' ({params.max_size:,} bytes), and accuracy may have been given up "
                "for nothing; ask for less, or make 'step' smaller"
            )
    return model


def _train(
    model: Model, params: EntropyParams, kernels: Sequence[QuantizedKernel], goal: Goal | None, context: StepContext
) -> None:
    import tensorflow as tf

    weight = tf.Variable(params.rate_weight, trainable=False)
    control = rate_control(kernels, weight, goal, lambda: coded_size(kernels))
    settled = round(params.ramp * params.epochs) if goal else 0
    with quantizing(kernels, lambda: weight * tf.add_n([kernel.rate() for kernel in kernels])):
        context.fit(model, params, [*context.kept_structure(model), control], settled)


def _kernels(model: Model, params: EntropyParams, context: StepContext) -> list[QuantizedKernel]:
    found: list[QuantizedKernel] = []
    for target in targeted(model, params, context, "coded"):
        size = sum(kernel.shape.num_elements() for kernel in target.kernels)
        places = [place_of(target.layer, kernel) for kernel in target.kernels]
        if size < params.min_weights:
            context.leave_alone(target.name, f"it has {size:,} weights, fewer than 'min_weights: {params.min_weights}'")
        elif not all(kernel.numpy().any() for kernel in target.kernels):
            context.leave_alone(target.name, "all of its weights are zero")
        elif None in places:
            context.leave_alone(target.name, f"{target.kind} does not hold its weights as attributes")
        else:
            found += [
                QuantizedKernel(target, kernel, place, params.step, params.most_steps)
                for kernel, place in zip(target.kernels, places, strict=True)
                if place is not None
            ]
    if not found:
        remedy = "name other layers, lower 'min_weights', or drop the step"
        raise nothing_left("there is no layer whose weights can be trained for few bits", remedy, context)
    return found


def _goal(params: EntropyParams, around: int, context: StepContext) -> Goal:
    assert params.max_size is not None
    left = _ROOM * params.max_size - around
    if left < 1:
        what = f"max_size is {params.max_size:,} bytes, and graph, scales and biases alone take about {around:,}"
        raise StepError(what, "ask for more, or remove channels or layers first")
    return Goal(left, max(1, round(params.ramp * context.training_steps(params))))


def _nonzero(kernels: Sequence[QuantizedKernel], threshold: float) -> int:
    return sum(int((kernel.levels(threshold) != 0).sum()) for kernel in kernels)


def _threshold_for(kernels: Sequence[QuantizedKernel], size: int) -> float:
    """The least threshold at which the kernels take no more bytes; the largest there is, if they do at none."""
    low, high = _THRESHOLDS
    if coded_size(kernels, low) <= size:
        return low
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if coded_size(kernels, middle) <= size else (middle, high)
    return high
