"""Finds for each tensor of a quantized file the tensor of the float file that holds the same values before rounding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from compressor.base.errors import ModelError
from compressor.debugging.operator_graph import Node, OperatorGraph, nodes_in_order
from compressor.models.litert.running.interpreter import LiteRTModel

_REMEDY = "give the float model that the quantized file was made from"


@dataclass
class TensorPairs:
    """What belongs together: `tensors` and `nodes` map those of the quantized file to those of the float file.

    `inputs` maps the places of the quantized file's inputs to those of the float file, `outputs` likewise. `unpaired`
    are operators of the quantized file without a counterpart.
    """

    inputs: list[int]
    outputs: list[int]
    tensors: dict[int, int] = field(default_factory=dict)
    nodes: dict[int, Node] = field(default_factory=dict)
    unpaired: list[Node] = field(default_factory=list)


def paired(quantized: OperatorGraph, exact: OperatorGraph) -> TensorPairs:
    """Pair two graphs: by the names of tensors, by what operators take, and at the outputs by what they give.

    Args:
        quantized: the graph of the quantized file.
        exact: that of the float file.

    Raises:
        ModelError: the inputs or outputs are others, so that the files are of two models.
    """
    pairing = _Pairing(quantized, exact)
    pairing.by_name()
    pairing.by_inputs()
    pairing.at_outputs()
    pairing.by_inputs()
    pairing.fused()
    pairs = pairing.pairs
    pairs.unpaired = [node for node in nodes_in_order(quantized) if not pairs.tensors.keys() & {*node.outputs}]
    return pairs


class _Pairing:
    def __init__(self, quantized: OperatorGraph, exact: OperatorGraph) -> None:
        self.quantized, self.exact = quantized, exact
        own, other = LiteRTModel(quantized.content), LiteRTModel(exact.content)
        inputs = _places("input", [end.name for end in own.inputs], [end.name for end in other.inputs])
        outputs = _places("output", [end.name for end in own.outputs], [end.name for end in other.outputs])
        for place, end in enumerate(own.inputs):
            _refuse_other_shape("input", end.name, end.shape, other.inputs[inputs[place]].shape)
        for place, end in enumerate(own.outputs):
            _refuse_other_shape("output", end.name, end.shape, other.outputs[outputs[place]].shape)
        self.pairs = TensorPairs(inputs, outputs)
        for place, tensor in enumerate(quantized.inputs):
            self._join(tensor, exact.inputs[inputs[place]])
        self._taken: set[int] = set()

    def by_name(self) -> None:
        """Pair operators of one kind whose outputs have the same name, where no other output has it."""
        names = [_output_names(graph) for graph in (self.quantized, self.exact)]
        for name, node in names[0].items():
            other = names[1].get(name)
            if other is not None and self._alike(node, other):
                self._pair(node, other)

    def by_inputs(self) -> None:
        """Pair operators of one kind that take what belongs together, from the inputs on."""
        users: dict[int, list[Node]] = {}
        for node in nodes_in_order(self.exact):
            for tensor in self.exact.computed_inputs(node):
                users.setdefault(self._source(self.exact, tensor), []).append(node)
        for node in nodes_in_order(self.quantized):
            taken = [self.pairs.tensors.get(tensor, -1) for tensor in self.quantized.computed_inputs(node)]
            if node.index in self.pairs.nodes or not taken or -1 in taken:
                continue
            for other in users.get(taken[0], ()):
                sources = [self._source(self.exact, tensor) for tensor in self.exact.computed_inputs(other)]
                if other.index not in self._taken and sources == taken and self._alike(node, other):
                    self._pair(node, other)
                    break

    def at_outputs(self) -> None:
        """Pair what makes the files' outputs."""
        for place, tensor in enumerate(self.quantized.outputs):
            node = self.quantized.maker.get(self._source(self.quantized, tensor))
            target = self.exact.outputs[self.pairs.outputs[place]]
            other = self.exact.maker.get(self._source(self.exact, target))
            if node and other and node.index not in self.pairs.nodes and other.index not in self._taken:
                if self._alike(node, other):
                    self._pair(node, other)
                else:
                    self._join(self._source(self.quantized, tensor), self._source(self.exact, target))

    def fused(self) -> None:
        """Pair the outputs of one name and shape whose operators differ, as where one file has a ReLU of its own."""
        names = [_output_names(graph) for graph in (self.quantized, self.exact)]
        for name, node in names[0].items():
            other = names[1].get(name)
            if other is None or node.outputs[0] in self.pairs.tensors or other.index in self._taken:
                continue
            if self._shapes(self.quantized, node) == self._shapes(self.exact, other):
                self._join(node.outputs[0], other.outputs[0])

    def _pair(self, node: Node, other: Node) -> None:
        if node.index in self.pairs.nodes or other.index in self._taken:
            return
        self.pairs.nodes[node.index] = other
        self._taken.add(other.index)
        for own, tensor in zip(node.outputs, other.outputs, strict=True):
            self._join(own, tensor)

    def _join(self, own: int, tensor: int) -> None:
        """Pair two tensors, and what the quantized file casts its one to."""
        self.pairs.tensors[own] = tensor
        for user in self.quantized.users(own):
            if user.casts:
                self._join(user.outputs[0], tensor)

    def _alike(self, node: Node, other: Node) -> bool:
        return node.kind == other.kind and self._shapes(self.quantized, node) == self._shapes(self.exact, other)

    @staticmethod
    def _shapes(graph: OperatorGraph, node: Node) -> list[tuple[int, ...]]:
        return [graph.tensors[tensor].shape for tensor in node.outputs]

    @staticmethod
    def _source(graph: OperatorGraph, tensor: int) -> int:
        """The tensor that casts started from."""
        while (maker := graph.maker.get(tensor)) is not None and maker.casts:
            tensor = maker.inputs[0]
        return tensor


def _output_names(graph: OperatorGraph) -> dict[str, Node]:
    """The computing nodes by the name of their first output, without names that several have.

    What a quantized file casts to float at its end goes by the name of the output.
    """
    names = [(_known_as(graph, node), node) for node in nodes_in_order(graph) if node.outputs]
    counts = Counter(name for name, _ in names)
    return {name: node for name, node in names if name and counts[name] == 1}


def _known_as(graph: OperatorGraph, node: Node) -> str:
    for user in graph.users(node.outputs[0]):
        if user.casts and user.outputs[0] in graph.outputs:
            return graph.tensors[user.outputs[0]].name
    return graph.tensors[node.outputs[0]].name


def _places(side: str, own: Sequence[str], other: Sequence[str]) -> list[int]:
    """Where the other file has each of the inputs or outputs: by name, or else by place."""
    if len(own) != len(other):
        what = f"the quantized file has {len(own)} {side}s ({', '.join(own)}), and the float model has {len(other)}"
        raise ModelError(f"{what} ({', '.join(other)})", _REMEDY)
    if {*own} == {*other} and len({*own}) == len(own):
        return [list(other).index(name) for name in own]
    return list(range(len(own)))


def _refuse_other_shape(side: str, name: str, own: Sequence[int], other: Sequence[int]) -> None:
    if tuple(own[1:]) != tuple(other[1:]):
        what = f"the quantized file's {side} '{name}' has the shape {tuple(own[1:])}"
        raise ModelError(f"{what}, and the float model's has {tuple(other[1:])}", _REMEDY)
