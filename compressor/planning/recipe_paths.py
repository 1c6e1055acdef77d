"""Rewrites the paths in a recipe, so that it no longer depends on the folder that it was read from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from compressor.base.import_path import module_part
from compressor.base.path_or_function import path_in
from compressor.data.kinds import kind_of
from compressor.devices.profile_files import is_file_name
from compressor.planning.source_text import reference
from compressor.planning.teachers import recipe_file, teacher_routes
from compressor.recipe import shipped
from compressor.recipe.function_files import function_files
from compressor.recipe.sections import Recipe
from compressor.recipe.tree import Route, folder_of


def absolute(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain data with absolute paths, so that a copy of it elsewhere leads to the same files."""
    return _with_paths(recipe, str)


def portable(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain data with file names for paths, so that it can be compared with one from another machine."""
    return _with_paths(recipe, lambda path: path.name)


def paths_of(recipe: Recipe) -> list[Path]:
    """The absolute paths of all files and folders that the recipe names, each once."""
    found: list[Path] = []

    def keep(path: Path) -> str:
        found.append(path)
        return str(path)

    _with_paths(recipe, keep)
    return list(dict.fromkeys(found))


def recipes_of_teachers(recipe: Recipe) -> list[Path]:
    """The absolute paths of the recipes that make its teachers, without those that ship."""
    found = []
    for route in teacher_routes(recipe.tree):
        node = recipe.tree.find(route)
        source = str(node.plain()) if node else ""
        path = recipe_file(source, node)
        if path is not None and source.removeprefix("recipe:") not in shipped.names():
            found.append(path)
    return found


def _with_paths(recipe: Recipe, rewrite: Callable[[Path], str]) -> dict[str, Any]:
    plain: dict[str, Any] = recipe.tree.plain()
    for section in ("model", "data"):
        node = recipe.tree.find((section, "source"))
        origin = reference(str(plain[section]["source"]), folder_of(node), {})
        if origin and origin.kind == "path":
            plain[section]["source"] = rewrite(Path(origin.target))
        kind = kind_of(origin) if origin and section == "data" else None
        for name in kind.path_options if kind else ():
            if isinstance(path := plain[section].get("with", {}).get(name), str):
                plain[section]["with"][name] = rewrite(Path.cwd() / Path(path).expanduser())
    for route in teacher_routes(recipe.tree):
        node = recipe.tree.find(route)
        source = str(node.plain()) if node else ""
        model = reference(source, folder_of(node), {})
        path = recipe_file(source, node) or (Path(model.target) if model and model.kind == "path" else None)
        if path is not None and source.removeprefix("recipe:") not in shipped.names():
            _put(plain, route, rewrite(path))
    for route, node in function_files(recipe.tree):
        path = Path(module_part(str(node.value)))
        _put(plain, route, str(node.value).replace(str(path), rewrite(path)))
    target = recipe.tree.find(("target",))
    if target is not None and isinstance(target.value, str) and is_file_name(target.value):
        plain["target"] = rewrite(path_in(folder_of(target), target.value))
    for index, name in enumerate(plain.get("plugins", ())):
        node = recipe.tree.find(("plugins", index))
        plain["plugins"][index] = rewrite(path_in(folder_of(node), name))
    return plain


def _put(plain: Any, route: Route, value: str) -> None:
    for part in route[:-1]:
        plain = plain[part]
    plain[route[-1]] = value
