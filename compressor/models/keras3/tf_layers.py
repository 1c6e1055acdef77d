"""TensorFlow operations as layers of a tf_keras model, under names of our own.

Written as `x * 2`, tf_keras would name the layer after a counter of the process, and the same file would become
another model each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def operation(function: Callable[..., Any], name: str, *args: Any, **kwargs: Any) -> Any:
    """Apply a public TensorFlow function to symbolic tensors, as a layer called `name`."""
    from tf_keras.src.layers.core.tf_op_layer import TFOpLambda

    return TFOpLambda(function, name=name)(*args, **kwargs)


def sliced(x: Any, index: Any, name: str) -> Any:
    """`x[index]`, as a layer called `name`."""
    import tensorflow as tf
    from tf_keras.src.layers.core.tf_op_layer import SlicingOpLambda

    spec = [_spelt(one) for one in _without_ellipsis(list(index) if isinstance(index, list | tuple) else [index], x)]
    return SlicingOpLambda(tf.__operators__.getitem, name=name)(x, spec)


def _without_ellipsis(index: list[Any], x: Any) -> list[Any]:
    """An index with full slices where `...` stands for them; a saved model can hold those alone."""
    at = next((at for at, one in enumerate(index) if one is ...), None)
    if at is None:
        return index
    taken = sum(one is not None for one in index) - 1
    return [*index[:at], *[slice(None)] * (len(x.shape) - taken), *index[at + 1 :]]


def _spelt(one: Any) -> Any:
    """A slice as tf_keras saves it."""
    return {"start": one.start, "stop": one.stop, "step": one.step} if isinstance(one, slice) else one


def masked(x: Any) -> bool:
    """Whether tf_keras would hand on a mask of time steps with a symbolic tensor."""
    return getattr(x, "_keras_mask", None) is not None


def unmasked(x: Any, name: str) -> Any:
    """The same tensor without its mask, by a layer called `name` where it has one."""
    import tensorflow as tf

    return operation(tf.identity, name, x) if masked(x) else x
