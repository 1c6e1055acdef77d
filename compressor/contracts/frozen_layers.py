"""Keeps layers frozen (`trainable = False`) where a model is saved, loaded or rebuilt.

Keras writes down whether a layer of a model is frozen, and forgets it of layers within other layers: those of a
Bidirectional, of an attention layer, or of a layer of one's own. It also orders weights by it, so that such a model's
weights do not fit the model that is made from its configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


def freeze_within(model: Any) -> None:
    """Freeze all that is within a frozen layer or model, as Keras does where a model is frozen and not reloaded."""
    for layer in model._flatten_layers():
        if not layer.trainable:
            layer.trainable = False  # of all layers within it too


@contextmanager
def parts_thawed(layer: Any) -> Iterator[tuple[int, ...]]:
    """Let configuration and weights of a layer or model be as if nothing within its layers was frozen by itself.

    Yields:
        the places of what was, among all layers within it, for `freeze_parts`.
    """
    within = list(layer._flatten_layers(include_self=False))
    frozen = _frozen_by_themselves(layer)
    places = tuple(place for place, part in enumerate(within) if id(part) in frozen)
    for place in places:
        within[place].trainable = True
    try:
        yield places
    finally:
        freeze_parts(layer, places)


def freeze_parts(layer: Any, places: Sequence[int]) -> None:
    """Freeze the layers at these places among all layers within a layer or model."""
    within = list(layer._flatten_layers(include_self=False))
    for place in places:
        within[place].trainable = False


def _frozen_by_themselves(layer: Any) -> set[int]:
    """The ids of the frozen layers within layers that are trainable and no models."""
    import tf_keras

    holders = [part for part in layer._flatten_layers() if part.trainable and not isinstance(part, tf_keras.Model)]
    parts = (part for holder in holders for part in holder._flatten_layers(include_self=False))
    return {id(part) for part in parts if not part.trainable}
