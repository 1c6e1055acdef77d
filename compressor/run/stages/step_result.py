"""What a step gave back, refused in words that name its plugin where it is not what a step must give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compressor.base.errors import ModelError, StepError
from compressor.base.types import Model
from compressor.contracts.execution_plan import PlannedStep
from compressor.contracts.state import FORMAT_NAMES
from compressor.models.files.usable import refuse_unusable
from compressor.models.packing.package import is_package


def refuse_left_alone(step: PlannedStep, left_alone: Mapping[str, str]) -> None:
    """Fail a strict step that left a layer alone.

    Raises:
        StepError: it did.
    """
    if step.strict and left_alone:
        left = "".join(f"\n  {layer}: {reason}" for layer, reason in left_alone.items())
        remedy = "\nname them under 'except', change the model, or drop 'strict: true'"
        raise StepError(f"the step '{step.id}' is strict, and left alone{left}", remedy)


def refuse_other_kind(step: PlannedStep, model: Model) -> None:
    """Fail a step whose model is not of the kind that it planned.

    Raises:
        StepError: it is not, or is one that no file can hold.
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
    """A step and who made it, to begin a message with."""
    return f"the step '{step.id}' ({step.uses}, {step.provider})"


def layers_of(model: Model) -> tuple[tuple[str, str], ...]:
    """Name and class of each layer; none of a LiteRT file."""
    layers = () if isinstance(model, bytes) else model._flatten_layers(include_self=False)
    return tuple((layer.name, type(layer).__name__) for layer in layers)


def checked_objects(brought: object) -> Mapping[str, Any]:
    """What a strategy brings for Keras to know.

    Raises:
        StepError: it is no mapping.
    """
    if not isinstance(brought, Mapping):
        remedy = "it must return a mapping of classes by name"
        raise StepError(f"it returned {type(brought).__name__} from 'custom_objects'", remedy)
    return brought
