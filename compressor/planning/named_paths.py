"""The files and folders that a recipe names as its model and its data, and whether they are there."""

from __future__ import annotations

import glob
from pathlib import Path

from compressor.base.import_path import module_part
from compressor.base.path_or_function import is_there
from compressor.planning.source_text import reference
from compressor.recipe.function_files import function_files
from compressor.recipe.problems import Problem, Severity
from compressor.recipe.sections import Recipe
from compressor.recipe.tree import folder_of


def missing_sources(recipe: Recipe, severity: Severity) -> list[Problem]:
    """A problem for the model and for the data, if it is a file or folder that is not there."""
    problems = []
    for section in ("model", "data"):
        node = recipe.tree.find((section, "source"))
        text = getattr(recipe, section).source
        source = reference(text, folder_of(node), {})
        if source is None or source.kind != "path" or is_there(Path(source.target)):
            continue
        if section == "data" and matches_any(source.target):
            continue
        if "${" in text:  # a variable that is not set, which has been reported
            continue
        message = (
            f"there is no file or folder '{text}' for the {section}; check the path, which leads to {source.target}"
        )
        problems.append(Problem(message, node.origin if node else None, severity))
    return problems


def missing_code(recipe: Recipe) -> list[Problem]:
    """A problem for each Python file that the recipe names for a function or a class and that is not there."""
    files = [(module_part(str(node.value)), node) for _, node in function_files(recipe.tree)]
    return [
        Problem(f"there is no file '{path}'; check the path", node.origin)
        for path, node in files
        if not is_there(Path(path))
    ]


def matches_any(pattern: str) -> bool:
    """Whether the text is a pattern of files that some files match."""
    return glob.has_magic(pattern) and next(glob.iglob(pattern), None) is not None  # noqa: PTH207 - it is absolute
