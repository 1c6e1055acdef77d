"""Models and data that a recipe names by path or by `package.module:function` rather than by a registered name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from compressor.errors import CompressorError, ModelError
from compressor.functions import function_at, names_function
from compressor.guard import fenced
from compressor.recipe.document import Node
from compressor.state import Format

_SUFFIXES = (".keras", ".h5", ".tflite", ".npz")


@dataclass(frozen=True, slots=True)
class Reference:
    """A file, or a function to call with `arguments`. Calling runs code of the recipe's author."""

    kind: Literal["path", "function"]
    target: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What to call it in a report."""
        return Path(self.target).name if self.kind == "path" else self.target

    @property
    def runs_code(self) -> bool:
        """Whether it is a function of the recipe's author."""
        return self.kind == "function"

    @property
    def format(self) -> Format:
        """The format of the model it leads to."""
        return "litert" if self.kind == "path" and self.target.endswith(".tflite") else "keras"

    def call(self) -> Any:
        """What the function returns.

        Raises:
            CompressorError: the module or the function is not there, or the function fails.
        """
        function = function_at(self.target)
        with fenced(f"'{self.target}'", CompressorError):
            return function(**self.arguments)


def reference(text: str, node: Node | None, arguments: Mapping[str, Any]) -> Reference | None:
    """The reference that `text` spells, or None where it is a registered name.

    A relative path starts at the folder of the recipe that holds it.
    """
    if names_function(text):
        return Reference("function", text, arguments)
    if text.endswith(_SUFFIXES) or "/" in text or "\\" in text:
        folder = node.origin.source.folder if node and node.origin else Path.cwd()
        return Reference("path", str(folder / Path(text).expanduser()), arguments)
    return None


def build_model(reference: Reference, trusted: bool = False, custom_objects: Sequence[str] = ()) -> Any:
    """The tf_keras model, or the bytes of the `.tflite` file, that a reference leads to.

    Args:
        reference: a path or a function.
        trusted: the user vouches for the file, so code in it may run.
        custom_objects: modules of the user's own Keras classes, as in a recipe.

    Raises:
        ModelError: there is none, or it is of a kind that cannot be read.
    """
    if reference.kind == "function":
        return reference.call()
    path = Path(reference.target)
    if not path.exists():
        raise ModelError(f"there is no model at {path}", "check the path; it starts at the recipe's folder")
    from compressor.custom_objects import known_objects
    from compressor.keras_files import load_keras
    from compressor.untrusted import refuse_harmful_keras, refuse_harmful_litert

    if path.suffix == ".tflite":
        refuse_harmful_litert(path)
        return path.read_bytes()
    refuse_harmful_keras(path, trusted, custom_objects)
    return load_keras(path, known_objects(custom_objects), trusted)
