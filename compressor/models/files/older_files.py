"""Rewrites Keras 2 files of older versions in the form that tf_keras reads."""

from __future__ import annotations

import io
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compressor.models.files.config_entries import entries

_WEIGHTS = "model.weights.h5"
_LAYERS, _OLD_LAYERS = "layers", "_layer_checkpoint_dependencies"
_NUMBERED = re.compile(r"(?P<kind>.+?)(_(?P<number>\d+))?")
_SHAPES = ("query_shape", "key_shape", "value_shape")


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """A file that holds the same model and that tf_keras reads: the file itself, or a rewritten copy.

    Rewritten are

    - `.keras` files of Keras 2.13 and 2.14, which keep the weights of layers under another name, and of which the first
      counts layers with weights twice;
    - HDF5 files of Keras 2.4 with MultiHeadAttention, whose layers do not say for which shapes they were built.
    """
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        if path.is_dir():
            yield path
        elif zipfile.is_zipfile(path):
            yield copy if _rewrite_archive(path, copy) else path
        elif h5py.is_hdf5(path) and (config := _with_shapes(path)):
            shutil.copyfile(path, copy)
            with h5py.File(copy, "r+") as file:
                file.attrs["model_config"] = json.dumps(config)
            yield copy
        else:
            yield path


def _rewrite_archive(path: Path, copy: Path) -> bool:
    """Write a copy of an archive with the weights where tf_keras looks for them; False if they are there already."""
    import h5py

    with zipfile.ZipFile(path) as archive:
        if _WEIGHTS not in archive.namelist():
            return False
        weights = io.BytesIO(archive.read(_WEIGHTS))
        with h5py.File(weights, "r+") as file:
            if _OLD_LAYERS not in file:
                return False
            _rename_layers(file)
        with zipfile.ZipFile(copy, "w") as rewritten:
            for name in archive.namelist():
                rewritten.writestr(name, weights.getvalue() if name == _WEIGHTS else archive.read(name))
    return True


def _rename_layers(group: Any) -> None:
    """Rename the layers in a group and in all groups within, and number those of a class from zero without gaps."""
    import h5py

    if _OLD_LAYERS in group:
        group.move(_OLD_LAYERS, _LAYERS)
        layers = group[_LAYERS]
        counts: dict[str, int] = {}
        for name in sorted(layers, key=_place):
            kind = _place(name)[0]
            number = counts[kind] = counts.get(kind, -1) + 1
            new = f"{kind}_{number}" if number else kind
            if new != name:
                layers.move(name, new)
    for inner in group.values():
        if isinstance(inner, h5py.Group):
            _rename_layers(inner)


def _place(name: str) -> tuple[str, int]:
    """A layer's class and its number, from its name in a file such as `conv2d_1`."""
    found = _NUMBERED.fullmatch(name)
    assert found is not None  # any name fits
    return found["kind"], int(found["number"] or 0)


def _with_shapes(path: Path) -> Any:
    """The configuration of an HDF5 file with the entries that MultiHeadAttention lacks; None if it lacks none.

    Shapes that are not known are taken from the layer's first call.
    """
    import h5py

    with h5py.File(path, "r") as file:
        text = file.attrs.get("model_config")
    if text is None or "MultiHeadAttention" not in (text := text if isinstance(text, str) else text.decode()):
        return None
    config = json.loads(text)
    silent = [
        part["config"]
        for part in entries(config)
        if part.get("class_name") == "MultiHeadAttention" and not set(_SHAPES) & set(part["config"])
    ]
    for settings in silent:
        settings |= dict.fromkeys(_SHAPES)
    return config if silent else None
