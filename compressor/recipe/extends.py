"""`extends`: merges a recipe with the recipes that it extends, before anything is validated."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from compressor.base.path_or_function import real_path
from compressor.base.text import quoted
from compressor.recipe import shipped
from compressor.recipe.document import Node, mapping, read
from compressor.recipe.path_variables import expanded_text
from compressor.recipe.problems import Origin, Problem, RecipeError

MAX_EXTENDS = 16


def extended(tree: Node, path: Path | None, problems: list[Problem]) -> Node:
    """Merge a recipe over all recipes that it extends.

    Args:
        tree: the recipe as written.
        path: its file, if it has one.
        problems: collects the problems after which reading can go on.

    Raises:
        RecipeError: a recipe that it extends cannot be read, or the recipes extend one another in a circle.
    """
    return _extended(tree, () if path is None else (real_path(path),), problems)


def merge(base: Node, over: Node) -> Node:
    """Merge `over` into `base`: mappings merge key by key; any other value, lists included, is replaced as a whole."""
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    entries = dict(base.value)
    for key, node in over.value.items():
        entries[key] = merge(entries[key], node) if key in entries else node
    return mapping(entries, like=over)


def step_ids(steps: Node) -> list[str]:
    """The id of each step in a `steps` list: as written, or the strategy's name, with a number if it repeats."""
    entries = steps.value if isinstance(steps.value, tuple) else ()
    written_ids = [_text_at(step, "id") for step in entries]
    taken = {id_ for id_ in written_ids if id_}
    last_number: dict[str, int] = {}  # by name, so that the search for a free one stays fast in a long list
    ids = []
    for index, (step, id_) in enumerate(zip(entries, written_ids, strict=True)):
        if not id_:
            name = (_text_at(step, "uses") or "").rpartition(":")[2] or f"step-{index + 1}"
            id_, last_number[name] = _first_free_from(last_number.get(name, 0) + 1, name, taken)
            taken.add(id_)
        ids.append(id_)
    return ids


def first_free(name: str, taken: Iterable[str]) -> str:
    """The first of `name`, `name-2`, `name-3` and so on that is not in `taken`."""
    return _first_free_from(1, name, set(taken))[0]


def _first_free_from(number: int, name: str, taken: set[str]) -> tuple[str, int]:
    while (free := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    return free, number


def _text_at(node: Node, key: str) -> str | None:
    child = node.child(key)
    return child.value if child is not None and isinstance(child.value, str) else None


def _extended(tree: Node, chain: tuple[Path, ...], problems: list[Problem]) -> Node:
    link = tree.child("extends")
    if link is None or not isinstance(tree.value, dict):
        return tree
    own = mapping({key: node for key, node in tree.value.items() if key != "extends"}, like=tree)
    path = _base_path(link, chain)
    base = read(path, problems, link.origin)
    if not isinstance(base.value, dict):
        message = "an extended recipe must be a mapping of keys to values; start it with 'version: 1'"
        raise _recipe_error(message, base.origin)
    return merge(_extended(base, (*chain, real_path(path)), problems), own)


def _base_path(link: Node, chain: tuple[Path, ...]) -> Path:
    if not isinstance(link.value, str) or not link.value:
        raise _recipe_error("'extends' takes one recipe; write its path or its name", link.origin)
    path = shipped.find(expanded_text(link), start=link.origin.source.folder if link.origin else None)
    if path is None:
        message = f"there is no recipe {quoted(link.value)} to extend{shipped.hint(link.value)}"
        raise _recipe_error(message, link.origin)
    path = real_path(path)
    if path in chain:
        circle = " -> ".join(recipe.name for recipe in (*chain, path))
        raise _recipe_error(f"'extends' goes in a circle ({circle}); break it here", link.origin)
    if len(chain) >= MAX_EXTENDS:
        raise _recipe_error(f"more than {MAX_EXTENDS} recipes extend one another; flatten them", link.origin)
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _recipe_error(message: str, origin: Origin | None) -> RecipeError:
    return RecipeError([Problem(message, origin)])
