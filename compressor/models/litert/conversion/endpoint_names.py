"""The names of a Keras model's inputs and outputs, in Keras and in the file, and the shapes of its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def input_names(model: Any) -> list[str]:
    """The names of a tf_keras model's inputs, in order: the keys where it takes a mapping, else its input layers'."""
    nested = getattr(model, "_nested_inputs", None)
    return sorted(nested) if isinstance(nested, dict) else list(model.input_names or [])


def output_names(model: Any) -> list[str]:
    """The names of a tf_keras model's outputs, in order: the keys where it gives a mapping, else its last layers'.

    A wrapper of tfmot's, which has another name, changes nothing: the output keeps the name of the layer in it.
    """
    wrapped = {layer.name: layer.layer.name for layer in model.layers if _is_tfmot_wrapper(layer)}
    return [wrapped.get(name, name) for name in keras_keys(model)]


def keras_keys(model: Any) -> list[str]:
    """The names that Keras itself uses for the outputs in `compile` and `fit`."""
    nested = getattr(model, "_nested_outputs", None)
    return sorted(nested) if isinstance(nested, dict) else list(model.output_names or [])


def output_shapes(model: Any) -> dict[str, tuple[int | None, ...]]:
    """The shapes of a tf_keras model's outputs by name, without the batch; none where they are not known yet."""
    names = output_names(model)
    return dict(zip(names, (tuple(tensor.shape[1:]) for tensor in model.outputs or []), strict=bool(model.outputs)))


def example_input(shape: Sequence[int | None]) -> str:
    """How to write an input of such a shape, without the batch, whose open sizes are fixed: `Input((96, 96, 1))`."""
    likely = 96 if len(shape) > 2 else 128  # pixels, or steps of a sequence
    return f"Input({tuple(likely if size is None else size for size in shape)})"


def _is_tfmot_wrapper(layer: Any) -> bool:
    bases = [base.__module__ for base in type(layer).__mro__]
    return hasattr(layer, "layer") and any(name.startswith("tensorflow_model_optimization") for name in bases)


def numbered_input(index: int) -> str:
    """The name of a traced input: Keras' names may hold characters that TensorFlow's must not."""
    return f"input_{index:03}"


def numbered_output(index: int) -> str:
    """The name of a traced output."""
    return f"output_{index:03}"
