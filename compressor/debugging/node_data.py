"""Figures of a file's operators for Model Explorer, which lays them over the graph.

The format is that of its `node_data_builder`: for each graph, results by the name of an output tensor or by the node's
id, which is the operator's place, and a gradient from the least value to the largest.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from compressor.debugging.operator_graph import Node, OperatorGraph
from compressor.debugging.ranking import RankedOperator, weights_of, zeros_in

_GRADIENT = ({"stop": 0, "bgColor": "#ffffff"}, {"stop": 0.5, "bgColor": "#ffd54f"}, {"stop": 1, "bgColor": "#d32f2f"})

NODE_DATA = ("error", "zeros", "bits", "bytes")


def node_data(graph: OperatorGraph, rows: Sequence[RankedOperator]) -> dict[str, str]:
    """The texts of the files by name: `error`, `zeros`, `bits` and `bytes`.

    Args:
        graph: of the quantized file.
        rows: its ranked operators, whose costs are the errors.
    """
    costs = {row.index: row.cost for row in rows if row.index >= 0 and row.cost is not None}
    figures: dict[str, dict[int, float]] = {name: {} for name in NODE_DATA}
    figures["error"] = costs
    for node in graph.nodes:
        weights = weights_of(graph, node)
        types = [graph.tensors[tensor].type for tensor in (weights or node.outputs)[:1]]
        if types and types[0] is not None:
            figures["bits"][node.index] = types[0].bits
        figures["bytes"][node.index] = sum(graph.bytes_of(tensor) for tensor in node.inputs if tensor >= 0)
        if (zeros := zeros_in(graph, node)) is not None:
            figures["zeros"][node.index] = zeros
    keys = _keys(graph)
    return {
        name: _text(graph.name, {keys[index]: value for index, value in values.items()})
        for name, values in figures.items()
    }


def _keys(graph: OperatorGraph) -> Mapping[int, str]:
    """By what Model Explorer knows each node: its output where no other tensor has that name, or else its id."""
    counts = Counter(tensor.name for tensor in graph.tensors)

    def key(node: Node) -> str:
        name = graph.tensors[node.outputs[0]].name if node.outputs else ""
        return name if name and counts[name] == 1 else str(node.index)

    return {node.index: key(node) for node in graph.nodes}


def _text(graph: str, values: Mapping[str, float]) -> str:
    data: dict[str, Any] = {
        graph: {"results": {key: {"value": value} for key, value in values.items()}, "gradient": _GRADIENT}
    }
    return json.dumps(data, indent=2) + "\n"
