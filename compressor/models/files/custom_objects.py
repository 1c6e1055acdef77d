"""Imports the user's own Keras classes and functions, which a recipe names under `model.custom_objects`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from compressor.base.errors import ModelError
from compressor.base.import_path import module_at, module_part, names_file
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
        name = _name_in(text)
        with fenced(f"'{text}' of model.custom_objects", ModelError):
            module = module_at(module_part(text))
            objects |= {name: _member(module, name)} if name else _own(module)
    return objects


def names_in_files(objects: Mapping[str, Any], names: Sequence[str] = ()) -> tuple[str, ...]:
    """All names by which a file may name the user's objects: their own, and those that their modules registered.

    Of a module that the user names only as `package.module:Name`, no other class that it registered is among them.

    Args:
        objects: as from `known_objects`, whose modules are imported.
        names: what `known_objects` was given for them; of other objects, all that is registered counts.
    """
    keras = sys.modules.get("tf_keras")
    registered = keras.saving.get_custom_objects() if keras is not None and objects else {}
    whole = [module_at(text).__name__ for text in names if not _name_in(text)]
    parts = [module_at(module_part(text)).__name__ for text in names if _name_in(text)]

    def is_brought(value: Any) -> bool:
        module = getattr(value, "__module__", "")
        if _is_of_keras(module):
            return False
        if any(value is known for known in objects.values()) or any(_is_within(module, it) for it in whole):
            return True
        return not parts or (bool(whole) and not any(_is_within(module, it) for it in parts))

    return tuple(dict.fromkeys((*objects, *(name for name, value in registered.items() if is_brought(value)))))


def importable_names(names: Sequence[str]) -> set[str]:
    """The names, as `module.Name`, that a model file may have Keras import from the user's modules.

    Of a whole module, that is what it defines; a file beside the recipe is no module that Keras could import.

    Args:
        names: as for `known_objects`, which has imported them.
    """
    found = set()
    for text in names:
        if names_file(text):
            continue
        name, module = _name_in(text), module_at(module_part(text))
        defined = (key for key, value in vars(module).items() if _is_defined_in(module, value))
        found |= {f"{module.__name__}.{key}" for key in ([name] if name else defined)}
    return found


def _name_in(text: str) -> str:
    """The name after the colon; empty if there is none."""
    return text.removeprefix(module_part(text)).removeprefix(":")


def _is_within(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


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
        if not name.startswith("_") and _is_defined_in(module, value)
    }


def _is_defined_in(module: ModuleType, value: Any) -> bool:
    return (inspect.isclass(value) or inspect.isfunction(value)) and _is_within(value.__module__, module.__name__)
