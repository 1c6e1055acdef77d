"""Checks what a step returned; its errors name the step and its plugin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compressor.base.errors import ModelError, StepError
from compressor.base.types import Model
from compressor.contracts.execution_plan import PlannedStep
from compressor.contracts.model_state import FORMAT_NAMES
from compressor.models.files.model_checks import refuse_unusable
from compressor.models.packing.package import is_package
from compressor.recipe.training_params import TrainingParams


def refuse_left_alone(step: PlannedStep, left_alone: Mapping[str, str]) -> None:
    """Fail a strict step that left a layer alone.

    Raises:
        StepError: the step is strict, and left a layer alone.
    """
    if step.strict and left_alone:
        layers = "".join(f"\n  {layer}: {reason}" for layer, reason in left_alone.items())
        remedy = "\nname them under 'except', change the model, or drop 'strict: true'"
        raise StepError(f"the step '{step.id}' is strict, and left alone{layers}", remedy)


def refuse_other_kind(step: PlannedStep, model: Model) -> None:
    """Fail a step that returned another kind of model than it planned.

    Raises:
        StepError: the model is of another kind, or of a kind that no file can hold.
    """
    import tf_keras

    keras = step.after.format == "keras"
    if not isinstance(model, tf_keras.Model if keras else bytes):
        what = f"{named(step)} returned {type(model).__name__}"
        raise StepError(what, f"its strategy must return {'a tf_keras model' if keras else 'bytes'}")
    if not keras and is_package(model) != (step.after.format == "package"):
        what = f"{named(step)} returned {FORMAT_NAMES['package' if is_package(model) else 'litert']}"
        raise StepError(what, f"its strategy must return {FORMAT_NAMES[step.after.format]}")
    if keras:
        try:
            refuse_unusable(model, f"the model that {named(step)} returned")
        except ModelError as error:
            raise StepError(error.what, error.remedy) from None


def named(step: PlannedStep) -> str:
    """A step and its provider, as the start of a message."""
    return f"the step '{step.id}' ({step.uses}, {step.provider})"


def layers_of(model: Model) -> tuple[tuple[str, str], ...]:
    """Name and class of each layer; empty for a LiteRT file."""
    layers = () if isinstance(model, bytes) else model._flatten_layers(include_self=False)
    return tuple((layer.name, type(layer).__name__) for layer in layers)


def checked_objects(custom_objects: object) -> Mapping[str, Any]:
    """Check the custom objects that a strategy returned.

    Raises:
        StepError: they are not a mapping.
    """
    if not isinstance(custom_objects, Mapping):
        remedy = "it must return a mapping of classes by name"
        raise StepError(f"it returned {type(custom_objects).__name__} from 'custom_objects'", remedy)
    return custom_objects


def trains(step: PlannedStep) -> bool:
    """Whether a step trains."""
    return isinstance(step.strategy.params, TrainingParams)
