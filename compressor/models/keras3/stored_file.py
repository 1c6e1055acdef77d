"""Reads a Keras 3 file: its configuration, and its weights by their path in the file."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import ModelError
from compressor.models.keras3.refusal import reason_of
from compressor.models.library_errors import FILE_ERRORS

Arrays = Mapping[str, list[NDArray[Any]]]


@dataclass(frozen=True)
class Stored:
    """What a file holds.

    The keys of `weights` depend on `layout`: for "tree" (`.keras`) they are paths of groups such as
    `layers/dense_1/vars`, for "flat" (`.h5`) names of top-level layers.
    """

    config: dict[str, Any]
    weights: Arrays
    layout: Literal["tree", "flat"]


def read_stored(path: Path) -> Stored:
    """Read a Keras 3 file, which `files.untrusted` has inspected before.

    Raises:
        ModelError: the file is damaged.
    """
    import h5py

    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                config = json.loads(archive.read("config.json"))
                content = archive.read("model.weights.h5")
            with h5py.File(io.BytesIO(content), "r") as file:
                return Stored(config, _tree(file), "tree")
        with h5py.File(path, "r") as file:
            config = json.loads(file.attrs["model_config"])
            return Stored(config, dict(_flat(file["model_weights"])), "flat")
    except FILE_ERRORS as error:
        raise ModelError(f"this is not a whole Keras 3 file ({reason_of(error)})", "save it again") from error


def _tree(file: Any) -> Arrays:
    import h5py

    groups: dict[str, dict[int, NDArray[Any]]] = {}

    def look(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            group, _, index = name.rpartition("/")
            if index.isdigit():  # the layers of other things, such as lookup tables, are refused
                groups.setdefault(group, {})[int(index)] = np.asarray(item[()])

    file.visititems(look)
    return {group: [arrays[index] for index in sorted(arrays)] for group, arrays in groups.items()}


def _flat(groups: Any) -> Iterator[tuple[str, list[NDArray[Any]]]]:
    for name in _texts(groups, "layer_names"):
        group = groups[name]
        yield name, [np.asarray(group[weight][()]) for weight in _texts(group, "weight_names")]


def _texts(group: Any, attribute: str) -> list[str]:
    """A list of names. HDF5 limits an attribute's size, so Keras cuts a long list into numbered pieces."""
    pieces = [attribute] if attribute in group.attrs else []
    while f"{attribute}{len(pieces)}" in group.attrs:
        pieces.append(f"{attribute}{len(pieces)}")
    names = [name for piece in pieces for name in group.attrs[piece]]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]
