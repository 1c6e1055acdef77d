"""Decides which of a layer's options are handed from one Keras to the other, with its record in `keras_layers`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from compressor.contracts.keras_layer_support import keras_layer
from compressor.contracts.layer_record import Bridge, Dropped, OptionChanges


@dataclass(frozen=True)
class Direction:
    """What happens to options on the way from one Keras to the other.

    `changes` are those of one layer class. `dropped` names options of any layer that may be left out, as in
    `OptionChanges`.
    """

    changes: Callable[[Bridge], OptionChanges]
    dropped: Mapping[str, Dropped]

    def sort(self, layer: type, config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Sort a layer's options.

        Args:
            layer: the class that they are for.
            config: the options, as the Keras that they come from writes them.

        Returns:
            The options to pass on, and those that the class lacks although they are set to something.
        """
        changes = self.changes(keras_layer(layer.__name__).bridge or Bridge())
        known = _accepted(layer) | set(changes.unnamed)
        dropped = {**self.dropped, **changes.dropped}
        kept: dict[str, Any] = {}
        missing: dict[str, Any] = {}
        for key, value in config.items():
            name = changes.renamed.get(key, key)
            if name in known:
                kept[name] = value
            elif value is not None and not _says_nothing(value, dropped.get(key, ())):
                missing[key] = value
        return kept, missing


INWARD = Direction(
    attrgetter("inward"),
    # a seed, since training draws other random numbers anyway
    {"seed": "any", "data_format": ("channels_last",)},
)
"""From Keras 3 to Keras 2."""

OUTWARD = Direction(
    attrgetter("outward"),
    # shapes, which the graph tells, and how random numbers are drawn
    {
        **dict.fromkeys(("batch_input_shape", "build_config", "force_generator", "rng_type"), "any"),
        **dict.fromkeys(("ragged", "sparse", "synchronized"), (False,)),
    },
)
"""From Keras 2 to Keras 3."""

_OF_EVERY_LAYER = {"name", "trainable", "dtype", "activity_regularizer"}


def _says_nothing(value: Any, dropped: Dropped) -> bool:
    """Whether an option with this value can be left out."""
    return dropped == "any" or value in dropped


def _accepted(layer: Any) -> set[str]:
    """The names of all options that a class takes, its base classes' included where it hands options on to them."""
    accepted = set(_OF_EVERY_LAYER)
    for cls in layer.__mro__:
        if "__init__" not in cls.__dict__:
            continue
        parameters = inspect.signature(cls.__init__).parameters.values()
        accepted |= {parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD}
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
            break
    return accepted
