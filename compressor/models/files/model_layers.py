"""Lists the layers of a tf_keras model: those of nested models as well, and inputs not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any


@dataclass(frozen=True)
class ModelLayer:
    """A layer of a Keras model.

    Attributes:
        name: with the names of the models that it is nested in: `backbone/conv`.
        output: the shape of its output, as `output_text` writes it.
        trainable: whether training changes its weights; False for a frozen layer.
        activation: the name of its option `activation`; empty where it has none.
    """

    name: str
    class_name: str
    output: str
    parameters: int
    trainable_parameters: int
    trainable: bool
    activation: str


def model_layers(model: Any, within: str = "") -> Iterator[ModelLayer]:
    """The layers of a tf_keras model in order, but for its inputs; none of a model that is no graph of layers.

    Args:
        model: the model.
        within: what stands before each name.
    """
    for layer in getattr(model, "layers", ()):
        if getattr(layer, "layers", None):
            yield from model_layers(layer, f"{within}{layer.name}/")
            continue
        if type(layer).__name__ == "InputLayer":
            continue
        yield ModelLayer(
            f"{within}{layer.name}",
            type(layer).__name__,
            output_text(layer),
            int(layer.count_params()),
            sum(prod(weight.shape) for weight in layer.trainable_weights),
            bool(layer.trainable),
            _name_of(getattr(layer, "activation", None)),
        )


def output_text(layer: Any) -> str:
    """`28x28x12`; `?` for an open size, and `-` where the layer does not tell."""
    try:
        shape = layer.output_shape
    except (AttributeError, RuntimeError):  # a layer that is called several times, or never was
        return "-"
    if isinstance(shape, list):
        shape = shape[0] if len(shape) == 1 else None
    if not isinstance(shape, tuple) or any(not isinstance(size, int | None) for size in shape):
        return "-"
    return "x".join("?" if size is None else str(size) for size in shape[1:]) or "scalar"


def _name_of(activation: Any) -> str:
    """The name of a function, or the class of a layer that stands for one."""
    return "" if activation is None else str(getattr(activation, "__name__", type(activation).__name__))
