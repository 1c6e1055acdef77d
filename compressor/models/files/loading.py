"""Models and data that a recipe names by path or by `package.module:function` rather than by a registered name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from compressor.base.errors import CompressorError, ModelError
from compressor.base.import_path import function_at, names_function
from compressor.base.plugin_errors import fenced
from compressor.contracts.state import Format
from compressor.recipe.document import Node
from compressor.recipe.problems import did_you_mean

_SUFFIXES = (
    ".keras", ".h5", ".hdf5", ".tflite", ".tfpack", ".onnx", ".pt", ".pth",
    ".npz", ".npy", ".csv", ".parquet", ".tfrecord",
)  # fmt: skip
_LITERT = (".tflite", ".tfpack")
_APPLICATIONS = "keras_applications:"
_LIBRARIES = (_APPLICATIONS, "tfds:")  # what is written as a function and is none of the author's
_ONNX = "run `onnx2tf -i MODEL.onnx` (pip install onnx2tf), and give the .tflite or SavedModel it writes"
_PYTORCH = ("a PyTorch model", f"export it with torch.onnx.export, then {_ONNX}")
_FOREIGN = {".onnx": ("an ONNX model", _ONNX), ".pt": _PYTORCH, ".pth": _PYTORCH}


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder. Unlike Path's own, this takes any name for an answer, however long."""
    return os.path.exists(path)  # noqa: PTH110


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
        return self.kind == "function" and not self.target.startswith(_LIBRARIES)

    @property
    def is_application(self) -> bool:
        """Whether it is one of Keras's own architectures."""
        return self.kind == "function" and self.target.startswith(_APPLICATIONS)

    @property
    def format(self) -> Format:
        """The format of the model it leads to. A SavedModel without a Keras model in it can only be converted."""
        if self.kind == "function":
            return "keras"
        return "litert" if Path(self.target).suffix in _LITERT or self._is_graph else "keras"

    @property
    def came_as(self) -> str:
        """What it is before it is read, where that says more than its format."""
        if self._is_graph:
            return "a SavedModel without a Keras 2 model in it, which becomes a LiteRT model when it is read"
        return ""

    @property
    def _is_graph(self) -> bool:
        """Whether it is a SavedModel without a Keras model in it."""
        graph, keras = (is_there(Path(self.target) / name) for name in ("saved_model.pb", "keras_metadata.pb"))
        return self.kind == "path" and graph and not keras

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


def refuse_foreign(path: Path) -> None:
    """Refuse a model of another framework, told by its suffix, with the way to get here from there.

    Raises:
        ModelError: it is one.
    """
    if found := _FOREIGN.get(path.suffix.lower()):
        what, remedy = found
        raise ModelError(f"{path} is {what}, which is not read here", remedy)


@dataclass(frozen=True)
class Built:
    """A model from a file or a function, and what the report must say of how it came."""

    model: Any
    notes: tuple[str, ...] = ()


def build_model(reference: Reference, trusted: bool = False, custom_objects: Sequence[str] = ()) -> Built:
    """The tf_keras model, or the bytes of the `.tflite` file, that a reference leads to.

    Args:
        reference: a path or a function.
        trusted: the user vouches for the file, so code in it may run.
        custom_objects: modules of the user's own Keras classes, as in a recipe.

    Raises:
        ModelError: there is none, or it is of a kind that cannot be read.
    """
    if reference.kind == "function":
        return _application(reference) if reference.is_application else Built(reference.call())
    path = Path(reference.target)
    if not is_there(path):
        raise ModelError(f"there is no model at {path}", "check the path; it starts at the recipe's folder")
    refuse_foreign(path)
    from compressor.models.files.custom_objects import known_objects
    from compressor.models.files.untrusted import refuse_harmful_keras, refuse_harmful_litert
    from compressor.models.litert.package import unpacked

    if path.suffix in _LITERT:
        refuse_harmful_litert(path)
        return Built(unpacked(path.read_bytes()))
    known = known_objects(custom_objects)
    refuse_harmful_keras(path, trusted, custom_objects, tuple(known))
    if reference.format == "litert":
        from compressor.models.litert.converter import saved_model_to_litert

        return Built(saved_model_to_litert(path), ("a SavedModel without a Keras model in it, converted to LiteRT",))
    return _keras_file(path, trusted, known if custom_objects else None)


def _keras_file(path: Path, trusted: bool, known: Mapping[str, Any] | None) -> Built:
    from compressor.models.files.keras_files import load_keras
    from compressor.models.keras3 import bridge, is_keras3

    if not is_keras3(path):
        return Built(load_keras(path, known, trusted))
    bridged = bridge(path, known or {})
    checked = "" if bridged.difference is None else f", outputs within {bridged.difference:.1e} of Keras 3's"
    return Built(bridged.model, (f"brought from Keras 3 to Keras 2{checked}", *bridged.notes))


def _application(reference: Reference) -> Built:
    """A model of `tf_keras.applications`, such as `keras_applications:MobileNetV2`."""
    import tf_keras

    name = reference.target.partition(":")[2]
    build = getattr(tf_keras.applications, name, None)
    if not callable(build):
        known = [found for found in dir(tf_keras.applications) if found[:1].isupper()]
        hint = did_you_mean(name, known).removeprefix("; ")
        raise ModelError(f"tf_keras.applications has no model '{name}'", hint)
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in reference.arguments.items()}
    given.setdefault("weights", None)
    with fenced(f"'{reference.target}'", ModelError):
        model = build(**given)
    fresh = given["weights"] is None
    return Built(model, ("its weights are random; train it, or give 'weights' under 'model.with'",) if fresh else ())
