"""Does something again whenever one of the files that recipes are made of has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from compressor.base.errors import ExitCode
from compressor.base.standard_output import failure, say
from compressor.base.text import counted
from compressor.cli.recipe_files import find_recipes
from compressor.run.recipe_inputs import files_behind

_SECONDS: Final = 0.5  # between two looks

_Stamps: TypeAlias = dict[str, tuple[int, int] | None]


def repeat_on_change(act: Callable[[], int], arguments: Iterable[str]) -> int:
    """Act, and again after each change of the recipes and of what they are made of, until Ctrl-C.

    Args:
        act: what to do; what it returns is dropped.
        arguments: the recipes, as on the command line; files that are added to a folder are taken up.
    """
    try:
        while True:
            before = _stamps(arguments)
            act()
            say(f"watching {counted(len(before), 'file')}; Ctrl-C ends")
            while _stamps(arguments) == before:
                time.sleep(_SECONDS)
                if failure():  # nobody reads on
                    return ExitCode.DONE
            say("")
    except KeyboardInterrupt:
        return ExitCode.DONE


def _stamps(arguments: Iterable[str]) -> _Stamps:
    recipes = find_recipes(arguments).recipes
    return {path: _stamp(path) for recipe in recipes for path in files_behind(recipe)}


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
