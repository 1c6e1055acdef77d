"""Names each operator of a float file after the Keras layer that it comes from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from compressor.base.errors import ModelError, StepError
from compressor.base.plugin_errors import fenced
from compressor.base.types import Model
from compressor.contracts.execution_plan import Provider
from compressor.contracts.kept_layers import QuantizesFiles
from compressor.debugging.operator_graph import Node, OperatorGraph
from compressor.planning.registry import Registry

_WRAPPED = "quant_"  # before the name of a layer that is trained with fake quantization


def layer_names(graph: OperatorGraph, model: Model, registry: Registry) -> dict[int, str]:
    """The layers' names by the place of the operator.

    A strategy that knows an operator's weights names it. Other names are those in the file's tensors.

    Args:
        graph: of a float file.
        model: the tf_keras model that it was converted from, or the bytes of the file.
        registry: where the strategies are.
    """
    known = frozenset() if isinstance(model, bytes) else keras_names(model)
    names = {node.index: _name_in_tensors(graph, node, known) for node in graph.nodes}
    for strategy, provider in strategies_for_files(registry):
        with fenced(f"the strategy '{strategy.name}' ({provider})", StepError, (ModelError,)):
            names |= strategy.operator_layers(graph.content, model)
    return {index: name.removeprefix(_WRAPPED) for index, name in names.items()}


def strategies_for_files(registry: Registry) -> Iterator[tuple[type[QuantizesFiles], Provider]]:
    """The installed strategies that quantize files and can keep single layers, and who provides them."""
    for name in registry.names("strategy"):
        entry = registry.get("strategy", name)
        if entry is not None and issubclass(entry.cls, QuantizesFiles):
            yield entry.cls, entry.provider


def keras_names(model: Any) -> frozenset[str]:
    """The names of all layers of a tf_keras model."""
    return frozenset(layer.name.removeprefix(_WRAPPED) for layer in model._flatten_layers(include_self=False))


def described(graph: OperatorGraph, names: Mapping[int, str], node: Node) -> str:
    """The name of a node's layer, or else of what the node gives."""
    return names.get(node.index) or graph.tensors[node.outputs[0]].name or f"operator {node.index}"


def _name_in_tensors(graph: OperatorGraph, node: Node, known: Collection[str]) -> str:
    weights = [tensor for tensor in node.inputs if tensor >= 0 and tensor in graph.fixed]
    tensors = [*(tensor for tensor in weights if len(graph.tensors[tensor].shape) > 1), *node.outputs[:1]]
    texts = [graph.tensors[tensor].name.split(";")[0] for tensor in tensors]
    for text in texts:
        for part in reversed(text.split("/")):
            if part.removeprefix(_WRAPPED) in known:
                return part
    return _layer_in(texts[-1]) if texts else ""


def _layer_in(text: str) -> str:
    """The layer's name in a tensor's name: `conv` in `inner/conv/Conv2D`."""
    parts = text.split("/")
    return parts[-2] if len(parts) > 1 else parts[0]
