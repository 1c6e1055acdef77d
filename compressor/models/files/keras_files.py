"""Saves and loads tf_keras models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compressor.base.atomic_files import write_named
from compressor.base.errors import ModelError
from compressor.base.text import shortened
from compressor.contracts.frozen_layers import freeze_parts, freeze_within, parts_thawed
from compressor.models.files.allowed_classes import CONVNEXT_CLASSES
from compressor.models.files.older_files import readable
from compressor.models.files.unknown_names import unknown_name
from compressor.models.library_errors import LOADING_ERRORS

_UNKNOWN = re.compile(
    r"Unknown [\w ]+: '([\w>.]+)'\. Please ensure|Cannot deserialize object of type `([\w>.]+)`"
    r"|Could not locate (?:class|function) '([\w>.]+)'"
)
_FROZEN_PARTS = "compressor_frozen_parts"  # an attribute of HDF5 files, for what Keras does not write down


def save_keras(model: Any, path: Path) -> None:
    """Save a tf_keras model as HDF5, without its optimizer.

    HDF5 because a quantization-aware model saved as `.keras` cannot be loaded again
    (tensorflow/model-optimization, pull request 1123). What is frozen stays so when `load_keras` reads the file.

    It is made in memory first: where a disk is full, HDF5 fails in many ways, and may take the process down.

    Raises:
        OSError: the file cannot be written.
    """
    import h5py

    freeze_within(model)
    with h5py.File(path.name, "w", driver="core", backing_store=False) as file:
        with _distinct_names(model), parts_thawed(model) as places:
            model.save(file, save_format="h5", include_optimizer=False)
        if places:
            file.attrs[_FROZEN_PARTS] = places
        file.flush()
        content = file.id.get_file_image()
    write_named(path, content)


@contextmanager
def _distinct_names(model: Any) -> Iterator[None]:
    """Number the weights of each layer that has several of one name, as sub-layers made in its `build` give it.

    HDF5 holds a layer's weights by name, and Keras reads them by position, so the numbers need not last.
    """
    renamed: list[tuple[Any, str]] = []
    try:
        for layer in model.layers:
            weights = list(layer.weights)
            if len({weight.name for weight in weights}) < len(weights):
                for index, weight in enumerate(weights):
                    renamed.append((weight, weight.name))
                    weight._handle_name = f"{index}/{weight.name}"
        yield
    finally:
        for weight, name in reversed(renamed):
            weight._handle_name = name


def load_keras(path: Path, custom_objects: Mapping[str, Any] | None = None, trusted: bool = False) -> Any:
    """Load a tf_keras model, uncompiled.

    A file from elsewhere goes through `untrusted.refuse_harmful_keras` first: Keras has a safe mode for `.keras` files,
    but none for HDF5.

    Args:
        path: a `.keras` or HDF5 file, or a SavedModel's folder.
        custom_objects: classes and functions by name; None where the user has named no modules of their own.
        trusted: code in the file, such as Lambda layers, may run.

    Raises:
        ModelError: the file is not one of Keras 2, or needs classes that are not known.
    """
    import tensorflow as tf
    import tf_keras
    from tf_keras.src.applications import convnext

    try:
        known = {name: getattr(convnext, name) for name in CONVNEXT_CLASSES} | dict(custom_objects or {})
        with readable(path) as file:
            model = tf_keras.models.load_model(file, custom_objects=known, compile=False, safe_mode=not trusted)
    except (*LOADING_ERRORS, tf.errors.OpError) as error:
        raise _unreadable(path, error, custom_objects) from error
    if not isinstance(model, tf_keras.Model):  # Keras makes of a configuration whatever that describes
        what = f"{path} holds no model, but what Keras loads as {type(model).__name__}"
        raise ModelError(what, "save the whole model, with model.save")
    freeze_parts(model, _frozen_parts(path, model))
    freeze_within(model)
    return model


def _frozen_parts(path: Path, model: Any) -> Sequence[int]:
    """What `save_keras` noted in an HDF5 file of the model.

    Raises:
        ModelError: it is no list of places among the layers within the model.
    """
    import h5py
    import numpy as np

    if not (path.is_file() and h5py.is_hdf5(path)):
        return ()
    with h5py.File(path, "r") as file:
        noted = np.asarray(file.attrs.get(_FROZEN_PARTS, np.zeros(0, int)))
    layers = sum(1 for _ in model._flatten_layers(include_self=False))
    if noted.ndim != 1 or noted.dtype.kind not in "iu" or not ((noted >= 0) & (noted < layers)).all():
        what = f"the attribute '{_FROZEN_PARTS}' of {path} lists no layers of the model"
        raise ModelError(what, "make the file again, or remove the attribute with h5py")
    return [int(place) for place in noted]


def _unreadable(path: Path, error: Exception, known: Mapping[str, Any] | None) -> ModelError:
    """The error for a file that tf_keras cannot load, by what tf_keras says."""
    text = " ".join(str(error).split())
    if text.startswith("No model config found"):
        remedy = "save the whole model, with model.save and not model.save_weights"
        return ModelError(f"{path} holds no model, or its weights alone", remedy)
    if unknown := _UNKNOWN.search(text):
        name = next(filter(None, unknown.groups()))
        return unknown_name(path, name, known)
    what = f"{path} cannot be loaded as a Keras 2 model ({shortened(text, 200)})"
    return ModelError(what, "save it again with tf_keras, as .keras or .h5")
