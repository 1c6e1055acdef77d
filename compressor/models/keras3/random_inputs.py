"""Makes random inputs that suit a model: whole numbers within the range of its tables, pixels where it takes pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SAMPLES = 2
_LENGTH = 12
_PIXELS = 64
_WHOLE = 8
_DIVIDES = 0.05  # a layer that multiplies by less is meant for numbers from 0 to 255
_TABLES = {"Embedding": "input_dim", "CategoryEncoding": "num_tokens"}


def random_inputs(model: Any, seed: int = 0) -> dict[str, NDArray[Any]]:
    """An array for each input layer of a tf_keras model by its name, always the same for the same seed."""
    generator, limits = np.random.default_rng(seed), table_limits(model)
    scaled = divides_pixels(model)
    inputs: dict[str, NDArray[Any]] = {}
    for name, tensor in zip(model.input_names, model.inputs, strict=True):
        shape, kind = _shape(tensor.shape), tensor.dtype
        if name in limits or kind.is_integer:
            array: NDArray[Any] = generator.integers(
                0, limits.get(name, 256 if kind.name == "uint8" else _WHOLE), shape
            )
        elif kind.is_bool:
            array = generator.random(shape) < 0.5
        elif scaled:
            array = generator.uniform(0, 255, shape)
        else:
            array = generator.normal(0, 1, shape)
        inputs[name] = array.astype(kind.as_numpy_dtype)
    return inputs


def table_limits(model: Any) -> dict[str, int]:
    """The rows of the smallest table that each input is looked up in, by the input's name."""
    limits: dict[str, int] = {}
    for nodes in model._nodes_by_depth.values():
        for node in nodes:
            limit = _limit(node.layer)
            if limit is None:
                continue
            for name in _inputs_behind(node.keras_inputs):
                limits[name] = min(limit, limits.get(name, limit))
    return limits


def _limit(layer: Any) -> int | None:
    """The rows of the smallest table in a layer, or in the layers that it holds; None without any."""
    if hasattr(layer, "_nodes_by_depth"):
        return min(table_limits(layer).values(), default=None)
    key = _TABLES.get(type(layer).__name__)
    if key is not None:
        return int(getattr(layer, key))
    inner = getattr(layer, "layer", None)
    return _limit(inner) if inner is not None else None


def _inputs_behind(tensors: Any) -> set[str]:
    """The names of the input layers that tensors come from through layers without weights."""
    names, waiting, seen = set(), list(tensors), set()
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        node = tensor.node
        if node.is_input:
            names.add(node.layer.name)
        elif not node.layer.weights:
            waiting.extend(node.keras_inputs)
    return names


def _shape(shape: Any) -> tuple[int, ...]:
    """A shape with a size for each one that is open."""
    sizes = [int(size) if size is not None else None for size in shape]
    free = _PIXELS if len(sizes) >= 4 else _LENGTH
    return tuple(size or (free if at else _SAMPLES) for at, size in enumerate(sizes))


def divides_pixels(model: Any) -> bool:
    """Whether a tf_keras model takes pixels from 0 to 255 and rescales them itself."""
    layers = list(model._flatten_layers())
    scales = [np.asarray(layer.scale, np.float64) for layer in layers if type(layer).__name__ == "Rescaling"]
    for layer in layers:
        if type(layer).__name__ == "Normalization" and layer.built and not layer.invert:
            scales.append(1 / np.maximum(np.sqrt(np.asarray(layer.variance, np.float64)), 1e-7))
    return any(float(np.abs(scale).min()) < _DIVIDES for scale in scales)
