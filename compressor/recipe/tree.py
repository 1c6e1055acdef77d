"""A recipe as a tree whose every value knows the place it came from."""

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
    """A value and the place it came from.

    `size` counts the values in it, itself included; `depth` counts the mappings and lists around its deepest value.
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
            below = node.child(part)
            if below is None:
                break
            node = below
        return node

    def leaves(self, at: Route = ()) -> Iterator[tuple[Route, Node]]:
        """Every scalar and every empty collection below, with its path."""
        if isinstance(self.value, dict) and self.value:
            for key, below in self.value.items():
                yield from below.leaves((*at, key))
        elif isinstance(self.value, tuple) and self.value:
            for index, below in enumerate(self.value):
                yield from below.leaves((*at, index))
        else:
            yield at, self

    def plain(self) -> Any:
        """The value as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: below.plain() for key, below in self.value.items()}
        if isinstance(self.value, tuple):
            return [below.plain() for below in self.value]
        return self.value


def folder_of(node: Node | None) -> Path:
    """Where a relative path in this node starts: the folder of its text, or the working directory where it has none."""
    return node.origin.source.folder if node and node.origin else Path.cwd()


def mapping(entries: Mapping[str, Node], like: Node | None = None) -> Node:
    """A mapping node of `entries`, standing where `like` stands."""
    return _collection(dict(entries), tuple(entries.values()), like)


def sequence(entries: tuple[Node, ...], like: Node | None = None) -> Node:
    """A list node of `entries`, standing where `like` stands."""
    return _collection(entries, entries, like)


def from_data(data: Any, at: Route = ()) -> Node:
    """A tree for plain Python data; its nodes have no origin.

    Raises:
        RecipeError: it holds what a recipe cannot say, or is nested too deep.
    """
    if len(at) > MAX_DEPTH:
        raise RecipeError([Problem(f"{_named(at[:2])} is nested more than {MAX_DEPTH} deep; flatten it")])
    if isinstance(data, Mapping):
        for key in data:
            if not isinstance(key, str):
                message = f"{_named(at)} has the key {quoted(repr(key))}, which is not text; make it text"
                raise RecipeError([Problem(message)])
        return mapping({str.__str__(key): from_data(value, (*at, key)) for key, value in data.items()})
    if isinstance(data, list | tuple):
        return sequence(tuple(from_data(value, (*at, index)) for index, value in enumerate(data)))
    return Node(_scalar(data, at))


def _collection(value: tuple[Node, ...] | dict[str, Node], below: tuple[Node, ...], like: Node | None) -> Node:
    origin, key_origin = (like.origin, like.key_origin) if like else (None, None)
    size = 1 + sum(entry.size for entry in below)
    depth = 1 + max((entry.depth for entry in below), default=0)
    return Node(value, origin, key_origin, size, depth)


def _scalar(data: Any, at: Route) -> Scalar:
    """Enums and numpy's scalars become what they stand for, since neither JSON nor YAML knows them."""
    if data is None or isinstance(data, bool):
        return data
    if isinstance(data, str):
        return str.__str__(data)
    if isinstance(data, numbers.Integral):
        return int(data)
    if isinstance(data, numbers.Real):
        return float(data)
    message = f"{_named(at)} is of the type {type(data).__name__}, which a recipe cannot hold; make it text or a number"
    raise RecipeError([Problem(message)])


def _named(at: Route) -> str:
    return quoted(".".join(map(str, at))) if at else "the recipe"
