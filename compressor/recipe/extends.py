"""`extends`: several recipes become one tree, before anything is validated."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from compressor.base.text import quoted
from compressor.recipe import shipped
from compressor.recipe.document import Node, mapping, read
from compressor.recipe.problems import Origin, Problem, RecipeError

MAX_EXTENDS = 16


def extended(tree: Node, path: Path | None, problems: list[Problem]) -> Node:
    """The tree laid over all that it extends.

    Args:
        tree: a recipe, as written.
        path: its file, if it has one.
        problems: takes those that leave a tree to go on with.

    Raises:
        RecipeError: a recipe it extends cannot be read, or `extends` goes in a circle.
    """
    return _extended(tree, () if path is None else (path.resolve(),), problems)


def merge(base: Node, over: Node) -> Node:
    """`over` laid upon `base`: mappings merge key by key; anything else, lists included, is replaced as a whole."""
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    entries = dict(base.value)
    for key, node in over.value.items():
        entries[key] = merge(entries[key], node) if key in entries else node
    return mapping(entries, like=over)


def step_ids(steps: Node) -> list[str]:
    """The id of each step in a `steps` list: as given, or its strategy's name, numbered when it repeats."""
    entries = steps.value if isinstance(steps.value, tuple) else ()
    given = [_text_at(step, "id") for step in entries]
    taken = {name for name in given if name}
    last: dict[str, int] = {}  # the number each name has got to, so that a long list takes no longer for it
    ids = []
    for index, (step, name) in enumerate(zip(entries, given, strict=True)):
        if not name:
            stem = _text_at(step, "uses") or f"step-{index + 1}"
            name, last[stem] = _free(stem, taken, last.get(stem, 0) + 1)
            taken.add(name)
        ids.append(name)
    return ids


def first_free(name: str, taken: Iterable[str]) -> str:
    """`name`, or `name-2`, `name-3` and so on, whichever is not in `taken` yet."""
    return _free(name, set(taken), 1)[0]


def _free(name: str, taken: set[str], number: int) -> tuple[str, int]:
    while (free := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    return free, number


def _text_at(node: Node, key: str) -> str | None:
    below = node.child(key)
    return below.value if below is not None and isinstance(below.value, str) else None


def _extended(tree: Node, chain: tuple[Path, ...], problems: list[Problem]) -> Node:
    link = tree.child("extends")
    if link is None or not isinstance(tree.value, dict):
        return tree
    own = mapping({key: node for key, node in tree.value.items() if key != "extends"}, like=tree)
    path = _linked(link, chain)
    base = read(path, problems, link.origin)
    if not isinstance(base.value, dict):
        message = "a recipe to extend is a mapping of keys to values; start it with 'version: 1'"
        raise _broken(message, base.origin)
    return merge(_extended(base, (*chain, path.resolve()), problems), own)


def _linked(link: Node, chain: tuple[Path, ...]) -> Path:
    if not isinstance(link.value, str) or not link.value:
        raise _broken("'extends' takes one recipe; write its path or its name", link.origin)
    path = shipped.find(link.value, start=link.origin.source.folder if link.origin else None)
    if path is None:
        message = f"no recipe {quoted(link.value)} to extend{shipped.hint(link.value)}"
        raise _broken(message, link.origin)
    path = path.resolve()
    if path in chain:
        circle = " -> ".join(step.name for step in (*chain, path))
        raise _broken(f"'extends' goes in a circle ({circle}); break it here", link.origin)
    if len(chain) >= MAX_EXTENDS:
        raise _broken(f"more than {MAX_EXTENDS} recipes extend one another; flatten them", link.origin)
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _broken(message: str, origin: Origin | None) -> RecipeError:
    return RecipeError([Problem(message, origin)])
