"""The errors of the bridge, which name what it cannot convert and its place in the model."""

from __future__ import annotations

from compressor.base.errors import ModelError
from compressor.base.text import shortened

REMEDY = (
    "build the model without it, or export it from Keras 3 with model.export('model.tflite', format='litert'), "
    "which post-training steps take"
)


def refused_layer(place: str, kind: str, why: str, remedy: str = REMEDY) -> ModelError:
    """An error about one layer.

    Args:
        place: the names that lead to the layer, joined by slashes.
        kind: its class.
        why: what is wrong, as a clause whose subject is the layer.
        remedy: what to do.
    """
    return ModelError(f"the layer '{place}' ({kind}) {why}", remedy)


def refused_operation(place: str, kind: str, why: str, remedy: str = REMEDY) -> ModelError:
    """An error about one `keras.ops` operation; arguments as in `refused_layer`."""
    return ModelError(f"the operation '{place}' ({kind}) {why}", remedy)


def joined(place: str, name: str) -> str:
    """The place of what is called `name` within `place`."""
    return f"{place}/{name}" if place else name


def reason_of(error: Exception) -> str:
    """The beginning of a library's error message, on one line."""
    return shortened(str(error), 200) or type(error).__name__
