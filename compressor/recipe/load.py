"""`load`: reads a recipe file into a validated `Recipe`."""

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
from compressor.recipe.document import Node, RecipeText, Route, from_data, mapping, read, sequence
from compressor.recipe.extends import extended
from compressor.recipe.function_files import with_absolute_files
from compressor.recipe.overrides import overridden
from compressor.recipe.path_variables import expanded
from compressor.recipe.private_keys import without_private_keys
from compressor.recipe.problems import Problem, RecipeError
from compressor.recipe.pydantic_messages import problems_of
from compressor.recipe.search_syntax import refuse_open
from compressor.recipe.sections import Recipe
from compressor.recipe.tree import with_entries

# Characters that a terminal would act on instead of showing them: control characters other than tab and line feed, lone
# surrogates, and characters that change the direction of text.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


class InvalidRecipeError(RecipeError):
    """A recipe with problems; `salvaged` is the recipe without the values at fault, for checks that come later."""

    def __init__(self, problems: Iterable[Problem], salvaged: Recipe | None) -> None:
        super().__init__(problems)
        self.salvaged = salvaged

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems, self.salvaged)


def load(source: str | Path | RecipeText | Mapping[str, Any], overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe and all that it extends, and validate it.

    Args:
        source: a recipe file's path, a shipped recipe's bare name, its text, or the recipe as plain data.
        overrides: `path=value` texts, as for `--set`.

    Raises:
        RecipeError: with every problem of the recipe at once.
        OpenRecipeError: the recipe leaves something open, which a search is to fill in.
    """
    tree, name, problems = read_tree(source, overrides)
    return validated(tree, name, problems)


def read_tree(
    source: str | Path | RecipeText | Mapping[str, Any], overrides: Iterable[str] = ()
) -> tuple[Node, str, list[Problem]]:
    """Read a recipe and all that it extends, but do not validate it.

    Args:
        source: as for `load`.
        overrides: `path=value` texts, as for `--set`.

    Returns:
        The recipe's tree, the name of a recipe that gives none, and the problems so far.

    Raises:
        RecipeError: the recipe cannot be read.
    """
    problems: list[Problem] = []
    path = None if isinstance(source, Mapping | RecipeText) else _recipe_path(str(source))
    try:
        if isinstance(source, RecipeText):
            tree = source.tree(problems)
        else:
            tree = from_data(source) if path is None else read(path, problems)
        tree = extended(tree, path, problems)
    except RecipeError as error:
        raise RecipeError((*problems, *error.problems)) from None
    for override in overrides:
        try:
            tree = overridden(tree, override)
        except RecipeError as error:
            problems += error.problems
    return tree, path.stem if path else "recipe", problems


def with_overrides(recipe: Recipe, overrides: Iterable[str]) -> Recipe:
    """Replace some values of a recipe.

    Raises:
        RecipeError: an override is malformed, or makes the recipe invalid.
    """
    tree = recipe.tree
    for override in overrides:
        tree = overridden(tree, override)
    return recipe if tree is recipe.tree else validated(tree, recipe.name)


def validated(tree: Node, default_name: str, problems: Iterable[Problem] = ()) -> Recipe:
    """Validate a tree as a recipe.

    Args:
        tree: the recipe, merged with all that it extends.
        default_name: its name, if it gives none.
        problems: those found so far, which are raised together with those found here.

    Raises:
        RecipeError: the tree is not a mapping.
        OpenRecipeError: it leaves something open.
        InvalidRecipeError: with every problem, and the recipe without the values at fault.
    """
    if not isinstance(tree.value, dict):
        what = "is empty" if tree.value is None else "is not a mapping of keys to values"
        raise RecipeError((*problems, Problem(f"the recipe {what}; start it with 'version: 1'", tree.origin)))
    refuse_open(tree)
    all_problems = list(problems)
    tree = expanded(_escaped(without_private_keys(tree), all_problems), all_problems)
    tree = _with_default_name(with_absolute_files(tree), default_name)
    try:
        recipe = _recipe(tree)
    except ValidationError as error:
        invalid = problems_of(error, Recipe, tree)
        all_problems += [problem for _, problem in invalid]
        raise InvalidRecipeError(all_problems, _salvaged(tree, [route for route, _ in invalid])) from None
    if all_problems:
        raise InvalidRecipeError(all_problems, recipe)
    return recipe


def validate_as_json(model: type[Any], tree: Node) -> Any:
    """Validate a tree's values as `model`, by JSON's rules: a list may fill a tuple, and text is never a number.

    Fields go by their aliases only: `with` is a key, and `with_`, as Python has to spell it, is an unknown one.
    """
    return model.model_validate_json(json.dumps(tree.plain()), by_alias=True, by_name=False)


def _recipe_path(name: str) -> Path:
    path = shipped.find(name)
    if path is None:
        raise RecipeError([Problem(f"{name}: there is no such file or shipped recipe{shipped.hint(name)}")])
    return path


def _recipe(tree: Node) -> Recipe:
    recipe: Recipe = validate_as_json(Recipe, tree)
    return recipe.placed(tree)


def _salvaged(tree: Node, invalid: Iterable[Route]) -> Recipe | None:
    try:
        return _recipe(_without(tree, invalid))
    except ValidationError:
        return None


def _with_default_name(tree: Node, name: str) -> Node:
    if not isinstance(tree.value, dict) or "name" in tree.value:
        return tree
    return mapping({**tree.value, "name": Node(_allowed(name))}, like=tree)


def own_name(tree: Node, default: str) -> str:
    """The name that a recipe gives itself, or a default one, in characters that a folder's name may have."""
    given = tree.child("name")
    return _allowed(given.value if given is not None and isinstance(given.value, str) else default)


def _allowed(name: str) -> str:
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in name)
    return safe.lstrip("._-")[:80] or "recipe"


def _escaped(node: Node, problems: list[Problem], at: Route = ()) -> Node:
    """Escape the characters that a terminal would act on, and report a problem for each value that has one."""
    if isinstance(node.value, dict):
        entries = {}
        for key, child in node.value.items():
            name = key
            if _UNSAFE.search(key):
                name = printable(key)
                message = f"the key {quoted(name)} contains a character that a terminal would act on; remove it"
                problems.append(Problem(message, child.key_origin))
            entries[name] = _escaped(child, problems, (*at, name))
        return with_entries(node, entries)
    if isinstance(node.value, tuple):
        return with_entries(node, tuple(_escaped(child, problems, (*at, i)) for i, child in enumerate(node.value)))
    if isinstance(node.value, str) and (unsafe := _UNSAFE.search(node.value)):
        name = quoted(".".join(map(str, at)))
        message = f"{name} contains the character U+{ord(unsafe[0]):04X}, which a terminal would act on; remove it"
        problems.append(Problem(message, node.origin))
        return replace(node, value=printable(node.value))
    return node


def _without(node: Node, routes: Iterable[Route]) -> Node:
    """The tree without the values at `routes`; entries of a list stay, so that the others keep their indexes."""
    inner: defaultdict[str | int, list[Route]] = defaultdict(list)
    for route in routes:
        if route:
            inner[route[0]].append(route[1:])
    if isinstance(node.value, dict):
        entries = {key: _without(child, inner[key]) for key, child in node.value.items() if () not in inner[key]}
        return mapping(entries, like=node)
    if isinstance(node.value, tuple):
        return sequence(tuple(_without(child, inner[i]) for i, child in enumerate(node.value)), like=node)
    return node
