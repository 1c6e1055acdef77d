"""Channels that must go together, and what is known of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from compressor_plugins.graph.layer_graph import GraphLayer, Node, Ref, Shape

Atoms = NDArray[np.int64]
Fixing = Callable[[GraphLayer], str]
Copies = Mapping[
    int, int
]  # of each group of channels, by its root: none of one that goes, and one where it is left out


@dataclass(frozen=True)
class Slot:
    """An axis of a layer's weight along which channels stand: those that it makes, or those that it takes.

    `adds_up` where the layer adds up what it takes along this axis, channel by channel.
    """

    layer: str
    weight: int
    axis: int
    atoms: Atoms
    makes: bool = False
    adds_up: bool = False


@dataclass(frozen=True)
class Setting:
    """A size in a layer's configuration that counts channels; `position` where it is one of several."""

    layer: str
    key: str
    atoms: Atoms
    position: int | None = None


@dataclass
class ChannelGroups:
    """Atoms, where they stand, and why some of them must stay.

    `taken` has for each layer that takes channels and makes others the tensor that it first takes, and `multiplied` the
    channels of each of which a layer makes several.
    """

    slots: list[Slot] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    taken: dict[str, Ref] = field(default_factory=dict)
    multiplied: dict[str, Atoms] = field(default_factory=dict)
    _parents: list[int] = field(default_factory=list)
    _fixed: dict[int, str] = field(default_factory=dict)

    def fresh(self, count: int, reason: str | None = None) -> Atoms:
        """New atoms; fixed where a reason is given."""
        atoms = np.arange(len(self._parents), len(self._parents) + count)
        self._parents.extend(atoms.tolist())
        if reason is not None:
            self.fix(atoms, reason)
        return atoms

    def fix(self, atoms: Atoms, reason: str) -> None:
        """Let atoms stay. The first reason counts, but for an empty one, which nobody needs to be told."""
        for root in self.roots(atoms).tolist():
            self._fixed[root] = self._fixed.get(root, reason) if reason else ""

    def join(self, one: Atoms, two: Atoms) -> None:
        """Make atoms that meet one; both have the same shape."""
        for first, second in zip(self.roots(one), self.roots(two), strict=True):
            first, second = self._root(int(first)), self._root(int(second))
            if first != second:
                self._parents[second] = first
                if (reason := self._fixed.pop(second, None)) is not None:
                    self.fix(np.array([first]), reason)

    def roots(self, atoms: Atoms) -> Atoms:
        """The group of each atom."""
        return np.array([self._root(int(atom)) for atom in atoms], np.int64)

    def reason(self, atoms: Atoms) -> str | None:
        """Why none of the atoms can go, or None where one can."""
        reasons = [self._fixed.get(int(root)) for root in self.roots(atoms)]
        return None if None in reasons else max(set(reasons), key=reasons.count)

    def makers(self) -> list[Slot]:
        """The kernels whose layers make channels."""
        return [slot for slot in self.slots if slot.makes]

    def free(self, atoms: Atoms) -> NDArray[np.bool_]:
        """Which atoms can go."""
        return np.array([int(root) not in self._fixed for root in self.roots(atoms)], bool)

    def _root(self, atom: int) -> int:
        while self._parents[atom] != atom:
            self._parents[atom] = atom = self._parents[self._parents[atom]]
        return atom


@dataclass(frozen=True)
class Call:
    """A node with what its handler needs."""

    layer: GraphLayer
    node: Node
    inputs: Sequence[Atoms]
    shapes: Sequence[Shape]
