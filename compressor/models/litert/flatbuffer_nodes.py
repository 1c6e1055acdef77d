"""The parts of a flatbuffer, as a graph in which equal ones are one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Reference:
    """A place that leads to another node, by its number."""

    node: int


@dataclass(frozen=True)
class Table:
    """Fields by their slot, in order of slots: a scalar's bytes, or a reference. Defaults are left out."""

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
    """Nodes by number, each after all that it leads to, and so the root last."""

    def __init__(self) -> None:
        self.all: list[Node] = []
        self._numbers: dict[Node, int] = {}

    def add(self, node: Node) -> Reference:
        """Where a node is, which is new or was there before."""
        if node not in self._numbers:
            self._numbers[node] = len(self.all)
            self.all.append(node)
        return Reference(self._numbers[node])
