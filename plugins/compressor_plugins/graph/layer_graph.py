"""A functional Keras model as plain data, so that layers can be taken out, put in and replaced, and the model rebuilt.

Keras has no way to edit a model. Here a layer is its configuration and its weights, and a call of a layer is a node
whose arguments hold a `Ref` wherever the model hands a tensor on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from typing import Any

from numpy.typing import NDArray

from compressor.contracts.frozen_layers import freeze_parts, freeze_within, parts_thawed

Weights = list[NDArray[Any]]
Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """The `tensor`-th output of the node `node`."""

    node: int
    tensor: int = 0


@dataclass(frozen=True, slots=True)
class GraphLayer:
    """What Keras needs to make a layer again: class, configuration, weights in the order of `get_weights`.

    `was` is the name and the class that it had before a rewrite gave it others, and that patterns know it by;
    `frozen_parts` are what of the layers within it is frozen, as `parts_thawed` has it.
    """

    cls: type[Any]
    config: dict[str, Any]
    weights: Weights = field(default_factory=list)
    takes_training: bool = False
    was: tuple[str, str] | None = None
    frozen_parts: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The layer's name."""
        return str(self.config["name"])

    @property
    def kind(self) -> str:
        """The name of its class."""
        return self.cls.__name__

    @property
    def known_as(self) -> tuple[str, str]:
        """The name and the class that the user gave it."""
        return self.was or (self.name, self.kind)

    @property
    def is_frozen(self) -> bool:
        """Whether training must not change its weights."""
        return not self.config.get("trainable", True)


@dataclass(frozen=True, slots=True)
class Node:
    """A call of a layer. `args` and `kwargs` may nest; `shapes` and `dtypes` are its outputs', samples first."""

    layer: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shapes: tuple[Shape, ...]
    dtypes: tuple[str, ...]


