"""`load`: from a recipe file to a valid `Recipe`."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from compressor.base.text import printable, quoted
from compressor.recipe import shipped
from compressor.recipe.document import Node, Route, from_data, mapping, read, sequence
from compressor.recipe.extends import extended
from compressor.recipe.overrides import overridden
from compressor.recipe.problems import Problem, RecipeError
from compressor.recipe.pydantic_messages import problems_of
from compressor.recipe.sections import Recipe

# Control characters but tab and line feed, halves of surrogate pairs, and those that turn the direction of text: a
# terminal that shows them obeys them.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


class InvalidRecipeError(RecipeError):
    """A recipe with problems, and what is left of it without them, so that later checks can still be made."""

    def __init__(self, problems: Iterable[Problem], salvaged: Recipe | None) -> None:
        super().__init__(problems)
        self.salvaged = salvaged

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems, self.salvaged)


def load(source: str | Path | Mapping[str, Any], overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe, with all it extends, and check it against the language.

    Args:
        source: a recipe file's path, a shipped recipe's bare name, or the recipe as plain data.
        overrides: `path=value` texts, as for `--set`.

    Raises:
        RecipeError: anything at all is wrong with it; carries every problem at once.
    """
    problems: list[Problem] = []
    path = None if isinstance(source, Mapping) else _found(str(source))
    try:
        tree = from_data(source) if path is None else read(path, problems)
        tree = extended(tree, path, problems)
    except RecipeError as error:
        raise RecipeError((*problems, *error.problems)) from None
    for override in overrides:
        try:
            tree = overridden(tree, override)
        except RecipeError as error:
            problems += error.problems
    return validated(tree, default_name=path.stem if path else "recipe", problems=problems)


def with_overrides(recipe: Recipe, overrides: Iterable[str]) -> Recipe:
    """A recipe with some of its values replaced.

    Raises:
        RecipeError: an override is wrong, or makes the recipe so.
    """
    tree = recipe.tree
    for override in overrides:
        tree = overridden(tree, override)
    return recipe if tree is recipe.tree else validated(tree, recipe.name)


def validated(tree: Node, default_name: str, problems: Iterable[Problem] = ()) -> Recipe:
    """The recipe that `tree` spells.

    Args:
        tree: a recipe, composed.
        default_name: what to call it if it does not say.
        problems: those found already.

    Raises:
        RecipeError: the tree is not a mapping at all.
        InvalidRecipeError: with every problem, and the recipe without the values that have one.
    """
    if not isinstance(tree.value, dict):
        what = "is empty" if tree.value is None else "is not a mapping of keys to values"
        raise RecipeError((*problems, Problem(f"the recipe {what}; start it with 'version: 1'", tree.origin)))
    found = list(problems)
    tree = _with_default_name(_without_tricks(tree, found), default_name)
    try:
        recipe = _recipe(tree)
    except ValidationError as error:
        wrong = problems_of(error, Recipe, tree)
        found += [problem for _, problem in wrong]
        raise InvalidRecipeError(found, _salvaged(tree, [route for route, _ in wrong])) from None
    if found:
        raise InvalidRecipeError(found, recipe)
    return recipe


def validate_as_json(model: type[Any], tree: Node) -> Any:
    """`model` made of the tree's values under JSON's rules: lists may be tuples, text is never a number.

    A field goes by its alias only: `with_`, which is Python's way around a keyword, is an unknown key like any other.
    """
    return model.model_validate_json(json.dumps(tree.plain()), by_alias=True, by_name=False)


def _found(name: str) -> Path:
    path = shipped.find(name)
    if path is None:
        raise RecipeError([Problem(f"{name}: no such file, nor a shipped recipe{shipped.hint(name)}")])
    return path


def _recipe(tree: Node) -> Recipe:
    recipe: Recipe = validate_as_json(Recipe, tree)
    return recipe.placed(tree)


def _salvaged(tree: Node, wrong: Iterable[Route]) -> Recipe | None:
    try:
        return _recipe(_without(tree, wrong))
    except ValidationError:
        return None


def _with_default_name(tree: Node, name: str) -> Node:
    if not isinstance(tree.value, dict) or "name" in tree.value:
        return tree
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in name)
    return mapping({**tree.value, "name": Node(safe.lstrip("._-")[:80] or "recipe")}, like=tree)


def _without_tricks(node: Node, problems: list[Problem], at: Route = ()) -> Node:
    """The tree with escapes for the characters that could play tricks on whatever shows a value; each is a problem."""
    if isinstance(node.value, dict):
        entries = {}
        for key, below in node.value.items():
            name = key
            if _OBEYED.search(key):
                name = printable(key)
                message = f"the key {quoted(name)} holds a character that a terminal would obey; remove it"
                problems.append(Problem(message, below.key_origin))
            entries[name] = _without_tricks(below, problems, (*at, name))
        return mapping(entries, like=node)
    if isinstance(node.value, tuple):
        return sequence(tuple(_without_tricks(below, problems, (*at, i)) for i, below in enumerate(node.value)), node)
    if isinstance(node.value, str) and (found := _OBEYED.search(node.value)):
        name = quoted(".".join(map(str, at)))
        message = f"{name} holds the character U+{ord(found[0]):04X}, which a terminal would obey; remove it"
        problems.append(Problem(message, node.origin))
        return replace(node, value=printable(node.value))
    return node


def _without(node: Node, routes: Iterable[Route]) -> Node:
    """The tree less what stands at `routes`; list entries stay, so that the others keep their places."""
    below: defaultdict[str | int, list[Route]] = defaultdict(list)
    for route in routes:
        if route:
            below[route[0]].append(route[1:])
    if isinstance(node.value, dict):
        kept = {key: _without(child, below[key]) for key, child in node.value.items() if () not in below[key]}
        return mapping(kept, like=node)
    if isinstance(node.value, tuple):
        return sequence(tuple(_without(child, below[i]) for i, child in enumerate(node.value)), like=node)
    return node
