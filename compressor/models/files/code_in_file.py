"""Finds code in a Keras file without building the model. Only `probe` runs this, since HDF5 may hang on bad files."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from compressor.base.errors import ModelError
from compressor.base.file_limits import swells, unless_raised
from compressor.base.text import shortened
from compressor.models.files.allowed_names import is_keras_class, is_keras_function, is_tensor_operation
from compressor.models.files.bytecode import refuse_other_bytecode
from compressor.models.files.config_entries import entries
from compressor.models.library_errors import FILE_ERRORS

_LAMBDA = "a lambda"


def code_of(path: Path, known: Collection[str] = (), trusted: bool = False) -> list[str]:
    """Name everything in a Keras file that would run code when it is loaded, and read all of the file once.

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
    code = {name for config in configs for name in _code_in(config, known)}
    return sorted(code - {_LAMBDA} or code)  # a named layer says more than the lambda in it


def _zipped_config(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
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
        for name in item.attrs:
            item.attrs[name]
        if isinstance(item, h5py.Dataset):
            total += item.nbytes
            if item.external or item.is_virtual:
                raise ModelError(f"it would read another file ('{item.name}')", "")
            if swells(total, size):
                what = f"it would unpack from {size:,} to {total:,} bytes"
                raise ModelError(what, unless_raised("do not load it", total))
            item[()]
            return
        for name in item:
            if isinstance(item.get(name, getlink=True), h5py.ExternalLink):
                raise ModelError(f"it would read another file ('{name}')", "")

    look("/", file)
    file.visititems(look)


def _reason(error: Exception) -> str:
    return shortened(str(error), 120) or type(error).__name__


def _code_in(config: Any, known: Collection[str]) -> Iterator[str]:
    """What in a configuration, at any depth, would run other code than Keras's own."""
    for part in entries(config):
        yield from _code_of_object(part, known)


def _code_of_object(entry: dict[str, Any], known: Collection[str]) -> Iterator[str]:
    """The same for one entry, such as a layer or a function, without what it holds."""
    inner = entry.get("config")
    settings = inner if isinstance(inner, dict) else {}
    kinds = {str(entry.get(key)).rpartition(">")[2] for key in ("class_name", "registered_name")}
    if kinds & {"Lambda", "__lambda__"} or entry.get("function_type") == "lambda":
        yield f"the layer '{settings['name']}'" if settings.get("name") else _LAMBDA
    if "class_name" not in entry:
        return
    module, name = entry.get("module"), str(inner if "function" in kinds else entry["class_name"])
    of_keras = is_keras_function if "function" in kinds else is_keras_class
    looked_up = name if "function" in kinds else entry.get("registered_name")
    if module is not None and looked_up not in known and not of_keras(str(module), name):
        yield f"'{module}.{name}'"
    operation = settings.get("function" if "TFOpLambda" in kinds else "cls_symbol")
    if isinstance(operation, str) and not is_tensor_operation(operation):
        yield f"the operation '{operation}'"
    if isinstance(vocabulary := settings.get("vocabulary"), str):
        yield f"the file '{vocabulary}', which it would read"
