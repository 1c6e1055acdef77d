"""Calls a strategy, and checks what it returned; errors name the step and its plugin."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from compressor.base.errors import ModelError, StepError
from compressor.base.plugin_errors import fenced
from compressor.base.types import Model
from compressor.contracts.context import StepContext
from compressor.contracts.execution_plan import PlannedStep
from compressor.models.files.endpoints import Endpoints, difference, endpoints_of
from compressor.models.files.finite_weights import weight_not_finite
from compressor.recipe.training_params import TrainingParams
from compressor.run.stages.step_result import named, refuse_other_kind

_OF_PLUGIN = "fix its strategy, or report it to its author"


def apply_strategy(
    step: PlannedStep,
    model: Model,
    context: StepContext,
    again: Callable[[], Model] | None = None,
    strategy: Any = None,
) -> Model:
    """The model that a step's strategy makes of a model.

    Args:
        step: the step.
        model: the model that it gets, which may be changed in place.
        context: what else it gets.
        again: loads that model once more. By default weights are not checked, as in a rehearsal, where they were hardly
            trained.
        strategy: the `tf.distribute` strategy in whose scope the model was loaded, if it is to be trained on several
            devices.

    Raises:
        StepError: the strategy fails, or returns something else than a model of the kind that it planned, other inputs
            or outputs, or weights that are not finite.
    """
    before = endpoints_of(model) if step.before.format != "package" else None
    with strategy.scope() if strategy is not None else nullcontext():
        returned = returned_by(step, model, context)
    refuse_other_kind(step, returned)
    if step.after.format == "package" or before is None:  # the package is unpacked when it is measured
        return returned
    refuse_other_endpoints(step, before, returned)
    if again is not None:
        refuse_not_finite(step, returned, again)
    return returned


def returned_by(step: PlannedStep, model: Model, context: StepContext) -> Model:
    """Call a step's strategy with a model, and return its result unchecked.

    Raises:
        StepError: the strategy fails. Its cause is a `CompressorError` if the strategy refused the model.
    """
    with fenced(named(step), StepError, tell=context.note):
        return step.strategy.apply(model, context)


def refuse_other_endpoints(step: PlannedStep, before: Endpoints, returned: Model) -> None:
    """Fail a step whose model has other inputs or outputs than it was given, unless its strategy says so.

    Raises:
        StepError: it has, or it is no LiteRT file though it should be.
    """
    try:
        after = endpoints_of(returned)
    except ModelError as error:
        raise StepError(f"{named(step)} returned bytes that are no LiteRT file: {error.what}", _OF_PLUGIN) from None
    if other := difference(before, after, step.strategy.changes_endpoints):
        remedy = "it must keep inputs and outputs, or name what it changes in 'changes_endpoints'"
        raise StepError(f"{named(step)} returned a model with {other}", remedy)


def refuse_not_finite(step: PlannedStep, returned: Model, again: Callable[[], Model]) -> None:
    """Fail a step that returned weights which are not finite, where those that it was given are.

    Raises:
        StepError: it did.
    """
    odd = weight_not_finite(returned)
    if odd is None or weight_not_finite(again()) is not None:  # no step is to blame for what it was given
        return
    trains = isinstance(step.strategy.params, TrainingParams)
    remedy = "lower its learning rate" if trains else _OF_PLUGIN
    raise StepError(f"{named(step)} returned weights that are not finite: {odd}", remedy)
