"""Tells which Keras wrote a file, from a few bytes of it and without TensorFlow."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from compressor.models.library_errors import FILE_ERRORS

_METADATA_BYTES = 64 * 1024


def is_keras3(path: Path) -> bool:
    """Whether a `.keras` or HDF5 file was written by Keras 3 or later, as it says itself.

    It is False for a file that is damaged or says nothing; what is wrong is found when it is loaded.
    """
    try:
        version = _zipped_version(path) if zipfile.is_zipfile(path) else _hdf5_version(path)
        return int(version.partition(".")[0]) >= 3
    except FILE_ERRORS:
        return False


def _zipped_version(path: Path) -> str:
    with zipfile.ZipFile(path) as archive, archive.open("metadata.json") as file:
        return str(json.loads(file.read(_METADATA_BYTES))["keras_version"])


def _hdf5_version(path: Path) -> str:
    import h5py

    with h5py.File(path, "r") as file:
        version = file.attrs["keras_version"]
        return version.decode() if isinstance(version, bytes) else str(version)
