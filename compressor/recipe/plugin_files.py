"""Adds plugin files to a recipe, as `--plugin` does, as if it had named them itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compressor.base.path_or_function import path_in, real_path
from compressor.recipe.load import validated
from compressor.recipe.sections import Recipe
from compressor.recipe.tree import Node, folder_of, mapping, sequence


def with_plugin_files(recipe: Recipe, paths: Sequence[str | Path]) -> Recipe:
    """The recipe with further plugin files; those that it names already are not named twice.

    Raises:
        RecipeError: there are too many.
    """
    tree = recipe.tree
    known = tree.find(("plugins",))
    entries = known.value if known is not None and isinstance(known.value, tuple) else ()
    named = {real_path(path_in(folder_of(node), str(node.value))) for node in entries}
    added = [path for path in dict.fromkeys(real_path(Path(path)) for path in paths) if path not in named]
    if not added or not isinstance(tree.value, dict):
        return recipe
    plugins = sequence((*entries, *(Node(str(path)) for path in added)), known)
    return validated(mapping({**tree.value, "plugins": plugins}, like=tree), recipe.name)
