"""The user's own Keras classes and functions, from the modules that a recipe's `model.custom_objects` names."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from compressor.base.errors import ModelError
from compressor.base.plugin_errors import fenced


def known_objects(names: Sequence[str]) -> Mapping[str, Any]:
    """What Keras may find in a model's file, by class or function name.

    Args:
        names: modules, whose own public classes and functions are all taken, or `package.module:Name`. Importing them
            runs their code.

    Raises:
        ModelError: a module cannot be imported, or lacks the name.
    """
    found: dict[str, Any] = {}
    for text in names:
        module_name, _, name = text.partition(":")
        with fenced(f"'{text}' of model.custom_objects", ModelError):
            module = _imported(module_name)
            found |= {name: _member(module, name)} if name else _own(module)
    return found


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        remedy = "install it, put its folder on PYTHONPATH, or mend the name"
        raise ModelError(f"it cannot be imported ({error})", remedy) from error


def _member(module: ModuleType, name: str) -> Any:
    if not hasattr(module, name):
        raise ModelError(f"it has no '{name}'", "mend the name after the colon")
    return getattr(module, name)


def _own(module: ModuleType) -> dict[str, Any]:
    """The public classes and functions that a module, or a package with what is in it, defines itself."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and f"{value.__module__}.".startswith(f"{module.__name__}.")
    }
