"""Imports functions that a recipe names as `package.module:function`, such as the user's own losses and metrics."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any

from compressor.base.errors import CompressorError
from compressor.base.plugin_errors import fenced

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def names_function(text: str) -> bool:
    """Whether the text has the form `package.module:function`."""
    return _NAME.fullmatch(text) is not None


def function_at(target: str) -> Callable[..., Any]:
    """Import the function that `package.module:function` names, which runs its author's code.

    Raises:
        CompressorError: the module or the function does not exist, or importing the module fails.
    """
    module_name, _, function_name = target.partition(":")
    with fenced(f"'{target}'", CompressorError):
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            remedy = "install it, put its folder on PYTHONPATH, or fix the name"
            raise CompressorError(f"it cannot be imported ({error})", remedy) from error
        imported = getattr(module, function_name, None)
        if not callable(imported):
            raise CompressorError(f"it has no function '{function_name}'", "fix the name after the colon")
    function: Callable[..., Any] = imported
    return function
