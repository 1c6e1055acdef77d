"""A model in a file of the run's folder, and the facts about it that need no loading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compressor.base.atomic_files import whole_file
from compressor.base.types import Model
from compressor.models.files.inputs_and_outputs import Ends, Shape
from compressor.models.files.keras_files import save_keras
from compressor.models.packing.package import shipping_suffix

_KERAS_SUFFIX = ".h5"


@dataclass(frozen=True)
class ModelFacts:
    """Facts about a model: name and class of each layer, and the notes of the step that made it.

    `seconds` is the time that the step took; `left_alone` maps each layer that the step left alone to the reason;
    `curves` has the figures of each epoch of each of its trainings.
    What follows is set only for the model that a run starts from. `was_open` are the shapes of a sample by input, with
    None for the sizes that it left open, if it did; `sized_by_data` tells that the data decided these.
    """

    layers: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    left_alone: Mapping[str, str] = field(default_factory=dict)
    curves: tuple[tuple[Mapping[str, float], ...], ...] = ()
    ends: Ends | None = None
    was_open: Mapping[str, Shape] = field(default_factory=dict)
    sized_by_data: bool = False


@dataclass(frozen=True)
class ModelFile:
    """A model's file, the SHA-256 of its content, and whether it came from the cache."""

    path: Path
    digest: str
    facts: ModelFacts
    cached: bool

    @property
    def is_keras(self) -> bool:
        """Whether it holds a Keras model, rather than a model that ships as it is."""
        return self.path.suffix == _KERAS_SUFFIX


def saved(model: Model, folder: Path, stem: str) -> Path:
    """Save a model and return its path: a tf_keras model as `.h5`, a file that ships under its own suffix."""
    path = folder / f"{stem}{shipping_suffix(model) if isinstance(model, bytes) else _KERAS_SUFFIX}"
    with whole_file(path) as temporary:
        if isinstance(model, bytes):
            temporary.write_bytes(model)
        else:
            save_keras(model, temporary)
    return path
