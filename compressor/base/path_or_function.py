"""A model or data set that a recipe names by path, by its name in a library, or as a function of its author's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from compressor.base.errors import CompressorError
from compressor.base.import_path import function_at, without_folder
from compressor.base.plugin_errors import fenced
from compressor.base.types import Format

LITERT_SUFFIXES = (".tflite", ".tfpack")
APPLICATIONS = "keras_applications:"  # the prefix of Keras's own architectures


def is_there(path: Path) -> bool:
    """Whether a file or folder is at `path`. Unlike `Path.exists`, it never raises, however long the name is."""
    return os.path.exists(path)  # noqa: PTH110


def real_path(path: Path) -> Path:
    """The absolute path that links lead to; of links that lead round in a circle, a path that leads nowhere."""
    return Path(os.path.realpath(path))


def path_in(folder: Path, text: str) -> Path:
    """The path that a text names, from a folder on, without any `..` that only goes back."""
    path = folder / os.path.expanduser(text)  # noqa: PTH111 - unlike Path.expanduser, it never raises
    plain = os.path.normpath(path)
    return Path(plain) if os.path.realpath(plain) == os.path.realpath(path) else path  # a link may lead elsewhere


@dataclass(frozen=True, slots=True)
class Reference:
    """A file or folder, a name in a library such as `tfds:mnist`, or a function of the recipe's author.

    `arguments` are the keyword arguments of the function.
    """

    kind: Literal["path", "library", "function"]
    target: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name in reports."""
        return Path(self.target).name if self.kind == "path" else without_folder(self.target)

    @property
    def runs_code(self) -> bool:
        """Whether it is a function of the recipe's author."""
        return self.kind == "function"

    @property
    def is_application(self) -> bool:
        """Whether it is one of Keras's own architectures."""
        return self.kind == "library" and self.target.startswith(APPLICATIONS)

    @property
    def format(self) -> Format:
        """The format of the model once it is read; a SavedModel that holds no Keras model is read as a LiteRT model."""
        if self.kind != "path":
            return "keras"
        return "litert" if Path(self.target).suffix in LITERT_SUFFIXES or self._is_graph else "keras"

    @property
    def original_form(self) -> str:
        """A description of the file as it is on disk, if `format` alone would mislead; otherwise empty."""
        if self._is_graph:
            return "a SavedModel without a Keras 2 model in it, which becomes a LiteRT model when it is read"
        return ""

    @property
    def _is_graph(self) -> bool:
        """Whether it is a SavedModel that holds no Keras model."""
        graph, keras = (is_there(Path(self.target) / name) for name in ("saved_model.pb", "keras_metadata.pb"))
        return self.kind == "path" and graph and not keras

    def call(self) -> Any:
        """Call the function and return its result.

        Raises:
            CompressorError: the module or the function does not exist, or the function fails.
        """
        function = function_at(self.target)
        with fenced(f"'{self.target}'", CompressorError):
            return function(**self.arguments)
