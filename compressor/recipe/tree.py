"""A recipe as a tree of values, each with its position in the text."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from compressor.base.text import quoted
from compressor.recipe.problems import Origin, Problem, RecipeError

MAX_DEPTH = 32

Scalar: TypeAlias = str | int | float | bool | None
Route: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its position in the text.

    `size` is the number of values in it, itself included; `depth` is how deep mappings and lists are nested in it.
    """

    value: Scalar | tuple[Node, ...] | dict[str, Node]
    origin: Origin | None = field(default=None, compare=False)
    key_origin: Origin | None = field(default=None, compare=False)
    size: int = field(default=1, compare=False)
    depth: int = field(default=0, compare=False)

    def child(self, part: str | int) -> Node | None:
        """The entry under a key or at an index, or None."""
        if isinstance(self.value, dict) and isinstance(part, str):
            return self.value.get(part)
        if isinstance(self.value, tuple) and isinstance(part, int) and 0 <= part < len(self.value):
            return self.value[part]
        return None

    def find(self, path: Route) -> Node | None:
        """The node at `path`, or None."""
        node: Node | None = self
        for part in path:
            node = node.child(part) if node is not None else None
        return node

    def nearest(self, path: Route) -> Node:
        """The node at `path`, or the deepest one on the way there."""
        node = self
        for part in path:
            child = node.child(part)
            if child is None:
                break
            node = child
        return node

    def leaves(self, at: Route = ()) -> Iterator[tuple[Route, Node]]:
        """Every scalar and every empty collection in this node, with its path."""
        if isinstance(self.value, dict) and self.value:
            for key, child in self.value.items():
                yield from child.leaves((*at, key))
        elif isinstance(self.value, tuple) and self.value:
            for index, child in enumerate(self.value):
                yield from child.leaves((*at, index))
        else:
            yield at, self

    def plain(self) -> Any:
        """The value as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, tuple):
            return [child.plain() for child in self.value]
        return self.value


def folder_of(node: Node | None) -> Path:
    """The folder that relative paths in this node start from: that of its text, or else the working directory."""
    return node.origin.source.folder if node and node.origin else Path.cwd()


def mapping(entries: Mapping[str, Node], like: Node | None = None) -> Node:
    """A mapping node of `entries`, with the position of `like`."""
    return _collection(dict(entries), tuple(entries.values()), like)


def sequence(entries: tuple[Node, ...], like: Node | None = None) -> Node:
    """A list node of `entries`, with the position of `like`."""
    return _collection(entries, entries, like)


def with_entries(node: Node, entries: dict[str, Node] | tuple[Node, ...]) -> Node:
    """A mapping or list with other entries; the node itself if they are the ones that it has."""
    old = node.value
    if isinstance(old, dict) and isinstance(entries, dict):
        same = len(old) == len(entries) and all(entries.get(key) is child for key, child in old.items())
        return node if same else mapping(entries, like=node)
    if isinstance(old, tuple) and isinstance(entries, tuple):
        same = len(old) == len(entries) and all(one is other for one, other in zip(old, entries, strict=True))
        return node if same else sequence(entries, like=node)
    raise TypeError(f"a {type(old).__name__} cannot have the entries of a {type(entries).__name__}")


def from_data(data: Any, at: Route = ()) -> Node:
    """Build a tree from plain Python data; its nodes have no position.

    Raises:
        RecipeError: the data contains a value that a recipe cannot hold, or is nested too deep.
    """
    if len(at) > MAX_DEPTH:
        raise RecipeError([Problem(f"{_dotted(at[:2])} is nested more than {MAX_DEPTH} deep; flatten it")])
    if isinstance(data, Mapping):
        for key in data:
            if not isinstance(key, str):
                message = f"{_dotted(at)} has the key {quoted(repr(key))}, which is not text; make it text"
                raise RecipeError([Problem(message)])
        return mapping({str.__str__(key): from_data(value, (*at, key)) for key, value in data.items()})
    if isinstance(data, list | tuple):
        return sequence(tuple(from_data(value, (*at, index)) for index, value in enumerate(data)))
    return Node(_scalar(data, at))


def _collection(value: tuple[Node, ...] | dict[str, Node], children: tuple[Node, ...], like: Node | None) -> Node:
    origin, key_origin = (like.origin, like.key_origin) if like else (None, None)
    size = 1 + sum(entry.size for entry in children)
    depth = 1 + max((entry.depth for entry in children), default=0)
    return Node(value, origin, key_origin, size, depth)


def _scalar(data: Any, at: Route) -> Scalar:
    """Turn enums and NumPy scalars into plain values, since neither JSON nor YAML knows them."""
    if data is None or isinstance(data, bool):
        return data
    if isinstance(data, str):
        return str.__str__(data)
    if isinstance(data, numbers.Integral):
        return int(data)
    if isinstance(data, numbers.Real):
        return float(data)
    message = f"{_dotted(at)} is of type {type(data).__name__}, which a recipe cannot hold; make it text or a number"
    raise RecipeError([Problem(message)])


def _dotted(at: Route) -> str:
    return quoted(".".join(map(str, at))) if at else "the recipe"
