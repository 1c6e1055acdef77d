"""Functions that a recipe names as `package.module:function`: a loss or a metric of the user's own."""

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
    """The function that `package.module:function` names. Importing it runs its author's code.

    Raises:
        CompressorError: the module or the function is not there, or the module fails.
    """
    module_name, _, function_name = target.partition(":")
    with fenced(f"'{target}'", CompressorError):
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            remedy = "install it, put its folder on PYTHONPATH, or mend the name"
            raise CompressorError(f"it cannot be imported ({error})", remedy) from error
        function = getattr(module, function_name, None)
        if not callable(function):
            raise CompressorError(f"it has no function '{function_name}'", "mend the name after the colon")
    found: Callable[..., Any] = function
    return found
