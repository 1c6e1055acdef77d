"""Puts the layers of nested models into the model itself, since tfmot does not look into a model within a model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from compressor.contracts.frozen_layers import freeze_parts
from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph, Ref, mapped, refs
from compressor_plugins.graph.model_reader import read
from compressor_plugins.graph.rewrites import Done, counted


def flatten(graph: LayerGraph) -> Done:
    """Inline nested functional and sequential models, at any depth, and those that are called several times too.

    A layer keeps its name where that is free, and becomes `nested_layer` otherwise.
    """
    import tf_keras

    changed: list[str] = []
    left: dict[str, str] = {}
    while True:
        nested = [
            name for name, layer in graph.layers.items() if issubclass(layer.cls, tf_keras.Model) and name not in left
        ]
        if not nested:
            return Done(f"flattened {counted(len(changed), 'nested model')}", changed, left)
        reason = _inlined(graph, nested[0])
        if reason:
            left[nested[0]] = reason
        else:
            changed.append(nested[0])


def _inlined(graph: LayerGraph, name: str) -> str:
    """Inline a nested model in all its calls; the reason why not, where it cannot be."""
    calls = graph.calls(name)
    model = _rebuilt(graph, graph.layers[name], calls[0])
    if not getattr(model, "_is_graph_network", False):
        return "a subclassed model within the model, whose layers cannot be seen"
    inner = read(model)
    given = {}
    for call in calls:
        bound = _bound(graph, inner, call)
        if bound is None:
            return "a model within the model that takes its input in another form than it was built for"
        given[call] = bound
    entries = {inner.nodes[ref.node].layer for ref in refs(inner.inputs)}
    names = {}
    for old in [old for old in inner.layers if old not in entries]:
        names[old] = graph.free_name(old if old not in graph.layers else f"{name}_{old}")
        graph.layers[names[old]] = _renamed(inner.layers[old], names[old])
    inner.layers = {entry: inner.layers[entry] for entry in entries} | {
        new: graph.layers[new] for new in names.values()
    }
    inner.nodes = {
        number: replace(node, layer=names.get(node.layer, node.layer)) for number, node in inner.nodes.items()
    }
    for call in calls:
        graph.inline(call, inner, given[call], graph.nodes[call].kwargs.get("training"))
    return ""


def _rebuilt(graph: LayerGraph, layer: GraphLayer, call: int) -> Any:
    model = layer.cls.from_config(layer.config)
    if not model.built:  # a sequential model that was never told its input's shape
        source = graph.sources(call)[0]
        model.build(graph.nodes[source.node].shapes[source.tensor])
    model.set_weights(layer.weights)
    freeze_parts(model, layer.frozen_parts)
    return model


def _bound(graph: LayerGraph, inner: LayerGraph, call: int) -> dict[Ref, Ref] | None:
    """For each input of the inner graph the tensor that this call gives it."""
    node = graph.nodes[call]
    known = {name: value for name, value in node.kwargs.items() if name != "training" and value is not None}
    if len(node.args) != 1 or known or _form(node.args[0]) != _form(inner.inputs):
        return None
    pairs = dict(zip(refs(inner.inputs), refs(node.args[0]), strict=True))
    same = all(
        len(inner.nodes[ref.node].shapes[ref.tensor]) == len(graph.nodes[given.node].shapes[given.tensor])
        for ref, given in pairs.items()
    )
    return pairs if same else None


def _form(structure: Any) -> Any:
    """How a structure nests; one tensor alone is the same as a list of one."""
    form = mapped(lambda leaf: isinstance(leaf, Ref), structure)
    if isinstance(form, list | tuple):
        return list(form) if len(form) > 1 else form[0]
    return form


def _renamed(layer: GraphLayer, name: str) -> GraphLayer:
    return replace(layer, config=layer.config | {"name": name})
