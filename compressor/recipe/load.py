"""`load`: from a recipe file to a valid `Recipe`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from compressor.recipe import shipped
from compressor.recipe.compose import compose
from compressor.recipe.document import Node, Route, from_data, mapping, sequence
from compressor.recipe.explain import problems_of
from compressor.recipe.problems import Problem, RecipeError, did_you_mean
from compressor.recipe.schema import Recipe


class InvalidRecipeError(RecipeError):
    """A recipe with problems, and what is left of it without them, so that later checks can still be made."""

    def __init__(self, problems: Iterable[Problem], salvaged: Recipe | None) -> None:
        super().__init__(problems)
        self.salvaged = salvaged


def load(source: str | Path | Mapping[str, Any], overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe, with all it extends, and check it against the language.

    Args:
        source: a recipe file's path, a shipped recipe's bare name, or the recipe as plain data.
        overrides: `path=value` texts, as for `--set`.

    Raises:
        RecipeError: anything at all is wrong with it; carries every problem at once.
    """
    if isinstance(source, Mapping):
        return validated(from_data(source), default_name="recipe")
    path = shipped.find(str(source))
    if path is None:
        near = did_you_mean(str(source), shipped.names())
        raise RecipeError([Problem(f"{source}: no such file, nor a shipped recipe{near}")])
    return validated(compose(path, overrides), default_name=path.stem)


def validated(tree: Node, default_name: str) -> Recipe:
    """The recipe that `tree` spells.

    Raises:
        RecipeError: the tree is not a mapping at all.
        InvalidRecipeError: with every problem, and the recipe without the values that have one.
    """
    if not isinstance(tree.value, dict):
        what = "is empty" if tree.value is None else "is not a mapping of keys to values"
        raise RecipeError([Problem(f"the recipe {what}; start it with 'version: 1'", tree.origin)])
    tree = _with_default_name(tree, default_name)
    try:
        return _recipe(tree)
    except ValidationError as error:
        found = problems_of(error, Recipe, tree)
    try:
        salvaged = _recipe(_without(tree, {route for route, _ in found}))
    except ValidationError:
        salvaged = None
    raise InvalidRecipeError([problem for _, problem in found], salvaged)


def validate_as_json(model: type[Any], tree: Node) -> Any:
    """`model` made of the tree's values under JSON's rules: lists may be tuples, text is never a number."""
    return model.model_validate_json(json.dumps(tree.plain()))


def _recipe(tree: Node) -> Recipe:
    recipe: Recipe = validate_as_json(Recipe, tree)
    return recipe.placed(tree)


def _with_default_name(tree: Node, name: str) -> Node:
    if not isinstance(tree.value, dict) or "name" in tree.value:
        return tree
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in name)
    return mapping({**tree.value, "name": Node(safe.lstrip("._-")[:80] or "recipe")}, like=tree)


def _without(node: Node, routes: set[Route]) -> Node:
    """The tree less what stands at `routes`; list entries stay, so that the others keep their places."""
    own = {route[0]: route[1:] for route in routes if route}
    below = {part: {route[1:] for route in routes if route and route[0] == part} for part in own}
    if isinstance(node.value, dict):
        kept = {
            key: _without(child, below[key]) if key in below else child
            for key, child in node.value.items()
            if () not in below.get(key, set())
        }
        return mapping(kept, like=node)
    if isinstance(node.value, tuple):
        children = tuple(_without(child, below.get(i, set()) - {()}) for i, child in enumerate(node.value))
        return sequence(children, like=node)
    return node
