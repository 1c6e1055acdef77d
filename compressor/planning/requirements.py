"""`requires`: the distributions, and which versions of them, that a recipe needs."""

from __future__ import annotations

import importlib.metadata
import re

from compressor.recipe.problems import Problem
from compressor.recipe.sections import Recipe


def unmet_requirements(recipe: Recipe) -> list[Problem]:
    """A problem for every entry of `requires` that is malformed, or that the installed distributions do not meet."""
    problems = []
    for name, versions in recipe.requires.items():
        if message := _unmet(name, versions):
            node = recipe.tree.find(("requires", name))
            problems.append(Problem(message, node.origin if node else None))
    return problems


def normalized(name: str) -> str:
    """A distribution's name in the form in which all its spellings are equal."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _unmet(name: str, versions: str) -> str | None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        allowed = SpecifierSet(versions, prereleases=True)
    except InvalidSpecifier:
        return f"'{versions}' is no range of versions; write one such as '>=1.2' or '>=1.2,<2'"
    installed = _version(name)
    command = f"pip install '{name}{allowed}'"
    if installed is None:
        return f"the recipe requires {name} {versions}".rstrip() + f", which is not installed; {command}"
    if not allowed.contains(installed):
        return f"the recipe requires {name} {versions}, and {installed} is installed; {command}"
    return None


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
