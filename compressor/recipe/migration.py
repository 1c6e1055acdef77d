"""Brings the text of a recipe to the present version of the recipe language; comments and layout stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compressor.base.path_or_function import real_path
from compressor.recipe.document import Node, Route, parse
from compressor.recipe.files import read_text
from compressor.recipe.problems import Origin, Problem, RecipeError, Source

VERSION = 1
"""The present version of the recipe language."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """A key that another version has under another name; `route` leads to it, with "*" for each entry of a list."""

    route: tuple[str, ...]
    name: str


RENAMED: dict[int, tuple[Renamed, ...]] = {}
"""What has changed, by the version that still had the old names. A new version of the language adds a line here."""


@dataclass(frozen=True, slots=True)
class _Edit:
    origin: Origin
    text: str
    why: str


def migrated(path: Path) -> tuple[str, list[str]]:
    """The text of a recipe file in the present version, and what was changed in it, a line for each change.

    The new text is read again, and says what the old one says, but for these changes.

    Raises:
        RecipeError: the file is no recipe, or of a version that does not exist, or its layout is such that it has to be
            changed by hand.
    """
    text = read_text(path)
    tree = _parsed(text, path)
    if not isinstance(tree.value, dict):
        raise RecipeError(
            [Problem("the recipe is not a mapping of keys to values; there is no version in it", tree.origin)]
        )
    version, edits, wanted = _version(tree), list[_Edit](), tree.plain()
    for number in range(version, VERSION):
        for change in RENAMED.get(number, ()):
            edits += _renames(tree, change)
            wanted = _renamed(wanted, change.route, change.name)
    written = tree.value.get("version")
    first = next(iter(tree.value.values())).key_origin if tree.value else None
    heads: list[list[_Edit]] = [[]]
    if written is None and "extends" not in tree.value and first is not None:
        heads = [[_Edit(replace(first, width=0), added, f"version: {VERSION}, which was missing")]
                 for added in _new_lines(text, first)]  # fmt: skip
    elif written is not None and version != VERSION and written.origin is not None:
        edits.append(_Edit(written.origin, str(VERSION), f"version: {VERSION}, which was {version}"))
    if heads != [[]] or edits:
        wanted = {**wanted, "version": VERSION}
    for head in heads:
        made = list(dict.fromkeys([*edits, *head]))  # a key that aliases share is found several times
        if _says(changed := _edited(text, made), wanted, path):
            return changed, [f"{edit.origin}: {edit.why}" for edit in made]
    raise RecipeError(Problem(f"this has to be changed by hand: {edit.why}", edit.origin) for edit in made)


def _parsed(text: str, path: Path) -> Node:
    return parse(text, Source(str(path), tuple(text.splitlines()), real_path(path).parent))


def _new_lines(text: str, first: Origin) -> tuple[str, str]:
    """The text that sets the version before the first key: for a mapping of one key a line, and for one in braces."""
    newline = "\r\n" if "\r\n" in text else "\n"
    return f"version: {VERSION}{newline}{' ' * (first.column - 1)}", f"version: {VERSION}, "


def _says(text: str, wanted: Any, path: Path) -> bool:
    try:
        return bool(_parsed(text, path).plain() == wanted)
    except RecipeError:
        return False


def _renamed(data: Any, route: Route, name: str) -> Any:
    """The data with another name for the key at the end of a route."""
    if route[0] == "*":
        return [_renamed(entry, route[1:], name) for entry in data] if isinstance(data, list) else data
    if not isinstance(data, dict) or route[0] not in data:
        return data
    if len(route) == 1:
        return {name if key == route[0] else key: value for key, value in data.items()}
    return {key: _renamed(value, route[1:], name) if key == route[0] else value for key, value in data.items()}


def _version(tree: Node) -> int:
    node = tree.find(("version",))
    if node is None:
        return VERSION
    if type(node.value) is not int or node.value < 1:
        message = f"there is no such version of the recipe language; versions go from 1 to {VERSION}"
        raise RecipeError([Problem(message, node.origin)])
    if node.value > VERSION:
        message = f"this compressor knows the recipe language up to version {VERSION}; update compressor"
        raise RecipeError([Problem(message, node.origin)])
    return node.value


def _renames(tree: Node, change: Renamed) -> Iterator[_Edit]:
    for node in _at(tree, change.route):
        if node.key_origin is not None:
            why = f"'{change.route[-1]}' is now '{change.name}'"
            yield _Edit(node.key_origin, change.name, why)


def _at(node: Node, route: Route) -> Iterator[Node]:
    if not route:
        yield node
    elif route[0] == "*" and isinstance(node.value, tuple):
        for entry in node.value:
            yield from _at(entry, route[1:])
    elif (child := node.child(route[0])) is not None:
        yield from _at(child, route[1:])


def _edited(text: str, edits: list[_Edit]) -> str:
    lines = text.splitlines(keepends=True)
    for edit in sorted(edits, key=lambda edit: (edit.origin.line, edit.origin.column), reverse=True):
        line, start = lines[edit.origin.line - 1], edit.origin.column - 1
        lines[edit.origin.line - 1] = line[:start] + edit.text + line[start + edit.origin.width :]
    return "".join(lines)