@dataclass(slots=True)
class LayerGraph:
    """Layers by name, calls by number, and the structures of the model's inputs and outputs with a `Ref` each."""

    name: str
    layers: dict[str, GraphLayer]
    nodes: dict[int, Node]
    inputs: Any
    outputs: Any

    def sources(self, node: int) -> list[Ref]:
        """Every tensor that a node takes, in the order of its arguments."""
        found = self.nodes[node]
        return list(refs((found.args, found.kwargs)))

    def consumers(self, node: int) -> list[int]:
        """The nodes that take an output of this one; a node that takes two stands there twice."""
        return [other for other in self.nodes for ref in self.sources(other) if ref.node == node]

    def calls(self, layer: str) -> list[int]:
        """The nodes that call a layer; a shared layer has several."""
        return [number for number, node in self.nodes.items() if node.layer == layer]

    def layer_of(self, node: int) -> GraphLayer:
        """The layer that a node calls."""
        return self.layers[self.nodes[node].layer]

    def is_output(self, node: int) -> bool:
        """Whether the model gives out what this node makes."""
        return any(ref.node == node for ref in refs(self.outputs))

    def only_consumer(self, node: int) -> int | None:
        """The one node that alone takes what this one makes, if its layer is called once."""
        takers = self.consumers(node)
        alone = len(takers) == 1 and not self.is_output(node) and len(self.calls(self.nodes[node].layer)) == 1
        return takers[0] if alone else None

    def only_source(self, node: int) -> int | None:
        """The one node that this one takes a tensor from."""
        sources = self.sources(node)
        return sources[0].node if len(sources) == 1 else None

    def above(self, node: int) -> Iterator[int]:
        """The nodes that a node's value comes from, each once, the nearest first."""
        seen, waiting = {node}, [node]
        while waiting:
            for ref in self.sources(waiting.pop(0)):
                if ref.node not in seen:
                    seen.add(ref.node)
                    waiting.append(ref.node)
                    yield ref.node

    def free_name(self, wanted: str) -> str:
        """The name itself, or with a number where it is taken."""
        names = (wanted, *(f"{wanted}_{number}" for number in range(1, len(self.layers) + 2)))
        return next(name for name in names if name not in self.layers)

    def replace_layer(self, name: str, layer: GraphLayer) -> None:
        """Put a layer in place of another in all its calls; it may have another name."""
        self.layers = {key: value for key, value in self.layers.items() if key != name} | {layer.name: layer}
        for number in self.calls(name):
            self.nodes[number] = replace(self.nodes[number], layer=layer.name)

    def remove(self, node: int) -> None:
        """Take a node with one input out; what took its output takes its input instead."""
        (source,) = self.sources(node)
        self.redirect({Ref(node): source})
        self._drop(node)

    def is_float(self, ref: Ref) -> bool:
        """Whether a tensor holds numbers with a fraction, and no integers, truth values or text."""
        return self.nodes[ref.node].dtypes[ref.tensor] in ("bfloat16", "float16", "float32", "float64")

    def insert_after(
        self, ref: Ref, layer: GraphLayer, consumers: list[int] | None = None, shape: Shape | None = None
    ) -> int:
        """Put a layer that makes floats behind a tensor, for the nodes named or for all that take it, and for the
        model's output then. `shape` is what it makes, where that is another."""
        self.layers[layer.name] = layer
        number = max(self.nodes) + 1
        shape = shape or self.nodes[ref.node].shapes[ref.tensor]
        self.redirect({ref: Ref(number)}, consumers)
        self.nodes[number] = Node(layer.name, (ref,), {}, (shape,), ("float32",))
        return number

    def redirect(self, moved: dict[Ref, Ref], consumers: list[int] | None = None) -> None:
        """Let the nodes named (or all, and the model's outputs) take other tensors than they did."""
        for number in self.nodes if consumers is None else consumers:
            node = self.nodes[number]
            args, kwargs = rewired((node.args, node.kwargs), moved)
            self.nodes[number] = replace(node, args=args, kwargs=kwargs)
        if consumers is None:
            self.outputs = rewired(self.outputs, moved)

    def inline(self, node: int, inner: LayerGraph, given: dict[Ref, Ref], training: bool | None) -> None:
        """Put another graph in place of a node. `given` tells the tensor for each of its inputs.

        The layers of `inner` must have been put into `layers` before, once for all calls; `training` is what the node
        was told, and is passed on.
        """
        offset = max(max(self.nodes), max(inner.nodes)) + 1
        moved = {Ref(number, tensor): Ref(number + offset, tensor) for number, tensor in _tensors(inner)} | given
        entries = {ref.node for ref in given}
        for number, call in inner.nodes.items():
            if number in entries:
                continue
            args, kwargs = rewired((call.args, call.kwargs), moved)
            if training is not None and inner.layers[call.layer].takes_training:
                kwargs = {"training": training} | kwargs
            self.nodes[number + offset] = replace(call, args=args, kwargs=kwargs)
        results = [moved[ref] for ref in refs(inner.outputs)]
        self.redirect({Ref(node, tensor): ref for tensor, ref in enumerate(results)})
        self._drop(node)

    def order(self) -> list[int]:
        """The nodes that the outputs need, each behind those that it takes tensors from."""
        needed: set[int] = set()
        waiting = [ref.node for ref in (*refs(self.outputs), *refs(self.inputs))]
        while waiting:
            number = waiting.pop()
            if number not in needed:
                needed.add(number)
                waiting.extend(ref.node for ref in self.sources(number))
        sorter = TopologicalSorter({n: [r.node for r in self.sources(n)] for n in self.nodes if n in needed})
        return list(sorter.static_order())

    def build(self) -> Any:
        """A tf_keras model with new layers, holding the weights of the old ones exactly."""
        import tf_keras

        made: dict[str, Any] = {}
        tensors: dict[Ref, Any] = {}
        for number in self.order():
            node = self.nodes[number]
            layer = made.get(node.layer)
            if layer is None:
                spec = self.layers[node.layer]
                layer = made[node.layer] = spec.cls.from_config(spec.config)
            if isinstance(layer, tf_keras.layers.InputLayer):
                output = layer.output
            else:
                args, kwargs = rewired((node.args, node.kwargs), tensors)
                output = layer(*args, **kwargs)
            tensors |= {Ref(number, index): tensor for index, tensor in enumerate(flat(output))}
        for name, layer in made.items():
            if self.layers[name].weights:
                layer.set_weights(self.layers[name].weights)
                for part in layer._flatten_layers():
                    part.finalize_state()  # Normalization keeps a copy of what it learned
            freeze_parts(layer, self.layers[name].frozen_parts)
            freeze_within(layer)
        return tf_keras.Model(rewired(self.inputs, tensors), rewired(self.outputs, tensors), name=self.name)

    def _drop(self, node: int) -> None:
        layer = self.nodes.pop(node).layer
        if not self.calls(layer):
            del self.layers[layer]


def graph_layer(layer: Any, weights: Weights | None = None) -> GraphLayer:
    """A Keras layer as it stands in a graph, with other weights than its own if some are given."""
    training = bool(getattr(layer, "_expects_training_arg", False))
    with parts_thawed(layer) as frozen:
        known = layer.get_weights() if weights is None else weights
        return GraphLayer(type(layer), layer.get_config(), known, training, frozen_parts=frozen)


def refs(structure: Any) -> Iterator[Ref]:
    """Every `Ref` in nested arguments."""
    if isinstance(structure, Ref):
        yield structure
    elif isinstance(structure, list | tuple):
        for part in structure:
            yield from refs(part)
    elif isinstance(structure, dict):
        for key in sorted(structure):  # as tf.nest does
            yield from refs(structure[key])


def rewired(structure: Any, moved: dict[Ref, Any]) -> Any:
    """Nested arguments with each `Ref` that `moved` knows exchanged."""
    return mapped(lambda leaf: moved.get(leaf, leaf) if isinstance(leaf, Ref) else leaf, structure)


def mapped(function: Any, structure: Any) -> Any:
    """Nested arguments with `function` applied to what is no list, tuple or mapping."""
    import tensorflow as tf

    return tf.nest.map_structure(function, structure)


def flat(structure: Any) -> list[Any]:
    """The leaves of nested arguments, in the order of `tf.nest`."""
    import tensorflow as tf

    return list(tf.nest.flatten(structure))


def _tensors(graph: LayerGraph) -> Iterator[tuple[int, int]]:
    return ((number, tensor) for number, node in graph.nodes.items() for tensor in range(len(node.shapes)))
