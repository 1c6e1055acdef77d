"""Loads the models that a recipe names by a path or a function rather than by a registered name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compressor.base.errors import ModelError
from compressor.base.file_limits import content_of, refuse_special
from compressor.base.path_or_function import LITERT_SUFFIXES, Reference, is_there
from compressor.base.plugin_errors import fenced
from compressor.base.text import did_you_mean
from compressor.models.files.allowed_classes import CONVNEXT_CLASSES

_ONNX = "run `onnx2tf -i MODEL.onnx` (pip install onnx2tf), and give the .tflite or SavedModel it writes"
_PYTORCH = ("a PyTorch model", f"export it with torch.onnx.export, then {_ONNX}")
_FOREIGN = {".onnx": ("an ONNX model", _ONNX), ".pt": _PYTORCH, ".pth": _PYTORCH}


def refuse_foreign(path: Path) -> None:
    """Refuse a model file of another framework, by its suffix, and say how to convert it.

    Raises:
        ModelError: it is one.
    """
    if foreign := _FOREIGN.get(path.suffix.lower()):
        what, remedy = foreign
        raise ModelError(f"{path} is {what}, which is not read here", remedy)


@dataclass(frozen=True)
class Built:
    """A model from a file or a function, and notes for the report on how it was made."""

    model: Any
    notes: tuple[str, ...] = ()


def build_model(reference: Reference, trusted: bool = False, custom_objects: Sequence[str] = ()) -> Built:
    """The tf_keras model, or the bytes of the `.tflite` file, that a reference names.

    Args:
        reference: a path or a function.
        trusted: the user vouches for the file, so code in it may run.
        custom_objects: modules of the user's own Keras classes, as in a recipe.

    Raises:
        ModelError: there is none, or it cannot be read.
    """
    if reference.kind != "path":
        return _application(reference) if reference.is_application else Built(reference.call())
    path = Path(reference.target)
    if not is_there(path):
        raise ModelError(f"there is no model at {path}", "check the path; it starts at the recipe's folder")
    refuse_foreign(path)
    refuse_special(path)
    from compressor.models.files.custom_objects import known_objects
    from compressor.models.files.untrusted import refuse_harmful_keras, refuse_harmful_litert
    from compressor.models.packing.package import unpacked

    if path.suffix in LITERT_SUFFIXES:
        refuse_harmful_litert(path)
        return Built(unpacked(content_of(path)))
    known = known_objects(custom_objects)
    refuse_harmful_keras(path, trusted, custom_objects, known)
    if reference.format == "litert":
        from compressor.models.litert.conversion.saved_model_converter import saved_model_to_litert

        return Built(saved_model_to_litert(path), ("a SavedModel without a Keras model in it, converted to LiteRT",))
    return _keras_file(path, trusted, known if custom_objects else None)


def _keras_file(path: Path, trusted: bool, known: Mapping[str, Any] | None) -> Built:
    from compressor.models.declared_sizes import refuse_huge_outputs, weights_within
    from compressor.models.files.keras_files import load_keras
    from compressor.models.keras3 import bridge, is_keras3

    with weights_within(path):
        if not is_keras3(path):
            model = load_keras(path, known, trusted)
            refuse_huge_outputs(model, str(path))
            return Built(model, _taken_for_convnext(model, path, known or {}))
        bridged = bridge(path, known or {})
    checked = "" if bridged.difference is None else f", outputs within {bridged.difference:.1e} of Keras 3's"
    return Built(bridged.model, (f"brought from Keras 3 to Keras 2{checked}", *bridged.notes))


def _taken_for_convnext(model: Any, path: Path, known: Mapping[str, Any]) -> tuple[str, ...]:
    """A note if an HDF5 file, which holds no modules, names classes that are taken for those of Keras' ConvNeXt."""
    kinds = {type(layer).__name__ for layer in model._flatten_layers()} if path.suffix in (".h5", ".hdf5") else set()
    if not (taken := sorted(kinds & CONVNEXT_CLASSES - known.keys())):
        return ()
    return (f"{' and '.join(taken)} in it are taken for those of Keras' ConvNeXt; 'model.custom_objects' names others",)


def _application(reference: Reference) -> Built:
    """A model of `tf_keras.applications`, such as `keras_applications:MobileNetV2`."""
    import tf_keras

    name = reference.target.partition(":")[2]
    build = getattr(tf_keras.applications, name, None)
    if not callable(build):
        known = [model for model in dir(tf_keras.applications) if model[:1].isupper()]
        hint = did_you_mean(name, known).removeprefix("; ")
        raise ModelError(f"tf_keras.applications has no model '{name}'", hint)
    arguments = {key: tuple(value) if isinstance(value, list) else value for key, value in reference.arguments.items()}
    arguments.setdefault("weights", None)
    with fenced(f"'{reference.target}'", ModelError):
        model = build(**arguments)
    fresh = arguments["weights"] is None
    return Built(model, ("its weights are random; train it, or give 'weights' under 'model.with'",) if fresh else ())
