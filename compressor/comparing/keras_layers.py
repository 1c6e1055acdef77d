"""Compares the layers of two Keras files: which were added and removed, and which have other sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compressor.base.path_or_function import Reference
from compressor.models.files.loading import build_model
from compressor.models.files.model_layers import output_text


@dataclass(frozen=True)
class StoredLayer:
    """A layer of a Keras file, with the number of its weights and the shape of its output, as text."""

    name: str
    class_name: str
    parameters: int
    output: str


@dataclass(frozen=True)
class LayerComparison:
    """The layers of two Keras files, matched by their names; `changed` has each before and after."""

    removed: tuple[StoredLayer, ...]
    added: tuple[StoredLayer, ...]
    changed: tuple[tuple[StoredLayer, StoredLayer], ...]
    same: int


def stored_layers_of(path: Path, trusted: bool = False) -> list[StoredLayer]:
    """List the layers of a Keras file, in order; none of a model that is no graph of layers.

    Args:
        path: of the file.
        trusted: the user vouches for it, so code in it may run.

    Raises:
        ModelError: it cannot be loaded.
    """
    model = build_model(Reference("path", str(path)), trusted).model
    return [
        StoredLayer(layer.name, type(layer).__name__, int(layer.count_params()), output_text(layer))
        for layer in getattr(model, "layers", ())
    ]


def compared_layers(before: Sequence[StoredLayer], after: Sequence[StoredLayer]) -> LayerComparison:
    """Compare the layers of two models."""
    old, new = ({layer.name: layer for layer in layers} for layers in (before, after))
    both = [(old[name], new[name]) for name in old if name in new]
    changed = tuple((a, b) for a, b in both if a != b)
    return LayerComparison(
        removed=tuple(layer for layer in before if layer.name not in new),
        added=tuple(layer for layer in after if layer.name not in old),
        changed=changed,
        same=len(both) - len(changed),
    )
