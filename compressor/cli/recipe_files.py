"""Which recipes the arguments of a command mean: files, folders, patterns, names of those that ship, and `-`."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from compressor.recipe import shipped
from compressor.recipe.document import RecipeText
from compressor.recipe.files import MAX_BYTES, decoded
from compressor.recipe.problems import Problem, RecipeError

STANDARD_INPUT = "-"
_SUFFIXES = (".yaml", ".yml")
_OWN_KEY = re.compile(rb"""^(?:model|steps|extends)["']?[ \t]*:""", re.MULTILINE)
_RUN_FILES = {"recipe.yaml", "lock.yaml"}  # of a run's folder, beside a report.json


@dataclass(frozen=True)
class Found:
    """The recipes that the arguments mean, files in folders that are no recipes, and arguments that mean nothing."""

    recipes: tuple[str, ...]
    others: tuple[str, ...]
    problems: tuple[tuple[str, Problem], ...]


def find_recipes(arguments: Iterable[str]) -> Found:
    """Find the recipes; each is named once, in the order of the arguments, and those of a folder by name."""
    recipes: dict[str, None] = {}
    others: dict[str, None] = {}
    problems = []
    for argument in arguments:
        names = _named(argument)
        found = 0
        for name in names:
            if _is_folder(name):
                inside = sorted(_yaml_files(name))
                own = [path for path in inside if _looks_like_recipe(path)]
                recipes |= dict.fromkeys(own)
                others |= dict.fromkeys(path for path in inside if path not in own)
                found += len(own)
            else:
                recipes[name] = None
                found += 1
        if not found:
            what = "no recipe in this folder" if names else "no file matches this pattern"
            problems.append((argument, Problem(f"{argument}: {what}; name a recipe, or a folder that holds some")))
    return Found(tuple(recipes), tuple(other for other in others if other not in recipes), tuple(problems))


def read_standard_input() -> RecipeText:
    """The recipe on standard input.

    Raises:
        RecipeError: it is no text that a recipe can be.
    """
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise RecipeError([Problem("standard input is closed; pipe a recipe in, or name its file")])
    return RecipeText("<stdin>", decoded(stream.read(MAX_BYTES + 1), "<stdin>"))


def _named(argument: str) -> list[str]:
    """The argument, or what it matches if it is a pattern."""
    if argument == STANDARD_INPUT or not glob.has_magic(argument) or os.path.lexists(argument):
        return [argument]
    return sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 - as the shell would name them


def _is_folder(name: str) -> bool:
    return name != STANDARD_INPUT and os.path.isdir(name) and name not in shipped.names()  # noqa: PTH112 - never raises


def _yaml_files(folder: str) -> Iterator[str]:
    """The YAML files in a folder and those below it, without hidden ones and the copies in folders of runs."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        copies = _RUN_FILES if "report.json" in files else set()
        for name in files:
            path = os.path.normpath(os.path.join(place, name))  # noqa: PTH118
            if name.endswith(_SUFFIXES) and not name.startswith(".") and name not in copies and os.path.isfile(path):  # noqa: PTH113
                yield path


def _looks_like_recipe(path: str) -> bool:
    try:
        with Path(path).open("rb") as stream:
            return _OWN_KEY.search(stream.read(MAX_BYTES)) is not None
    except OSError:
        return True  # checking it will say what is wrong
