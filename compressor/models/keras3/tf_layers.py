"""Adds TensorFlow operations to a tf_keras model as layers with chosen names.

For an operation written as `x * 2`, tf_keras takes the name from a counter of the process, and the same file would
become another model each time.
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

    parts = list(index) if isinstance(index, list | tuple) else [index]
    spec = [_saved_form(part) for part in _without_ellipsis(parts, x)]
    return SlicingOpLambda(tf.__operators__.getitem, name=name)(x, spec)


def _without_ellipsis(index: list[Any], x: Any) -> list[Any]:
    """An index with full slices in place of `...`, which a saved model cannot hold."""
    at = next((at for at, part in enumerate(index) if part is ...), None)
    if at is None:
        return index
    taken = sum(part is not None for part in index) - 1
    return [*index[:at], *[slice(None)] * (len(x.shape) - taken), *index[at + 1 :]]


def _saved_form(part: Any) -> Any:
    """A part of an index as tf_keras saves it."""
    return {"start": part.start, "stop": part.stop, "step": part.step} if isinstance(part, slice) else part


def masked(x: Any) -> bool:
    """Whether a symbolic tensor carries a mask of time steps, which tf_keras passes on with it."""
    return getattr(x, "_keras_mask", None) is not None


def unmasked(x: Any, name: str) -> Any:
    """The tensor without its mask; where it has one, a layer called `name` is added."""
    import tensorflow as tf

    return operation(tf.identity, name, x) if masked(x) else x
