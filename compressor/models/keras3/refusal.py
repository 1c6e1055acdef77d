"""How the bridge says no: by the name of what it cannot take over, and its place in the model."""

from __future__ import annotations

from compressor.base.errors import ModelError

REMEDY = (
    "build the model without it, or export it from Keras 3 with model.export('model.tflite', format='litert'), "
    "which post-training steps take"
)


def refused_layer(place: str, kind: str, why: str, remedy: str = REMEDY) -> ModelError:
    """An error about one layer.

    Args:
        place: the names that lead to it, joined by slashes.
        kind: its class.
        why: what stands in the way, as a clause that follows the layer.
        remedy: what to do.
    """
    return ModelError(f"the layer '{place}' ({kind}) {why}", remedy)


def refused_operation(place: str, kind: str, why: str, remedy: str = REMEDY) -> ModelError:
    """The same about a `keras.ops` operation."""
    return ModelError(f"the operation '{place}' ({kind}) {why}", remedy)


def joined(place: str, name: str) -> str:
    """The place of something called `name` within `place`."""
    return f"{place}/{name}" if place else name


def reason_of(error: Exception) -> str:
    """The first words of somebody else's error, on one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__
