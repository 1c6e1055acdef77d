"""A flatbuffer as a graph of nodes, in which equal parts are one node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Reference:
    """An offset to another node, by the node's number."""

    node: int


@dataclass(frozen=True)
class Table:
    """Fields by slot, in order: the bytes of a scalar, or a reference. Fields with default values are left out."""

    fields: tuple[tuple[int, bytes | Reference], ...]


@dataclass(frozen=True)
class Vector:
    """Scalars of `width` bytes each."""

    width: int
    content: bytes


@dataclass(frozen=True)
class References:
    """A vector of references."""

    nodes: tuple[Reference, ...]


@dataclass(frozen=True)
class Text:
    """A string, without the zero after it."""

    content: bytes


Node: TypeAlias = Table | Vector | References | Text


class Nodes:
    """Nodes by number: each comes after those that it refers to, and so the root comes last."""

    def __init__(self) -> None:
        self.all: list[Node] = []
        self._numbers: dict[Node, int] = {}

    def add(self, node: Node) -> Reference:
        """A reference to a node; one that equals an earlier node is not added again."""
        if node not in self._numbers:
            self._numbers[node] = len(self.all)
            self.all.append(node)
        return Reference(self._numbers[node])
