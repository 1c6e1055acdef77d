"""The files that a recipe is made of and reads, so that one can tell whether a change of files concerns it."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

from compressor.base.errors import CompressorError
from compressor.base.import_path import module_part, names_file
from compressor.base.path_or_function import path_in
from compressor.planning.source_text import reference
from compressor.planning.teachers import recipe_file, teacher_routes
from compressor.recipe import shipped
from compressor.recipe.document import read
from compressor.recipe.extends import MAX_EXTENDS
from compressor.recipe.function_files import code_names, with_absolute_files
from compressor.recipe.path_variables import expanded
from compressor.recipe.problems import Problem
from compressor.recipe.tree import Node, folder_of
from compressor.run.cache.code_digest import code_files

_MOST_RECIPES = 100  # that one recipe leads to, so that a circle ends


def files_behind(recipe: str) -> list[str]:
    """The absolute paths of a recipe, of those that it extends or that make its teachers, and of the files they name.

    These are plugin files, functions with what they import that is not installed, models and data; for a folder, the
    folder, and for a pattern such as `data/*.csv`, the pattern and the files that it stands for now. Files need not
    exist, and a recipe that cannot be read leads no further.
    """
    first = shipped.find(recipe)
    waiting = [first] if first else [Path(recipe)]
    files: dict[str, None] = {}
    read_so_far = 0
    while waiting and read_so_far < _MOST_RECIPES * MAX_EXTENDS:
        path = waiting.pop().absolute()
        if str(path) in files:
            continue
        files[str(path)] = None
        read_so_far += 1
        try:
            problems: list[Problem] = []
            tree = with_absolute_files(expanded(read(path, problems), problems))
        except CompressorError:
            continue
        waiting += _recipes(tree)
        files |= dict.fromkeys(map(str, _files(tree)))
    return list(files)


def _recipes(tree: Node) -> Iterator[Path]:
    link = tree.child("extends")
    if link is not None and isinstance(link.value, str) and (base := shipped.find(link.value, folder_of(link))):
        yield base
    for route in teacher_routes(tree):
        node = tree.find(route)
        if node is not None and isinstance(node.value, str) and (path := recipe_file(node.value, node)):
            yield path


def _files(tree: Node) -> Iterator[Path]:
    for section in ("model", "data"):
        node = tree.find((section, "source"))
        if node is not None and isinstance(node.value, str):
            source = reference(node.value, folder_of(node), {})
            if source is not None and source.kind == "path":
                yield Path(source.target)
                yield from map(Path, sorted(glob.glob(source.target)))  # noqa: PTH207 - it is absolute
    for text in code_names(tree):
        if names_file(text):
            yield Path(module_part(text))
        yield from code_files(module_part(text))
    plugins = tree.child("plugins")
    for node in plugins.value if plugins and isinstance(plugins.value, tuple) else ():
        if isinstance(node.value, str):
            path = path_in(folder_of(node), node.value)
            yield path
            yield from code_files(str(path))
