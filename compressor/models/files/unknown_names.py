"""The error for a Keras file that names a class or a function that is not known."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection
from pathlib import Path

from compressor.base.errors import ModelError

_SHOWN = 8  # names in a message


class UnknownNameError(ModelError):
    """A Keras file that names a class or a function that is not known; `name` is that name."""

    def __init__(self, what: str, remedy: str, name: str) -> None:
        super().__init__(what, remedy)
        self.name = name


def unknown_name(path: Path, name: str, known: Collection[str] | None) -> ModelError:
    """The error for an unknown name.

    Args:
        path: of the file.
        name: as the file gives it.
        known: names of the user's own classes and functions; None where the user has named no modules of their own.
    """
    if _is_subclassed(path, name):
        what = f"{path} holds a model of the class '{name}', a subclass of Model, and not how it computes"
        remedy = "build it with the functional API, or export it as .tflite, which post-training steps take"
        return ModelError(what, remedy)
    return UnknownNameError(*_missing(path, name, known), name)


def _is_subclassed(path: Path, name: str) -> bool:
    """Whether a `.keras` file holds a model of this class, without the layers that a functional model has."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        model = json.loads(archive.read("config.json"))
    return model["class_name"] == name and "layers" not in model["config"]


def _missing(path: Path, name: str, known: Collection[str] | None) -> tuple[str, str]:
    """The error for a file that names an unknown class or function: what is wrong, and what to do."""
    what = f"{path} holds '{name}', which Keras does not know"
    if known is None:
        return what, "name the module of your own classes under 'model.custom_objects', or save it again with tf_keras"
    brought = sorted(known) or ["none"]
    more = ", ..." if len(brought) > _SHOWN else ""
    shown = f"{', '.join(brought[:_SHOWN])}{more}"
    remedy = f"the classes and functions of 'model.custom_objects' are {shown}: name the module that has it"
    return what, f"{remedy}, and registers it under that name" if ">" in name else remedy
