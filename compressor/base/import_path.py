"""Imports functions that a recipe names as `package.module:function` or `./file.py:function`, such as own losses."""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from compressor.base.errors import CompressorError
from compressor.base.file_limits import content_of
from compressor.base.plugin_errors import fenced

_IDENTIFIER = r"[A-Za-z_]\w*"
_IN_MODULE = re.compile(rf"{_IDENTIFIER}(\.{_IDENTIFIER})*:{_IDENTIFIER}")
_IN_FILE = re.compile(rf"(?P<file>[^\n]*[/\\][^\n]*\.py)(:(?P<name>{_IDENTIFIER}))?")


def names_function(text: str) -> bool:
    """Whether the text has the form `package.module:function` or `./file.py:function`."""
    in_file = _IN_FILE.fullmatch(text)
    return _IN_MODULE.fullmatch(text) is not None or (in_file is not None and in_file["name"] is not None)


def names_file(text: str) -> bool:
    """Whether the text is a Python file, or a function in one, as `./file.py:function`; it needs a slash for that."""
    return _IN_FILE.fullmatch(text) is not None


def in_folder(text: str, folder: Path) -> str:
    """The text with an absolute path where it names a file, which starts at the folder."""
    match = _IN_FILE.fullmatch(text)
    if match is None:
        return text
    path = os.path.normpath(folder / os.path.expanduser(match["file"]))  # noqa: PTH111 - unlike Path's, it never raises
    return f"{path}:{match['name']}" if match["name"] else path


def module_part(text: str) -> str:
    """The module, or the path of the file, in `package.module:function`, `./file.py:function` or one without `:`."""
    match = _IN_FILE.fullmatch(text)
    return match["file"] if match else text.partition(":")[0]


def without_folder(text: str) -> str:
    """The text with the file's name alone in place of its path."""
    return text.replace(module_part(text), Path(module_part(text)).name) if names_file(text) else text


def function_at(target: str) -> Callable[..., Any]:
    """Import the function that a recipe names, which runs its author's code.

    Raises:
        CompressorError: the module or the function does not exist, or importing the module fails.
    """
    function_name = target.rpartition(":")[2]
    with fenced(f"'{target}'", CompressorError):
        imported = getattr(module_at(module_part(target)), function_name, None)
        if not callable(imported):
            raise CompressorError(f"it has no function '{function_name}'", "fix the name after the colon")
    function: Callable[..., Any] = imported
    return function


def module_at(name: str) -> ModuleType:
    """Import a module by its name, or by the absolute path of its file.

    Raises:
        CompressorError: it cannot be imported.
    """
    try:
        if not names_file(name):
            return importlib.import_module(name)
        path = Path(name)
        return module_of(content_of(path), path)
    except ImportError as error:
        remedy = "install it, put its folder on PYTHONPATH, or fix the name"
        if name.endswith(".py"):
            remedy = f"write './{name}' for a file beside the recipe" if not names_file(name) else remedy
        raise CompressorError(f"it cannot be imported ({error})", remedy) from error
    except OSError as error:
        what = f"it cannot be read ({error.strerror})"
        raise CompressorError(what, "check the path; it starts at the recipe's folder") from error


def module_of(code: bytes, path: Path) -> ModuleType:
    """Make a module of a file's bytes, and never of a stale bytecode cache. The same bytes are run only once."""
    name = local_module(code, path)
    if name not in sys.modules:
        module = ModuleType(name)
        module.__file__ = str(path)
        sys.modules[name] = module  # so that the classes in it can be pickled
        try:
            exec(compile(code, path, "exec"), module.__dict__)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def local_module(code: bytes, path: Path) -> str:
    """The name of the module that `module_of` makes."""
    return f"compressor_local_{hashlib.sha256(str(path.resolve()).encode() + code).hexdigest()[:16]}"
