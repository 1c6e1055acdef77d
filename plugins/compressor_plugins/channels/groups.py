"""Which channels of a model live and die together, and where each of them stands in the weights.

Every channel that a layer makes is an atom. Layers hand atoms on: an addition makes those that meet one, a
concatenation puts them side by side, flattening repeats them. An atom that a layer which is not understood takes or
makes, or that the model gives out, stays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph, Node, Ref, Shape, refs

Atoms = NDArray[np.int64]
Fixing = Callable[[GraphLayer], str]


@dataclass(frozen=True)
class Slot:
    """An axis of a layer's weight along which channels stand: those that it makes, or those that it takes."""

    layer: str
    weight: int
    axis: int
    atoms: Atoms
    makes: bool = False


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

    `taken` has for each layer that takes channels and makes others the tensor that it first takes.
    """

    slots: list[Slot] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    taken: dict[str, Ref] = field(default_factory=dict)
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


def channel_groups(graph: LayerGraph, fixing: Fixing) -> ChannelGroups:
    """Find the groups of a graph without nested models.

    Args:
        graph: of the model.
        fixing: why a layer must not lose channels that it makes; "" where it may.
    """
    from compressor_plugins.channels.layers import flow

    groups = ChannelGroups()
    tensors: dict[Ref, Atoms] = {}
    unknown: set[str] = set()  # a layer that is understood in one call alone must keep its channels as well
    for number in graph.order():
        node, layer = graph.nodes[number], graph.layer_of(number)
        sources = graph.sources(number)
        inputs = [tensors[ref] for ref in sources]
        shapes = [graph.nodes[ref.node].shapes[ref.tensor] for ref in sources]
        call = Call(layer, node, inputs, shapes)
        made = None if layer.name in unknown else flow(groups, call, fixing)
        if made is None:
            unknown.add(layer.name)
            reason = "its channels are the model's inputs" if not sources else _not_understood(layer)
            for atoms in (*inputs, *(slot.atoms for slot in groups.slots if slot.layer == layer.name)):
                groups.fix(atoms, reason)
            for tensor, shape in enumerate(node.shapes):
                tensors[Ref(number, tensor)] = groups.fresh(shape[-1] or 0 if len(shape) > 1 else 0, reason)
            continue
        tensors[Ref(number)] = made
        if sources:
            groups.taken.setdefault(layer.name, sources[0])
    for ref in refs(graph.outputs):
        groups.fix(tensors[ref], "")  # an output's channels are what the model is for
    return groups


def without(graph: LayerGraph, groups: ChannelGroups, gone: Collection[int]) -> LayerGraph:
    """The graph without the channels of some groups, given by their roots."""
    removed = np.fromiter(gone, np.int64, len(gone))
    layers = dict(graph.layers)
    for slot in groups.slots:
        weights = list(layers[slot.layer].weights)
        weights[slot.weight] = np.compress(_stays(groups, slot.atoms, removed), weights[slot.weight], slot.axis)
        layers[slot.layer] = replace(layers[slot.layer], weights=weights)
    for setting in groups.settings:
        size: Any = int(_stays(groups, setting.atoms, removed).sum())
        config = layers[setting.layer].config
        if setting.position is not None:
            sizes = list(config[setting.key])
            sizes[setting.position] = size
            size = sizes
        layers[setting.layer] = replace(layers[setting.layer], config=config | {setting.key: size})
    return LayerGraph(graph.name, layers, dict(graph.nodes), graph.inputs, graph.outputs)


def weight_shapes(graph: LayerGraph, groups: ChannelGroups, gone: Collection[int]) -> dict[str, list[list[int]]]:
    """The shapes that each layer's weights have without some groups."""
    removed = np.fromiter(gone, np.int64, len(gone))
    shapes = {name: [list(weight.shape) for weight in layer.weights] for name, layer in graph.layers.items()}
    for slot in groups.slots:
        shapes[slot.layer][slot.weight][slot.axis] = int(_stays(groups, slot.atoms, removed).sum())
    return shapes


def _stays(groups: ChannelGroups, atoms: Atoms, removed: Atoms) -> NDArray[np.bool_]:
    return ~np.isin(groups.roots(atoms), removed)


def _not_understood(layer: GraphLayer) -> str:
    return f"its channels pass through '{layer.name}', and what {layer.kind} does with them is not known"
