"""Copies the weights of a Keras 3 file into the tf_keras layers that its parts became."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import ModelError
from compressor.models.keras3.part_tree import Part
from compressor.models.keras3.refusal import joined
from compressor.models.keras3.stored_file import Stored

_DENSE = ("query_dense", "key_dense", "value_dense", "output_dense")
_RANDOM = re.compile(r"(^|/)(seed_generator|_?random_generator)(/|$)")
_DAMAGED = "save it again"


def copy_weights(whole: Part, stored: Stored) -> None:
    """Give every layer its weights from the file.

    Raises:
        ModelError: some are missing, left over or of another shape.
    """
    put = _copy_tree if stored.layout == "tree" else _copy_flat
    put(whole, stored)
    for leaf in whole.leaves():
        if leaf.kind == "Normalization":
            leaf.layer.finalize_state()  # computes what it multiplies with from the weights


def _copy_tree(whole: Part, stored: Stored) -> None:
    used = set()
    for place, path, layer in _places(whole, "", ""):
        used.add(path)
        _assign(place, layer.weights, stored.weights.get(path, []))
    left = sorted(path for path in stored.weights if path.startswith("layers/") and path not in used)
    left = [path for path in left if not _RANDOM.search(path)]
    if left:
        raise ModelError(f"the file has weights at '{left[0]}' that no layer takes", _DAMAGED)


def _places(part: Part, place: str, path: str) -> Iterator[tuple[str, str, Any]]:
    """For all weights in a part: their place in the model, path in the file, and the layer that holds them."""
    if not part.parts:
        yield from _places_in_layer(part, place, path)
        return
    seen: Counter[str] = Counter()
    for inner in part.parts:
        name = _snake(inner.kind)
        numbered = f"{name}_{seen[name]}" if seen[name] else name
        seen[name] += 1
        if inner.layer is not None:
            yield from _places(inner, joined(place, inner.name), joined(path, f"layers/{numbered}"))


def _places_in_layer(part: Part, place: str, path: str) -> Iterator[tuple[str, str, Any]]:
    if part.inner is not None:
        yield from _places(part.inner, place, f"{path}/layer")
    else:
        yield from _holders(part.layer, part.kind, place, path)


def _holders(layer: Any, kind: str, place: str, path: str) -> Iterator[tuple[str, str, Any]]:
    if kind == "Bidirectional":
        for key in ("forward_layer", "backward_layer"):
            yield from _holders(getattr(layer, key), "RNN", place, f"{path}/{key}")
    elif kind == "MultiHeadAttention":
        for key in _DENSE:
            yield place, f"{path}/{key}/vars", getattr(layer, f"_{key}")
    elif hasattr(layer, "cell"):
        yield from _holders(layer.cell, type(layer.cell).__name__, place, f"{path}/cell")
    elif kind == "StackedRNNCells":
        seen: Counter[str] = Counter()
        for cell in layer.cells:
            name = _snake(type(cell).__name__)
            numbered = f"{name}_{seen[name]}" if seen[name] else name
            seen[name] += 1
            yield from _holders(cell, type(cell).__name__, place, f"{path}/cells/{numbered}")
    else:
        yield place, f"{path}/vars", layer


def _copy_flat(whole: Part, stored: Stored) -> None:
    for part in whole.parts:
        if part.layer is None:
            continue
        leaves = [leaf.layer for leaf in part.leaves() if leaf.layer is not None]
        trainable = [weight for layer in leaves for weight in layer.trainable_weights]
        frozen = [weight for layer in leaves for weight in layer.non_trainable_weights]
        _assign(part.name, trainable + frozen, stored.weights.get(part.name, []))


def _assign(place: str, weights: list[Any], arrays: list[NDArray[Any]]) -> None:
    wanted, stored = ([tuple(weight.shape) for weight in group] for group in (weights, arrays))
    if wanted != stored:
        what = f"the layer '{place}' needs weights of the shapes {wanted}, and the file has {stored}"
        raise ModelError(what, _DAMAGED)
    for weight, array in zip(weights, arrays, strict=True):
        weight.assign(np.asarray(array).astype(weight.dtype.as_numpy_dtype))


def _snake(name: str) -> str:
    """The name of a class as Keras 3 writes it in paths, such as `layer_normalization`."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
