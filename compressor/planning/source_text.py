"""What the text of a `source` stands for: a path, something in a library, a function, or a registered name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compressor.base.import_path import names_function
from compressor.base.reference import APPLICATIONS, Reference
from compressor.data.kinds import library_prefixes, path_suffixes

_MODEL_SUFFIXES = (".keras", ".h5", ".hdf5", ".tflite", ".tfpack", ".onnx", ".pt", ".pth")


def reference(text: str, folder: Path, arguments: Mapping[str, Any]) -> Reference | None:
    """The reference that the text of a model's or a data set's `source` spells; None where it is a registered name.

    Args:
        text: a path, `library:name`, `package.module:function`, or a registered name.
        folder: where a relative path starts: that of the recipe that holds it.
        arguments: what the recipe has under `with`.
    """
    if names_function(text):
        in_library = text.startswith((APPLICATIONS, *library_prefixes()))
        return Reference("library" if in_library else "function", text, arguments)
    if text.endswith((*_MODEL_SUFFIXES, *path_suffixes())) or "/" in text or "\\" in text:
        return Reference("path", str(folder / Path(text).expanduser()), arguments)
    return None
