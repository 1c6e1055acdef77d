"""Refuses models that steps cannot work on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from compressor.base.errors import ModelError
from compressor.base.types import Model
from compressor.models.litert.conversion.endpoint_names import example_input, input_names
from compressor.models.litert.reading.open_sizes import open_inputs

_ELSE = "or export it as .tflite and start from that"


def refuse_unusable(model: Model, who: str, sizes_follow: bool = False) -> None:
    """Refuse what is not a functional, built tf_keras model with inputs of fixed sizes and no weight in two layers.

    Args:
        model: the model.
        who: the model, as the start of a message.
        sizes_follow: whether sizes that its inputs leave open are given to it later.

    Raises:
        ModelError: it is not.
    """
    import tf_keras

    if not isinstance(model, tf_keras.Model):
        if any(base.__module__.startswith("keras.") for base in type(model).__mro__):
            remedy = "build it with tf_keras, which is Keras 2, or save it and give the file, which is brought over"
            raise ModelError(f"{who} is a Keras 3 model", remedy)
        raise ModelError(f"{who} is no model but {type(model).__name__}", "give a tf_keras model")
    if not model.built:
        remedy = "build it, as with model.build((None, 28, 28)) or an Input layer"
        raise ModelError(f"{who} has no weights yet, since it does not know its input's shape", remedy)
    if not getattr(model, "_is_graph_network", False):
        what = f"{who} is a subclass of tf_keras.Model, whose layers cannot be seen from outside"
        remedy = "make it a functional one, which shares its layers and weights, with "
        raise ModelError(what, f"{remedy}`x = tf_keras.Input(shape); tf_keras.Model(x, model.call(x))`, {_ELSE}")
    for name, tensor in zip(input_names(model), model.inputs, strict=True):
        if any(size is None for size in tensor.shape[1:]) and not sizes_follow:
            example = example_input(tensor.shape[1:])
            remedy = f"build it with a fixed size, such as {example}, load its weights, and save that"
            raise ModelError(f"{who} {_leaves_open(name, tensor.shape[1:])}, and a file needs it", remedy)
    for weight, layers in _shared_weights(model):
        names = " and ".join(f"'{layer}'" for layer in layers)
        what = f"{who} has one weight ('{weight}') in the layers {names}, and would have one each after saving"
        raise ModelError(what, f"call one layer in all places, or give each layer its own weight, {_ELSE}")


def refuse_open_sizes(content: bytes, who: str) -> None:
    """Refuse a LiteRT file that leaves a size of a sample open.

    Raises:
        ModelError: it does; the message begins with `who`.
    """
    for name, sizes in open_inputs(content).items():
        remedy = "convert the model with a fixed size, as with Input((96, 96, 3))"
        raise ModelError(f"{who} {_leaves_open(name, sizes)}, and a run needs it", remedy)


def _leaves_open(name: str, sizes: Iterable[int | None]) -> str:
    shape = ", ".join("any" if size is None else str(size) for size in sizes)
    return f"leaves a size of its input '{name}' open ({shape})"


def _shared_weights(model: Any) -> Iterator[tuple[str, list[str]]]:
    """Each weight that several layers of a model hold, and their names."""
    holders: dict[int, tuple[str, list[str]]] = {}
    for layer in model.layers:
        for weight in layer.weights:
            holders.setdefault(id(weight), (weight.name, []))[1].append(layer.name)
    return ((weight, layers) for weight, layers in holders.values() if len(layers) > 1)
