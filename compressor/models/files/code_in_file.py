"""Finds code in a Keras file without building the model. Only `probe` runs this, since HDF5 may hang on bad files."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compressor.base.errors import ModelError
from compressor.base.file_limits import swells, unless_raised
from compressor.base.text import shortened
from compressor.models.files.allowed_names import A_LAMBDA, refused_names
from compressor.models.files.bytecode import refuse_other_bytecode
from compressor.models.files.hdf5_references import refuse_references
from compressor.models.library_errors import FILE_ERRORS


@dataclass(frozen=True)
class Names:
    """What a Keras file names that is on no list, each once and sorted.

    Attributes:
        code: what would run code, for a message.
        unknown: names of classes and functions that are not Keras's own, and that the file does not say where to find.
        unknown_layers: the same where a layer stands.
    """

    code: list[str]
    unknown: list[str]
    unknown_layers: list[str]


def names_in(path: Path, known: Collection[str] = (), trusted: bool = False) -> Names:
    """Name everything in a Keras file that is on no list of what only computes, and read all of the file once.

    A file may be a ZIP archive and HDF5 at once, and its suffix tells the loader which to take: it is read as both.

    Args:
        path: a `.keras` or `.h5` file.
        known: names of objects that Keras is given, and which it therefore does not take from where the file says.
        trusted: the user vouches for the file, so its bytecode is decoded, to see whether this Python can run it.

    Raises:
        ModelError: the file is damaged, would unpack to something huge, or is trusted and holds the bytecode of
            another Python.
    """
    import h5py

    configs, hdf5 = [], h5py.is_hdf5(path)
    if zipfile.is_zipfile(path):
        configs.append(_zipped_config(path))
    if hdf5:
        configs.append(_hdf5_config(path, path.stat().st_size))
    if not configs:
        raise ModelError("this is neither a .keras nor an HDF5 file", "")
    if trusted:
        refuse_other_bytecode(configs)
    refused = list(refused_names(configs, known))
    code = {name.text for name in refused if not name.unknown}
    code = code - {A_LAMBDA} or code  # a named layer says more than the lambda in it
    unknown = ({name.text for name in refused if name.unknown and name.is_layer is layer} for layer in (False, True))
    return Names(sorted(code), *map(sorted, unknown))


def _zipped_config(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".npz"):
                    raise ModelError(f"it holds weights as NumPy's files ('{name}'), which may hold code", "")
                if name.endswith(".h5"):
                    content = archive.read(name)
                    _hdf5_config(io.BytesIO(content), len(content))
            return json.loads(archive.read("config.json"))
    except FILE_ERRORS as error:
        raise ModelError(f"this is not a whole .keras file ({_reason(error)})", "") from None


def _hdf5_config(source: Path | io.BytesIO, size: int) -> Any:
    """The model's configuration, after all else that a loader may read was read."""
    import h5py

    try:
        with h5py.File(source, "r") as file:
            _read_through(file, size)
            text = file.attrs.get("model_config")
            return json.loads(text) if text is not None else None
    except FILE_ERRORS as error:
        raise ModelError(f"this is not a whole HDF5 file ({_reason(error)})", "") from None


def _read_through(file: Any, size: int) -> None:
    import h5py

    total = 0

    def look(_: str, item: Any) -> None:
        nonlocal total
        refuse_references(item)
        for name in item.attrs:
            item.attrs[name]
        if isinstance(item, h5py.Dataset):
            total += item.nbytes
            if swells(total, size):
                what = f"it would unpack from {size:,} to {total:,} bytes"
                raise ModelError(what, unless_raised("do not load it", total))
            item[()]

    look("/", file)
    file.visititems(look)


def _reason(error: Exception) -> str:
    return shortened(str(error), 120) or type(error).__name__
