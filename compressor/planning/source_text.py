"""Parses the text of a `source`: a path, a name in a library, a function, or a registered name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compressor.base.import_path import in_folder, names_function
from compressor.base.path_or_function import APPLICATIONS, Reference, path_in
from compressor.data.kinds import library_prefixes, path_suffixes

_MODEL_SUFFIXES = (".keras", ".h5", ".hdf5", ".tflite", ".tfpack", ".onnx", ".pt", ".pth")


def reference(text: str, folder: Path, arguments: Mapping[str, Any]) -> Reference | None:
    """Parse the `source` of a model or a data set; None if it is a registered name.

    Args:
        text: a path, `library:name`, `package.module:function`, `./file.py:function`, or a registered name.
        folder: the folder that relative paths start from, that of the recipe.
        arguments: the values under `with` in the recipe.
    """
    text = in_folder(text, folder)
    if names_function(text):
        in_library = text.startswith((APPLICATIONS, *library_prefixes()))
        return Reference("library" if in_library else "function", text, arguments)
    if text.endswith((*_MODEL_SUFFIXES, *path_suffixes())) or "/" in text or "\\" in text:
        return Reference("path", str(path_in(folder, text)), arguments)
    return None
