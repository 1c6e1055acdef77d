"""Imports the user's own Keras classes and functions, which a recipe names under `model.custom_objects`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from compressor.base.errors import ModelError
from compressor.base.import_path import module_at, module_part
from compressor.base.plugin_errors import fenced


def known_objects(names: Sequence[str]) -> Mapping[str, Any]:
    """The classes and functions that a model's file may name, by their names there.

    Args:
        names: `package.module:Name`, or modules or files, of which all public classes and functions of their own are
            taken. Importing them runs their code.

    Raises:
        ModelError: a module cannot be imported, or has nothing of that name.
    """
    objects: dict[str, Any] = {}
    for text in names:
        name = text.removeprefix(module_part(text)).removeprefix(":")
        with fenced(f"'{text}' of model.custom_objects", ModelError):
            module = module_at(module_part(text))
            objects |= {name: _member(module, name)} if name else _own(module)
    return objects


def names_in_files(objects: Mapping[str, Any]) -> tuple[str, ...]:
    """All names by which a file may name the user's objects: their own, and those that their modules registered.

    Args:
        objects: as from `known_objects`, whose modules are imported.
    """
    keras = sys.modules.get("tf_keras")
    registered = keras.saving.get_custom_objects() if keras is not None and objects else {}
    brought = (name for name, value in registered.items() if not _is_of_keras(getattr(value, "__module__", "")))
    return tuple(dict.fromkeys((*objects, *brought)))


def _is_of_keras(module: str) -> bool:
    return module.partition(".")[0] in ("keras", "tf_keras", "tensorflow_model_optimization")


def _member(module: ModuleType, name: str) -> Any:
    if not hasattr(module, name):
        raise ModelError(f"it has no '{name}'", "mend the name after the colon")
    return getattr(module, name)


def _own(module: ModuleType) -> dict[str, Any]:
    """The public classes and functions that are defined in a module, or in a package and the modules in it."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and f"{value.__module__}.".startswith(f"{module.__name__}.")
    }
