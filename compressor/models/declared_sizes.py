"""Refuses Keras files whose configuration asks for more than they hold: huge weights, or huge outputs of a layer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compressor.base.errors import ModelError
from compressor.base.file_limits import MEMORY_VARIABLE, chosen_memory, swells, unless_raised
from compressor.base.sizes import format_size

_OUTPUT_BYTES = 4 * 10**9  # a picture of 8,000 x 8,000 in 16 channels of float32 has as many
_VALUE_BYTES = 4


@contextmanager
def weights_within(path: Path) -> Iterator[None]:
    """Count the weights of the Keras model that is built from a file, before TensorFlow makes room for each.

    Args:
        path: the file, or a SavedModel's folder, that is to hold the values of these weights.

    Raises:
        ModelError: they are larger than what a file of this size can hold.
    """
    import tensorflow as tf

    size = (
        sum(each.stat().st_size for each in path.rglob("*") if each.is_file()) if path.is_dir() else path.stat().st_size
    )
    total = 0
    refusal: ModelError | None = None

    def counted(create: Any, **options: Any) -> Any:
        nonlocal total, refusal
        shape = tf.TensorShape(options.get("shape"))  # a tuple in the SavedModel of a compiled model
        total += _VALUE_BYTES * math.prod(shape.as_list() if shape.is_fully_defined() else ())
        if swells(total, size):
            what = f"{path} has {format_size(size)}, and describes a model with weights of {_bytes(total)}"
            refusal = ModelError(what, unless_raised("do not load it", total))
            raise refusal
        return create(**options)

    try:
        with tf.variable_creator_scope(counted):
            yield
    # Keras puts errors of its own around those that pass through its layers
    except Exception as error:
        if refusal is not None and error is not refusal:
            raise refusal from error
        raise


def refuse_huge_outputs(model: Any, who: str) -> None:
    """Refuse a tf_keras model with a layer whose output would fill the memory, for one sample or for its fixed number.

    Raises:
        ModelError: it has one; the message begins with `who`.
    """
    most = max(_OUTPUT_BYTES, chosen_memory() or 0)
    for layer in getattr(model, "layers", ()):
        for node in getattr(layer, "_inbound_nodes", ()):
            for shape in _shapes(node.output_shapes):
                if (needed := _VALUE_BYTES * math.prod(size or 1 for size in shape)) > most:
                    sizes = " x ".join("any" if size is None else f"{size:,}" for size in shape)
                    what = f"{who} has a layer '{layer.name}' whose output of {sizes} takes {_bytes(needed)}"
                    raise ModelError(what, f"make it smaller, or set {MEMORY_VARIABLE} to more than that")


def _shapes(shapes: Any) -> Iterator[tuple[int | None, ...]]:
    """The shapes in whatever nesting Keras gives them."""
    if isinstance(shapes, tuple) and shapes and (shapes[0] is None or isinstance(shapes[0], int)):
        yield shapes
    elif isinstance(shapes, list | tuple):
        for inner in shapes:
            yield from _shapes(inner)
    elif isinstance(shapes, dict):
        yield from _shapes(list(shapes.values()))


def _bytes(size: int) -> str:
    return format_size(size) if size < 10**15 else f"over {format_size(10**15)}"
