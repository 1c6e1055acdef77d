"""The variables that a training changes beside the weights of its model."""

from __future__ import annotations

from typing import Any


def optimizer_variables(model: Any) -> list[Any]:
    """The variables of an optimizer, with those that Keras does not list: learning rate, and Nadam's product."""
    import tensorflow as tf

    optimizer = model.optimizer
    listed = optimizer.variables() if callable(optimizer.variables) else optimizer.variables
    others = (getattr(optimizer, name, None) for name in ("_learning_rate", "_u_product"))
    return [*listed, *(variable for variable in others if isinstance(variable, tf.Variable))]


def generators(model: Any) -> list[Any]:
    """The generators of random numbers that layers such as Dropout draw from."""
    wrappers = [getattr(layer, "_random_generator", None) for layer in model._flatten_layers()]
    found = [getattr(wrapper, "_generator", None) for wrapper in wrappers]
    return [generator for generator in found if generator is not None]
