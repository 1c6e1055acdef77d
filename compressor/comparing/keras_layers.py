"""The layers of two Keras files: which were added and removed, and which have other sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    """The layers of a Keras file, in order; none of a model that is no graph of layers.

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


def layer_lines(comparison: LayerComparison) -> dict[str, list[str]]:
    """What is said of the layers that were removed, added and changed, and how many are the same."""
    lines = {
        name: [
            f"{layer.class_name} '{layer.name}' ({layer.output}, {layer.parameters:,} parameters)" for layer in layers
        ]
        for name, layers in (("removed", comparison.removed), ("added", comparison.added))
    }
    lines["changed"] = [
        f"'{after.name}': {', '.join(_differences(before, after))}" for before, after in comparison.changed
    ]
    return lines | {"same": [f"{comparison.same:,}"]}


def _differences(before: StoredLayer, after: StoredLayer) -> Iterator[str]:
    if before.class_name != after.class_name:
        yield f"{before.class_name} → {after.class_name}"
    if before.output != after.output:
        yield f"{before.output} → {after.output}"
    if before.parameters != after.parameters:
        yield f"{before.parameters:,} → {after.parameters:,} parameters"
