"""Brings the text of a recipe to the present version of the recipe language; comments and layout stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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

    Raises:
        RecipeError: the file is no recipe, or of a version that does not exist.
    """
    text = read_text(path)
    tree = parse(text, Source(str(path), tuple(text.splitlines()), path.resolve().parent))
    if not isinstance(tree.value, dict):
        raise RecipeError(
            [Problem("the recipe is not a mapping of keys to values; there is no version in it", tree.origin)]
        )
    version, edits = _version(tree), list[_Edit]()
    for number in range(version, VERSION):
        for change in RENAMED.get(number, ()):
            edits += _renames(tree, change)
    written = tree.value.get("version")
    if written is None and "extends" not in tree.value:
        first = next(iter(tree.value.values())).key_origin if tree.value else None
        if first is not None:
            head = Origin(first.source, first.line, first.column, 0)
            newline = "\r\n" if "\r\n" in text else "\n"
            indent = " " * (first.column - 1)
            edits.append(_Edit(head, f"version: {VERSION}{newline}{indent}", f"version: {VERSION}, which was missing"))
    elif written is not None and version != VERSION and written.origin is not None:
        edits.append(_Edit(written.origin, str(VERSION), f"version: {VERSION}, which was {version}"))
    return _edited(text, edits), [f"{edit.origin}: {edit.why}" for edit in edits]


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
