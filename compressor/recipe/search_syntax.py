"""What a recipe leaves open for a search: values, by `{search: ...}`, and steps, by `optional` and `one_of`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

from compressor.base.errors import ExitCode
from compressor.base.search_domain import Search
from compressor.base.text import did_you_mean, quoted
from compressor.recipe import shipped
from compressor.recipe.private_keys import PREFIX
from compressor.recipe.problems import Problem, RecipeError
from compressor.recipe.tree import Node, Route

SEARCH, OPTIONAL, ONE_OF, AUTO = "search", "optional", "one_of", "auto"
_RANGE_KEYS = ("low", "high", "step", "log")
_PARAMETERS: tuple[Route, ...] = (("training",), ("model", "with"), ("model", "train"))  # beside those of steps


class OpenRecipeError(RecipeError):
    """A recipe that leaves something open, where one is needed that does not."""

    exit_code = ExitCode.USAGE


def refuse_open(tree: Node) -> None:
    """Refuse a recipe that leaves anything open.

    Raises:
        OpenRecipeError: it does.
    """
    found = next(open_places(tree), None)
    if found is None:
        return
    route, node = found
    name = node.origin.source.name if node.origin else ""
    recipe = _as_argument(name) if name and not name.startswith("--set") else "RECIPE"
    what = f"{quoted(dotted(route))} is left open, which only a search can fill in"
    raise OpenRecipeError([Problem(f"{what}; run `compressor search {recipe}`, or write one value", node.origin)])


def _as_argument(recipe: str) -> str:
    """How a shell is told of a recipe, those that ship by their bare names."""
    path = Path(recipe)
    return path.stem if path.parent == shipped.folder() else shlex.quote(recipe)


def open_places(tree: Node) -> Iterator[tuple[Route, Node]]:
    """Everything in a recipe that is left open, with its place, private keys apart; the nodes are not checked."""
    for route, node in parameter_sections(tree):
        yield from open_values(node, route)
    for index, entry in enumerate(_entries(tree.child("steps"))):
        for key in (ONE_OF, OPTIONAL, SEARCH):
            if (inside := entry.child(key)) is not None:
                yield ("steps", index, key), inside


def parameter_sections(tree: Node) -> Iterator[tuple[Route, Node]]:
    """The mappings of parameters in which values may be left open, those of all steps that may be taken included."""
    for route in (*_PARAMETERS, *((*place, "with") for place, _ in step_places(tree))):
        if (node := tree.find(route)) is not None:
            yield route, node


def step_places(tree: Node) -> Iterator[tuple[Route, Node]]:
    """Every step that may be taken, with its place."""
    for index, entry in enumerate(_entries(tree.child("steps"))):
        alternatives = entry.child(ONE_OF)
        if alternatives is None:
            yield ("steps", index), entry
        for inner, alternative in enumerate(_entries(alternatives)):
            route: Route = ("steps", index, ONE_OF, inner)
            if isinstance(alternative.value, tuple):
                yield from (((*route, number), step) for number, step in enumerate(alternative.value))
            else:
                yield route, alternative


def open_values(node: Node, at: Route = ()) -> Iterator[tuple[Route, Node]]:
    """The values in a mapping of parameters that are left open, with their places."""
    if is_open(node):
        yield at, node
    elif isinstance(node.value, dict):
        for key, child in node.value.items():
            if not key.startswith(PREFIX):
                yield from open_values(child, (*at, key))
    elif isinstance(node.value, tuple):
        for index, child in enumerate(node.value):
            yield from open_values(child, (*at, index))


def is_open(node: Node) -> bool:
    """Whether a search is to fill in this value."""
    return isinstance(node.value, dict) and [*node.value] == [SEARCH]


def is_auto(node: Node) -> bool:
    """Whether the strategy is to say what a value may be."""
    search = node.child(SEARCH)
    return search is not None and search.value == AUTO


def search_of(node: Node, name: str) -> Search:
    """What a value that is left open may be.

    Raises:
        RecipeError: it does not say, or wrongly.
    """
    search = node.child(SEARCH)
    assert search is not None
    if isinstance(search.value, tuple):
        if not search.value:
            raise _refusal(f"{quoted(name)} has no values to pick from; list some", search)
        return _checked(search, name, lambda: Search.of(*search.plain()))
    if not isinstance(search.value, dict):
        what = "a list of values, a range such as {low: 0.5, high: 0.9}, or auto"
        raise _refusal(f"'search' of {quoted(name)} takes {what}", search)
    for key, child in search.value.items():
        if key not in _RANGE_KEYS:
            place = Node(key, child.key_origin or child.origin)
            raise _refusal(f"unknown key {quoted(key)}{did_you_mean(key, _RANGE_KEYS)}", place)
        fits = isinstance(child.value, bool) if key == "log" else _is_number(child)
        if not fits:
            raise _refusal(f"{quoted(key)} takes {'true or false' if key == 'log' else 'a number'}", child)
    for key in ("low", "high"):
        if key not in search.value:
            raise _refusal(f"the range of {quoted(name)} has no {quoted(key)}; add it", search)
    return _checked(search, name, lambda: Search.between(**search.plain()))


def dotted(route: Route) -> str:
    """A place as text: `steps.0.with.bits`."""
    return ".".join(map(str, route))


def _checked(node: Node, name: str, make: Callable[[], Search]) -> Search:
    try:
        return make()
    except ValueError as error:
        raise _refusal(f"{quoted(name)}: {error}", node) from None


def _is_number(node: Node) -> bool:
    return isinstance(node.value, int | float) and not isinstance(node.value, bool)


def _refusal(message: str, node: Node) -> RecipeError:
    return RecipeError([Problem(message, node.origin)])


def _entries(node: Node | None) -> tuple[Node, ...]:
    return node.value if node is not None and isinstance(node.value, tuple) else ()
